"""One drafter: the target's own draws accept or replace its drafts."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import ufuncs
from pycouple._arguments import STREAM_LIMIT, core_rows, unsigned
from pycouple._arrays import Array, on_device
from pycouple._draws import sampling_parameter
from pycouple._errors import Caller
from pycouple.sampling.results import Items
from pycouple.speculative import device
from pycouple.speculative.batches import Rows, check_two_axes
from pycouple.speculative.draws import own_draws
from pycouple.speculative.tokens import sequences
from pycouple.speculative.warpers import LOGITS, Chosen, Params, chosen

_TARGET = LOGITS._replace(rows="target_logits")


class Verified(NamedTuple):
    """What `verify` returns: the tokens to commit, and how many of them are accepted drafts. Lists for a batch."""

    tokens: Any
    accepted: Any


def verify(
    draft_tokens: Iterable[int] | Iterable[Iterable[int]] | npt.NDArray[np.integer],
    target_logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
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
    params : SamplingParams, or sequence of SamplingParams, optional
        The target's: one, or one per sequence, or one per row of `target_logits`.
    temperature, top_k, top_p, min_p : array_like, optional
        The same in the place of `params`, each one number, or one per sequence, or one per row.
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

    For CUDA logits both are tensors on the device: ``tokens`` of shape (sequences, K + 1), or (K + 1,), for the largest
    K, padded with -1, and ``accepted`` of shape (sequences,), or (). The call does not wait for the device.

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

    With CUDA logits `draft_tokens` may be a tensor of shape (K,) or (sequences, K), a list of tensors, or on the host.
    A bad row raises no error there: its sequence ends with the token -1.

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
    caller, values = chosen(_TARGET, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    if on_device(target_logits):
        return Verified(
            *device.verified(caller, draft_tokens, target_logits, seed, position, values, stream, axis, token_ids)
        )
    x = core_rows(target_logits, "target_logits", axis)
    check_two_axes(caller.rows, tuple(x.shape))
    drafts, single = sequences(draft_tokens)
    found = verified(caller, drafts, x, seed, position, values, stream, token_ids, workers)
    return Verified(found.tokens[0], found.accepted[0]) if single else found


def verified(
    caller: Caller,
    drafts: list[Items],
    x: Array,
    seed: Any,
    position: Any,
    values: Chosen,
    stream: Any = 0,
    token_ids: Any = None,
    workers: Any = 1,
) -> Verified:
    """`verify` of a batch of checked drafts."""
    rows = Rows(caller.rows, [len(tokens) for tokens in drafts], len(x))
    own = own_draws(
        ufuncs.sample_logits,
        caller if caller.place is not None else caller._replace(place=rows.place),
        x,
        rows.of_sequences("seed", unsigned(seed, "seed")),
        rows.positions(unsigned(position, "position")),
        {
            name: value
            if isinstance(value, int | float)  # one number is checked with the draw
            else rows.of_any(caller.name(name), sampling_parameter(name, value))
            for name, value in values.items()
        },
        rows.of_sequences("stream", unsigned(stream, "stream", STREAM_LIMIT)),
        token_ids,
        workers=workers,
    )
    tokens, accepted = [], []
    for given, start in zip(drafts, rows.starts, strict=True):
        right = _run(given == own[start : start + len(given)])
        tokens.append(own[start : start + right + 1])
        accepted.append(right)
    return Verified(tokens, accepted)


def _run(right: npt.NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(right) if right.all() else int(right.argmin())
