"""Acceptance against the number of drafts on the shipped distributions, with the bound of the list matching lemma."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pycouple import theory
from pycouple.cli.distributions import load, pair
from pycouple.cli.pictures import COLOURS, MARKERS, new_figure, tidy
from pycouple.cli.reproduce.experiment import (
    FAR,
    Column,
    Experiment,
    Outcome,
    Row,
    Settings,
    farthest,
    in_errors,
    number,
    words,
)
from pycouple.cli.tables import plus_minus, progress
from pycouple.randomness import seed_from
from pycouple.sampling import sample
from pycouple.speculative import list_target

Reals = npt.NDArray[np.float64]

DRAFTS = np.array([1, 2, 4, 8, 16])


def _measure(settings: Settings) -> Outcome:
    target, drafters = load()
    positions = len(target.rest)
    seeds = [seed_from("pycouple reproduce list", settings.seed, row) for row in range(positions)]
    rows = []
    with progress("list", len(drafters) * positions) as advance:
        for name, drafter in drafters.items():
            accepted, bounds, exact = [], [], []
            for row, seed in enumerate(seeds):
                q, p = pair(target, drafter, row)
                accepted.append(_accepted(p, q, seed, settings))
                bounds.append(theory.list_agreement_bound(p, q, DRAFTS))
                exact.append(theory.agreement(p, q))
                advance()
            rows += _rows(name, np.array(accepted), np.array(bounds), float(np.mean(exact)), settings.draws)
    facts, seen = _summary(rows)
    return Outcome(rows, {"positions": positions, **facts}, f"Means over {positions} positions. {seen}", _figure(rows))


def _summary(rows: list[Row]) -> tuple[dict[str, Any], str]:
    below = [in_errors(row["bound"] - row["measured"], row["standard_error"]) for row in rows]
    one = [row for row in rows if row["drafts"] == DRAFTS[0]]
    many = [row for row in rows if row["drafts"] == DRAFTS[-1]]
    off = [in_errors(abs(row["measured"] - row["bound"]), row["standard_error"]) for row in one]
    grown = "; ".join(
        f"{few['drafter']} from {few['measured']:.4f} to {most['measured']:.4f}"
        for few, most in zip(one, many, strict=True)
    )
    seen = (
        f"Acceptance with 1 draft and with {DRAFTS[-1]}: {grown}. {farthest(below, 'below the bound')} "
        f"{farthest(off, 'from the bound, which is exact there', 'means with 1 draft')}"
    )
    return {"below": sum(each > FAR for each in below), "one_draft_off_in_standard_errors": max(off)}, seen


def _accepted(p: Reals, q: Reals, seed: int, settings: Settings) -> list[float]:
    """How often one of the first K drafts is the target's draw, for each K."""
    steps = np.arange(settings.draws, dtype=np.uint64)
    streams = np.arange(DRAFTS[-1])
    drafts = sample(p, seed, steps, stream=streams[:, np.newaxis], workers=settings.workers)
    return [
        float((drafts[:k] == list_target(q, seed, steps, streams[:k], workers=settings.workers)).any(axis=0).mean())
        for k in DRAFTS
    ]


def _rows(drafter: str, accepted: Reals, bounds: Reals, exact: float, draws: int) -> list[Row]:
    """One row a number of drafts. The standard error is an estimate, never 0: Laplace's, (hits + 1) / (draws + 2)."""
    rate = (accepted * draws + 1) / (draws + 2)
    errors = np.sqrt((rate * (1 - rate)).sum(axis=0) / draws) / len(accepted)
    return [
        {
            "drafter": drafter,
            "drafts": int(k),
            "measured": float(accepted[:, i].mean()),
            "standard_error": float(errors[i]),
            "bound": float(bounds[:, i].mean()),
            "one_draft_exact": exact,
        }
        for i, k in enumerate(DRAFTS)
    ]


def _figure(rows: list[Row]) -> Figure:
    picture = new_figure(6.4, 4.8)
    axes = picture.add_subplot()
    for i, drafter in enumerate(dict.fromkeys(row["drafter"] for row in rows)):
        part = [row for row in rows if row["drafter"] == drafter]
        line = {"color": COLOURS[i], "marker": MARKERS[i], "label": drafter}
        axes.plot(DRAFTS, [row["measured"] for row in part], **line)
        axes.plot(DRAFTS, [row["bound"] for row in part], linestyle="--", color=COLOURS[i])
    axes.plot([], [], color=COLOURS[6], marker="o", label="measured")
    axes.plot([], [], color=COLOURS[6], linestyle="--", label="the lemma's bound")
    axes.set_xscale("log", base=2)
    axes.set_xticks(DRAFTS, [str(k) for k in DRAFTS])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("Drafts $K$")
    axes.set_ylabel("Probability that a draft is the target's token")
    tidy(axes)
    axes.legend(frameon=False, loc="best")
    return picture


EXPERIMENT = Experiment(
    _measure,
    (
        Column("drafter", words("drafter"), left=True),
        Column("drafts", number("drafts", 0)),
        Column("accepted", lambda row: plus_minus(row["measured"], row["standard_error"])),
        Column("the lemma's\nbound", number("bound")),
        Column("over one\ndraft", lambda row: f"{row['measured'] - row['one_draft_exact']:+.4f}"),
    ),
    look="By the claim each solid line starts on its dashed line, the bound, at one draft, and is not below it after "
    "that, but for noise.",
    alt="Acceptance against the number of drafts, 1 to 16, for three drafters: measured values as solid lines, the "
    "list matching lemma's bounds as dashed lines.",
)
