"""What an experiment is: it measures rows of numbers and draws them; table, JSON and report read the same rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

from matplotlib.figure import Figure

Row = dict[str, Any]


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


def words(key: str) -> Callable[[Row], str]:
    """``row[key]`` as it is."""
    return lambda row: str(row[key])


def number(key: str, digits: int = 4) -> Callable[[Row], str]:
    """The text of ``row[key]``."""
    return lambda row: f"{row[key]:,.{digits}f}"
