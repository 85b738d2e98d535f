"""What the subcommands of `pycouple` have in common: the parser, integers in a range, draws, seed, workers and JSON."""

import argparse
from collections.abc import Callable
from typing import NoReturn

MAX_DRAWS = 1_000_000  # some hundred megabytes for the largest experiment


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, so that `main` reports every error in one way."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def integer(low: int, high: int, range_text: str) -> Callable[[str], int]:
    """A type for `add_argument`: an integer in low..high, which `range_text` says."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be an integer, got {text!r}") from None
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"must be in {range_text}, got {number}")
        return number

    return parse


def add_common(parser: argparse.ArgumentParser, *, draws: int | None, unit: str) -> None:
    """Add --draws, by default `draws` and described as `unit`, --seed, --json and --workers."""
    parser.add_argument("--draws", type=integer(1, MAX_DRAWS, f"1..{MAX_DRAWS}"), default=draws, metavar="N", help=unit)
    add_seed(parser, "shared seed (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print a JSON object in place of the table")
    add_workers(parser, "threads, -1 for all cores (%(default)s); the draws do not depend on it")


def add_seed(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --seed, described by the text."""
    parser.add_argument("--seed", type=integer(0, 2**64 - 1, "0..2**64 - 1"), default=0, metavar="N", help=text)


def add_workers(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --workers, described by the text."""
    kind = integer(-1, 2**16, "1..65536, or -1 for all cores")
    parser.add_argument("--workers", type=kind, default=1, metavar="N", help=text)
