"""One drafter: drafts from shared noise, and the target's own draws, which accept or replace them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple._arguments import real_rows, unsigned
from pycouple.sampling import Race, race_logits, sample_logits
from pycouple.speculative.warpers import SamplingParams, keep

Items = npt.NDArray[np.int64]

ITEMS = 2**34  # that have a clock


class Verified(NamedTuple):
    """What `verify` returns: the tokens to commit, and how many of them are accepted drafts. Lists for a batch."""

    tokens: Any
    accepted: Any


def draft(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: SamplingParams | None = None,
    *,
    stream: npt.ArrayLike = 0,
    token_ids: npt.ArrayLike | None = None,
) -> Items:
    """The token that a party with these logits draws at a position: the drafter's side, and the target's own draw.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Next-token logits; leading axes are a batch.
    seed : array_like of int
        In 0..2**64 - 1, the same for drafter and target.
    position : array_like of int
        The absolute index, in the whole sequence with its prompt, of the token being predicted: after a prompt of 5
        tokens the first new one has position 5.
    params : SamplingParams, optional
        The same for drafter and target, but for good reasons: the text is the target's in any case.
    stream : array_like of int, default 0
        Which draft this is, where there are several (`verify_list`).
    token_ids : array_like of int, shape (n,), optional
        The ids of the columns, for a drafter with a reduced vocabulary; in any order, each once.

    Returns
    -------
    ndarray of int64
        Tokens, of the batch's shape: ``sample_logits(logits, seed, step=position, temperature=..., stream=stream)``
        after -inf for what params remove.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.sample_logits` and `warp`; token_ids repeat an id, or are of another length.

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams, draft
    >>> params = SamplingParams(temperature=0.8, top_k=3)
    >>> int(draft([1.0, 2.0, 0.5, 1.5], seed=7, position=5, params=params))
    1
    >>> int(draft([0.5, 1.5], seed=7, position=5, params=params, token_ids=[2, 3]))  # it knows two tokens only
    3
    """
    x = real_rows(logits, "logits")
    if token_ids is not None:
        x = _spread(x, token_ids)
    params = SamplingParams() if params is None else params
    return sample_logits(keep(x, params), seed, position, temperature=params.temperature, stream=stream)


def race(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: SamplingParams | None = None,
    *,
    stream: npt.ArrayLike = 0,
) -> Race:
    """`draft` with the margin: how safe the token is.

    Parameters
    ----------
    logits, seed, position, params, stream
        As for `draft`.

    Returns
    -------
    Race
        Token, score and margin, as of `pycouple.race_logits`: while another machine's (or batch's) logits over
        temperature differ by less than half the margin, and keep the same tokens, it draws the same token.

    Raises
    ------
    ValueError, TypeError
        As for `draft`.

    Examples
    --------
    >>> from pycouple.speculative import race
    >>> found = race([1.0, 2.0, 0.5, 1.5], seed=7, position=5)
    >>> int(found.item), round(float(found.margin), 3)
    (1, 0.031)
    """
    params = SamplingParams() if params is None else params
    x = keep(real_rows(logits, "logits"), params)
    return race_logits(x, seed, position, temperature=params.temperature, stream=stream)


def verify(
    draft_tokens: Sequence[int] | Sequence[Sequence[int]] | npt.NDArray[np.integer],
    target_logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: SamplingParams | None = None,
    *,
    workers: int = 1,
) -> Verified:
    """Accept drafts that are the target's own draws: the text depends on the seed and the target, never on the drafts.

    Parameters
    ----------
    draft_tokens : sequence of int; or sequence of such sequences
        K draft tokens, or those of each sequence of a batch, as many as each has (none is allowed).
    target_logits : array_like, shape (rows, n)
        The target's next-token logits before the first draft, after it, and so on: K + 1 rows. Of a batch the rows of
        one sequence after those of the other, as engines have them.
    seed : int, or one per sequence
        In 0..2**64 - 1.
    position : int, or one per sequence
        The absolute index of the token that the first row predicts. The row after it predicts the next index.
    params : SamplingParams, optional
        The target's.
    workers : int, default 1
        How many threads share the rows; -1 for all cores.

    Returns
    -------
    tokens : ndarray of int64, shape (accepted + 1,); or list of them
        The target's own draws up to the first one that is not the draft, that one included; after K accepted drafts
        one more.
    accepted : int; or list of int
        How many drafts those are.

    Raises
    ------
    ValueError, TypeError
        As for `draft`; the number of rows is not that of the drafts and one more per sequence.

    Notes
    -----
    All rows are drawn in one call, each as `draft` draws it. A drafter that draws by `draft` with the same seed and
    position is right with the probability ``pycouple.theory.agreement(p, q)``, and any other drafter changes the speed
    only. Never feed a ratio test (accept with probability min(1, q / p)) with shared noise: see `ratio_test`.

    Examples
    --------
    >>> from pycouple.speculative import draft, verify
    >>> logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    >>> own = draft(logits, seed=7, position=[5, 6, 7])
    >>> verify(own[:2], logits, seed=7, position=5)
    Verified(tokens=array([1, 1, 2]), accepted=2)
    >>> verify([own[0], 0], logits, seed=7, position=5)
    Verified(tokens=array([1, 1]), accepted=1)
    """
    x = real_rows(target_logits, "target_logits")
    if x.ndim != 2:
        raise ValueError(f"target_logits must have two axes, rows and tokens; got shape {x.shape}")
    drafts, single = _sequences(draft_tokens)
    counts = np.array([len(tokens) + 1 for tokens in drafts], np.int64)
    if not drafts and len(x) == 0:
        return Verified([], [])
    if counts.sum() != len(x):
        raise ValueError(f"target_logits must have {counts.sum()} rows, one a draft and one more; got {len(x)}")
    starts = np.append(0, counts.cumsum())
    shift = (np.arange(len(x)) - np.repeat(starts[:-1], counts)).astype(np.uint64)
    seeds, first = (
        np.repeat(_each(v, name, len(drafts)), counts) for v, name in ((seed, "seed"), (position, "position"))
    )
    params = SamplingParams() if params is None else params
    if (first > np.uint64(2**64 - 1) - shift).any():
        raise ValueError("position must leave room for the drafts below 2**64")
    own = sample_logits(keep(x, params), seeds, first + shift, temperature=params.temperature, workers=workers)
    tokens, accepted = [], []
    for given, start, end in zip(drafts, starts, starts[1:], strict=False):
        right = _run(given == own[start : end - 1])
        tokens.append(own[start : start + right + 1])
        accepted.append(right)
    return Verified(tokens[0], accepted[0]) if single else Verified(tokens, accepted)


def _run(right: npt.NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(right) if right.all() else int(right.argmin())


def _sequences(tokens: Any) -> tuple[list[Items], bool]:
    """The drafts of each sequence, and whether there is one sequence only, given as such."""
    single = not (getattr(tokens, "ndim", 1) > 1 or any(np.ndim(token) for token in tokens))
    return [token_numbers(t, "draft_tokens") for t in ([tokens] if single else tokens)], single


def token_numbers(tokens: Any, name: str) -> Items:
    ids = unsigned(tokens, name, ITEMS)
    if ids.ndim != 1:
        raise ValueError(f"{name} must have one axis a sequence, got shape {ids.shape}")
    signed: Items = ids.astype(np.int64)
    return signed


def _each(x: npt.ArrayLike, name: str, count: int) -> npt.NDArray[np.uint64]:
    numbers = unsigned(x, name)
    if numbers.ndim > 1 or (numbers.ndim == 1 and len(numbers) != count):
        raise ValueError(f"{name} must be one integer or {count}, one a sequence; got shape {numbers.shape}")
    return np.broadcast_to(numbers, (count,))


def _spread(x: npt.NDArray[Any], token_ids: npt.ArrayLike) -> npt.NDArray[Any]:
    """Logits of a reduced vocabulary in their places, with -inf for the tokens that it has not."""
    ids = token_numbers(token_ids, "token_ids")
    if len(ids) != x.shape[-1]:
        raise ValueError(f"token_ids must be {x.shape[-1]}, one a column of logits; got {len(ids)}")
    if len(ids) == 0:
        return x
    ordered = np.sort(ids)
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(again):
        raise ValueError(f"token_ids must not repeat an id, got {ordered[again[0]]} twice")
    whole = np.full((*x.shape[:-1], int(ordered[-1]) + 1), -np.inf, x.dtype)
    whole[..., ids] = x
    return whole
