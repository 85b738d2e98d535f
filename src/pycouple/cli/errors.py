"""Errors of the user's, in the words of the command line."""

import os
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


@contextmanager
def muted() -> Iterator[None]:
    """Drop what is written to the process's stderr meanwhile: a panic of a library in Rust is written by itself."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def reason(error: Exception) -> str:
    """What an error says, in words for somebody who sees no code. An OSError that names no file is stdout's."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{repr(error.filename) if error.filename else 'standard output'}: {error.strerror}"
    return str(error) or type(error).__name__
