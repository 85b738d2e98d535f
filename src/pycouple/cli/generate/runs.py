"""One text by several drafters: the runs, and where one differs from the run without drafts."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from pycouple.cli.generate.engine import Engine
from pycouple.cli.generate.mismatch import Drawn, Mismatch, explained
from pycouple.speculative import Generation, SamplingParams, generate
from pycouple.speculative.loop import Drafter, Model


class Run(NamedTuple):
    """One text, and what it took."""

    drafter: str
    result: Generation
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return len(self.result.tokens) / self.seconds

    @property
    def accepted(self) -> int:
        return sum(self.result.accepted)


class _ReachedError(Exception):
    """Ends a run that is made once more."""


class Job(NamedTuple):
    """What all the runs have in common."""

    engine: Engine
    prompt: list[int]
    seed: int
    params: SamplingParams
    draft_length: int
    max_new_tokens: int

    def run(self, name: str, drafter: Drafter | None, on_tokens: Callable[[list[int], list[bool]], object]) -> Run:
        target = self.engine.target(self.draft_length + 1)
        start = time.perf_counter()
        result = self._generate(target, drafter, on_tokens)
        return Run(name, result, time.perf_counter() - start)

    def mismatch(self, run: Run, reference: Run) -> Mismatch | None:
        """Where and why the text first is another one than without drafts."""
        tokens, others = run.result.tokens, reference.result.tokens
        if tokens == others:
            return None
        # Neither is a prefix of the other: both end at the first stop token, or at the same length.
        index = next(i for i, (a, b) in enumerate(zip(tokens, others, strict=False)) if a != b)
        drawn = self._once_more(run.drafter, index), self._once_more(reference.drafter, index)
        whole = np.asarray(self.engine.target(1)(self.prompt + others[:index]))[-1]
        different = tokens[index], others[index]
        return explained(len(self.prompt) + index, different, drawn, whole, self.seed, self.params)

    def _once_more(self, name: str, index: int) -> Drawn:
        """Make a run again up to one of its new tokens."""
        target, new = self.engine.target(self.draft_length + 1), list[int]()
        length, rows = 0, np.empty(0)

        def recorded(tokens: list[int]) -> Any:
            nonlocal length, rows
            length, rows = len(tokens), np.asarray(target(tokens))
            return rows

        def until_there(tokens: list[int], accepted: list[bool]) -> None:
            new.extend(tokens)
            if len(new) > index:
                raise _ReachedError

        with suppress(_ReachedError):
            self._generate(recorded, self.engine.drafter(name, self.seed), until_there)
        position = len(self.prompt) + index
        if len(new) <= index:
            return Drawn(None, rows[-1])
        return Drawn(new[index], rows[position - length - 1])  # the last row is for the position `length`

    def _generate(
        self, target: Model, drafter: Drafter | None, on_tokens: Callable[[list[int], list[bool]], object]
    ) -> Generation:
        return generate(
            target,
            drafter,
            self.prompt,
            self.seed,
            self.params,
            draft_length=self.draft_length,
            max_new_tokens=self.max_new_tokens,
            stop_tokens=self.engine.stop_tokens,
            on_tokens=on_tokens,
        )
