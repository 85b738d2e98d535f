"""Several drafts: the target's draw by the smallest clock over their streams, which accepts or replaces them.

K drafts come from p, one stream each; the target draws once from q, by the smallest clock over the same streams, and is
among the drafts at least as often as `pycouple.theory.list_agreement_bound` says. No message is needed.
Source: Rowan, Phan and Khisti, *List-Level Distribution Coupling with Applications to Speculative Decoding and Lossy
Compression* (arXiv 2506.05632); `docs/contract.md` writes the rule down to the bit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import (
    STREAM_LIMIT,
    check_choice,
    check_shapes,
    one_unsigned,
    real_rows,
    row_error,
    temperatures,
    threads,
    unsigned,
)
from pycouple.speculative.verification import Verified, token_numbers
from pycouple.speculative.warpers import SamplingParams, keep

Items = npt.NDArray[np.int64]

INVARIANCES = ("strong", "conditional")

_FIRST_ITEM = np.zeros((), np.uint64)


def list_target(
    weights: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    streams: npt.ArrayLike = (0,),
    *,
    axis: int = -1,
    workers: int = 1,
) -> Items:
    """Draw the target's item from each row of weights, coupled with the drafts of all the listed streams at once.

    Parameters
    ----------
    weights, seed, step, axis, workers
        As for `pycouple.sample`.
    streams : sequence of int, default (0,)
        The drafts' streams, distinct, in 0..255, at least one: ``range(4)`` for four drafts. Their order does not
        matter.

    Returns
    -------
    ndarray of int64
        The drawn items. The shape is that of `weights` without `axis`, broadcast against `seed` and `step`; a single
        row gives a NumPy scalar. Each row is read once for all its streams.

    Raises
    ------
    ValueError
        As for `pycouple.sample`; `streams` is empty, has more than one axis, repeats a stream or holds one that is out
        of range.
    TypeError
        As for `pycouple.sample`; `streams` is a single number.

    See Also
    --------
    list_target_logits : the same from logits, without a softmax.
    pycouple.theory.list_agreement_bound : how often the draw is among the drafts, at least.

    Notes
    -----
    Item i has one clock per stream, E_i^(k); the smallest ``min over k of E_i^(k) / weights[i]`` wins, the lowest item
    among equals. Item i is still drawn with probability ``weights[i] / sum(weights)``. With one stream it is
    ``sample(weights, seed, step, stream=s)``, bit for bit.

    A drafter with distribution p makes draft k by ``sample(p, seed, step, stream=streams[k])``. A server draws
    ``list_target(q, seed, step, streams)``, emits that token, and goes on with a draft if and only if its token is
    the same. So the text depends on the target's distributions, the seed and the streams, never on the drafter. The
    streams are part of the target's rule: another number of them draws from the same distribution, but other tokens.
    Why that is so, and how often a draft is right (Rowan, Phan and Khisti, arXiv 2506.05632), the documentation says
    under "How it works"; `verify_list` does all this for drafts of several tokens.

    The draw is a pure function of the row, seed, step and the set of streams, bit-identical on every machine as in
    `pycouple.sample`.

    Examples
    --------
    >>> p, q, steps = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], np.arange(10_000)
    >>> target = pycouple.speculative.list_target(q, 7, steps, range(4))
    >>> drafts = pycouple.sample(p, 7, steps[:, None], stream=range(4))
    >>> bound = pycouple.theory.list_agreement_bound(p, q, 4)
    >>> float(np.mean((drafts == target[:, None]).any(axis=1))), round(float(bound), 4)
    (0.8967, 0.8427)
    """
    several = _streams(streams)
    x = real_rows(weights, "weights")
    parameters = {"seed": unsigned(seed, "seed"), "step": unsigned(step, "step")}
    return _race(_core.score_weights, "weights", x, parameters, several, axis, workers)


def list_target_logits(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    streams: npt.ArrayLike = (0,),
    *,
    temperature: npt.ArrayLike = 1.0,
    axis: int = -1,
    workers: int = 1,
) -> Items:
    """Draw the target's item from softmax(logits / temperature) of each row, coupled as `list_target` does.

    Parameters
    ----------
    logits, seed, step, temperature, axis, workers
        As for `pycouple.sample_logits`.
    streams
        As for `list_target`.

    Returns
    -------
    ndarray of int64
        As for `list_target`; the shape is broadcast against `temperature` too.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.sample_logits`; of `streams` as for `list_target`.

    Notes
    -----
    The largest ``max over k of logits[i] / temperature - ln(E_i^(k))`` wins, the lowest item among equals; at
    temperature 0 the largest logit. A drafter makes draft k by ``sample_logits(..., stream=streams[k])``. What a server
    does with the draw, its law, the source and the guarantee are those of `list_target`; with one stream it
    is ``sample_logits(..., stream=s)``, bit for bit.

    Examples
    --------
    >>> logits = np.log([0.2, 0.3, 0.5])
    >>> pycouple.speculative.list_target_logits(logits, 7, [0, 1, 2, 3, 4], range(4))
    array([1, 1, 1, 2, 1])
    """
    several = _streams(streams)
    x = real_rows(logits, "logits")
    parameters = {
        "seed": unsigned(seed, "seed"),
        "step": unsigned(step, "step"),
        "temperature": temperatures(temperature),
    }
    return _race(_core.score_logits, "logits", x, parameters, several, axis, workers)


def verify_list(
    draft_tokens: Sequence[Sequence[int]] | npt.NDArray[np.integer],
    target_logits: Sequence[npt.ArrayLike] | npt.NDArray[Any],
    seed: int,
    position: int,
    params: SamplingParams | None = None,
    *,
    streams: Sequence[int] | None = None,
    invariance: str = "strong",
) -> Verified:
    """Accept what some draft has right: the target draws by the smallest clock over the drafts' streams.

    Parameters
    ----------
    draft_tokens : K sequences of int
        Draft k was drawn token by token with ``draft(..., stream=streams[k])``.
    target_logits : K arrays, shape (length + 1, n)
        For each draft the target's next-token logits before its first token, after it, and so on.
    seed, position : int
        As for `verify`: position is the absolute index of the token that the first rows predict.
    params : SamplingParams, optional
        The target's.
    streams : sequence of int, default range(K)
        The drafts' streams.
    invariance : {"strong", "conditional"}
        Over which streams the target draws:

        - "strong": always all of them. The text depends on the target, the seed and the streams alone, whatever the
          drafts are. It costs: a draft that is left alone still has K - 1 streams against it, so drafts of several
          tokens that part early are hardly better together than one.
        - "conditional": those of the drafts that are right so far (Algorithm 2 of the paper). The text also depends on
          which drafts those were, so on the drafters. Later tokens are accepted as often as one draft's are, or more.

    Returns
    -------
    Verified
        The target's draws while one draft has them all, and one more, as `verify` gives them.

    Raises
    ------
    ValueError, TypeError
        As for `verify` and `list_target_logits`; the drafts, their rows and the streams differ in number.

    Notes
    -----
    Source: Rowan, Phan and Khisti, arXiv 2506.05632. The first token is accepted with probability
    ``pycouple.theory.list_agreement_bound(p, q, K)`` or more.

    Use "strong" when a text has to be repeatable: another drafter, or none (`list_target_logits` over the same
    streams), gives the same one. Use "conditional" when only its law counts, which is the target's in both.

    Examples
    --------
    >>> from pycouple.speculative import draft, verify_list
    >>> logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])  # here the target's logits do not depend on the text
    >>> drafts = [draft([[0.0, 0.1, 0.0]], seed=7, position=[3], stream=k) for k in range(4)]
    >>> verify_list(drafts, [logits] * 4, seed=7, position=3)
    Verified(tokens=array([2, 1]), accepted=1)
    """
    check_choice("invariance", invariance, INVARIANCES)
    drafts = [token_numbers(tokens, "draft_tokens") for tokens in draft_tokens]
    lanes = list(range(len(drafts)) if streams is None else streams)
    rows = [real_rows(x, "target_logits") for x in target_logits]
    if not len(drafts) == len(rows) == len(lanes):
        raise ValueError(
            f"draft_tokens, target_logits and streams must be as many, got {len(drafts)}, {len(rows)} and {len(lanes)}"
        )
    for k, (tokens, x) in enumerate(zip(drafts, rows, strict=True)):
        if x.ndim != 2 or len(x) != len(tokens) + 1:
            raise ValueError(f"target_logits of draft {k} must have {len(tokens) + 1} rows, got shape {x.shape}")
    if not drafts:
        raise ValueError("draft_tokens must hold at least one draft")
    key, first = one_unsigned(seed, "seed"), one_unsigned(position, "position")
    params = SamplingParams() if params is None else params
    alive = list(range(len(drafts)))
    out: list[int] = []
    while True:
        j = len(out)
        row = keep(rows[alive[0]][j], params)
        listed = lanes if invariance == "strong" else [lanes[k] for k in alive]
        token = int(list_target_logits(row, key, first + j, listed, temperature=params.temperature))
        out.append(token)
        alive = [k for k in alive if j < len(drafts[k]) and drafts[k][j] == token]
        if not alive:
            return Verified(np.array(out, np.int64), j)


def _race(
    ufunc: np.ufunc,
    name: str,
    x: npt.NDArray[Any],
    parameters: dict[str, Any],
    streams: npt.NDArray[np.uint64],
    axis: int,
    workers: Any,
) -> Items:
    """The best winner of all streams."""
    # The streams come last, so that draws of one row follow each other and the core reads the row once.
    rows = np.moveaxis(x, axis, -1)[..., np.newaxis, :]
    spread = (value[..., np.newaxis] for value in parameters.values())
    count = threads(workers)
    try:
        (items, scores), marked = _core.call(ufunc, count, (rows, *spread, streams, _FIRST_ITEM), {})
    except ValueError:
        check_shapes(name, x, axis, parameters)
        raise
    if marked:  # in every stream alike
        raise row_error(items[..., 0], name, x, axis, parameters, _core.RACE_ITEMS)
    first = scores == scores.max(axis=-1, keepdims=True)
    best: Items = np.where(first, items, _core.RACE_ITEMS).min(axis=-1)
    return best


def _streams(streams: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    if np.ndim(streams) == 0:
        hint = f": pass range({streams})" if isinstance(streams, int | np.integer) else ""
        raise TypeError(f"streams must be a sequence of integers, got {type(streams).__name__}{hint}")
    several: npt.NDArray[np.uint64] = unsigned(streams, "streams", STREAM_LIMIT)
    if several.ndim != 1:
        raise ValueError(f"streams must have one axis, got shape {several.shape}")
    if several.size == 0:
        raise ValueError("streams must not be empty")
    numbers = several.tolist()
    if len(set(numbers)) < len(numbers):
        repeated = next(s for s in numbers if numbers.count(s) > 1)
        raise ValueError(f"streams must be distinct, got {repeated} more than once")
    return several
