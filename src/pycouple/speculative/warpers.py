"""What a sampler leaves of a row of logits: temperature, top-k, top-p and min-p, in this order."""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import core_rows, integer, native, real
from pycouple._arrays import widened
from pycouple._draws import kept, sampling_parameter
from pycouple._errors import SAMPLING, Caller, given, row_text

Logits = npt.NDArray[Any]
Chosen = dict[str, Any]  # temperature, top_k, top_p and min_p as they are given

LOGITS = Caller("logits", "position")


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
    return SamplingParams() if params is None else _own(params, "params")


def _own(params: Any, name: str) -> SamplingParams:
    if not isinstance(params, SamplingParams):
        kind = type(params)
        got = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise TypeError(f"{name} must be pycouple.speculative.SamplingParams, got {got}")
    return params


def several_params(params: Any) -> list[SamplingParams]:
    """A sequence of params as a list."""
    listed = isinstance(params, Iterable) and getattr(params, "ndim", 1) > 0
    if not listed or isinstance(params, str | bytes | Mapping | Set):
        _own(params, "params")
    return [_own(one, f"params[{i}]") for i, one in enumerate(params)]


Params = SamplingParams | Iterable[SamplingParams] | None


def one_chosen(params: SamplingParams) -> Chosen:
    """The numbers of a SamplingParams."""
    return {name: getattr(params, name) for name in SAMPLING}


_DEFAULTS = one_chosen(SamplingParams())


def chosen(caller: Caller, params: Any, **keywords: Any) -> tuple[Caller, Chosen]:
    """What a caller chose by `params`, one or several, or by keywords; and the caller, with what errors call it."""
    given = {name: value for name, value in keywords.items() if value is not None}
    if params is None:
        return caller, _DEFAULTS | given
    for name in given:
        raise ValueError(f"{name} must be left out beside params, which have a {name} of their own")
    caller = caller._replace(params="params")
    if isinstance(params, SamplingParams):
        return caller, one_chosen(params)
    several = several_params(params)
    columns: Chosen = {name: [getattr(one, name) for one in several] for name in SAMPLING}
    for name in SAMPLING[1:]:  # one temperature per row says already how many rows there are
        if len(set(columns[name])) == 1:
            columns[name] = columns[name][0]
    return caller, columns


def warp(
    logits: npt.ArrayLike,
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
) -> Logits:
    """Logits over temperature, with -inf for what top-k, top-p and min-p remove.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Finite numbers or -inf, as for `pycouple.sample_logits`.
    params, temperature, top_k, top_p, min_p
        As for `draft`.

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
    No draw needs this row: `draft` and its kin draw from the kept tokens without making it.

    It does what transformers' TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper and MinPLogitsWarper do one
    after the other. They divide and sum in float32, this one sums probabilities that are rounded to integers, at most
    2**28, so a token at the very edge of what is kept may differ; of equal logits at the edge of a nucleus the lowest
    ids are kept, where theirs are those that their sort, which is not stable, puts first. `docs/kept.md` fixes to the
    bit which tokens are kept, on every machine (subnormal logits apart, where a thread flushes them to zero).

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams, warp
    >>> warp([2.0, 1.0, 0.0, -1.0], SamplingParams(temperature=0.5, top_p=0.9))
    array([  4.,   2., -inf, -inf])
    """
    caller, values = chosen(LOGITS, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    return warped(core_rows(logits, "logits"), caller, values)


def warped(x: Logits, caller: Caller, values: Chosen) -> Logits:
    """`warp` of a caller's rows."""
    x = native(widened(x))
    parameters = {name: sampling_parameter(name, values[name]) for name in SAMPLING}
    left = kept(_core.last_kept_logits, caller, x, parameters)
    kind = np.float64 if x.dtype == np.float64 else np.float32
    temperature = parameters["temperature"][..., np.newaxis]
    with np.errstate(all="ignore"):
        quotients = (x.astype(np.float64) / temperature).astype(kind)
    rows: Logits = np.where(left, np.where(temperature == 0, kind(0), quotients), kind(-np.inf))
    over = np.isinf(rows.max(axis=-1))
    if over.any():
        where = tuple(int(i) for i in np.argwhere(over)[0])
        name, got = given(caller, "temperature", parameters, where)
        raise ValueError(
            f"{name} {got} is so small that {caller.rows} / temperature overflows{row_text(where)}; temperature=0 "
            "takes the largest logit"
        )
    return rows
