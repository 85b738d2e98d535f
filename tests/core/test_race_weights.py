"""The race of weights with the winner's time of arrival: slices of a row name the draw of the whole row."""

import sys

import numpy as np
import pytest

from pycouple import _core
from tests.support import oracle
from tests.support.rows import random_weights

U = np.uint64
DTYPES = ("float16", "float32", "float64")
NO_ITEM, OVERFLOW = _core.NO_WINNER + _core.NO_ITEM, _core.NO_WINNER + _core.OVERFLOW


def race(weights, seed, step, stream=0, offset=0, workers=1):
    """Items and scores, whatever was marked."""
    (items, scores), _ = _core.call(
        _core.race_weights, workers, (weights, U(seed), np.asarray(step, U), U(stream), U(offset)), {}
    )
    return items, scores


def brute_force(weights, clocks, offset=0):
    """The item with the smallest E_i / weight_i, the lowest among equals, and minus that time."""
    w = weights.astype(np.float64)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        times = np.where(w > 0, clocks / w, np.inf)
    return offset + int(np.argmin(times)), -float(times.min())


def slices(rng, n):
    """Where a row of n items is cut, at multiples of 64: most often into few slices, sometimes into all its blocks."""
    inside = np.arange(64, n, 64)
    count = len(inside) if rng.random() < 0.2 else min(len(inside), int(rng.integers(1, 6)))
    cuts = np.sort(rng.choice(inside, count, replace=False)) if count else inside
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), n], strict=True))


def combined(rng, weights, seed, step, stream, offset):
    """The best score of the slices, the lowest item among equals; slices without a positive weight have none."""
    found = []
    for start, end in slices(rng, len(weights)):
        item, score = race(weights[start:end], seed, step, stream, offset + start)
        if item == NO_ITEM:
            assert not (weights[start:end] > 0).any()
            continue
        assert offset + start <= item < offset + end
        found.append((-float(score), int(item)))
    time, item = min(found)
    return item, -time


def uneven(rng, n, dtype):
    """Weights whose scale changes from block to block: each slice has a frame of its own."""
    exponents = np.repeat(rng.integers(-12, 13, -(-n // 64)), 64)[:n] * (1 if dtype == "float16" else 5)
    with np.errstate(over="ignore", under="ignore"):
        w = np.ldexp(rng.exponential(size=n), exponents).clip(0, float(np.finfo(dtype).max)).astype(dtype)
    w[rng.random(n) < 0.3] = 0
    w[rng.integers(n)] = 1
    return w


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", [random_weights, uneven])
def test_slices_name_the_draw_of_the_row(level, dtype, make):
    rng = np.random.default_rng(1)
    for trial in range(60):
        n = int(rng.integers(1, 700)) if trial % 3 else int(rng.integers(700, 6000))
        w = make(rng, n, dtype)
        seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=U))
        stream, offset = int(rng.integers(256)), 64 * int(rng.integers(2**20))
        want = brute_force(w, oracle.clocks(seed, step, stream, offset, n), offset)
        assert race(w, seed, step, stream, offset) == want
        assert combined(rng, w, seed, step, stream, offset) == want
        if trial % 10 == 0:  # slow
            assert want[0] == oracle.race_weights(w, seed, step, stream, offset)


@pytest.mark.parametrize("nudge", [0, 1])
def test_ties_go_to_the_lowest_item_across_slices(level, nudge):
    """Weights that are powers of two times the clocks, or the next doubles to those: times tie, or nearly so."""
    rng = np.random.default_rng(2)
    tied = 0
    for step in range(100):
        n = int(rng.integers(2, 1500))
        clocks = oracle.clocks(9, step, 0, 0, n)
        w = clocks * rng.choice([0, 0.25, 0.5, 1], n)
        w = (w.view(np.int64) + np.where(w > 0, rng.integers(-nudge, nudge + 1, n), 0)).view(np.float64)
        one = rng.integers(n)
        w[one] = clocks[one]
        want = brute_force(w, clocks)
        positive = w > 0
        tied += int(np.sum(clocks[positive] / w[positive] == -want[1])) > 1
        assert want[0] == oracle.race_weights(w, 9, step)
        assert race(w, 9, step) == want
        assert combined(rng, w, 9, step, 0, 0) == want
    assert tied > 50


def test_ties_in_narrow_types(level):
    """One weight throughout, so that times tie just where clocks do: the slices of every type agree with the whole."""
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        w = np.full(3000, 0.3, dtype)
        for step in range(20):
            want = brute_force(w, oracle.clocks(9, step, 0, 0, len(w)))
            assert combined(rng, w, 9, step, 0, 0) == race(w, 9, step) == want


@pytest.mark.parametrize("n", [1, 50, 300])
def test_a_time_that_is_not_a_normal_double_is_marked(level, n):
    rng = np.random.default_rng(4)
    seen = set()
    for exponent in (*range(-1073, -1010), *range(1010, 1025)):
        for step in range(3):
            w = np.ldexp(rng.uniform(0.5, 1, n), exponent)
            w[rng.integers(n)] = np.ldexp(1 - 2.0**-53, exponent)
            item, score = race(w, 5, step)
            best, want = brute_force(np.ldexp(w, -exponent), oracle.clocks(5, step, 0, 0, n))
            assert best == oracle.race_weights(w, 5, step)
            with np.errstate(over="ignore", under="ignore"):
                want = np.ldexp(want, -exponent)
            normal = sys.float_info.min <= -want < np.inf
            seen.add((bool(normal), exponent > 0))
            if normal:
                assert (item, score) == (best, want)
            else:
                assert item == OVERFLOW
                assert np.isnan(score)
            keyed = _core.score_weights(w, U(5), U(step), U(0), U(0))  # keys are in the row's frame, and always normal
            assert keyed[0] == best
    assert len(seen) == 4


def test_the_marked_row_of_a_batch(level):
    w = np.ones((4, 100))
    w[1] = 2.0**1023
    w[2, 7] = np.nan
    w[3] = 0
    (items, scores), marked = _core.call(_core.race_weights, 1, (w, U(5), U(0), U(0), U(0)), {})
    assert marked
    assert items[1:].tolist() == [OVERFLOW, _core.NO_WINNER + _core.BAD_VALUE, NO_ITEM]
    assert np.isnan(scores[1:]).all()
    assert (items[0], scores[0]) == brute_force(w[0], oracle.clocks(5, 0, 0, 0, 100))


def test_batches_threads_and_types(level):
    """Rows of a batch are the rows alone; float16 and float32 rows are their values in float64."""
    rng = np.random.default_rng(5)
    w = np.stack([random_weights(rng, 2000, np.float16) for _ in range(30)])
    steps = np.arange(30)
    items, scores = race(w, 6, steps, 3, 128)
    assert [race(row, 6, step, 3, 128) for row, step in zip(w, steps, strict=True)] == list(
        zip(items, scores, strict=True)
    )
    for other in (w.astype(np.float32), w.astype(np.float64), w.T.copy().T):
        for workers in (1, 3):
            again = race(other, 6, steps, 3, 128, workers)
            assert np.array_equal(again[0], items)
            assert np.array_equal(again[1], scores)
    assert np.array_equal(_core.sample_weights(w, U(6), steps.astype(U), U(3), U(128)), items)
