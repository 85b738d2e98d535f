"""Several drafts: the target's draw by the smallest clock over their streams, which accepts or replaces them.

K drafts come from p, one stream each; the target draws once from q, by the smallest clock over the same streams, and is
among the drafts at least as often as `pycouple.theory.list_agreement_bound` says. No message is needed.
Source: Rowan, Phan and Khisti, *List-Level Distribution Coupling with Applications to Speculative Decoding and Lossy
Compression* (arXiv 2506.05632); `docs/contract.md` writes the rule down to the bit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import STREAM_LIMIT, core_rows, threads, unsigned
from pycouple._arrays import Array
from pycouple._draws import Parameters, check_batch, kernel_of, logits_parameters, weights_parameters
from pycouple._errors import Caller, row_error
from pycouple._shapes import check_out, check_out_shape
from pycouple.sampling.results import Items
from pycouple.speculative.tokens import elements
from pycouple.speculative.warpers import LOGITS, Params, chosen


def list_target(
    weights: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike = 0,
    streams: npt.ArrayLike = (0,),
    *,
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """Draw the target's item from each row of weights, coupled with the drafts of all the listed streams at once.

    Parameters
    ----------
    weights, seed, axis, item_offset, out, workers
        As for `pycouple.sample`.
    position : array_like of int, default 0
        In 0..2**64 - 1: the absolute index, in the whole sequence with its prompt, of the token being predicted.
        `pycouple.sample` calls the same number `step`.
    streams : sequence of int, default (0,)
        The drafts' streams, distinct, in 0..255, at least one: ``range(4)`` for four drafts. Their order does not
        matter.

    Returns
    -------
    ndarray of int64
        The drawn items. The shape is that of `weights` without `axis`, broadcast against `seed`, `position` and
        `item_offset`; a single row gives a NumPy scalar. Each row is read once for all its streams.

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
    ``sample(weights, seed, position, stream=s)``, bit for bit.

    A drafter with distribution p makes draft k by ``sample(p, seed, position, stream=streams[k])``. A server draws
    ``list_target(q, seed, position, streams)``, emits that token, and goes on with a draft if and only if its token is
    the same. So the text depends on the target's distributions, the seed and the streams, never on the drafter. The
    streams are part of the target's rule: another number of them draws from the same distribution, but other tokens.
    Why that is so, and how often a draft is right (Rowan, Phan and Khisti, arXiv 2506.05632), the documentation says
    under "How it works"; `verify_list` does all this for drafts of several tokens.

    The draw is a pure function of the row, seed, position and the set of streams, bit-identical on every machine as in
    `pycouple.sample`.

    Examples
    --------
    >>> p, q, positions = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], np.arange(10_000)
    >>> target = pycouple.speculative.list_target(q, 7, positions, range(4))
    >>> drafts = pycouple.sample(p, 7, positions[:, None], stream=range(4))
    >>> bound = pycouple.theory.list_agreement_bound(p, q, 4)
    >>> float(np.mean((drafts == target[:, None]).any(axis=1))), round(float(bound), 4)
    (0.8967, 0.8427)
    """
    caller = Caller("weights", "position")
    x = core_rows(weights, "weights", axis)
    parameters = weights_parameters(caller, seed, position, 0, item_offset)
    return best_draw(_core.score_weights, caller, x, parameters, streams_of(streams), out, workers)


def list_target_logits(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike = 0,
    streams: npt.ArrayLike = (0,),
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """Draw the target's item from softmax(logits / temperature) of each row, coupled as `list_target` does.

    Parameters
    ----------
    logits, seed, axis, item_offset, out, workers
        As for `pycouple.sample_logits`.
    position, streams
        As for `list_target`.
    params, temperature, top_k, top_p, min_p
        As for `draft`. All streams race the same kept set.

    Returns
    -------
    ndarray of int64
        As for `list_target`; the shape is broadcast against the parameters too.

    Raises
    ------
    ValueError, TypeError
        As for `draft`; of `streams` as for `list_target`.

    Notes
    -----
    The largest ``max over k of logits[i] / temperature - ln(E_i^(k))`` wins, the lowest item among equals; at
    temperature 0 the largest logit. A drafter makes draft k by ``sample_logits(..., stream=streams[k])``. What a server
    does with the draw, its law, the source and the guarantee are those of `list_target`; with one stream it is
    ``sample_logits(..., stream=s)``, bit for bit.

    Examples
    --------
    >>> logits = np.log([0.2, 0.3, 0.5])
    >>> pycouple.speculative.list_target_logits(logits, 7, [0, 1, 2, 3, 4], range(4))
    array([1, 1, 1, 2, 1])
    """
    caller, values = chosen(LOGITS, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    x = core_rows(logits, "logits", axis)
    parameters = logits_parameters(caller, seed, position, stream=0, item_offset=item_offset, **values)
    return best_draw(_core.score_logits, caller, x, parameters, streams_of(streams), out, workers)


def best_draw(
    ufunc: np.ufunc,
    caller: Caller,
    x: Array,
    parameters: Parameters,
    streams: npt.NDArray[np.uint64],
    out: Any,
    workers: Any,
    read: Array | None = None,
) -> Items:
    """The best winner of all streams, from the caller's rows `x` or what is left of them."""
    if out is not None:
        check_out(out, (np.int64,))
        out = out[0] if isinstance(out, tuple) else out
    rows = x if read is None else read
    ufunc, rows = kernel_of(ufunc, rows, parameters)
    # The streams come last, so that draws of one row follow each other and the core reads the row once.
    arguments = [streams if key == "stream" else value[..., np.newaxis] for key, value in parameters.items()]
    try:
        result, marked = _core.call(ufunc, threads(workers), (rows[..., np.newaxis, :], *arguments), {})
    except ValueError:
        check_batch(caller, x, parameters)
        raise
    items, scores = result[:2]
    if marked:  # in every stream alike, unless another thread writes to the row
        raise row_error(items.min(axis=-1), caller, x, parameters, _core.RACE_ITEMS)
    if out is not None:
        check_out_shape(out, items.shape[:-1])
    first = scores == scores.max(axis=-1, keepdims=True)
    best: Items = np.where(first, items, _core.RACE_ITEMS).min(axis=-1, out=out)
    return best


def streams_of(streams: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    wanted = "a sequence of integers"
    if isinstance(streams, int | np.integer) and 1 < streams <= STREAM_LIMIT:
        raise TypeError(f"streams must be {wanted}, got {type(streams).__name__}: pass range({streams})")
    several: npt.NDArray[np.uint64] = unsigned(elements(streams, "streams", wanted), "streams", STREAM_LIMIT)
    if several.ndim != 1:
        raise ValueError(f"streams must have one axis, got shape {several.shape}")
    if several.size == 0:
        raise ValueError("streams must not be empty")
    numbers = several.tolist()
    if len(set(numbers)) < len(numbers):
        repeated = next(s for s in numbers if numbers.count(s) > 1)
        raise ValueError(f"streams must be distinct, got {repeated} more than once")
    return several
