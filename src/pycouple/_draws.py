"""Draws for the rows of a batch: from checked rows and parameters to results, or an error that says what was wrong."""

from typing import Any

import numpy as np

from pycouple import _core
from pycouple._arguments import STREAM_LIMIT, reals, threads, unsigned
from pycouple._arrays import Array
from pycouple._errors import Caller, row_error
from pycouple._shapes import check_out, check_out_shape, check_shapes

Parameters = dict[str, Any]  # what the ufuncs take after the rows, in their order

_OF_BFLOAT16 = {
    _core.sample_weights: _core.sample_weights_bf16,
    _core.sample_minhash: _core.sample_minhash_bf16,
    _core.sample_logits: _core.sample_logits_bf16,
    _core.race_weights: _core.race_weights_bf16,
    _core.race_logits: _core.race_logits_bf16,
    _core.score_weights: _core.race_weights_bf16,  # the scores of one row compare, scaled or not
    _core.score_logits: _core.race_logits_bf16,
}


def weights_parameters(caller: Caller, seed: Any, step: Any, stream: Any, item_offset: Any) -> Parameters:
    """The checked parameters of a draw from weights."""
    return {
        "seed": unsigned(seed, "seed"),
        "step": unsigned(step, caller.step),
        "stream": unsigned(stream, "stream", STREAM_LIMIT),
        "item_offset": unsigned(item_offset, "item_offset"),
    }


def logits_parameters(
    caller: Caller, seed: Any, step: Any, temperature: Any, stream: Any, item_offset: Any
) -> Parameters:
    """The checked parameters of a draw from logits."""
    return {
        "seed": unsigned(seed, "seed"),
        "step": unsigned(step, caller.step),
        "temperature": reals(temperature, caller.temperature),
        "stream": unsigned(stream, "stream", STREAM_LIMIT),
        "item_offset": unsigned(item_offset, "item_offset"),
    }


def draw(
    ufunc: np.ufunc,
    caller: Caller,
    x: Array,
    parameters: Parameters,
    out: Any = None,
    workers: Any = 1,
    read: Array | None = None,
) -> Any:
    """What the ufunc draws from the caller's rows `x`, or from `read`, which is what is left of them."""
    options = {}
    if out is not None:
        check_out(out, (np.int64,) + (np.float64,) * (ufunc.nout - 1))
        several = any(value.ndim for value in parameters.values())
        check_out_shape(out, check_batch(caller, x, parameters) if several else x.shape[:-1])
        options["out"] = out
    rows = x if read is None else read
    kernel = ufunc
    if rows.dtype.char == "V":
        kernel, rows = of_bfloat16(ufunc, rows)
    try:
        result, marked = _core.call(kernel, threads(workers), (rows, *parameters.values()), options)
    except ValueError:
        check_batch(caller, x, parameters)
        raise
    if marked:
        limit = _core.MINHASH_ITEMS if ufunc is _core.sample_minhash else _core.RACE_ITEMS
        raise row_error(result[0] if isinstance(result, tuple) else result, caller, x, parameters, limit)
    return result


def of_bfloat16(ufunc: np.ufunc, rows: Array) -> tuple[np.ufunc, Array]:
    """The ufunc that reads the bits of BFLOAT16 rows, and these bits."""
    return _OF_BFLOAT16[ufunc], rows.view(np.uint16)


def check_batch(caller: Caller, x: Array, parameters: Parameters) -> tuple[int, ...]:
    """The shape of the batch, or an error that says which argument's shape does not fit the others."""
    return check_shapes(caller.rows, x, {caller.name(key): value for key, value in parameters.items()})
