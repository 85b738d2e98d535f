"""One drafter: drafts from shared noise, and the target's own draws, which accept or replace them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import ufuncs
from pycouple._arguments import STREAM_LIMIT, UINT64_LIMIT, core_rows, unsigned
from pycouple._arrays import Array
from pycouple._draws import draw, logits_parameters
from pycouple._errors import Caller, row_text
from pycouple.sampling import Items, Race, Reals
from pycouple.speculative.tokens import sequences, spread
from pycouple.speculative.warpers import LOGITS, SamplingParams, keep, params_of

_TARGET = LOGITS._replace(rows="target_logits")


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
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """The token that a party with these logits draws at a position: the drafter's side, and the target's own draw.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Next-token logits; leading axes are a batch. Arrays and tensors as for `pycouple.sample`.
    seed : array_like of int
        In 0..2**64 - 1, the same for drafter and target.
    position : array_like of int
        In 0..2**64 - 1: the absolute index, in the whole sequence with its prompt, of the token being predicted. After
        a prompt of 5 tokens the first new one has position 5. `pycouple.sample` calls the same number `step`.
    params : SamplingParams, optional
        What of the logits the draw is made from. Drafter and target best use the same; the text is the target's in any
        case.
    stream : array_like of int, default 0
        Which draft this is, where there are several (`verify_list`).
    axis : int, default -1
        The axis of `logits` that holds the tokens.
    token_ids : array_like of int, shape (n,), optional
        The ids of the tokens, for a drafter with a reduced vocabulary; in any order, each once.
    out : ndarray of int64, optional
        Where to put the result.
    workers : int, default 1
        How many threads share the rows; -1 for all cores. The result does not depend on it.

    Returns
    -------
    ndarray of int64
        Tokens, of the batch's shape: ``sample_logits(logits, seed, step=position, temperature=..., stream=stream)``
        after -inf for what params remove.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.sample_logits` and `warp`; token_ids repeat an id, or are of another length.

    Notes
    -----
    There is no `item_offset`: what params keep of a slice of the vocabulary is not a slice of what they keep of the
    whole. Slices are raced by `pycouple.race_logits`.

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams, draft
    >>> params = SamplingParams(temperature=0.8, top_k=3)
    >>> int(draft([1.0, 2.0, 0.5, 1.5], seed=7, position=5, params=params))
    1
    >>> int(draft([0.5, 1.5], seed=7, position=5, params=params, token_ids=[2, 3]))  # it knows two tokens only
    3
    """
    x = core_rows(logits, "logits", axis)
    tokens: Items = own_draws(
        ufuncs.sample_logits, LOGITS, x, seed, position, params_of(params), stream, token_ids, out, workers
    )
    return tokens


def race(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: SamplingParams | None = None,
    *,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    out: tuple[Items, Reals, Reals] | None = None,
    workers: int = 1,
) -> Race:
    """`draft` with the margin: how safe the token is.

    Parameters
    ----------
    logits, seed, position, params, stream, axis, token_ids, workers
        As for `draft`.
    out : tuple of ndarray (int64, float64, float64), optional
        Where to put the results.

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
    x = core_rows(logits, "logits", axis)
    return Race(
        *own_draws(ufuncs.race_logits, LOGITS, x, seed, position, params_of(params), stream, token_ids, out, workers)
    )


def verify(
    draft_tokens: Iterable[int] | Iterable[Iterable[int]] | npt.NDArray[np.integer],
    target_logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: SamplingParams | None = None,
    *,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    workers: int = 1,
) -> Verified:
    """Accept drafts that are the target's own draws: the text depends on the seed and the target, never on the drafts.

    Parameters
    ----------
    draft_tokens : sequence of int; or sequence of such sequences
        K draft tokens, or those of each sequence of a batch, as many as each has (none is allowed). Iterators will do
        for both.
    target_logits : array_like, shape (rows, n)
        The target's next-token logits before the first draft, after it, and so on: K + 1 rows. Of a batch the rows of
        one sequence after those of the other, as engines have them.
    seed : int, or one per sequence
        In 0..2**64 - 1.
    position : int, or one per sequence
        The absolute index of the token that the first row predicts (what `pycouple.sample` calls `step`). The row after
        it predicts the next index.
    params : SamplingParams, optional
        The target's.
    stream : int, or one per sequence, default 0
        The stream of the drafts.
    axis, token_ids, workers
        As for `draft`, of `target_logits`.

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
        As for `draft`; the number of rows is not that of the drafts and one more per sequence. The message says which
        sequence and which row of it.

    Notes
    -----
    All rows are drawn in one call, each as `draft` draws it. There is no `out`: how many tokens come back is not known
    before. A drafter that draws by `draft` with the same seed and position is right with the probability
    ``pycouple.theory.agreement(p, q)``, and any other drafter changes the speed only. Never feed a ratio test (accept
    with probability min(1, q / p)) with shared noise: see `ratio_test`.

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
    x = core_rows(target_logits, "target_logits", axis)
    if x.ndim != 2:
        hint = "" if x.ndim < 2 else ": put the rows of each sequence after those of the one before"
        raise ValueError(f"target_logits must have two axes, rows and tokens; got shape {x.shape}{hint}")
    drafts, single = sequences(draft_tokens)
    found = verified(_TARGET, drafts, x, seed, position, params_of(params), stream, token_ids, workers)
    return Verified(found.tokens[0], found.accepted[0]) if single else found


def verified(
    caller: Caller,
    drafts: list[Items],
    x: Array,
    seed: Any,
    position: Any,
    params: SamplingParams,
    stream: Any = 0,
    token_ids: Any = None,
    workers: Any = 1,
) -> Verified:
    """`verify` of a batch of checked drafts."""
    counts = np.array([len(tokens) + 1 for tokens in drafts], np.int64)
    if counts.sum() != len(x):
        wanted = f"{counts.sum()} rows, one per draft and one more per sequence"
        raise ValueError(f"{caller.rows} must have {wanted}; got {len(x)}")
    starts = np.append(0, counts.cumsum())
    shift = np.arange(len(x)) - np.repeat(starts[:-1], counts)
    first = np.broadcast_to(_one_each(position, "position", drafts), counts.shape)
    late = first + (counts - 1).astype(np.uint64) < first  # modulo 2**64
    if late.any():
        where = np.flatnonzero(late)[:1]
        raise no_room(first[where[0]], row_text(where if np.ndim(position) else (), "index"))

    def place(where: tuple[int, ...]) -> str:
        row = where[0]
        sequence = int(np.searchsorted(starts, row, side="right")) - 1
        return f" at row {row}" + (f" (row {shift[row]} of sequence {sequence})" if len(drafts) > 1 else "")

    own = own_draws(
        ufuncs.sample_logits,
        caller if caller.place is not None else caller._replace(place=place),
        x,
        _of_rows(_one_each(seed, "seed", drafts), counts),
        np.repeat(first, counts) + shift.astype(np.uint64),
        params,
        _of_rows(_one_each(stream, "stream", drafts, STREAM_LIMIT), counts),
        token_ids,
        workers=workers,
    )
    tokens, accepted = [], []
    for given, start, end in zip(drafts, starts, starts[1:], strict=False):
        right = _run(given == own[start : end - 1])
        tokens.append(own[start : start + right + 1])
        accepted.append(right)
    return Verified(tokens, accepted)


def own_draws(
    ufunc: np.ufunc,
    caller: Caller,
    x: Array,
    seed: Any,
    position: Any,
    params: SamplingParams,
    stream: Any = 0,
    token_ids: Any = None,
    out: Any = None,
    workers: Any = 1,
) -> Any:
    """What the ufunc draws from what params keep of the caller's rows."""
    parameters = logits_parameters(caller, seed, position, params.temperature, stream, 0)
    read = keep(x if token_ids is None else spread(x, token_ids, caller), params, caller, x)
    return draw(ufunc, caller, x, parameters, out, workers, read)


def no_room(position: Any, at: str = "") -> ValueError:
    """The error for a sequence that is so long already that a draft has no position."""
    return ValueError(f"position must leave room for the drafts below 2**64, got {position}{at}")


def _run(right: npt.NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(right) if right.all() else int(right.argmin())


def _one_each(x: Any, name: str, drafts: list[Items], limit: int = UINT64_LIMIT) -> Any:
    """`x` as one number, or one for each sequence of drafts."""
    numbers = unsigned(x, name, limit)
    if numbers.ndim > 1 or (numbers.ndim == 1 and len(numbers) != len(drafts)):
        wanted = f"one integer or {len(drafts)}, one per sequence"
        raise ValueError(f"{name} must be {wanted}; got shape {numbers.shape}")
    return numbers


def _of_rows(numbers: Any, counts: npt.NDArray[np.int64]) -> Any:
    """One number, or for each row that of its sequence."""
    return np.repeat(numbers, counts) if numbers.ndim else numbers
