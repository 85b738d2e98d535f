"""Agreement on the shipped distributions: the race, MinHash and the protocol between the optimum and the bound."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pycouple.cli.agreements import Agreement, compare
from pycouple.cli.distributions import load
from pycouple.cli.pictures import COLOURS, FILLED, LINE, MARKERS, OPTIMUM, WORST_CASE, new_figure, tidy
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
    words,
)
from pycouple.cli.tables import plus_minus, progress
from pycouple.randomness import seed_from

METHODS = {"minhash": "weighted MinHash", "gumbel": "Gumbel race", "protocol": "protocol, a few bits"}
SLOWER = 5  # the protocol makes a fifth as many runs: they take longer, and its points are on a line anyway


def _measure(settings: Settings) -> Outcome:
    target, drafters = load()
    positions = len(target.rest)
    seeds = [seed_from("pycouple reproduce agreement", settings.seed, row) for row in range(positions)]
    draws = dict.fromkeys(METHODS, settings.draws) | {"protocol": max(1, settings.draws // SLOWER)}
    with progress("agreement", len(drafters) * positions) as advance:
        fixed: dict[str, Any] = {"seeds": seeds, "draws": draws, "workers": settings.workers, "advance": advance}
        agreements = [compare(target, drafter, name, **fixed) for name, drafter in drafters.items()]
    rows = [_row(agreement, method) for agreement in agreements for method in METHODS]
    facts, seen = _summary(rows)
    return Outcome(
        rows, {"positions": positions, **facts}, f"Means over {positions} positions. {seen}", _figure(agreements)
    )


def _summary(rows: list[Row]) -> tuple[dict[str, Any], str]:
    exact = {(row["drafter"], row["method"]): row["exact"] for row in rows}
    chains = {
        row["drafter"]: [row["lower_bound"], *(exact[row["drafter"], method] for method in METHODS)] for row in rows
    }
    broken = [drafter for drafter, chain in chains.items() if min(np.diff(chain)) < -ROUNDING]
    gains = [chain[2] - chain[1] for chain in chains.values()]
    off = [in_errors(abs(row["measured"] - row["exact"]), row["standard_error"]) for row in rows]
    order = f"is BROKEN for {', '.join(broken)}" if broken else "holds for every drafter"
    seen = (
        f"The order bound <= MinHash <= race <= protocol of the exact numbers {order}; race minus MinHash is "
        f"{min(gains):.4f} to {max(gains):.4f}. {farthest(off, 'from the exact one')} For the protocol that "
        "is 1 - D."
    )
    return {"out_of_order": len(broken), "farthest_in_standard_errors": max(off)}, seen


def _row(agreement: Agreement, method: str) -> Row:
    return {**agreement.summary(), "method": method, **agreement.couplings[method].summary()}


def _figure(agreements: list[Agreement]) -> Figure:
    """Colours are methods, markers drafters."""
    picture = new_figure(6.4, 5.2)
    axes = picture.add_subplot()
    d = np.linspace(0, 1, 400)
    axes.plot(d, 1 - d, label=OPTIMUM, **LINE)
    axes.plot(d, (1 - d) / (1 + d), linestyle="--", label=WORST_CASE, **LINE)
    for colour, (method, label) in reversed(list(zip(COLOURS[:3], METHODS.items(), strict=True))):
        for marker, agreement in zip(MARKERS, agreements, strict=False):
            y = agreement.couplings[method].measured
            axes.plot(agreement.total_variation, y, marker, color=colour, **FILLED)
        axes.plot([], [], "o", color=colour, label=label, **FILLED)
    for marker, agreement in zip(MARKERS, agreements, strict=False):
        axes.plot([], [], marker, color=COLOURS[6], label=agreement.drafter, **FILLED)
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.set_xlabel("Total variation distance $D$ of target and drafter")
    axes.set_ylabel("Probability of drawing the same token")
    tidy(axes)
    axes.legend(frameon=False, loc="upper right")
    return picture


EXPERIMENT = Experiment(
    _measure,
    (
        Column("drafter", words("drafter"), left=True),
        Column("method", lambda row: METHODS[row["method"]].partition(",")[0], left=True),
        Column("worst\ncase", number("lower_bound")),
        Column("measured", lambda row: plus_minus(row["measured"], row["standard_error"])),
        Column("exact", number("exact")),
        Column("optimum", number("optimum")),
    ),
    look="One point per drafter, position and method, measured. By the claim all lie between the two lines but for "
    "noise: the protocol's along the optimum, those of the race and of MinHash between.",
    alt="Scatter plot of the measured probability of drawing the same token against total variation distance, one "
    "colour a method and one marker a drafter, with the line of the optimum, 1 - D, and the curve of the worst case, "
    "(1 - D) / (1 + D).",
)
