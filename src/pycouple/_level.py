"""The ISA level of the core, which is chosen and tried when it is imported: the first thing that the package does."""

import os
import sys

COMMAND = "pycouple"


def _is_the_command() -> bool:
    """Whether this process is the `pycouple` command: its script, or ``python -m pycouple``."""
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0] if sys.argv else ""
    if program != "-m":  # what stands there while Python looks for the module
        return program == COMMAND
    options = sys.orig_argv[1:]
    return f"-m{COMMAND}" in options or ["-m", COMMAND] in [options[i : i + 2] for i in range(len(options))]


def check_answers(wrong: dict[str, str], forced: bool) -> None:
    """Refuse a core that does not give the known answers; a level that is forced answers for itself alone.

    `wrong` says of each level that fails what it gets wrong.
    """
    used = [_core.current_level()] if forced else [name for name, runs in _core.levels().items() if runs]
    failed = [name for name in used if name in wrong]
    if not failed:
        return
    right = [name for name, runs in _core.levels().items() if runs and name not in wrong]
    advice = f"; PYCOUPLE_ISA={right[-1]} does without it" if right else ""
    raise ImportError(
        f"this build of pycouple does not give the known {wrong[failed[-1]]} at ISA level {failed[-1]}, so its draws "
        f"would be wrong: please report the compiler and the machine{advice}",
        name=COMMAND,
    )


try:
    from pycouple import _core

    check_answers(_core.wrong_answers(), forced=bool(os.environ.get("PYCOUPLE_ISA", "").strip()))
except ImportError as error:
    # The command cannot say it itself: its code is inside this package, whose import fails here.
    if error.name != COMMAND or not _is_the_command():
        raise
    print(f"pycouple: error: {error}", file=sys.stderr)
    raise SystemExit(2) from None
