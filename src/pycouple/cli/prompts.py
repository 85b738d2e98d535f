"""The prompt of `pycouple generate`, from the command line, a file or stdin."""

import os
import sys

from pycouple.cli.errors import naming

MAX_BYTES = 2**24  # more than any model reads, and little enough that a file without an end is no harm


def of_argument(text: str) -> str:
    """A prompt that is not empty, from an argument of the command.

    Python decodes arguments as the locale says, and makes surrogates of the bytes that it cannot decode.

    Raises
    ------
    ValueError
        It is empty, or not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _text(os.fsencode(text))
    return _not_empty(text)


def of_file(file: str) -> str:
    """The prompt that a file holds, or stdin for "-".

    It is UTF-8. A byte order mark at its start and one line end at its end do not belong to the prompt.

    Raises
    ------
    ValueError
        The file cannot be read, is empty, too long or not UTF-8; the message says which.
    """
    with naming("--prompt-file", file):
        try:
            if file == "-":
                data = _stdin()
            else:
                with open(file, "rb") as opened:
                    data = opened.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise ValueError(f"must have at most {MAX_BYTES} bytes")
            text = _text(data).removeprefix("\ufeff")
            return _not_empty(text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text)
        except ValueError as error:
            raise ValueError(f"--prompt-file {file!r}: {error}") from None


def _stdin() -> bytes:
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    if sys.stdin.isatty():
        print("The prompt is read from the terminal; Ctrl-D on a line of its own ends it.", file=sys.stderr)
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _text(data: bytes) -> str:
    try:
        return _not_empty(data.decode())
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} (0x{data[error.start]:02x})"
        raise ValueError(f"must be UTF-8, but is not at {wrong}") from None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text
