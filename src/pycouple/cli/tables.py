"""Tables and the progress bar of the commands. Needs rich, of the extras "demo" and "transformers"."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table


class Advance(Protocol):
    """Moves the progress bar on."""

    def __call__(self, steps: float = 1) -> None: ...


@contextmanager
def progress(label: str, total: float) -> Iterator[Advance]:
    """A progress bar on stderr, on a terminal only."""
    console = Console(stderr=True)
    on_terminal = console.is_terminal and sys.stderr.isatty()  # FORCE_COLOR makes a terminal of any file for rich
    with Progress(console=console, disable=not on_terminal, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps=1: bar.advance(task, steps)


def new_table(title: str) -> Table:
    """An empty table with a rule under its headings."""
    return Table(title=f"{title}\n", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))


def print_table(table: Table) -> None:
    """Print a table at its full width: a narrow terminal wraps its lines, and no column is lost."""
    console = Console()
    whole = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    console.width = max(console.width, whole)
    with console.capture() as text:  # rich ends the process by itself when its own write meets a closed pipe
        console.print(table)
    print(text.get(), end="")


def plus_minus(measured: float, standard_error: float) -> str:
    """A number with its standard error."""
    return f"{measured:.4f} ± {standard_error:.4f}"
