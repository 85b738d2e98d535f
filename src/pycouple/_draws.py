"""Draws for the rows of a batch: from checked rows and parameters to results, or an error that says what was wrong."""

from typing import Any

import numpy as np

from pycouple import _core
from pycouple._arguments import (
    STREAM_LIMIT,
    Caller,
    check_out,
    check_out_shape,
    check_shapes,
    row_error,
    temperatures,
    threads,
    unsigned,
)
from pycouple._arrays import Array

Parameters = dict[str, Any]  # what the ufuncs take after the rows, in their order


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
        "temperature": temperatures(temperature, caller.temperature),
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
        options["out"] = out
    rows = x if read is None else read
    try:
        result, marked = _core.call(ufunc, threads(workers), (rows, *parameters.values()), options)
    except ValueError:
        check_batch(caller, x, parameters, out)
        raise
    if marked:
        limit = _core.MINHASH_ITEMS if ufunc is _core.sample_minhash else _core.RACE_ITEMS
        raise row_error(result[0] if isinstance(result, tuple) else result, caller, x, parameters, limit)
    return result


def check_batch(caller: Caller, x: Array, parameters: Parameters, out: Any = None) -> None:
    """Raise an error that says which argument's shape does not fit the others."""
    shape = check_shapes(caller.rows, x, {caller.name(key): value for key, value in parameters.items()})
    if out is not None:
        check_out_shape(out, shape)
