"""The command line of `pycouple reproduce`. It imports nothing heavy."""

import argparse
import textwrap
from pathlib import Path

from pycouple.cli.options import Parser, add_common
from pycouple.cli.reproduce.claims import CLAIMS, PAPERS


def add_reproduce(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the subcommand with one of its own for each experiment, and for all of them."""
    reproduce = commands.add_parser(
        "reproduce",
        help="run the claims of the papers as experiments: a table and a picture each",
        description="Run the claims of the papers as experiments. Each prints a table and writes a picture, as PNG\n"
        "and as SVG, in some seconds; the same seed and draws give the same numbers and the same files,\n"
        "but for the date and the machine that report.html names.\n"
        + "".join(f"{text} (arXiv {number})\n" for number, text in PAPERS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  pycouple reproduce pareto\n"
        "  pycouple reproduce bits --json | jq '.rows[] | {n, bits, bound}'\n"
        "  pycouple reproduce all --output /tmp/claims    and open /tmp/claims/report.html",
    )
    reproduce.set_defaults(print_help=reproduce.print_help)
    names = reproduce.add_subparsers(dest="name", metavar="NAME", title="experiments")
    for name, claim in CLAIMS.items():
        text = f"{textwrap.fill(claim.text, 100)}\n(arXiv {claim.paper})"
        _add_experiment(names, name, claim.title, text, claim.unit, f"{claim.draws}")
    text = "Run every experiment and write one page of HTML, report.html, with their claims, pictures and tables."
    units = "".join(f"\n  {name:10} {claim.draws:6} {claim.unit}" for name, claim in CLAIMS.items())
    text += f"\nDraws mean for each what they mean for it alone, and by default are as many:{units}"
    _add_experiment(names, "all", "all of them, and a report of one page", text, "draws of each", "each its own")


def _add_experiment(
    names: "argparse._SubParsersAction[Parser]", name: str, title: str, text: str, unit: str, default: str
) -> None:
    parser = names.add_parser(
        name,
        help=title,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"examples:\n"
        f"  pycouple reproduce {name}\n"
        f"  pycouple reproduce {name} --draws 100 --seed 7 --output /tmp/claims\n"
        f"  pycouple reproduce {name} --json",
    )
    files = f"{name}.png and {name}.svg" if name in CLAIMS else "pictures and report"
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("reproduce"),
        metavar="DIR",
        help=f"folder for {files}, made if need be (%(default)s)",
    )
    add_common(parser, draws=None, unit=f"{unit} ({default})")
