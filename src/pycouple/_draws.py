"""Draws for the rows of a batch: from checked rows and parameters to results, or an error that says what was wrong."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import STREAM_LIMIT, counts, reals, shares, threads, unsigned
from pycouple._arrays import Array, widened
from pycouple._errors import SAMPLING, Caller, row_error
from pycouple._shapes import check_out, check_out_shape, check_shapes

Parameters = dict[str, Any]  # what the ufuncs take after the rows, in their order

_SAMPLING = {"temperature": (reals, 1.0), "top_k": (counts, 0), "top_p": (shares, 1.0), "min_p": (shares, 0.0)}

_NOTHING: Parameters = {}
_ALL_ITEMS, _ALL_MASS, _NO_LEAST = np.array(0), np.array(1.0), np.array(0.0)  # the defaults, made once
_INFINITE = np.float64(np.inf)
_OF_KEPT = {  # what is left of a row, by ufuncs that take top_k, top_p and min_p too
    _core.sample_weights: _core.sample_kept_weights,
    _core.sample_logits: _core.sample_kept_logits,
    _core.race_logits: _core.race_kept_logits,
    _core.score_logits: _core.score_kept_logits,
}
_OF_BFLOAT16 = {
    _core.sample_weights: _core.sample_weights_bf16,
    _core.sample_minhash: _core.sample_minhash_bf16,
    _core.sample_logits: _core.sample_logits_bf16,
    _core.race_weights: _core.race_weights_bf16,
    _core.race_logits: _core.race_logits_bf16,
    _core.score_weights: _core.race_weights_bf16,  # the scores of one row compare, scaled or not
    _core.score_logits: _core.race_logits_bf16,
    _core.sample_kept_weights: _core.sample_kept_weights_bf16,
    _core.sample_kept_logits: _core.sample_kept_logits_bf16,
    _core.race_kept_logits: _core.race_kept_logits_bf16,
    _core.score_kept_logits: _core.race_kept_logits_bf16,
    _core.last_kept_weights: _core.last_kept_weights_bf16,
    _core.last_kept_logits: _core.last_kept_logits_bf16,
    _core.kept_terms: _core.kept_terms_bf16,
}


def weights_parameters(
    caller: Caller,
    seed: Any,
    step: Any,
    stream: Any,
    item_offset: Any,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
) -> Parameters:
    """The checked parameters of a draw from weights; without top_k, top_p and min_p if they keep all of every row."""
    return {
        "seed": unsigned(seed, "seed"),
        "step": unsigned(step, caller.step),
        **_truncation(top_k, top_p, min_p),
        "stream": unsigned(stream, "stream", STREAM_LIMIT),
        "item_offset": unsigned(item_offset, "item_offset"),
    }


def logits_parameters(
    caller: Caller,
    seed: Any,
    step: Any,
    temperature: Any,
    stream: Any,
    item_offset: Any,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
) -> Parameters:
    """The checked parameters of a draw from logits, likewise."""
    return {
        "seed": unsigned(seed, "seed"),
        "step": unsigned(step, caller.step),
        "temperature": reals(1.0 if temperature is None else temperature, "temperature"),
        **_truncation(top_k, top_p, min_p),
        "stream": unsigned(stream, "stream", STREAM_LIMIT),
        "item_offset": unsigned(item_offset, "item_offset"),
    }


def sampling_parameter(name: str, value: Any) -> Any:
    """Temperature, top_k, top_p or min_p as an array; None is the default."""
    checked, default = _SAMPLING[name]
    return checked(default if value is None else value, name)


def _truncation(top_k: Any, top_p: Any, min_p: Any) -> Parameters:
    """What removes items, checked; nothing if they are single numbers that keep all."""
    if type(top_k) is int and type(top_p) is float and type(min_p) is float:  # as in most draws: compared at once
        if top_k in (0, -1) and top_p == 1 and min_p == 0:
            return _NOTHING
        return {
            "top_k": _ALL_ITEMS if top_k == 0 else counts(top_k, "top_k"),
            "top_p": _ALL_MASS if top_p == 1 else shares(top_p, "top_p"),
            "min_p": _NO_LEAST if min_p == 0 else shares(min_p, "min_p"),
        }
    k, p, m = sampling_parameter("top_k", top_k), sampling_parameter("top_p", top_p), sampling_parameter("min_p", min_p)
    if k.ndim == p.ndim == m.ndim == 0 and p.item() == 1 and k.item() <= 0 == m.item():
        return _NOTHING
    return {"top_k": k, "top_p": p, "min_p": m}


def draw(
    ufunc: np.ufunc,
    caller: Caller,
    x: Array,
    parameters: Parameters,
    out: Any = None,
    workers: Any = 1,
    read: Array | None = None,
) -> Any:
    """What the ufunc draws from the caller's rows `x`, or from `read`, which is those rows in other columns.

    Where the parameters remove items, the ufunc's kin draws from what is kept. A race of logits has an edge in any
    case.
    """
    rows, kernel, options = x if read is None else read, ufunc, {}
    if "top_k" in parameters or rows.dtype.char == "V":
        kernel, rows = kernel_of(ufunc, rows, parameters)
    edged = ufunc is _core.race_logits and "top_k" not in parameters  # the core gives no edge where all is kept
    if out is not None:
        check_out(out, (np.int64,) + (np.float64,) * (kernel.nout - 1 + edged))
        several = any(value.ndim for value in parameters.values())
        check_out_shape(out, check_batch(caller, x, parameters) if several else x.shape[:-1])
        options["out"] = out[:3] if edged else out
    try:
        result, marked = _core.call(kernel, threads(workers), (rows, *parameters.values()), options)
    except ValueError:
        check_batch(caller, x, parameters)
        raise
    if marked:
        limit = _core.MINHASH_ITEMS if ufunc is _core.sample_minhash else _core.RACE_ITEMS
        raise row_error(result[0] if isinstance(result, tuple) else result, caller, x, parameters, limit)
    if edged:
        if out is not None:
            out[3][...] = np.inf
            return (*result, out[3])
        return (*result, np.full(result[0].shape, np.inf) if result[0].ndim else _INFINITE)
    return result


def kept(ufunc: np.ufunc, caller: Caller, x: Array, parameters: Parameters) -> npt.NDArray[np.bool_]:
    """Which items of the caller's rows are kept, by a ufunc that gives each row's last one."""
    given = {name: value for name, value in parameters.items() if name in SAMPLING}
    last = np.asarray(draw(ufunc, caller, x, given))[..., np.newaxis]
    rows = widened(x)
    edge = np.take_along_axis(np.broadcast_to(rows, (*last.shape[:-1], rows.shape[-1])), last, axis=-1)
    found: npt.NDArray[np.bool_] = (rows > edge) | ((rows == edge) & (np.arange(rows.shape[-1]) <= last))
    return found


def kernel_of(ufunc: np.ufunc, rows: Array, parameters: Parameters) -> tuple[np.ufunc, Array]:
    """The ufunc or its kin that takes these parameters and reads these rows, and the rows as it reads them."""
    if "top_k" in parameters:
        ufunc = _OF_KEPT.get(ufunc, ufunc)
    return (_OF_BFLOAT16[ufunc], rows.view(np.uint16)) if rows.dtype.char == "V" else (ufunc, rows)


def check_batch(caller: Caller, x: Array, parameters: Parameters) -> tuple[int, ...]:
    """The shape of the batch, or an error that says which argument's shape does not fit the others."""
    arrays_last = sorted(parameters.items(), key=lambda item: item[1].ndim)  # of several that are in one argument
    return check_shapes(caller.rows, x, {caller.name(key): value for key, value in arrays_last})
