"""What a sampler leaves of a row of logits: temperature, top-k, top-p and min-p, in this order."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import core_rows, integer, native, real
from pycouple._arrays import widened
from pycouple._errors import Caller, bad_value, no_item, row_text

Logits = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]

LOGITS = Caller("logits", "position", "params.temperature")

_FIRST_LOOK = 256  # items sorted at first to find a nucleus
_PIECE = 2**17  # logits at a time, so that what is made of them stays in a cache


@dataclass(frozen=True, slots=True, init=False)
class SamplingParams:
    """How tokens are drawn from logits; the meaning and the order are those of transformers' warpers.

    None is the default of each, as what a generation config leaves open is. A number of any real type will do; it
    becomes the nearest double.

    Parameters
    ----------
    temperature : float, default 1.0
        Finite and not negative; 0 takes the largest logit, whatever the others say.
    top_k : int, default 0
        Keep the so many largest logits, and those equal to the last of them. 0 keeps all, and so does -1, which becomes
        0: it is how users of vLLM write it.
    top_p : float, default 1.0
        In [0, 1]. Keep the fewest largest logits whose probabilities sum to top_p or more, at least one; 1 keeps all.
    min_p : float, default 0.0
        In [0, 1]. Keep what has at least min_p times the probability of the largest; 0 keeps all.

    Raises
    ------
    ValueError, TypeError
        A number is out of range, or of another type.

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams
    >>> SamplingParams(temperature=0.8, top_k=-1, top_p=0.95)
    SamplingParams(temperature=0.8, top_k=0, top_p=0.95, min_p=0.0)
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float

    def __init__(
        self,
        temperature: float | None = 1.0,
        top_k: int | None = 0,
        top_p: float | None = 1.0,
        min_p: float | None = 0.0,
    ) -> None:
        count = 0 if top_k is None else integer(top_k, "top_k")
        if count < -1:
            raise ValueError(f"top_k must be positive, or 0 or -1 to keep all; got {count}")
        for name, value in (
            ("temperature", _real(temperature, "temperature", 1.0, math.inf)),
            ("top_k", max(count, 0)),
            ("top_p", _real(top_p, "top_p", 1.0, 1.0)),
            ("min_p", _real(min_p, "min_p", 0.0, 1.0)),
        ):
            object.__setattr__(self, name, value)


def _real(x: Any, name: str, default: float, most: float) -> float:
    """`x` as a finite number in [0, most]."""
    if x is None:
        return default
    number = real(x, name)
    if not 0 <= number <= most or number == math.inf:
        what = "finite and at least 0" if most == math.inf else "in [0, 1]"
        raise ValueError(f"{name} must be {what}, got {number}")
    return number


def params_of(params: Any) -> SamplingParams:
    """`params`, or the defaults for None."""
    if params is None:
        return SamplingParams()
    if not isinstance(params, SamplingParams):
        kind = type(params)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise TypeError(f"params must be pycouple.speculative.SamplingParams, got {name}")
    return params


def warp(logits: npt.ArrayLike, params: SamplingParams | None = None) -> Logits:
    """Logits over temperature, with -inf for what top-k, top-p and min-p remove.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Finite numbers or -inf, as for `pycouple.sample_logits`.
    params : SamplingParams, optional

    Returns
    -------
    ndarray, shape (..., n)
        float64 of float64 logits, else float32: what softmax is taken of. At temperature 0 the first of the largest
        logits is 0 and all others -inf.

    Raises
    ------
    ValueError
        A row has a NaN, a +inf, or no finite logit; the temperature is so small that the largest logit over it
        overflows; the message says which row.
    TypeError
        The logits are not real numbers; params are no SamplingParams.

    Notes
    -----
    It does what transformers' TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper and MinPLogitsWarper do one
    after the other. They divide and sum in float32, this one in doubles, so a token at the very edge of what is kept
    may differ; of equal logits at the edge of a nucleus the lowest ids are kept, where theirs are the highest. Which
    tokens are kept is bit-identical on every machine (subnormal logits apart, where a thread flushes them to zero).

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams, warp
    >>> warp([2.0, 1.0, 0.0, -1.0], SamplingParams(temperature=0.5, top_p=0.9))
    array([  4.,   2., -inf, -inf])
    """
    return warped(core_rows(logits, "logits"), params_of(params), LOGITS)


def warped(x: Logits, params: SamplingParams, caller: Caller) -> Logits:
    """`warp` of a caller's rows."""
    x = native(widened(x))
    check_rows(x, caller)
    kept = keep(x, params, caller)
    kind = np.float64 if kept.dtype == np.float64 else np.float32
    if params.temperature == 0:
        first = np.argmax(kept, axis=-1, keepdims=True)
        greedy: Logits = np.where(np.arange(kept.shape[-1]) == first, kind(0), kind(-np.inf))
        return greedy
    with np.errstate(over="ignore", under="ignore"):
        quotients: Logits = (kept.astype(np.float64) / params.temperature).astype(kind)
    over = np.isinf(quotients.max(axis=-1))
    if over.any():
        row = np.argwhere(over)[0]
        raise ValueError(
            f"{caller.temperature} {params.temperature} is so small that {caller.rows} / temperature overflows"
            f"{row_text(row)}; temperature=0 takes the largest logit"
        )
    return quotients


def keep(x: Logits, params: SamplingParams, caller: Caller = LOGITS, given: Logits | None = None) -> Logits:
    """The logits with -inf for what is removed: themselves if nothing is. The draws are made from these.

    Errors are about `given`, the caller's logits, if `x` are those in other columns.
    """
    k = params.top_k if params.top_k < x.shape[-1] else 0
    if params.temperature == 0 or not (k or params.top_p < 1 or params.min_p > 0):
        return x
    x = widened(x)
    n = x.shape[-1]
    tops = check_rows(x if given is None else widened(given), caller).reshape(-1)
    rows = x.reshape(-1, n)
    kept = np.empty(rows.shape, x.dtype.newbyteorder("="))
    size = max(1, _PIECE // n)
    for start in range(0, len(rows), size):
        piece = slice(start, start + size)
        own = native(rows[piece]).copy()  # another thread may write the caller's
        kept[piece] = np.where(_removed(own, tops[piece], k, params), x.dtype.type(-np.inf), own)
    return kept.reshape(x.shape)


def _removed(x: Logits, tops: Reals, k: int, params: SamplingParams) -> npt.NDArray[np.bool_]:
    """What top-k, top-p and min-p remove from rows."""
    removed = np.zeros(x.shape, bool)
    if k:
        removed = x < np.partition(x, -k, axis=-1)[..., -k, np.newaxis]
    if params.top_p == 1 and params.min_p == 0:
        return removed
    rows = np.ascontiguousarray(native(x if x.dtype.itemsize == 8 else x.astype(np.float32)))
    if not k:
        return _unlikely(rows, tops, params)
    for i, row in enumerate(rows):  # few items are left
        left = np.flatnonzero(~removed[i])
        removed[i, left] = _unlikely(row[np.newaxis, left], tops[i : i + 1], params)[0]
    return removed


def _unlikely(rows: Logits, tops: Reals, params: SamplingParams) -> npt.NDArray[np.bool_]:
    """What top-p and min-p remove."""
    terms, sums = _core.softmax_terms(rows, tops, params.temperature)
    removed = terms < params.min_p  # the largest term is exp(0) = 1
    if params.top_p < 1:
        removed |= _outside_nucleus(rows, tops, params.temperature, params.top_p * sums)
    return removed


def check_rows(x: Logits, caller: Caller) -> Reals:
    """The largest logit of each row; an error for the first row that has none, or a NaN or +inf."""
    if x.shape[-1] == 0:
        raise ValueError(f"{caller.rows}: {no_item('logit', 0, '')}")
    top = x.max(axis=-1)
    bad = ~np.isfinite(top)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        at = row_text(where) if caller.place is None else caller.place(where)
        row = x[where]
        what = no_item("logit", len(row), at) if (row == -np.inf).all() else bad_value("logit", row, at=at)
        raise ValueError(f"{caller.rows}: {what}")
    tops: Reals = top.astype(np.float64)
    return tops


def _outside_nucleus(rows: Logits, tops: Reals, temperature: float, masses: Reals) -> npt.NDArray[np.bool_]:
    """What is not among the fewest largest logits whose softmax terms sum to a mass or more."""
    removed = np.zeros(rows.shape, bool)
    n = rows.shape[-1]
    todo, look = np.arange(len(rows)), min(_FIRST_LOOK, n)
    while len(todo):
        largest = np.sort(np.partition(rows[todo], n - look, axis=-1)[:, n - look :])[:, ::-1].copy()
        running = _core.softmax_terms(largest, tops[todo], temperature)[0].cumsum(axis=-1)
        enough = running >= masses[todo, np.newaxis]
        enough[:, -1] |= look == n  # rounding may leave the whole row short
        found = enough.any(axis=-1)
        for row, last, values in zip(todo[found], enough.argmax(axis=-1)[found], largest[found], strict=True):
            edge = values[last]
            removed[row] = rows[row] < edge
            ties = np.flatnonzero(rows[row] == edge)
            removed[row, ties[int(last) + 1 - int((values > edge).sum()) :]] = True
        todo, look = todo[~found], min(8 * look, n)
    return removed
