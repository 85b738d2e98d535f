"""`pycouple demo`: a language model and its drafters draw next tokens with a shared seed; how often do they agree?

By the Gumbel race and by weighted MinHash.
Needs the extra "demo" (matplotlib, rich).
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from statistics import harmonic_mean
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from pycouple import theory
from pycouple.distributions import Distributions, load, pair
from pycouple.randomness import seed_from
from pycouple.sampling import sample

Reals = npt.NDArray[np.float64]
Advance = Callable[[], object]

SUFFIXES = (".pdf", ".png", ".svg")
MARKERS = "os^Dv<>P"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#000000")
FILLED: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 0, "alpha": 0.6}
HOLLOW: dict[str, Any] = {"markersize": 4.0, "markeredgewidth": 0.7, "alpha": 0.7, "fillstyle": "none"}


class Coupling(NamedTuple):
    """How often one method draws the same token for both parties: arrays hold one number a position."""

    draws: int
    measured: Reals
    exact: Reals
    seconds: Reals

    def summary(self) -> dict[str, float]:
        """Means over the positions. The standard error is that of `measured` about `exact`."""
        positions = len(self.exact)
        variance = float((self.exact * (1 - self.exact)).sum()) / self.draws
        return {
            "measured": float(self.measured.mean()),
            "standard_error": math.sqrt(variance) / positions,
            "exact": float(self.exact.mean()),
            "draws_per_second": 2 * self.draws * positions / float(self.seconds.sum()),
        }


class Agreement(NamedTuple):
    """How one drafter agrees with the target: arrays hold one number a position."""

    drafter: str
    total_variation: Reals
    lower_bound: Reals
    gumbel: Coupling
    minhash: Coupling

    def summary(self) -> dict[str, Any]:
        """Means over the positions: the race's beside the bounds, those of MinHash in an object of their own."""
        return {
            "drafter": self.drafter,
            "total_variation": float(self.total_variation.mean()),
            "lower_bound": float(self.lower_bound.mean()),
            "optimum": float((1 - self.total_variation).mean()),
            **self.gumbel.summary(),
            "minhash": self.minhash.summary(),
        }


def _compare(
    target: Distributions, drafter: Distributions, name: str, *, seed: int, draws: int, workers: int, advance: Advance
) -> Agreement:
    """Exact and measured agreement at every position, `advance` called after each.

    The draws at a position have the seed ``seed_from("pycouple demo", seed, position)``, whoever the drafter is and
    whatever the method, and steps 0..draws - 1.
    """
    steps = np.arange(draws, dtype=np.uint64)
    bounds, gumbel, minhash = [], [], []
    for row in range(len(target.rest)):
        p, q = pair(target, drafter, row)
        shared = seed_from("pycouple demo", seed, row)
        bounds.append((theory.total_variation(p, q), theory.lower_bound(p, q)))
        gumbel.append(_measure(p, q, shared, steps, "gumbel", workers))
        minhash.append(_measure(p, q, shared, steps, "minhash", workers))
        advance()
    distance, bound = np.array(bounds, np.float64).T
    return Agreement(name, distance, bound, Coupling(draws, *np.array(gumbel).T), Coupling(draws, *np.array(minhash).T))


def _measure(
    p: Reals, q: Reals, seed: int, steps: npt.NDArray[np.uint64], method: str, workers: int
) -> tuple[float, float, float]:
    """Measured agreement, exact agreement, and the seconds that the draws took."""
    start = time.perf_counter()
    a = sample(p, seed, steps, method=method, workers=workers)
    b = sample(q, seed, steps, method=method, workers=workers)
    seconds = time.perf_counter() - start
    return float(np.mean(a == b)), float(theory.agreement(p, q, method)), seconds


def _figure(agreements: list[Agreement]) -> Figure:
    """Agreement against total variation between the optimum and the worst-case bound.

    Two points a position: filled for the race, hollow for MinHash.
    """
    picture = Figure(figsize=(7, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    top = max(float(agreement.total_variation.max()) for agreement in agreements)
    end = min(1.0, 1.08 * top + 0.02)
    d = np.linspace(0, end, 400)
    axes.plot(d, 1 - d, color="black", linewidth=1.3, label=r"optimum, $1 - D$")
    bound = r"worst-case bound, $(1 - D)\,/\,(1 + D)$"
    axes.plot(d, (1 - d) / (1 + d), color="black", linewidth=1.3, linestyle="--", label=bound)
    for i, (drafter, distance, _, gumbel, minhash) in enumerate(agreements):
        marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
        axes.plot(distance, minhash.measured, marker, color=colour, **HOLLOW)
        axes.plot(distance, gumbel.measured, marker, color=colour, label=drafter, **FILLED)
    axes.plot([], [], "o", color="black", label="filled: Gumbel race", **FILLED)
    axes.plot([], [], "o", color="black", label="hollow: weighted MinHash", **HOLLOW)
    axes.set(xlim=(0, end), ylim=(max(0.0, (1 - end) / (1 + end) - 0.03), 1.01))
    axes.set_xlabel("Total variation distance $D$ of target and drafter")
    axes.set_ylabel("Probability of drawing the same token")
    axes.set_title("Agreement of target and drafter from a shared seed, without communication", fontsize=11)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
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
    ValueError, OSError
        As for `load`; the output has an unknown suffix or cannot be written.
    """
    _check_output(output)
    target, drafters = load(path)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("drawing", total=len(drafters) * len(target.rest))
        fixed: dict[str, Any] = {"seed": seed, "draws": draws, "workers": workers}
        fixed["advance"] = lambda: progress.advance(task)
        agreements = [_compare(target, drafter, name, **fixed) for name, drafter in drafters.items()]
    _figure(agreements).savefig(output)
    summaries = [agreement.summary() for agreement in agreements]
    positions = len(target.rest)
    if as_json:
        report = {"seed": seed, "draws": draws, "positions": positions, "drafters": summaries, "output": str(output)}
        print(json.dumps(report, indent=2))
        return
    Console().print(_table(summaries))
    print(f"\nmeans of {positions} positions, {draws:,} draws a party, position and method, seed {seed}")
    print("worst case (1 - D) / (1 + D), optimum 1 - D; D is the total variation distance")
    print(f"speed: Gumbel race {_speed(summaries)}, MinHash {_speed([row['minhash'] for row in summaries])}")
    print(f"picture: {output}")


def _check_output(output: Path) -> None:
    """Fail before the long work, not after it."""
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output must end in one of {', '.join(SUFFIXES)}, got {output}")
    existed = output.exists()
    output.open("ab").close()
    if not existed:
        output.unlink()


def _table(summaries: list[dict[str, Any]]) -> Table:
    """Columns from the least agreement to the most, 80 characters wide in all if no name has more than 12."""
    table = Table(title="Agreement with the target\n", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("\ndrafter", overflow="fold")
    for heading in ("worst\ncase", "MinHash,\nmeasured", "\nexact", "Gumbel race,\nmeasured", "\nexact", "\noptimum"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summaries:
        bound, optimum = f"{row['lower_bound']:.4f}", f"{row['optimum']:.4f}"
        table.add_row(Text(row["drafter"]), bound, *_cells(row["minhash"]), *_cells(row), optimum)
    return table


def _cells(coupling: dict[str, float]) -> tuple[str, str]:
    return f"{coupling['measured']:.4f} ± {coupling['standard_error']:.4f}", f"{coupling['exact']:.4f}"


def _speed(couplings: list[dict[str, float]]) -> str:
    """That of all the draws together: the couplings have as many draws each."""
    return _si(harmonic_mean([coupling["draws_per_second"] for coupling in couplings]))


def _si(rate: float) -> str:
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.1f} {prefix} draws/s"
    return f"{rate:.1f} draws/s"
