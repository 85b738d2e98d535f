"""The `pycouple` command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pycouple
from pycouple._options import Parser, add_common, integer
from pycouple.reproduce.options import add_reproduce

MAX_DRAWS = 10_000_000  # some hundred megabytes of steps and draws for one position


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `pycouple` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit status: 0, 2 after an error of the user's (one line on stderr says which), 130 after Ctrl-C.
    """
    parser = _build_parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.command is None:
            parser.print_help(sys.stderr)
            return 2
        if arguments.command == "config":
            pycouple.show_config()
        elif arguments.command == "demo":
            _demo(arguments)
        elif arguments.name is None:
            arguments.print_help(sys.stderr)
            return 2
        else:
            _reproduce(arguments)
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError) as error:
        print(f"pycouple: error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("matplotlib", "rich"):
            raise
        print(f"pycouple {arguments.command} needs the extra \"demo\": pip install 'pycouple[demo]'", file=sys.stderr)
        return 2
    return 0


def _demo(arguments: argparse.Namespace) -> None:
    from pycouple import demo  # needs the extra, and matplotlib takes a while

    demo.run(
        arguments.input,
        output=arguments.output,
        seed=arguments.seed,
        draws=arguments.draws,
        workers=arguments.workers,
        as_json=arguments.json,
    )


def _reproduce(arguments: argparse.Namespace) -> None:
    from pycouple.reproduce import flow

    flow.run(
        arguments.name,
        output=arguments.output,
        seed=arguments.seed,
        draws=arguments.draws,
        workers=arguments.workers,
        as_json=arguments.json,
    )


def _build_parser() -> Parser:
    parser = Parser(
        prog="pycouple",
        description="Coupled sampling without communication: the same draw from a shared seed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  pycouple demo             how often a language model and its drafters draw the same token\n"
        "  pycouple reproduce all    the claims of the papers as experiments, and a report\n"
        "  pycouple config           the version, the machine and the ISA level in use",
    )
    parser.add_argument("--version", action="version", version=f"pycouple {pycouple.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    _add_demo(commands)
    add_reproduce(commands)
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
    demo.add_argument(
        "--draws",
        type=integer(1, MAX_DRAWS, f"1..{MAX_DRAWS}"),
        default=2000,
        metavar="N",
        help="draws of each party a position by each method (%(default)s)",
    )
    demo.add_argument("--input", type=Path, metavar="FILE.npz", help="your own distributions, in the format below")
    add_common(demo)
