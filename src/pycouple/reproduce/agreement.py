"""Agreement on the shipped distributions: the race, MinHash and the protocol between the optimum and the bound."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pycouple._agreements import Agreement, compare
from pycouple._display import (
    COLOURS,
    FILLED,
    LINE,
    MARKERS,
    OPTIMUM,
    WORST_CASE,
    new_figure,
    plus_minus,
    progress,
    tidy,
)
from pycouple.distributions import load
from pycouple.randomness import seed_from
from pycouple.reproduce.experiment import Column, Experiment, Outcome, Row, Settings, number, words

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
    exact = {method: [row["exact"] for row in rows if row["method"] == method] for method in METHODS}
    gains = np.subtract(exact["gumbel"], exact["minhash"])
    farthest = max(abs(row["measured"] - row["exact"]) / row["standard_error"] for row in rows)
    seen = (
        f"Means over {positions} positions. For every drafter the order is bound, MinHash, race, protocol; the race is "
        f"ahead of MinHash by {gains.min():.4f} to {gains.max():.4f}. All {len(rows)} measured means are within "
        f"{farthest:.1f} standard errors of the exact ones, which is 1 - D for the protocol."
    )
    return Outcome(rows, {"positions": positions}, seen, _figure(agreements))


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
    look="One point a drafter, position and method, measured. All lie between the two lines but for noise: the "
    "protocol's along the optimum, the race's above those of MinHash at the same position.",
    alt="Scatter plot of the probability of drawing the same token against total variation distance. The protocol's "
    "points follow the line 1 - D; those of the Gumbel race and of weighted MinHash lie between it and the curve "
    "(1 - D) / (1 + D), the race's higher.",
)
