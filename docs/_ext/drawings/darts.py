"""Drawings of weighted MinHash and of the protocol: darts, their cells, and what messages cost."""

from functools import cache

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import pycouple
from drawings.ink import Ink
from pycouple import protocol
from pycouple.cli.pictures import new_figure, tidy
from tests.support.oracle_minhash import philox_arrays, unit_array

Reals = npt.NDArray[np.float64]

SEED, STEP = 7, 16
P = np.array([0.34, 0.10, 0.06, 0.20, 0.03, 0.02, 0.15, 0.10])
Q = np.array([0.14, 0.16, 0.16, 0.09, 0.04, 0.16, 0.05, 0.20])


@cache
def _thrown(until: float) -> list[tuple[float, float, float]]:
    """(time, item, height) of the darts of docs/minhash.md above height 4**-6, over the items of P, in their order."""
    found = []
    for tier in range(6):
        for group in range((len(P) - 1 >> (2 * tier)) + 1):
            time = 0.0
            for number in range(64):
                last = number << 20 | tier << 16 | 4
                c0, c1, c2, c3 = philox_arrays(group, STEP, 0, last, SEED)
                time -= float(np.log(unit_array(c0, c1)))
                if time > until:
                    break
                place = (group << (2 * tier)) + int(c2) * 4**tier / 2**32
                if place < len(P):
                    found.append((time, place, (1 + 3 * (int(c3) + 0.5) * 2.0**-32) * 4.0 ** -(tier + 1)))
    return sorted(found)


def _steps(axes: Axes, weights: Reals, colour: str, label: str) -> None:
    axes.stairs(weights, np.arange(len(weights) + 1), color=colour, linewidth=1.6, label=label)


def darts(ink: Ink) -> Figure:
    """Public darts up to the first one under p and the first one under q."""
    thrown = _thrown(8.0)
    first = {}
    for name, weights in (("p", P), ("q", Q)):
        first[name] = next(i for i, (_, x, height) in enumerate(thrown) if height < weights[int(x)])
        assert int(thrown[first[name]][1]) == pycouple.sample(weights, SEED, STEP, method="minhash")
    shown = thrown[: max(first.values()) + 1]
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    _steps(axes, P, ink.first, "p")
    _steps(axes, Q, ink.second, "q")
    for number, (_, x, height) in enumerate(shown):
        axes.plot(x, height, "o", color=ink.text, markersize=3)
        axes.annotate(str(number + 1), (x, height), (5, 4), textcoords="offset points", fontsize=7)
    for name, colour in (("p", ink.first), ("q", ink.second)):
        _, x, height = shown[first[name]]
        axes.plot(x, height, "o", color=colour, markersize=12, fillstyle="none", markeredgewidth=1.5)
    axes.set_xticks(np.arange(len(P)) + 0.5, range(len(P)))
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("item")
    axes.set_ylabel("height")
    axes.set_title(f"the first dart under p is dart {first['p'] + 1}, under q it is dart {first['q'] + 1}")
    axes.legend()
    tidy(axes)
    axes.grid(visible=False, axis="x")
    return figure


def cells(ink: Ink) -> Figure:
    """The cells of the highest tiers, and those that a distribution reaches into."""
    weights = np.array(
        [0.40, 0.02, 0.05, 0.03, 0.012, 0.01, 0.008, 0.01, 0.14, 0.02, 0.01, 0.02, 0.07, 0.1, 0.05, 0.05]
    )
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    for tier in range(3):
        low, high, size = 4.0 ** -(tier + 1), 4.0**-tier, 4**tier
        for group in range(len(weights) // size):
            reached = weights[group * size : (group + 1) * size].max() > low
            axes.add_patch(
                Rectangle(
                    (group * size, low), size, high - low, linewidth=0.6,
                    edgecolor=ink.faint, facecolor=ink.first if reached else "none", alpha=0.35 if reached else 1,
                )
            )  # fmt: skip
    _steps(axes, weights, ink.second, "p")
    axes.set_yscale("log", base=4)
    axes.set_ylim(4.0**-3, 1)
    axes.set_xlim(0, len(weights))
    axes.set_xlabel("item")
    axes.set_ylabel("height")
    axes.set_title("each cell gets one dart per unit of time; only cells that p reaches into are hashed")
    axes.legend()
    return figure


@cache
def _costs() -> tuple[Reals, Reals]:
    """Distances, and the mean payload in bits of runs at them."""
    n, runs = 4096, 1000
    distances = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    means = []
    for d in distances:
        p, q = np.zeros((2, n))
        p[: n // 2] = 2 / n
        q[: n // 2], q[n // 2 :] = (1 - d) * 2 / n, d * 2 / n
        means.append(protocol.run(p, q, SEED, np.arange(runs)).bits.mean())
    return distances, np.array(means)


def bits(ink: Ink) -> Figure:
    """What a run of the protocol sends."""
    distances, means = _costs()
    figure = new_figure(5.6, 2.8)
    axes = figure.subplots()
    axes.plot(distances, means, "o-", color=ink.first, markersize=4, label="mean of 1,000 runs")
    axes.axhline(protocol.expected_bits_bound(4096), color=ink.second, linewidth=1.2, label="expected_bits_bound(4096)")
    axes.axhline(12, color=ink.text, linewidth=1, linestyle="--", label="log2 n")
    axes.set_xlabel("total variation distance D")
    axes.set_ylabel("payload, in bits")
    axes.set_ylim(bottom=10)
    axes.legend(loc="center right")
    tidy(axes)
    return figure
