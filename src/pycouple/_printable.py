"""Text that comes from elsewhere, as names, paths, prompts, models and libraries give it, on a terminal."""

import re

LONGEST_LINE = 600
LONGEST_WORDS = 200
LONGEST_NAME = 60

# What could steer a terminal or hide what it shows: C0 and C1 but for tabs and line feeds, other ends of lines, what
# turns the direction of writing, and halves of surrogate pairs, among them the bytes of names that are no UTF-8.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """The text, with U+FFFD for each character that could steer the terminal."""
    return CONTROL.sub("\ufffd", text)


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """Harmless text as one line; the middle of one longer than `longest` is left out, with dots in its place."""
    line = " ".join(harmless(text).split())
    if len(line) <= longest:
        return line
    half = (longest - 5) // 2
    return f"{line[:half]} ... {line[-half:]}"


def short_name(name: str) -> str:
    """A name as a table or a picture shows it."""
    return one_line(name, LONGEST_NAME)


def words_of(error: BaseException) -> str:
    """What an error of another library says, or its type if it says nothing."""
    return one_line(f"{error}" or type(error).__name__, LONGEST_WORDS)


def panicked(error: BaseException) -> bool:
    """Whether an error is a panic of a library in Rust, which is no Exception."""
    return type(error).__module__ == "pyo3_runtime"
