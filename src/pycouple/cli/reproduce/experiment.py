"""What an experiment is: it measures rows of numbers and draws them; table, JSON and report read the same rows."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

Row = dict[str, Any]

ROUNDING = 1e-12  # theory.agreement is right to about 1e-13
FAR = 4  # standard errors


class Settings(NamedTuple):
    """The options of the command line."""

    seed: int
    draws: int
    workers: int


class Column(NamedTuple):
    """A column of the table: its heading, the text of its cell in a row, and whether it is words, set to the left."""

    heading: str
    cell: Callable[[Row], str]
    left: bool = False


class Outcome(NamedTuple):
    """What an experiment gives.

    `facts` are numbers about all rows, for the JSON; `seen` says in a few sentences what the numbers show.
    """

    rows: list[Row]
    facts: dict[str, Any]
    seen: str
    picture: Figure


class Experiment(NamedTuple):
    """One experiment. `look` says what to look at in the picture, `alt` what the picture shows."""

    measure: Callable[[Settings], Outcome]
    columns: tuple[Column, ...]
    look: str
    alt: str


def in_errors(difference: float, standard_error: float) -> float:
    """A difference in standard errors. Where there is no spread, any difference above rounding is a huge one."""
    return difference / max(standard_error, ROUNDING)


def farthest(off: Sequence[float], where: str, what: str = "measured means") -> str:
    """The sentence that says how far numbers with an error are off at most, in standard errors."""
    far = sum(each > FAR for each in off)
    if far:
        verb = "is" if far == 1 else "are"
        return f"{far} of {len(off)} {what} {verb} MORE than {FAR} standard errors {where} (up to {max(off):.3g})."
    most = math.ceil(10 * max(0.0, *off)) / 10  # rounded up, so that it is true
    return f"Of {len(off)} {what} none is more than {most:.1f} standard errors {where}."


def words(key: str) -> Callable[[Row], str]:
    """``row[key]`` as it is."""
    return lambda row: str(row[key])


def number(key: str, digits: int = 4) -> Callable[[Row], str]:
    """The text of ``row[key]``."""
    return lambda row: f"{row[key]:,.{digits}f}"
