"""Rows of several sequences, one behind the other: which parameter is each row's."""

from typing import Any

import numpy as np

from pycouple._errors import row_text


class Rows:
    """The rows of sequences that have so many drafts each: one row per draft and one more per sequence."""

    def __init__(self, name: str, drafts: list[int], rows: int) -> None:
        self.name = name
        self.counts = np.array(drafts, np.int64) + 1
        self.count = int(self.counts.sum())
        if self.count != rows:
            wanted = f"{self.count} rows, one per draft and one more per sequence"
            raise ValueError(f"{name} must have {wanted}; got {rows}")
        self.starts = self.counts.cumsum() - self.counts
        self.sequence = np.repeat(np.arange(len(drafts)), self.counts)  # of each row
        self.shift = np.arange(rows) - np.repeat(self.starts, self.counts)  # its number in the sequence

    def place(self, where: tuple[int, ...]) -> str:
        """Where a row is, as the end of a message."""
        row, several = where[0], len(self.counts) > 1
        return f" at row {row}" + (f" (row {self.shift[row]} of sequence {self.sequence[row]})" if several else "")

    def take(self, x: Any) -> Any:
        """For each row the number of its sequence."""
        return x[self.sequence]

    def of_sequences(self, name: str, x: Any) -> Any:
        """One number, or for each row that of its sequence."""
        if x.ndim > 1 or (x.ndim == 1 and len(x) != len(self.counts)):
            wanted = f"one integer or {len(self.counts)}, one per sequence"
            raise ValueError(f"{name} must be {wanted}; got shape {tuple(x.shape)}")
        return self.take(x) if x.ndim else x

    def of_any(self, name: str, x: Any) -> Any:
        """One number, or for each row its own or that of its sequence."""
        if x.ndim == 0 or x.shape == (self.count,):
            return x
        if x.shape != self.counts.shape:
            wanted = f"one, or {len(self.counts)} (one per sequence) or {self.count} (one per row of {self.name})"
            raise ValueError(f"{name} must be {wanted}; got shape {tuple(x.shape)}")
        return self.take(x)

    def positions(self, x: Any) -> Any:
        """The position of each row, from that of each sequence's first one."""
        first = np.broadcast_to(self.of_sequences("position", x), self.count)
        late = first + self.shift.astype(np.uint64) < first  # modulo 2**64
        if late.any():
            sequence = self.sequence[late][:1]
            raise no_room(first[late][0], row_text(sequence if x.ndim else (), "index"))
        return first + self.shift.astype(np.uint64)


def check_two_axes(name: str, shape: tuple[int, ...]) -> None:
    """Raise an error unless rows have no other axes than rows and tokens."""
    if len(shape) != 2:
        hint = "" if len(shape) < 2 else ": put the rows of each sequence after those of the one before"
        raise ValueError(f"{name} must have two axes, rows and tokens; got shape {shape}{hint}")


def no_room(position: Any, at: str = "") -> ValueError:
    """The error for a sequence that is so long already that a draft has no position."""
    return ValueError(f"position must leave room for the drafts below 2**64, got {position}{at}")
