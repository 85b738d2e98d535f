"""Drawings of the race: two parties at one set of clocks, agreement, blocks and their bounds."""

from functools import cache

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import pycouple
from drawings.ink import Ink
from pycouple.cli import distributions
from pycouple.cli.pictures import new_figure, tidy

Reals = npt.NDArray[np.float64]

BLOCK = 64
N = 131_072
SEED = 7
ROWS = 12


def two_races(ink: Ink) -> Figure:
    """The arrival times of the items of two distributions under one set of clocks."""
    p = np.array([0.30, 0.22, 0.16, 0.12, 0.08, 0.06, 0.04, 0.02])
    q = np.array([0.20, 0.26, 0.10, 0.14, 0.12, 0.04, 0.06, 0.08])
    items = np.arange(len(p))
    clocks = pycouple.clocks(SEED, 2, items)
    figure = new_figure(5.6, 3.0)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    width = 0.38
    for axes, of in ((left, lambda weights: weights), (right, lambda weights: clocks / weights)):
        axes.bar(items - width / 2, of(p), width, color=ink.first, label="Alice, p")
        axes.bar(items + width / 2, of(q), width, color=ink.second, label="Bob, q")
        axes.set_xlabel("item")
        axes.set_xticks(items)
        tidy(axes)
    left.set_title("probability")
    left.legend()
    right.set_yscale("log")
    right.set_title("time of arrival, clock / probability")
    for weights, shift, colour in ((p, -width / 2, ink.first), (q, width / 2, ink.second)):
        times = clocks / weights
        winner = int(times.argmin())
        assert winner == pycouple.sample(weights, SEED, 2)
        right.plot(winner + 1.6 * shift, times[winner] * 1.5, "*", color=colour, markersize=9)
    right.set_ylim(bottom=(clocks / p).min() * 0.3)
    return figure


@cache
def _pairs() -> tuple[Reals, Reals, Reals]:
    """D and the exact agreements of the race and of MinHash, of a model and its drafters at 192 positions."""
    target, drafters = distributions.load()
    pairs = [
        distributions.pair(target, drafter, row) for drafter in drafters.values() for row in range(len(target.rest))
    ]
    theory = pycouple.theory
    return (
        np.array([theory.total_variation(p, q) for q, p in pairs]),
        np.array([theory.agreement(p, q) for q, p in pairs]),
        np.array([theory.agreement(p, q, "minhash") for q, p in pairs]),
    )


def agreements(ink: Ink) -> Figure:
    """How often two parties agree, against their distance."""
    distance, race, minhash = _pairs()
    figure = new_figure(5.6, 3.6)
    axes = figure.subplots()
    d = np.linspace(0, 1, 200)
    axes.plot(d, 1 - d, color=ink.text, linewidth=1.2, label="with messages, 1 - D")
    axes.plot(distance, race, "o", color=ink.first, markersize=3, alpha=0.6, markeredgewidth=0, label="Gumbel race")
    axes.plot(distance, minhash, "s", color=ink.second, markersize=3, alpha=0.5, markeredgewidth=0, label="MinHash")
    axes.plot(d, (1 - d) / (1 + d), "--", color=ink.text, linewidth=1.2, label="(1 - D) / (1 + D)")
    axes.set_xlabel("total variation distance D")
    axes.set_ylabel("probability of the same item")
    axes.legend()
    tidy(axes)
    return figure


@cache
def _row(deviation: float, step: int) -> tuple[Reals, Reals, float]:
    """Of normal logits: each block's largest logit, its smallest clock, and the score that wins the row."""
    logits = np.random.default_rng(step).normal(0, deviation, N)
    clocks = pycouple.clocks(SEED, step, np.arange(N))
    return (
        logits.reshape(-1, BLOCK).max(axis=1),
        clocks.reshape(-1, BLOCK).min(axis=1),
        float(pycouple.race_logits(logits, SEED, step).score),
    )


def blocks(ink: Ink) -> Figure:
    """The bound of every block of a row beside the winner's score."""
    maxima, first, score = _row(3.0, 5)
    bound = maxima - np.log(first)
    wanted = bound >= score
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    index = np.arange(len(bound))
    axes.plot(index[~wanted], bound[~wanted], ".", color=ink.faint, markersize=2.5, label="never looked into")
    axes.plot(index[wanted], bound[wanted], "o", color=ink.first, markersize=4, label="must be opened")
    axes.axhline(score, color=ink.second, linewidth=1.2, label="the winner's score")
    axes.set_xlabel("block of 64 items")
    axes.set_ylabel("bound of its scores, in nats")
    axes.set_title(f"{wanted.sum()} of {len(bound):,} blocks can hold the winner of {N:,} items")
    axes.set_ylim(bottom=1)  # room for the legend
    axes.legend(loc="lower right")
    tidy(axes)
    return figure


DEVIATIONS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)


def opened(ink: Ink) -> Figure:
    """How many blocks can hold the winner, for flat rows and for peaked ones."""
    counts = []
    for deviation in DEVIATIONS:
        rows = [_row(deviation, step) for step in range(ROWS)]
        counts.append([int((maxima - np.log(first) >= score).sum()) for maxima, first, score in rows])
    figure = new_figure(5.6, 2.8)
    axes = figure.subplots()
    for deviation, row in zip(DEVIATIONS, counts, strict=True):
        axes.plot([deviation] * len(row), row, ".", color=ink.faint, markersize=4)
    axes.plot(DEVIATIONS, np.mean(counts, axis=1), "o-", color=ink.first, markersize=4, label=f"mean of {ROWS} rows")
    axes.set_xlabel("standard deviation of the logits: 0 is a uniform row")
    axes.set_ylabel(f"blocks of {N // BLOCK:,}")
    axes.set_ylim(bottom=0)
    axes.legend()
    tidy(axes)
    return figure


def bounds(ink: Ink) -> Figure:
    """The two cheap bounds under which logarithms are replaced."""
    figure = new_figure(5.6, 2.8)
    left, right = figure.subplots(1, 2)
    v = np.linspace(1, 8, 700).astype(np.float32)
    cheap = v.view(np.int32) * 2.0**-23 - 127
    left.plot(v, np.log2(v), color=ink.first, linewidth=1.4, label=r"$\log_2 v$")
    left.plot(v, cheap, color=ink.second, linewidth=1.2, label=r"bits of $v$ as an integer")
    left.set_title(f"at most {np.max(np.log2(v) - cheap):.4f} too low")
    left.set_xlabel("v, a float32")
    u = np.linspace(0.02, 1, 400)
    right.plot(u, -np.log(u), color=ink.first, linewidth=1.4, label=r"$-\ln u$, a clock")
    right.plot(u, 1 - u, color=ink.second, linewidth=1.2, label=r"$1 - u$")
    right.set_title("tight where clocks are small")
    right.set_xlabel("u, a uniform number")
    for axes in (left, right):
        axes.legend()
        tidy(axes)
    return figure


def programs(ink: Ink) -> Figure:
    """Blocks that the programs of a GPU open when each knows the best score of those before it."""
    chunk = 32
    counts = np.zeros(N // BLOCK // chunk)
    for step in range(ROWS):
        logits = np.random.default_rng(step).normal(0, 3.0, N)
        scores = (logits + pycouple.gumbels(SEED, step, np.arange(N))).reshape(-1, chunk, BLOCK)
        maxima, first, _ = _row(3.0, step)
        bound = (maxima - np.log(first)).reshape(-1, chunk)
        known = -np.inf
        for program, (its_bounds, its_scores) in enumerate(zip(bound, scores, strict=True)):
            for block in np.argsort(its_bounds)[::-1]:
                if its_bounds[block] < known:
                    break
                counts[program] += 1
                known = max(known, its_scores[block].max())
    figure = new_figure(5.6, 2.6)
    axes = figure.subplots()
    axes.bar(np.arange(len(counts)), counts / ROWS, color=ink.first, width=1.0)
    axes.set_xlabel("programs of a row, in the order in which they run")
    axes.set_ylabel(f"blocks opened, of {chunk}")
    axes.set_title(f"{counts.sum() / ROWS:.0f} of {N // BLOCK:,} blocks of a row in all; means of {ROWS} rows")
    tidy(axes)
    return figure
