"""The ISA level of the core, which is chosen when it is imported: the first thing that the package does."""

import os
import sys

COMMAND = "pycouple"


def _is_the_command() -> bool:
    """Whether this process is the `pycouple` command: its script, or ``python -m pycouple``."""
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0] if sys.argv else ""
    options = sys.orig_argv[1:]
    return program == COMMAND or ["-m", COMMAND] in [options[i : i + 2] for i in range(len(options))]


try:
    from pycouple import _core  # noqa: F401
except ImportError as error:
    # The command cannot say it itself: its code is inside this package, whose import fails here.
    if error.name != COMMAND or not _is_the_command():
        raise
    print(f"pycouple: error: {error}", file=sys.stderr)
    raise SystemExit(2) from None
