"""`pycouple demo`: a language model and its drafters draw next tokens with a shared seed; how often do they agree?

By the Gumbel race and by weighted MinHash.
Needs the extra "demo" (matplotlib, rich).
"""

import json
from pathlib import Path
from statistics import harmonic_mean
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from pycouple._arguments import METHODS
from pycouple._printable import one_line, short_name
from pycouple.cli.agreements import Agreement, Coupling, compare
from pycouple.cli.distributions import load
from pycouple.cli.pictures import (
    COLOURS,
    FILLED,
    HOLLOW,
    LINE,
    MARKERS,
    OPTIMUM,
    SUFFIXES,
    WORST_CASE,
    check_writable,
    legend_text,
    new_figure,
    save,
    tidy,
)
from pycouple.cli.tables import new_table, plus_minus, print_table, progress
from pycouple.randomness import seed_from


def _figure(agreements: list[Agreement]) -> Figure:
    """Agreement against total variation between the optimum and the worst-case bound.

    Two points a position: filled for the race, hollow for MinHash.
    """
    picture = new_figure(7, 5)
    axes = picture.add_subplot()
    top = max(float(agreement.total_variation.max()) for agreement in agreements)
    end = min(1.0, 1.08 * top + 0.02)
    d = np.linspace(0, end, 400)
    axes.plot(d, 1 - d, label=OPTIMUM, **LINE)
    axes.plot(d, (1 - d) / (1 + d), linestyle="--", label=WORST_CASE, **LINE)
    for i, (drafter, distance, _, couplings) in enumerate(agreements):
        marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
        axes.plot(distance, couplings["minhash"].measured, marker, color=colour, **HOLLOW)
        axes.plot(distance, couplings["gumbel"].measured, marker, color=colour, label=legend_text(drafter), **FILLED)
    axes.plot([], [], "o", color="black", label="filled: Gumbel race", **FILLED)
    axes.plot([], [], "o", color="black", label="hollow: weighted MinHash", **HOLLOW)
    axes.set(xlim=(0, end), ylim=(max(0.0, (1 - end) / (1 + end) - 0.03), 1.01))
    axes.set_xlabel("Total variation distance $D$ of target and drafter")
    axes.set_ylabel("Probability of drawing the same token")
    axes.set_title("Agreement of target and drafter from a shared seed, without communication", fontsize=11)
    tidy(axes)
    axes.legend(frameon=False, loc="best")
    return picture


def run(path: Path | None, *, output: Path, seed: int, draws: int, workers: int, as_json: bool) -> None:
    """Measure, write the picture to `output`, and print the table or the JSON object.

    Parameters
    ----------
    path : Path or None
        As for `load`.
    output, seed, draws, workers, as_json
        The options of the command line.

    Raises
    ------
    ValueError
        As for `load`; the output has an unknown suffix or cannot be written.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output must end in one of {', '.join(SUFFIXES)}, got {str(output)!r}")
    check_writable(output)
    target, drafters = load(path)
    seeds = [seed_from("pycouple demo", seed, row) for row in range(len(target.rest))]
    with progress("drawing", len(drafters) * len(seeds)) as advance:
        fixed: dict[str, Any] = {"seeds": seeds, "draws": dict.fromkeys(METHODS, draws), "workers": workers}
        fixed["advance"] = advance
        agreements = [compare(target, drafter, name, **fixed) for name, drafter in drafters.items()]
    save(_figure(agreements), output)
    summaries = [_summary(agreement) for agreement in agreements]
    positions = len(target.rest)
    if as_json:
        report = {"seed": seed, "draws": draws, "positions": positions, "drafters": summaries, "output": str(output)}
        print(json.dumps(report, indent=2))
        return
    print_table(_table(summaries))
    print(f"\nmeans of {positions} positions, {draws:,} draws per party, position and method, seed {seed}")
    print("worst case (1 - D) / (1 + D), optimum 1 - D; D is the total variation distance")
    print(f"speed: Gumbel race {_speed(summaries)}, MinHash {_speed([row['minhash'] for row in summaries])}")
    print(f"picture: {one_line(str(output))}")


def _summary(agreement: Agreement) -> dict[str, Any]:
    """The race's numbers beside the bounds, those of MinHash in an object of their own."""
    gumbel, minhash = (_numbers(agreement.couplings[method]) for method in METHODS)
    return {**agreement.summary(), **gumbel, "minhash": minhash}


def _numbers(coupling: Coupling) -> dict[str, float]:
    return {**coupling.summary(), "draws_per_second": coupling.draws_per_second()}


def _table(summaries: list[dict[str, Any]]) -> Table:
    """Columns from the least agreement to the most, 80 characters wide in all if no name has more than 12."""
    table = new_table("Agreement with the target")
    table.add_column("\ndrafter", overflow="fold")
    for heading in ("worst\ncase", "MinHash,\nmeasured", "\nexact", "Gumbel race,\nmeasured", "\nexact", "\noptimum"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summaries:
        bound, optimum = f"{row['lower_bound']:.4f}", f"{row['optimum']:.4f}"
        table.add_row(Text(short_name(row["drafter"])), bound, *_cells(row["minhash"]), *_cells(row), optimum)
    return table


def _cells(coupling: dict[str, float]) -> tuple[str, str]:
    return plus_minus(coupling["measured"], coupling["standard_error"]), f"{coupling['exact']:.4f}"


def _speed(couplings: list[dict[str, float]]) -> str:
    """That of all the draws together: the couplings have as many draws each."""
    return _si(harmonic_mean([coupling["draws_per_second"] for coupling in couplings]))


def _si(rate: float) -> str:
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.1f} {prefix} draws/s"
    return f"{rate:.1f} draws/s"
