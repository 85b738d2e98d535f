"""Drawings of sketches: the arrivals of items at registers, and estimates beside exact similarities."""

from functools import cache

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import pycouple
from drawings.ink import Ink
from pycouple.cli.pictures import new_figure, tidy

Reals = npt.NDArray[np.float64]

SEED = 7


def arrivals(ink: Ink) -> Figure:
    """When the k arrivals of an item come, and why few of them are made."""
    k, n = 64, 200
    clocks = -np.log((k - 1 - np.arange(k) + 0.5) / k)  # the middles of the strata of docs/minhash.md
    weights = np.sort(np.random.default_rng(1).standard_exponential(n))[::-1]
    last = (np.log(k) + 2) / weights.sum()  # the limit that the kernel tries first
    figure = new_figure(5.6, 3.0)
    axes = figure.subplots()
    for rank, colour in ((0, ink.first), (20, ink.third), (100, ink.second)):
        axes.plot(np.arange(1, k + 1), clocks / weights[rank], ".", color=colour, label=f"weight {weights[rank]:.2f}")
    axes.axhline(last, color=ink.text, linewidth=1, linestyle="--", label="every register has an item")
    axes.set_yscale("log")
    axes.set_xlabel(f"arrival of an item, at another of the {k} registers each")
    axes.set_ylabel("time")
    made = sum(int((clocks / weight <= last).sum()) for weight in weights)
    axes.set_title(f"{n} items: about {made} of {n * k:,} arrivals come in time")
    axes.legend()
    tidy(axes)
    return figure


@cache
def _estimates() -> dict[str, tuple[Reals, Reals]]:
    """Of each method: exact similarities and their estimates at k = 256."""
    rng = np.random.default_rng(3)
    n, found = 2000, {}
    base = rng.standard_exponential(n)
    others = np.array(
        [np.where(rng.random(n) < share, rng.standard_exponential(n), base) for share in np.linspace(0, 1, 60)]
    )
    for method, exact in (("gumbel", pycouple.theory.agreement), ("minhash", pycouple.theory.weighted_jaccard)):
        a = pycouple.sketch(base, 256, SEED, method=method)
        b = pycouple.sketch(others, 256, SEED, method=method)
        found[method] = exact(base, others), pycouple.similarity(a, b).value
    return found


def similarities(ink: Ink) -> Figure:
    """Estimates beside exact similarities."""
    figure = new_figure(5.6, 3.0)
    for axes, (method, (exact, estimate)) in zip(figure.subplots(1, 2, sharey=True), _estimates().items(), strict=True):
        j = np.linspace(0, 1, 200)
        error = np.sqrt(j * (1 - j) / 256)
        axes.fill_between(j, j - 2 * error, j + 2 * error, color=ink.faint, alpha=0.5, linewidth=0)
        axes.plot(exact, estimate, "o", color=ink.first, markersize=3)
        axes.set_xlim(min(exact) - 0.05, 1.02)
        axes.set_ylim(min(exact) - 0.15, 1.05)
        axes.set_title(method)
        axes.set_xlabel("exact similarity")
        tidy(axes)
    figure.axes[0].set_ylabel("estimate from 256 registers")
    return figure
