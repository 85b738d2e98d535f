"""`race_weights`: the draw of `sample` with a score that compares between slices (on every ISA level in tests/core)."""

import re
from itertools import pairwise

import numpy as np
import pytest

import pycouple


def weights(shape=(5, 4, 900)):
    return np.random.default_rng(5).exponential(size=shape)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_item_and_time_of_arrival(dtype):
    w = weights().astype(dtype)
    steps, streams = np.arange(4), np.arange(5)[:, np.newaxis]
    got = pycouple.race_weights(w, 7, steps, stream=streams, item_offset=128)
    assert isinstance(got, pycouple.Winner)
    assert np.array_equal(got.item, pycouple.sample(w, 7, steps, stream=streams, item_offset=128))
    clocks = pycouple.clocks(7, steps[:, np.newaxis], 128 + np.arange(900), stream=streams[..., np.newaxis])
    assert np.array_equal(got.score, -(clocks / w.astype(float)).min(axis=-1))
    alone = pycouple.race_weights(w[2, 3], 7, 3, stream=2, item_offset=128)
    assert (alone.item, alone.score) == (got.item[2, 3], got.score[2, 3])
    assert isinstance(alone.score, np.float64)


def test_slices_of_each_row_combine():
    w, steps = weights(), np.arange(4)
    cuts = (0, 64, 512, 832, 900)
    parts = [pycouple.race_weights(w[..., start:end], 7, steps, item_offset=start) for start, end in pairwise(cuts)]
    best = np.argmax([part.score for part in parts], axis=0)  # the first of equal ones has the lowest item
    items = np.choose(best, [part.item for part in parts])
    assert len(np.unique(best)) > 1
    assert np.array_equal(items, pycouple.sample(w, 7, steps))


def test_axis_out_and_workers():
    w, steps = weights(), np.arange(4)
    want = pycouple.race_weights(w, 7, steps)
    for axis in (0, 1, -1):
        for workers in (1, 2):
            out = np.empty((5, 4), np.int64), np.empty((5, 4))
            got = pycouple.race_weights(np.moveaxis(w, -1, axis), 7, steps, axis=axis, out=out, workers=workers)
            assert got.item is out[0]
            assert got.score is out[1]
            assert np.array_equal(got, want)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"weights": [[1, 2], [1, -2]]},
            ValueError,
            "weights: weight of item 1 is -2.0 at row 1; it must be finite and not negative",
        ),
        ({"weights": [0.0]}, ValueError, "weights: no weight is positive, so there is nothing to draw"),
        (
            {"weights": [[1.0, 2.0], [1e-320, 0]]},
            ValueError,
            "weights: the winner's time of arrival is not a normal double at row 1, where the largest weight is 1e-320"
            "; multiply all weights, those of all slices, by one power of two",
        ),
        (
            {"weights": [1.7e308]},
            ValueError,
            "weights: the winner's time of arrival is not a normal double, where the largest weight is 1.7e+308; "
            "multiply all weights, those of all slices, by one power of two",
        ),
        ({"step": -1}, ValueError, "step must be in 0..2**64 - 1, got -1"),
        (
            {"item_offset": 3},
            ValueError,
            "item_offset must be a multiple of 64 that leaves every item below 17179869184, got 3",
        ),
        ({"out": np.empty(1, np.int64)}, TypeError, "out must be a tuple of 2 arrays (int64, float64), got ndarray"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        pycouple.race_weights(**({"weights": [1.0, 2.0], "seed": 1} | arguments))
