"""A drawing of draws from what top-p keeps."""

import math

import numpy as np
from matplotlib.figure import Figure

import pycouple
from drawings.ink import Ink
from pycouple.cli.pictures import new_figure, tidy

SEED = 7
DRAWS = 24
TOP_P = 0.6


def rejections(ink: Ink) -> Figure:
    """The winners of the races of some draws, by the probability of the items before them."""
    logits = np.sort(np.random.default_rng(0).normal(0, 2, 1000))[::-1]
    p = np.exp(logits) / np.exp(logits).sum()
    before = np.cumsum(p) - p
    figure = new_figure(5.6, 3.0)
    axes = figure.subplots()
    axes.axvspan(0, TOP_P, color=ink.faint, alpha=0.25, linewidth=0)
    races = 0
    for step in range(DRAWS):
        end, winners = len(p), []
        while not winners or before[winners[-1]] >= TOP_P:
            end = int(pycouple.sample_logits(logits[:end], SEED, step))
            winners.append(end)
        assert end == pycouple.sample_logits(logits, SEED, step, top_p=TOP_P)
        races += len(winners)
        height = [step + 1] * len(winners)
        axes.plot(before[winners], height, "-", color=ink.second, linewidth=0.8)
        axes.plot(before[winners[:-1]], height[:-1], "x", color=ink.second, markersize=4)
        axes.plot(before[winners[-1]], step + 1, "o", color=ink.first, markersize=4)
    axes.plot([], [], "x", color=ink.second, markersize=4, label="a winner that is not kept")
    axes.plot([], [], "o", color=ink.first, markersize=4, label="the draw")
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability of the items before the winner; the first 0.6 are kept")
    axes.set_ylabel("draw")
    axes.set_title(f"{DRAWS} draws take {races} races; {DRAWS * (1 + math.log(1 / TOP_P)):.1f} are expected")
    axes.set_ylim(0, DRAWS + 6)  # room for the legend
    axes.legend(loc="upper right", ncols=2)
    tidy(axes)
    return figure
