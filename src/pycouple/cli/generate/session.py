"""Run `pycouple generate`: the text as it comes, what the drafts did for it, whether it is the same without them."""

import argparse
import json
import sys
from contextlib import AbstractContextManager
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pycouple._arguments import threads
from pycouple._printable import harmless, one_line, short_name
from pycouple.cli.errors import naming
from pycouple.cli.generate import engine as engines
from pycouple.cli.generate.detokenizer import Detokenizer
from pycouple.cli.generate.engine import Engine
from pycouple.cli.generate.mismatch import Mismatch
from pycouple.cli.generate.runs import Job, Run
from pycouple.cli.tables import print_table
from pycouple.speculative import SamplingParams
from pycouple.speculative.loop import Drafter

ACCEPTED, OWN, PROMPT = "green", "magenta", "dim"  # to be read on black and on white


class _Screen:
    """Writes the text, in colours on a terminal that has them."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.colours = self.console.is_terminal and not self.console.no_color and self.console.color_system is not None
        self.line_begins = True

    def write(self, text: str, style: str = "") -> None:
        if not text:
            return
        self.line_begins = text.endswith("\n")
        shown = harmless(text)
        if self.colours:
            self.console.print(Text(shown, style), end="", soft_wrap=True)
        else:
            sys.stdout.write(shown)
            sys.stdout.flush()

    def legend(self) -> None:
        if self.colours:
            self.console.print(Text.assemble(("accepted draft", ACCEPTED), "  ", ("own draw", OWN), "\n"))


class _Writer:
    """Writes the tokens of one generation as they come."""

    def __init__(self, engine: Engine, screen: _Screen, two_kinds: bool) -> None:
        self.detokenizer, self.screen = Detokenizer(engine.decode), screen
        self.styles = (OWN, ACCEPTED) if two_kinds else ("", "")

    def __call__(self, tokens: list[int], accepted: list[bool]) -> None:
        for token, was_draft in zip(tokens, accepted, strict=True):
            self.screen.write(self.detokenizer.push(token), self.styles[was_draft])

    def finish(self) -> None:
        self.screen.write(self.detokenizer.finish())
        self.screen.write("\n" if self.screen.line_begins else "\n\n")


def run(arguments: argparse.Namespace) -> None:
    """Generate, and print as the options of the command line say.

    Raises
    ------
    ValueError, OSError
        An option is wrong; the model cannot be loaded; or a text is another one with a drafter by a fault, which is
        said when all is printed. The message says why in one line.
    ModuleNotFoundError
        An extra is missing.
    """
    params = SamplingParams(arguments.temperature, arguments.top_k, arguments.top_p, arguments.min_p)
    workers = threads(arguments.workers)
    with naming("--model", arguments.model):
        engines.check_name(arguments.model, "--model")
    if arguments.drafter is not None:
        with naming("--drafter", arguments.drafter):
            engines.check_drafter(arguments.drafter)
    with _busy(f"loading {arguments.model}"):
        engine = engines.load(arguments.model, workers)
    chat = engine.has_chat if arguments.chat is None else arguments.chat
    if chat and not engine.has_chat:
        raise ValueError(f"--chat: {arguments.model} has no chat template")
    prompt = engine.encode(arguments.prompt, chat)
    if not prompt:
        raise ValueError("--prompt must not be empty")
    length = len(prompt) + arguments.max_new_tokens
    if engine.context is not None and length > engine.context:
        raise ValueError(
            f"{len(prompt)} tokens of prompt and --max-new-tokens {arguments.max_new_tokens} are more than "
            f"the model's {engine.context}"
        )
    names = _drafters(arguments, engine)
    with _busy("loading drafters"):
        drafters = {name: engine.drafter(name, arguments.seed) for name in names}
        engine.target(1)(prompt)  # the first call of a model is slow
    job = Job(engine, prompt, arguments.seed, params, arguments.draft_length, arguments.max_new_tokens)
    if arguments.json:
        runs = _silent(job, drafters)
        mismatches = [job.mismatch(run, runs[0]) for run in runs]
        print(json.dumps(_report(arguments, chat, job, runs, mismatches), indent=2))
        _refuse_faults(runs, mismatches)
        return
    screen = _Screen()
    two_kinds = len(names) > 1 and not arguments.compare
    if two_kinds:
        screen.legend()
    if not chat:
        screen.write(arguments.prompt, PROMPT)
    shown = names[1] if two_kinds else names[0]
    writer = _Writer(engine, screen, two_kinds)
    try:
        first = job.run(shown, drafters.pop(shown), writer)
    finally:  # after Ctrl-C too
        writer.finish()
    runs = sorted([first, *_silent(job, drafters)], key=lambda run: names.index(run.drafter))
    mismatches = [job.mismatch(run, runs[0]) for run in runs]
    if arguments.compare:
        print_table(_table(job, runs, mismatches))
    else:
        _summary(runs, mismatches)
    for run, mismatch in zip(runs, mismatches, strict=True):
        if mismatch is not None:
            _explain(engine, run, mismatch)
    _refuse_faults(runs, mismatches)


def _drafters(arguments: argparse.Namespace, engine: Engine) -> list[str]:
    """The runs to make; the first is the one without drafts."""
    if not arguments.compare:
        return list(dict.fromkeys(("none", "lookup" if arguments.drafter is None else arguments.drafter)))
    layers = (round(engine.layers * 26 / 30), round(engine.layers * 20 / 30))
    own = [] if arguments.drafter is None else [arguments.drafter]
    return list(dict.fromkeys(["none", "lookup", *(f"layers:{max(1, n)}" for n in layers), "random", *own]))


def _silent(job: Job, drafters: dict[str, Drafter | None]) -> list[Run]:
    runs = []
    for name, drafter in drafters.items():
        with _busy("generating without drafter" if drafter is None else f"generating with drafter {name}"):
            runs.append(job.run(name, drafter, lambda tokens, accepted: None))
    return runs


def _busy(what: str) -> AbstractContextManager[object]:
    """A line on stderr while something lasts, on a terminal only."""
    # Twice a second: an animation would take time from what is measured. The stderr of now, for it may be redirected.
    return Console(file=sys.stderr).status(Text(one_line(what)), refresh_per_second=2)


def _summary(runs: list[Run], mismatches: list[Mismatch | None]) -> None:
    reference, run = runs[0], runs[-1]
    result = run.result
    print(
        f"drafter {short_name(run.drafter)}: {len(result.tokens)} tokens in {result.target_calls} calls of the model, "
        f"{result.tokens_per_call:.2f} tokens per call; {run.accepted} of {result.drafted} drafts accepted"
    )
    if run is reference:
        print(f"{run.tokens_per_second:.1f} tokens/s")
        return
    speeds = f"{run.tokens_per_second:.1f} tokens/s, {reference.tokens_per_second:.1f} without drafter"
    print(f"{speeds}: {run.tokens_per_second / reference.tokens_per_second:.2f} times as fast")
    if mismatches[-1] is None:
        print("the text without drafter is identical")


def _explain(engine: Engine, run: Run, mismatch: Mismatch) -> None:
    token, other = (f"{engine.decode([one])!r} ({one})" for one in (mismatch.token, mismatch.without_drafter))
    why = "by a fault"
    if mismatch.fault is None:
        off = max(mismatch.difference, mismatch.difference_without_drafter)
        why = f"by rounding: logits are off by {off:.2g} nats, and the margin is {mismatch.margin:.2g} nats"
        if mismatch.margin > 2 * off:
            why += ", but the tokens that are kept are others"
    name = short_name(run.drafter)
    print(f"drafter {name}: another text from position {mismatch.position}, {token} in place of {other}, {why}")


def _refuse_faults(runs: list[Run], mismatches: list[Mismatch | None]) -> None:
    """ValueError if a text is another one for more than rounding."""
    for run, mismatch in zip(runs, mismatches, strict=True):
        if mismatch is not None and mismatch.fault is not None:
            raise ValueError(
                f"drafter {run.drafter}: another text from position {mismatch.position} "
                f"by a fault, not by rounding: {mismatch.fault}"
            )


def _table(job: Job, runs: list[Run], mismatches: list[Mismatch | None]) -> Table:
    title = f"One text, several drafters (seed {job.seed}, at most {job.draft_length} drafts per call)\n"
    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("\ndrafter", overflow="fold")
    for heading in ("\ntokens", "target\ncalls", "tokens\nper call", "drafts\naccepted", "\ntokens/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("same text\nas without", no_wrap=True)
    for run, mismatch in zip(runs, mismatches, strict=True):
        result = run.result
        table.add_row(
            Text(short_name(run.drafter)),
            str(len(result.tokens)),
            str(result.target_calls),
            f"{result.tokens_per_call:.2f}",
            f"{run.accepted} of {result.drafted}" if run is not runs[0] else "",
            f"{run.tokens_per_second:.1f}",
            "" if run is runs[0] else "yes" if mismatch is None else "no",
        )
    return table


def _report(
    arguments: argparse.Namespace, chat: bool, job: Job, runs: list[Run], mismatches: list[Mismatch | None]
) -> dict[str, Any]:
    tokens = runs[0].result.tokens
    return {
        "model": arguments.model,
        "prompt": arguments.prompt,
        "chat": chat,
        "prompt_tokens": len(job.prompt),
        "seed": job.seed,
        "temperature": job.params.temperature,
        "top_k": job.params.top_k,
        "top_p": job.params.top_p,
        "min_p": job.params.min_p,
        "draft_length": job.draft_length,
        "max_new_tokens": job.max_new_tokens,
        "text": job.engine.decode(tokens),
        "tokens": tokens,
        "runs": [_numbers(run, mismatch) for run, mismatch in zip(runs, mismatches, strict=True)],
    }


def _numbers(run: Run, mismatch: Mismatch | None) -> dict[str, Any]:
    result = run.result
    return {
        "drafter": run.drafter,
        "tokens": len(result.tokens),
        "target_calls": result.target_calls,
        "tokens_per_call": result.tokens_per_call,
        "drafted": result.drafted,
        "accepted": run.accepted,
        "accepted_tokens": result.accepted,
        "seconds": run.seconds,
        "tokens_per_second": run.tokens_per_second,
        "identical": mismatch is None,
        "mismatch": None if mismatch is None else mismatch._asdict(),
    }
