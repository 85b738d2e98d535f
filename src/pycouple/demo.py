"""`pycouple demo`: a language model and its drafters draw next tokens with a shared seed; how often do they agree?

Needs the extra "demo" (matplotlib, rich).
"""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
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


class Agreement(NamedTuple):
    """How one drafter agrees with the target: arrays hold one number a position."""

    drafter: str
    total_variation: Reals
    measured: Reals
    exact: Reals
    lower_bound: Reals
    draws: int
    seconds: float

    def summary(self) -> dict[str, Any]:
        """Means over the positions. The standard error is that of `measured` about `exact`."""
        positions = len(self.exact)
        variance = float((self.exact * (1 - self.exact)).sum()) / self.draws
        return {
            "drafter": self.drafter,
            "total_variation": float(self.total_variation.mean()),
            "measured": float(self.measured.mean()),
            "standard_error": math.sqrt(variance) / positions,
            "exact": float(self.exact.mean()),
            "lower_bound": float(self.lower_bound.mean()),
            "optimum": float((1 - self.total_variation).mean()),
            "draws_per_second": 2 * self.draws * positions / self.seconds,
        }


def _compare(
    target: Distributions, drafter: Distributions, name: str, *, seed: int, draws: int, workers: int, advance: Advance
) -> Agreement:
    """Exact and measured agreement at every position, `advance` called after each.

    The draws at a position have the seed ``seed_from("pycouple demo", seed, position)``, whoever the drafter is, and
    steps 0..draws - 1.
    """
    steps = np.arange(draws, dtype=np.uint64)
    rows = []
    seconds = 0.0
    for row in range(len(target.rest)):
        p, q = pair(target, drafter, row)
        shared = seed_from("pycouple demo", seed, row)
        start = time.perf_counter()
        a = sample(p, shared, steps, workers=workers)
        b = sample(q, shared, steps, workers=workers)
        seconds += time.perf_counter() - start
        measured = float(np.mean(a == b))
        rows.append((theory.total_variation(p, q), measured, theory.agreement(p, q), theory.lower_bound(p, q)))
        advance()
    distance, measurements, exact, bound = np.array(rows, np.float64).T
    return Agreement(name, distance, measurements, exact, bound, draws, seconds)


def _figure(agreements: list[Agreement]) -> Figure:
    """Agreement against total variation, one point a position, between the optimum and the worst-case bound."""
    picture = Figure(figsize=(7, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.add_subplot()
    top = max(float(agreement.total_variation.max()) for agreement in agreements)
    end = min(1.0, 1.08 * top + 0.02)
    d = np.linspace(0, end, 400)
    axes.plot(d, 1 - d, color="black", linewidth=1.3, label=r"optimum, $1 - D$")
    bound = r"worst-case bound, $(1 - D)\,/\,(1 + D)$"
    axes.plot(d, (1 - d) / (1 + d), color="black", linewidth=1.3, linestyle="--", label=bound)
    for i, agreement in enumerate(agreements):
        marker, colour = MARKERS[i % len(MARKERS)], COLOURS[i % len(COLOURS)]
        style: dict[str, Any] = {"color": colour, "markersize": 4.5, "markeredgewidth": 0, "alpha": 0.6}
        axes.plot(agreement.total_variation, agreement.measured, marker, label=agreement.drafter, **style)
    axes.set(xlim=(0, end), ylim=(max(0.0, (1 - end) / (1 + end) - 0.03), 1.01))
    axes.set_xlabel("Total variation distance $D$ of target and drafter")
    axes.set_ylabel("Probability of drawing the same token")
    axes.set_title("Agreement of target and drafter from a shared seed, without communication", fontsize=11)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
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
    Console().print(_table(summaries, f"{positions} positions, {draws:,} draws of each party a position, seed {seed}"))
    print(f"picture: {output}")


def _check_output(output: Path) -> None:
    """Fail before the long work, not after it."""
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output must end in one of {', '.join(SUFFIXES)}, got {output}")
    existed = output.exists()
    output.open("ab").close()
    if not existed:
        output.unlink()


def _table(summaries: list[dict[str, Any]], caption: str) -> Table:
    table = Table(title="Agreement with the target", caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("\ndrafter", overflow="fold")
    for heading in ("total\nvariation", "measured\nagreement", "\nexact", "\nbound", "\noptimum", "\ndraws"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summaries:
        measured = f"{row['measured']:.4f} ± {row['standard_error']:.4f}"
        exact, bound, optimum = (f"{row[key]:.4f}" for key in ("exact", "lower_bound", "optimum"))
        speed = _si(row["draws_per_second"])
        table.add_row(Text(row["drafter"]), f"{row['total_variation']:.4f}", measured, exact, bound, optimum, speed)
    return table


def _si(rate: float) -> str:
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.1f} {prefix}/s"
    return f"{rate:.1f} /s"
