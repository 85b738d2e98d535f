"""The `pycouple` command."""

import argparse
import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from pycouple._config import show_config
from pycouple._printable import one_line
from pycouple.cli import interrupts, prompts
from pycouple.cli.errors import reason
from pycouple.cli.parser import build_parser

FAILED = 2
CLOSED_PIPE = 141  # what a shell says of a process that SIGPIPE ended


def command() -> int:
    """Run `main` as a process of its own, in which Ctrl-C is the command's."""
    interrupts.handle()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `pycouple` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit status: 0, 2 after an error of the user's (one line on stderr says which), 130 after Ctrl-C, 141 if
        nobody reads stdout any more.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``.
    """
    if sys.stderr is None:  # closed: print would write to stdout, and C to the next file that is opened
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        return _fail("pycouple: error: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal lacks is no reason to fail
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return interrupts.INTERRUPTED
    except BrokenPipeError:
        return CLOSED_PIPE
    except (ValueError, OSError, MemoryError) as error:
        return _fail(f"pycouple: error: {reason(error)}")
    finally:
        _leave_nothing()


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return FAILED
    if arguments.command == "reproduce" and arguments.name is None:
        arguments.print_help(sys.stderr)
        return FAILED
    try:
        _command(arguments)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "pycouple":
            raise
        extra = "transformers" if arguments.command == "generate" else "demo"
        needs = f"pycouple {arguments.command} needs the extra \"{extra}\": pip install 'pycouple[{extra}]'"
        return _fail(needs if isinstance(error, ModuleNotFoundError) else f"{needs} (what is installed fails: {error})")
    return 0


def _command(arguments: argparse.Namespace) -> None:
    """Run the command: what needs an extra is imported here, and matplotlib and torch take a while."""
    if arguments.command == "config":
        show_config()
        return
    if arguments.command == "generate":
        from pycouple.cli.generate import session

        if arguments.prompt_file is not None:
            arguments.prompt = prompts.of_file(arguments.prompt_file)
        session.run(arguments)
        return
    os.environ["MPLBACKEND"] = "agg"  # matplotlib opens no window here, and an unknown backend would stop its import
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of folders and fonts that it can do without
    options: dict[str, Any] = {key: getattr(arguments, key) for key in ("output", "seed", "draws", "workers")}
    options["as_json"] = arguments.json
    if arguments.command == "demo":
        from pycouple.cli import demo

        demo.run(arguments.input, **options)
    else:
        from pycouple.cli.reproduce import runner

        runner.run(arguments.name, **options)


def _fail(message: str) -> int:
    """Say in one line what was wrong."""
    with contextlib.suppress(OSError):
        print(one_line(message), file=sys.stderr, flush=True)
    return FAILED


def _leave_nothing() -> None:
    """Drop what could not be written: at exit Python would try once more, fail, and say so."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
