"""Types for `add_argument`: from the text of an option to its value, or an error that says what it must be."""

import argparse
import re
from collections.abc import Callable, Container
from pathlib import Path

from pycouple._config import cores
from pycouple.cli import prompts

MAX_WORKERS = 1024


def integer(allowed: Container[int], what: str) -> Callable[[str], int]:
    """An integer among those allowed, which `what` says after "must be"."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text):  # int takes underscores and the digits of other scripts too
            raise argparse.ArgumentTypeError(f"must be an integer, got {text!r}")
        if len(text) > 99 or int(text) not in allowed:  # int refuses thousands of digits
            raise argparse.ArgumentTypeError(f"must be {what}, got {text.strip()}")
        return int(text)

    return parse


def real(most: float, what: str) -> Callable[[str], float]:
    """A number in [0, most], which `what` says after "must be"."""

    def parse(text: str) -> float:
        try:
            number = float("" if "_" in text or not text.isascii() else text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"must be {what}, got {text.strip()}")
        return number

    return parse


def workers(text: str) -> int:
    """A number of threads. More than one per core would only get in one another's way, thousands not even start."""
    count = integer({-1, *range(1, MAX_WORKERS + 1)}, f"in 1..{MAX_WORKERS}, or -1 for all cores")(text)
    return cores() if count == -1 else min(count, cores())


def name(text: str) -> str:
    """What may name a file or a folder."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    if "\0" in text:
        raise argparse.ArgumentTypeError("must not hold a character NUL")
    return text


def path(text: str) -> Path:
    """A file or a folder."""
    return Path(name(text))


def prompt(text: str) -> str:
    """A prompt."""
    try:
        return prompts.of_argument(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from None
