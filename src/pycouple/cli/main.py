"""The `pycouple` command."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pycouple._config import __version__, show_config
from pycouple.cli.generate.parser import add_generate
from pycouple.cli.options import Parser, add_common
from pycouple.cli.reproduce.parser import add_reproduce

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
    parser = _build_parser()
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


def _build_parser() -> Parser:
    parser = Parser(
        prog="pycouple",
        description="Coupled sampling without communication: the same draw from a shared seed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  pycouple demo             how often a language model and its drafters draw the same token\n"
        "  pycouple reproduce all    the claims of the papers as experiments, and a report\n"
        '  pycouple generate --prompt "Write a haiku."    text of a real model, the same with any drafter\n'
        "  pycouple config           the version, the machine and the ISA level in use",
    )
    parser.add_argument("--version", action="version", version=f"pycouple {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    _add_demo(commands)
    add_reproduce(commands)
    add_generate(commands)
    commands.add_parser(
        "config",
        help="print the version, the machine and the ISA level in use",
        description="Print the version, the machine and the ISA level that the C core runs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  pycouple config\n  PYCOUPLE_ISA=baseline pycouple config",
    )
    return parser


def _add_demo(commands: "argparse._SubParsersAction[Parser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="measure agreement on real next-token distributions and draw it against the bounds",
        description="Draw tokens from a target model and from each drafter with a shared seed and no communication,\n"
        "by the Gumbel race and by weighted MinHash; report how often they agree, beside the exact\n"
        "probability and the bounds; draw a picture.\n"
        "The distributions are SmolLM2-135M's on three prompts, or those of your own file.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  pycouple demo\n"
        "  pycouple demo --draws 20000 --seed 7 --output agreement.svg\n"
        "  pycouple demo --input my_prompts.npz\n"
        "  pycouple demo --json | jq '.drafters[] | {drafter, race: .exact, minhash: .minhash.exact}'\n"
        "\n"
        "A file for --input holds, for `target` and for each drafter X, of n positions and k kept tokens:\n"
        "  X_ids   integers [n, k]   token ids, each once a row\n"
        "  X_p     floats [n, k]     their probabilities\n"
        "  X_rest  floats [n]        the probability of all other tokens together\n"
        "k may differ between parties; other arrays are ignored.",
    )
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("agreement.png"),
        metavar="FILE",
        help="picture: .png, .svg or .pdf (%(default)s)",
    )
    demo.add_argument("--input", type=Path, metavar="FILE.npz", help="your own distributions, in the format below")
    add_common(demo, draws=2000, unit="draws of each party a position by each method (%(default)s)")
