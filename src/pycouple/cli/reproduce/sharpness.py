"""Protocols without communication on the distributions that are uniform on all items but one."""

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pycouple import theory
from pycouple.cli.pictures import COLOURS, LINE, OPTIMUM, new_figure, tidy
from pycouple.cli.reproduce.experiment import (
    ROUNDING,
    Column,
    Experiment,
    Outcome,
    Row,
    Settings,
    farthest,
    in_errors,
    number,
)
from pycouple.cli.tables import plus_minus, progress
from pycouple.randomness import seed_from, uniforms
from pycouple.sampling import sample

Items = npt.NDArray[np.int64]
Steps = npt.NDArray[np.uint64]
Protocol = Callable[[Items, int, int, Steps, int], Items]

SIZES = (2, 3, 4, 5, 6, 8, 16, 32, 64)
TRIED = 6  # items up to which every rule is tried: (n - 1)^n of them
PAIRS_TRIED = 5  # and every pair of rules: the square of that
NUMBERS = 2**20  # weights in memory at a time


def _sampled(method: str) -> Protocol:
    """The library's draws."""

    def draw(left_out: Items, n: int, seed: int, steps: Steps, workers: int) -> Items:
        return sample((1 - np.eye(n))[left_out], seed, steps, method=method, workers=workers)

    return draw


def _inverse(left_out: Items, n: int, seed: int, steps: Steps, workers: int) -> Items:
    """Inverse transform sampling with a shared uniform number: the smallest item whose cumulative sum is above it."""
    item = (uniforms(seed, steps, 0) * (n - 1)).astype(np.int64)
    return item + (item >= left_out)


def _shuffled_inverse(left_out: Items, n: int, seed: int, steps: Steps, workers: int) -> Items:
    """The same after a shared shuffle of the items at each step."""
    order = uniforms(seed, steps[:, np.newaxis], np.arange(1, n + 1)).argsort(axis=1)
    place = order.argsort(axis=1)[np.arange(len(steps)), left_out]
    return order[np.arange(len(steps)), _inverse(place, n, seed, steps, workers)]


PROTOCOLS: dict[str, Protocol] = {
    "gumbel": _sampled("gumbel"),
    "minhash": _sampled("minhash"),
    "inverse": _inverse,
    "shuffled_inverse": _shuffled_inverse,
}
LABELS = {
    "gumbel": "Gumbel race",
    "minhash": "weighted MinHash",
    "inverse": "inverse transform, average pair",
    "shuffled_inverse": "the same, items shuffled",
}


def _measure(settings: Settings) -> Outcome:
    with progress("sharpness", settings.draws * len(SIZES)) as advance:
        rows = [_row(n, settings, advance) for n in SIZES]
    return Outcome(rows, *_summary(rows), _figure(rows))


def _summary(rows: list[Row]) -> tuple[dict[str, Any], str]:
    couplings = [(row[name], row["lower_bound"]) for row in rows for name in PROTOCOLS]
    over = sum(one["exact"] > bound + ROUNDING for one, bound in couplings)
    above = [in_errors(one["measured"] - bound, one["standard_error"]) for one, bound in couplings]
    off = [in_errors(abs(one["measured"] - one["exact"]), one["standard_error"]) for one, _ in couplings]
    tried = sum((n - 1) ** n for n in SIZES if n <= TRIED)
    best = max(abs(row["best_rule"] - row["lower_bound"]) for row in rows if row["n"] <= TRIED)
    gained = [row for row in rows if row["n"] <= PAIRS_TRIED and row["best_two_rules"] > row["lower_bound"] + ROUNDING]
    facts = {
        "above_the_bound": over,
        "rules_tried": tried,
        "best_rule_off_the_bound": best,
        "largest_excess_in_standard_errors": max(above),
        "farthest_in_standard_errors": max(off),
    }
    two = "nowhere above it"
    if gained:
        two = "above it for " + ", ".join(
            f"n = {row['n']} ({row['best_two_rules']:.4f}; given equal distributions such parties agree on "
            f"{row['best_two_rules_if_equal']:.0%} of them at most)"
            for row in gained
        )
    last = rows[-1]
    verb = "are ABOVE" if over > 1 else "is ABOVE" if over else "is above"
    seen = (
        f"On the average pair {over or 'none'} {verb} the bound, of {len(couplings)} exact "
        f"numbers. {farthest(above, 'above the bound')} "
        f"{farthest(off, 'from the exact one')} Of all {tried:,} rules for 2 to {TRIED} items the best ones are "
        f"{'at the bound' if best < ROUNDING else 'NOT at the bound'}. Two rules, one for each party, all pairs of "
        f"them tried for 2 to {PAIRS_TRIED} items, are {two}. Inverse transform sampling with a shared uniform number "
        f"has {last['inverse_best_pair']:.4f} on its best pairs for n = {last['n']}, where the optimum is "
        f"{last['optimum']:.4f}, but {last['inverse']['exact']:.4f} on the average and "
        f"{last['inverse_worst_pair']:.4f} on the worst pair."
    )
    return facts, seen


def _row(n: int, settings: Settings, advance: Callable[[float], None]) -> Row:
    """Exact agreement, and that measured on random ordered pairs, one per step and the same for all protocols."""
    shared = seed_from("pycouple reproduce sharpness", settings.seed, n)
    rng = np.random.default_rng(shared)
    agreed = dict.fromkeys(PROTOCOLS, 0)
    size = NUMBERS // n
    for start in range(0, settings.draws, size):
        steps = np.arange(start, min(start + size, settings.draws), dtype=np.uint64)
        left = rng.integers(n, size=len(steps))
        right = (left + rng.integers(1, n, size=len(steps))) % n
        for name, draw in PROTOCOLS.items():
            a, b = (draw(left_out, n, shared, steps, settings.workers) for left_out in (left, right))
            agreed[name] += int((a == b).sum())
        advance(len(steps))
    p, q = theory.hard_pair(n)
    apart = np.arange(1, n)  # how far apart the two left-out items are
    inverse = (n - 1 - apart) / (n - 1)
    mean = float(np.average(inverse, weights=n - apart))
    exact = {"inverse": mean, "shuffled_inverse": mean}
    exact |= {method: float(theory.agreement(p, q, method)) for method in ("gumbel", "minhash")}
    two, two_if_equal = _best_two_rules(n) if n <= PAIRS_TRIED else (None, None)
    return {
        "n": n,
        "total_variation": float(theory.total_variation(p, q)),
        "lower_bound": float(theory.lower_bound(p, q)),
        "optimum": float(theory.agreement(p, q, "optimal")),
        **{name: _measured(agreed[name], settings.draws, exact[name]) for name in PROTOCOLS},
        "inverse_best_pair": float(inverse[0]),
        "inverse_worst_pair": float(inverse[-1]),
        "best_rule": _best_rule(n) if n <= TRIED else None,
        "best_two_rules": two,
        "best_two_rules_if_equal": two_if_equal,
    }


def _measured(agreed: int, draws: int, exact: float) -> dict[str, float]:
    return {"measured": agreed / draws, "standard_error": float(np.sqrt(exact * (1 - exact) / draws)), "exact": exact}


def _rules(n: int) -> npt.NDArray[np.int8]:
    """All rules, one per row: the item that each distribution gets, which is not the one it leaves out."""
    choices = [[item for item in range(n) if item != left_out] for left_out in range(n)]
    return np.array(list(product(*choices)), np.int8)


def _best_rule(n: int) -> float:
    """The best agreement on the average ordered pair, of all rules that both parties use."""
    rules = _rules(n)
    agreed = sum((rules[:, a] == rules[:, b]).astype(np.int64) for a, b in permutations(range(n), 2))
    return float(np.max(agreed)) / (n * (n - 1))


def _best_two_rules(n: int) -> tuple[float, float]:
    """The same where each party has a rule of its own, and how often two such best rules agree on p = q at most."""
    rules = _rules(n)
    agreed = np.zeros((len(rules), len(rules)), np.int8)
    for a, b in permutations(range(n), 2):
        agreed += rules[:, a, np.newaxis] == rules[:, b]
    best = agreed.max()
    same = sum((rules[:, a, np.newaxis] == rules[:, a]).astype(np.int8) for a in range(n))
    return float(best) / (n * (n - 1)), float(np.max(same, where=agreed == best, initial=0)) / n


def _figure(rows: list[Row]) -> Figure:
    picture = new_figure(6.4, 5.0)
    axes = picture.add_subplot()
    n = np.array([row["n"] for row in rows])
    fine = np.geomspace(SIZES[0], SIZES[-1], 200)
    optimum = (fine - 2) / (fine - 1)
    axes.plot(fine, optimum, label=OPTIMUM, **LINE)
    axes.plot(fine, (fine - 2) / fine, linestyle="--", label=r"bound, $(1 - D)\,/\,(1 + D)$", **LINE)
    band = "inverse transform, worst pair to best"
    axes.fill_between(fine, 0, optimum, color=COLOURS[4], alpha=0.2, linewidth=0, label=band)
    styles: dict[str, dict[str, Any]] = {
        "gumbel": {"marker": "o", "color": COLOURS[0], "markersize": 8, "fillstyle": "none"},
        "minhash": {"marker": "x", "color": COLOURS[1], "markersize": 6},
        "inverse": {"marker": "s", "color": COLOURS[4], "markersize": 7, "fillstyle": "none"},
        "shuffled_inverse": {"marker": "+", "color": COLOURS[2], "markersize": 7},
    }
    for name, style in styles.items():
        axes.plot(n, [row[name]["measured"] for row in rows], linestyle="none", label=LABELS[name], **style)
    axes.set_xscale("log", base=2)
    axes.set_xticks(n, [str(x) for x in n])
    axes.minorticks_off()
    axes.set(ylim=(-0.02, 1.02))
    axes.set_xlabel("Items $n$; $D = 1\\,/\\,(n - 1)$")
    axes.set_ylabel("Agreement")
    tidy(axes)
    axes.legend(frameon=False, loc="lower right", fontsize=9)
    return picture


def _cells(name: str) -> Callable[[Row], str]:
    return lambda row: plus_minus(row[name]["measured"], row[name]["standard_error"])


EXPERIMENT = Experiment(
    _measure,
    (
        Column("n", number("n", 0), left=True),
        Column("bound", number("lower_bound")),
        Column("best\nrule", lambda row: "" if row["best_rule"] is None else f"{row['best_rule']:.4f}"),
        Column("Gumbel race", _cells("gumbel")),
        Column("MinHash", _cells("minhash")),
        Column("inverse\ntransform", _cells("inverse")),
        Column("its best\npair", number("inverse_best_pair")),
    ),
    look="Points are measured. By the claim circles and crosses lie on the dashed line, the bound, but for noise, and "
    "no protocol is above it; on its best pairs (the top of the band) the inverse transform may be.",
    alt="Agreement against the number of items, from 2 to 64, measured on random pairs by four protocols, with the "
    "curves of the bound, (n - 2) / n, and of the optimum, (n - 2) / (n - 1), and a band from zero to the optimum for "
    "single pairs by inverse transform.",
)
