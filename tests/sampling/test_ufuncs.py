"""The public gufuncs in the engines they are for: dask.array and xarray."""

import dask.array as da
import numpy as np
import xarray as xr

import pycouple
from pycouple import ufuncs

U = np.uint64


def rows():
    return np.random.default_rng(1).normal(0, 3, (24, 300)).astype(np.float32)


def test_signatures():
    assert ufuncs.sample_weights.signature == "(n),(),(),(),()->()"
    assert ufuncs.sample_logits.signature == "(n),(),(),(),(),()->()"
    assert ufuncs.race_weights.signature == "(n),(),(),(),()->(),()"
    assert ufuncs.race_logits.signature == "(n),(),(),(),(),()->(),(),()"
    assert ufuncs.sample_kept_weights.signature == "(n),(),(),(),(),(),(),()->()"
    assert ufuncs.sample_kept_logits.signature == "(n),(),(),(),(),(),(),(),()->()"
    assert ufuncs.race_kept_logits.signature == "(n),(),(),(),(),(),(),(),()->(),(),(),()"
    assert ufuncs.last_kept_weights.signature == "(n),(),(),()->()"
    assert ufuncs.last_kept_logits.signature == "(n),(),(),(),()->()"
    assert ufuncs.clock.nin == ufuncs.gumbel.nin == ufuncs.uniform.nin == 4


def test_ufuncs_are_the_functions():
    x, steps = rows(), np.arange(24, dtype=U)
    assert np.array_equal(ufuncs.sample_logits(x, U(5), steps, 0.7, U(1), U(64)),
                          pycouple.sample_logits(x, 5, steps, temperature=0.7, stream=1, item_offset=64))  # fmt: skip
    w = np.exp(x)
    assert np.array_equal(ufuncs.sample_weights(w, U(5), steps, U(1), U(0)), pycouple.sample(w, 5, steps, stream=1))
    assert np.array_equal(ufuncs.race_weights(w, U(5), steps, U(1), U(0)), pycouple.race_weights(w, 5, steps, stream=1))


def test_ufuncs_of_kept_sets_are_the_functions():
    x, steps, kept = rows(), np.arange(24, dtype=U), (np.arange(24) * 5, 0.9, 0.01)
    options = dict(zip(("top_k", "top_p", "min_p"), kept, strict=True))
    where = U(5), steps, 0.7, *kept, U(1), U(64)
    race = pycouple.race_logits(x, 5, steps, temperature=0.7, stream=1, item_offset=64, **options)
    assert np.array_equal(ufuncs.race_kept_logits(x, *where), race)
    assert np.array_equal(ufuncs.sample_kept_logits(x, *where), race.item)
    w = np.exp(x)
    items = ufuncs.sample_kept_weights(w, U(5), steps, *kept, U(1), U(0))
    assert np.array_equal(items, pycouple.sample(w, 5, steps, stream=1, **options))
    warped = pycouple.speculative.warp(x, temperature=0.7, **options)
    for i, last in enumerate(ufuncs.last_kept_logits(x, 0.7, *kept)):
        order = np.argsort(-x[i], kind="stable")
        count = int(np.flatnonzero(order == last)[0]) + 1
        assert sorted(order[:count]) == np.flatnonzero(warped[i] > -np.inf).tolist()
    few = ufuncs.last_kept_weights(w, np.arange(1, 25), 1.0, 0.0)
    assert few.tolist() == [np.argsort(-row, kind="stable")[k] for k, row in enumerate(w)]


def test_dask_apply_gufunc():
    x, steps = rows(), np.arange(24, dtype=U)
    lazy = da.apply_gufunc(
        ufuncs.sample_logits,
        ufuncs.sample_logits.signature,
        da.from_array(x, chunks=(7, -1)),
        U(5),
        da.from_array(steps, chunks=7),
        1.0,
        U(0),
        U(0),
        output_dtypes=np.int64,
    )
    assert np.array_equal(lazy.compute(), pycouple.sample_logits(x, 5, steps))


def test_xarray_apply_ufunc():
    x = rows().reshape(4, 6, 300)
    logits = xr.DataArray(x, dims=("prompt", "position", "token"))
    position = xr.DataArray(np.arange(6, dtype=U), dims="position")
    draws = xr.apply_ufunc(
        ufuncs.sample_logits, logits, U(5), position, 1.0, U(0), U(0), input_core_dims=[["token"], [], [], [], [], []]
    )
    assert draws.dims == ("prompt", "position")
    assert np.array_equal(draws.values, pycouple.sample_logits(x, 5, np.arange(6)))
