"""The drawings of the site, made from the numbers of pycouple itself, each for the light and for the dark theme."""

from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from drawings import darts, kept, race, sets
from drawings.ink import INKS, Ink
from pycouple.cli.pictures import save

THEMES = tuple(INKS)

DRAWINGS: dict[str, Callable[[Ink], Figure]] = {
    "race": race.two_races,
    "agreement": race.agreements,
    "blocks": race.blocks,
    "opened": race.opened,
    "rejections": kept.rejections,
    "bounds": race.bounds,
    "programs": race.programs,
    "darts": darts.darts,
    "cells": darts.cells,
    "bits": darts.bits,
    "arrivals": sets.arrivals,
    "similarity": sets.similarities,
}


def draw_all(folder: Path) -> None:
    for theme, ink in INKS.items():
        with matplotlib.rc_context(ink.settings()):
            for name, draw in DRAWINGS.items():
                save(draw(ink), folder / f"{name}-{theme}.svg")
