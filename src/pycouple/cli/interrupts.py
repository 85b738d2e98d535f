"""Ctrl-C while the command runs."""

import os
import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # what a shell says of a process that SIGINT ended
SHOW_CURSOR = b"\x1b[?25h"  # rich hides it while a progress bar lasts


def handle() -> None:
    """Have Ctrl-C raise KeyboardInterrupt once, and end the process at once where that would get lost."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a script may have it ignored
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, the first time and not inside an import: NumPy's and torch's make other errors of it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _leave()
        frame = frame.f_back
    signal.signal(signum, _leave)
    raise KeyboardInterrupt


def _leave(*_: object) -> NoReturn:
    if os.isatty(2):
        os.write(2, SHOW_CURSOR)
    os._exit(INTERRUPTED)
