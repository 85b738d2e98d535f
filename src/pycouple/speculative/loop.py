"""The whole loop of speculative decoding over two plain callables."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import ufuncs
from pycouple._arguments import core_rows, integer, one_unsigned
from pycouple.speculative.draws import own_draws
from pycouple.speculative.tokens import stops_of, token_numbers
from pycouple.speculative.verification import verified
from pycouple.speculative.warpers import LOGITS, Chosen, SamplingParams, one_chosen, params_of

Model = Callable[[list[int]], npt.ArrayLike]
Drafter = Callable[[list[int]], npt.ArrayLike | None]


class Generation(NamedTuple):
    """What `generate` returns."""

    tokens: list[int]  # the new ones
    accepted: list[bool]  # of each whether it was an accepted draft, else the target's own draw
    target_calls: int
    drafted: int  # how many drafts were verified

    @property
    def tokens_per_call(self) -> float:
        """New tokens per call of the target."""
        return len(self.tokens) / self.target_calls if self.target_calls else 0.0


def generate(
    target: Model,
    drafter: Drafter | None,
    prompt: Iterable[int],
    seed: int,
    params: SamplingParams | None = None,
    *,
    draft_length: int = 4,
    max_new_tokens: int = 128,
    stop_tokens: int | Iterable[int] | None = (),
    on_tokens: Callable[[list[int], list[bool]], object] | None = None,
) -> Generation:
    """Generate text whose tokens depend on the target, the prompt, the seed and the params alone, not on the drafter.

    Parameters
    ----------
    target : callable
        From a list of token ids to next-token logits, shape (rows, n): the last row is for the token after the whole
        list, the row before it for the last token of the list, and so on. It may give all rows or only the last
        ones, of which ``draft_length + 1`` are needed.
    drafter : callable or None
        The same of the drafter, of which only the last row is looked at (one row alone may have one axis). It must not
        have more tokens than the target, which is given its drafts. A drafter without logits gives 0 for the token it
        proposes and -inf for others; one that has nothing to propose gives None. Without a drafter each call of the
        target gives one token.
    prompt : iterable of int
        At least one token, from a list, an array or an iterator. The first new token has position ``len(prompt)``.
    seed : int
        In 0..2**64 - 1.
    params : SamplingParams, optional
        Of both.
    draft_length : int, default 4
        Drafts per call of the target, at least 0.
    max_new_tokens : int, default 128
    stop_tokens : int or iterable of int, optional
        After one of these generation ends; it is the last token. What models have as ``eos_token_id`` will do: a
        number, several, or None. An iterator is read once, before the first call.
    on_tokens : callable, optional
        Called with the new tokens, and which of them were drafts, after each call of the target.

    Returns
    -------
    Generation

    Raises
    ------
    ValueError, TypeError
        As for `draft` and `verify`; the prompt is empty; a number is negative; the target gives too few rows. Arguments
        are checked before the first call of the target or the drafter.

    Notes
    -----
    That texts are the same with and without a drafter takes a target whose logits for a prefix do not depend on what
    else is in the call, to the margin of `pycouple.race_logits`. Batched matrix products in 16 bits often do.

    Examples
    --------
    >>> from pycouple.speculative import generate
    >>> table = np.random.default_rng(0).normal(0, 2, (10, 10))
    >>> target = lambda tokens: table[tokens]  # a model that looks at the last token only
    >>> drafter = lambda tokens: table[tokens] + 0.5
    >>> with_drafts = generate(target, drafter, [3], seed=7, max_new_tokens=8)
    >>> with_drafts.tokens == generate(target, None, [3], seed=7, max_new_tokens=8).tokens
    True
    >>> with_drafts.target_calls
    2
    """
    for name, model in (("target", target), ("drafter", drafter)):
        if not callable(model) and not (model is None and name == "drafter"):
            raise TypeError(f"{name} must be callable, got {type(model).__name__}")
    text = token_numbers(prompt, "prompt").tolist()
    if not text:
        raise ValueError("prompt must not be empty")
    for name, number in (("draft_length", draft_length), ("max_new_tokens", max_new_tokens)):
        if integer(number, name) < 0:
            raise ValueError(f"{name} must not be negative, got {number}")
    if on_tokens is not None and not callable(on_tokens):
        raise TypeError(f"on_tokens must be callable, got {type(on_tokens).__name__}")
    stops = stops_of(stop_tokens)
    key, values = one_unsigned(seed, "seed"), one_chosen(params_of(params))
    new: list[int] = []
    accepted: list[bool] = []
    calls = drafted = 0
    while len(new) < max_new_tokens and not (new and new[-1] in stops):
        room = max_new_tokens - len(new) - 1
        drafts = [] if drafter is None else _drafts(drafter, text, key, values, min(draft_length, room), stops)
        rows = core_rows(target(text + drafts), "logits of target")
        if rows.ndim != 2 or len(rows) < len(drafts) + 1:
            raise ValueError(f"target must give {len(drafts) + 1} rows of logits or more, got shape {rows.shape}")
        calls, drafted = calls + 1, drafted + len(drafts)
        caller = LOGITS._replace(rows="logits of target", params="params", place=_after(len(text)))
        rows = rows[len(rows) - len(drafts) - 1 :]
        own = verified(caller, [np.array(drafts, np.int64)], rows, key, len(text), values)
        found, right = own.tokens[0].tolist(), own.accepted[0]
        last = next((i for i, token in enumerate(found) if token in stops), len(found) - 1)
        found = found[: last + 1]
        were = [i < right for i in range(len(found))]
        text, new, accepted = text + found, new + found, accepted + were
        if on_tokens is not None:
            on_tokens(found, were)
    return Generation(new, accepted, calls, drafted)


def _drafts(
    drafter: Drafter, text: list[int], seed: int, values: Chosen, count: int, stops: frozenset[int]
) -> list[int]:
    drafts: list[int] = []
    while len(drafts) < count and not (drafts and drafts[-1] in stops):
        position = len(text) + len(drafts)
        logits = drafter(text + drafts)
        if logits is None:
            break
        rows = core_rows(logits, "logits of drafter")
        if rows.ndim > 2 or len(rows) == 0:
            raise ValueError(f"drafter must give rows of logits, or one row; got shape {rows.shape}")
        caller = LOGITS._replace(rows="logits of drafter", params="params", place=_after(position))
        row = rows if rows.ndim == 1 else rows[-1]
        drafts.append(int(own_draws(ufuncs.sample_logits, caller, row, seed, position, values)))
    return drafts


def _after(position: int) -> Callable[[tuple[int, ...]], str]:
    """Where a row is in the text, whose first row predicts this position."""
    return lambda where: f" for position {position + sum(where)}"
