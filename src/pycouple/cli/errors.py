"""Errors of the user's, in the words of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(option: str, path: str | Path) -> Iterator[None]:
    """Make errors of the system inside name the option and its file: "--output 'x.png': No space left on device"."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{option} {str(path)!r}: {error.strerror or error}") from error


def reason(error: Exception) -> str:
    """What an error says, in words for somebody who sees no code. An OSError that names no file is stdout's."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{repr(error.filename) if error.filename else 'standard output'}: {error.strerror}"
    return str(error) or type(error).__name__
