"""The `pycouple` command."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from pycouple._config import show_config
from pycouple.cli.parser import build_parser

CLOSED_PIPE = 141  # what a shell says of a process that SIGPIPE ended


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
    """
    parser = build_parser()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal lacks is no reason to fail
    try:
        arguments = parser.parse_args(argv)
        if arguments.command is None:
            parser.print_help(sys.stderr)
            return 2
        if arguments.command == "config":
            show_config()
        elif arguments.command == "generate":
            from pycouple.cli.generate import session  # needs extras

            session.run(arguments)
        elif arguments.command == "reproduce" and arguments.name is None:
            arguments.print_help(sys.stderr)
            return 2
        else:
            _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return CLOSED_PIPE
    except (ValueError, OSError) as error:
        print(f"pycouple: error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("matplotlib", "rich", "torch", "transformers"):
            raise
        extra = "transformers" if arguments.command == "generate" else "demo"
        hint = f"pip install 'pycouple[{extra}]'"
        print(f'pycouple {arguments.command} needs the extra "{extra}": {hint}', file=sys.stderr)
        return 2
    return 0


def _run(arguments: argparse.Namespace) -> None:
    """`demo` or `reproduce`: imported here, for they need the extra, and matplotlib takes a while."""
    options: dict[str, Any] = {key: getattr(arguments, key) for key in ("output", "seed", "draws", "workers")}
    options["as_json"] = arguments.json
    if arguments.command == "demo":
        from pycouple.cli import demo

        demo.run(arguments.input, **options)
    else:
        from pycouple.cli.reproduce import runner

        runner.run(arguments.name, **options)
