"""The same bits whatever the memory layout, the shape of the batch, or the number of threads."""

import os
import sys
from functools import partial

import numpy as np
import pytest

import pycouple
from tests.support.layouts import layouts
from tests.support.threads import at_once

DTYPES = ("float16", "float32", "float64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [7, 64, 200, 5000])
def test_layouts(level, dtype, n):
    rng = np.random.default_rng(n)
    x = rng.normal(0, 2, (6, n)).astype(dtype)
    w = np.abs(x)
    steps = np.arange(6)
    want, heavy = pycouple.race_logits(x, 5, steps), pycouple.sample(w, 5, steps)
    for name, y in layouts(x):
        got = pycouple.race_logits(y, 5, steps)
        for a, b in zip(got, want, strict=True):
            assert np.array_equal(a, b), name
    for name, v in layouts(w):
        assert np.array_equal(pycouple.sample(v, 5, steps), heavy), name
    assert np.array_equal(pycouple.sample(w.T, 5, steps, axis=0), heavy)
    assert np.array_equal(pycouple.sample(w.T.copy(), 5, steps, axis=0), heavy)


def test_other_types_are_cast():
    w = [3, 0, 5, 1]
    want = pycouple.sample(np.array(w, float), 1, np.arange(100))
    for dtype in (bool, np.int8, np.uint16, np.int64, np.uint64, np.longdouble):
        v = np.array(w).astype(dtype)
        assert np.array_equal(
            pycouple.sample(v, 1, np.arange(100)), pycouple.sample(v.astype(float), 1, np.arange(100))
        )
    assert np.array_equal(pycouple.sample(w, 1, np.arange(100)), want)


def test_types_agree_where_values_do(level):
    """float16 values widened by the caller are the same draw."""
    x = np.random.default_rng(3).normal(0, 3, (50, 300)).astype(np.float16)
    want = pycouple.race_logits(x, 1, np.arange(50))
    for dtype in (np.float32, np.float64):
        for a, b in zip(pycouple.race_logits(x.astype(dtype), 1, np.arange(50)), want, strict=True):
            assert np.array_equal(a, b)


def test_every_half_is_widened_exactly(level):
    """All 63,488 finite float16 values, contiguous and strided, through the score at temperature 0: the logit."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    for rows in (halves.reshape(-1, 1), np.stack([halves] * 2, axis=1)[:, :1]):
        assert np.array_equal(pycouple.race_logits(rows, 1, temperature=0).score, halves.astype(float))
    in_groups = halves.reshape(-1, 8)
    assert np.array_equal(pycouple.race_logits(in_groups, 1, temperature=0).score, in_groups.max(axis=1).astype(float))


def test_batch_is_a_loop(level):
    rng = np.random.default_rng(4)
    x = rng.normal(0, 3, (3, 1, 700)).astype(np.float32)
    seed, step = np.array([[1], [2], [2**64 - 1]], np.uint64), np.arange(5) * 2**60
    stream, temperature = np.array([0, 1, 7, 255, 3]), np.array([[0.0], [0.5], [2.0]])
    got = pycouple.race_logits(x, seed, step, stream=stream, temperature=temperature)
    assert got.item.shape == (3, 5)
    for i in range(3):
        for j in range(5):
            one = pycouple.race_logits(
                x[i, 0],
                int(seed[i, 0]),
                int(step[j]),
                stream=int(stream[j]),
                temperature=float(temperature[i, 0]),
            )
            assert (got.item[i, j], got.score[i, j], got.margin[i, j], np.inf) == one


def test_one_row_and_many_steps(level):
    x = np.random.default_rng(5).normal(0, 3, 5000)
    steps = np.arange(300)
    want = np.array([pycouple.sample_logits(x, 1, int(s)) for s in steps])
    assert np.array_equal(pycouple.sample_logits(x, 1, steps), want)
    assert np.array_equal(pycouple.sample_logits(np.broadcast_to(x, (300, 5000)), 1, steps), want)
    assert np.array_equal(pycouple.sample_logits(np.tile(x, (300, 1)), 1, steps), want)


@pytest.mark.parametrize("workers", [2, 3, 7, -1])
def test_workers(level, workers):
    rng = np.random.default_rng(6)
    x = rng.normal(0, 3, (37, 9000)).astype(np.float32)
    want = pycouple.race_logits(x, 1, np.arange(37))
    for a, b in zip(pycouple.race_logits(x, 1, np.arange(37), workers=workers), want, strict=True):
        assert np.array_equal(a, b)
    steps = np.arange(3000)
    assert np.array_equal(
        pycouple.sample_logits(x[0], 1, steps, workers=workers), pycouple.sample_logits(x[0], 1, steps)
    )
    grid = pycouple.sample_logits(x[:, None], 1, np.arange(20), workers=workers)
    assert np.array_equal(grid, pycouple.sample_logits(x[:, None], 1, np.arange(20)))


def test_workers_report_bad_rows():
    x = np.zeros((40, 5000))
    x[31, 4321] = np.nan
    with pytest.raises(ValueError, match=r"logit of item 4321 is nan.*at row 31"):
        pycouple.sample_logits(x, 1, workers=4)


def test_out():
    x = np.random.default_rng(7).normal(size=(4, 30))
    out = np.empty(4, np.int64)
    assert pycouple.sample_logits(x, 1, out=out) is out
    assert np.array_equal(out, pycouple.sample_logits(x, 1))
    four = (np.empty(4, np.int64), *np.empty((3, 4)))
    race = pycouple.race_logits(x, 1, out=four)
    assert all(a is b for a, b in zip(race, four, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(race, pycouple.race_logits(x, 1), strict=True))


def test_threads_hammering_one_input(level):
    x = np.random.default_rng(8).normal(0, 3, (20, 20_000)).astype(np.float32)
    want = pycouple.sample_logits(x, 1, np.arange(20))
    wrong = []

    def hammer(workers):
        for _ in range(30):
            if not np.array_equal(pycouple.sample_logits(x, 1, np.arange(20), workers=workers), want):
                wrong.append(workers)

    at_once(*(partial(hammer, 1 + i % 3) for i in range(8)))
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_after_fork():
    x = np.random.default_rng(9).normal(0, 3, (8, 20_000))
    want = pycouple.sample_logits(x, 1, workers=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(pycouple.sample_logits(x, 1, workers=2), want) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(pycouple.sample_logits(x, 1, workers=2), want)


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="sets the x86 control register")
def test_flushed_subnormals_do_not_matter(level):
    """Another library may have set flush-to-zero in this thread: draws stay, and the caller's mode does too."""
    from tests.support.control_register import mode

    rng = np.random.default_rng(10)
    w = np.ldexp(rng.integers(0, 9, 300).astype(float), -1074)
    want = pycouple.sample(w, 1, np.arange(100))
    before = mode()
    mode(before | 0x8040)  # FTZ, DAZ
    try:
        got = pycouple.sample(w, 1, np.arange(100))
        inside = mode()
    finally:
        mode(before)
    assert np.array_equal(got, want)
    assert inside & 0x8040 == 0x8040
