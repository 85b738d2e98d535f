"""Batches under parameters of their own, layouts, slices, the edge, and what has no kept set."""

import itertools
import math

import numpy as np
import pytest

from pycouple import _core
from tests.support import oracle_kept
from tests.support.kept_cases import DTYPES, U, in_dtype, parameters, random_in_dtype, ufunc, values
from tests.support.layouts import layouts
from tests.support.rows import random_row


def batch(rng, rows, n):
    """One a row of everything."""
    seeds, steps = rng.integers(0, 2**64, (2, rows), np.uint64)
    streams = rng.integers(0, 256, rows).astype(U)
    ks, ps, ms = (np.array(column) for column in zip(*(parameters(rng, n) for _ in range(rows)), strict=True))
    temperatures = rng.choice([1.0, 0.7, 2.0, 0.0], rows)
    return seeds, steps, temperatures, ks, ps, ms, streams, U(64) * rng.integers(0, 2**20, rows).astype(U)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_one_a_row(level, dtype, workers):
    rng = np.random.default_rng(39)
    rows, n = 40, 1500
    x = np.stack([random_in_dtype(random_row, rng, n, dtype) for _ in range(rows)])
    args = batch(rng, rows, n)
    got, marked = _core.call(ufunc("race_kept_logits", x), workers, (x, *args), {})
    last, _ = _core.call(ufunc("last_kept_logits", x), workers, (x, *args[2:6]), {})
    assert not marked
    for i, row in enumerate(values(x)):
        seed, step, temperature, k, p, m, stream, offset = (v[i].item() for v in args)
        want = oracle_kept.draw(row, seed, step, stream, temperature, max(k, 0), p, m, offset)
        assert tuple(v[i].item() for v in got) == want, i
        assert last[i] == oracle_kept.beginning(row, temperature, max(k, 0), p, m).kept[-1]
    # One row under all of these parameters, which is read once.
    shared = np.broadcast_to(x[3], x.shape)
    got, _ = _core.call(ufunc("race_kept_logits", x), workers, (shared, *args), {})
    for i in range(rows):
        one = ufunc("race_kept_logits", x)(x[3], *(v[i] for v in args))
        assert tuple(v[i] for v in got) == one, i


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [7, 64, 200, 3000])
def test_layouts(level, dtype, n):
    rng = np.random.default_rng(n)
    normal = rng.normal(0, 2, (6, n))
    x, w = in_dtype(normal, dtype), in_dtype(np.abs(normal), dtype)
    args = tuple(v[:6] for v in batch(rng, 6, n))
    weights_args = (*args[:2], *args[3:])
    want = ufunc("race_kept_logits", x)(x, *args)
    heavy = ufunc("sample_kept_weights", x)(w, *weights_args)
    for name, y in layouts(x):
        for a, b in zip(ufunc("race_kept_logits", x)(y, *args), want, strict=True):
            assert np.array_equal(a, b), name
    for name, v in layouts(w):
        assert np.array_equal(ufunc("sample_kept_weights", x)(v, *weights_args), heavy), name


def test_slices_of_a_vocabulary(level):
    """What is kept of a whole row, raced in slices, combines to the draw of the whole."""
    rng = np.random.default_rng(41)
    cuts = [0, 64, 1024, 1088, 2944, 3000]
    for step in range(20):
        x = np.round(rng.normal(0, 3, 3000), rng.integers(3)).astype(np.float32)
        k, p, m = parameters(rng, 3000)
        key = (U(9), U(step))
        whole = _core.race_kept_logits(x, *key, 0.8, k, p, m, U(0), U(0))
        last = int(_core.last_kept_logits(x, 0.8, k, p, m))
        kept = (x > x[last]) | ((x == x[last]) & (np.arange(3000) <= last))
        assert np.flatnonzero(kept).tolist() == sorted(oracle_kept.beginning(x, 0.8, max(k, 0), p, m).kept)
        left = np.where(kept, x, np.float32(-np.inf))
        parts = []
        for a, b in itertools.pairwise(cuts):
            if kept[a:b].any():
                parts.append([v.item() for v in _core.race_logits(left[a:b], *key, 0.8, U(0), U(a))])
        item, score, _ = max(parts, key=lambda part: (part[1], -part[0]))
        assert (item, score) == (whole[0], whole[1])


def test_edge_says_when_top_p_decides_otherwise(level):
    """The draw stays while P moves by less than the edge, and changes when P moves by more towards what is nearest."""
    rng = np.random.default_rng(42)
    unit, outside = 2.0**-27, 0  # of the scale
    for step in range(300):
        x = rng.normal(0, 2, int(rng.integers(2, 400)))
        p = float(rng.uniform(0.2, 0.95))

        def draw(p, x=x, step=step):
            return int(_core.sample_kept_logits(x, U(6), U(step), 1.0, 0, p, 0.0, U(0), U(0)))

        item, _, _, edge = _core.race_kept_logits(x, U(6), U(step), 1.0, 0, p, 0.0, U(0), U(0))
        assert all(draw(q) == item for q in (p - edge + unit, p + edge - unit) if 0 <= q < 1)
        less, more = p - edge - unit, p + edge + unit
        first = less < 0 and item == np.argmax(x)  # the first item is kept whatever P is
        assert first or (less >= 0 and draw(less) != item) or (more < 1 and draw(more) != item)
        outside += more < 1 and draw(more) != item
    assert outside > 30


MARK = -(2**63)  # an item below 0 is this and a status
STATUSES = {
    "BAD_TOP_K": [(-2, 0.9, 0.0), (-(2**63), 1.0, 0.0)],
    "BAD_TOP_P": [(0, -1e-9, 0.0), (0, 1.0000001, 0.0), (3, math.nan, 0.0), (0, math.inf, 0.0), (0, -math.inf, 0.0)],
    "BAD_MIN_P": [(0, 0.9, -1e-9), (0, 1.0, 1.5), (3, 0.5, math.nan), (0, 1.0, math.inf)],
}


@pytest.mark.parametrize("name", STATUSES)
def test_parameters_that_are_none(level, name):
    mark = MARK + getattr(_core, name)
    x = np.arange(70.0)
    for k, p, m in STATUSES[name]:
        (item, *numbers), marked = _core.call(_core.race_kept_logits, 1, (x, U(1), U(2), 1.0, k, p, m, U(0), U(0)), {})
        assert (item, marked) == (mark, True)
        assert np.isnan(numbers).all()
        for function, args in (
            (_core.sample_kept_logits, (x, U(1), U(2), 1.0, k, p, m, U(0), U(0))),
            (_core.sample_kept_weights, (x, U(1), U(2), k, p, m, U(0), U(0))),
            (_core.last_kept_logits, (x, 1.0, k, p, m)),
            (_core.last_kept_weights, (x, k, p, m)),
        ):
            assert _core.call(function, 1, args, {}) == (mark, True)


def test_rows_that_have_nothing(level):
    """Bad rows, empty ones and bad temperatures are marked as they are without truncation, and the others drawn."""
    rng = np.random.default_rng(43)
    x = rng.normal(0, 2, (6, 300))
    x[1, 200], x[2], x[4, 7] = np.nan, -np.inf, np.inf
    temperatures = np.array([1.0, 1.0, 1.0, -1.0, 1.0, 0.5])
    args = (U(1), np.arange(6, dtype=U), temperatures)
    (items, *numbers), marked = _core.call(_core.race_kept_logits, 1, (x, *args, 20, 0.9, 0.01, U(0), U(0)), {})
    plain, _ = _core.call(_core.sample_logits, 1, (x, *args, U(0), U(0)), {})
    last, _ = _core.call(_core.last_kept_logits, 1, (x, temperatures, 20, 0.9, 0.01), {})
    bad = np.array([1, 2, 3, 4])
    assert marked
    assert np.array_equal(items[bad], plain[bad])
    assert np.array_equal(last[bad], plain[bad])
    assert all(np.isnan(v[bad]).all() for v in numbers)
    for i in (0, 5):
        want = oracle_kept.draw(x[i], 1, i, 0, temperatures[i], 20, 0.9, 0.01)
        assert tuple(v[i].item() for v in (items, *numbers)) == want
    far = np.array([0, -1e200])  # the second logit over the temperature is beyond the doubles, and would not be kept
    (item, *_), _ = _core.call(_core.race_kept_logits, 1, (far, U(1), U(2), 1e-200, 1, 0.5, 1.0, U(0), U(0)), {})
    assert item == MARK + _core.OVERFLOW
    (item, *_), _ = _core.call(_core.race_kept_logits, 1, (x[:1, :0], *args[:2], 1.0, 20, 0.9, 0.01, U(0), U(0)), {})
    assert (item == MARK + _core.NO_ITEM).all()


def test_kept_numbers_are_those_of_the_race(level):
    """With nothing truncated, item, score and margin are those of the plain ufunc; the edge is infinite."""
    rng = np.random.default_rng(44)
    for temperature in (1.0, 0.3, 0.0):
        x = rng.normal(0, 3, (20, 700)).astype(np.float32)
        args = (U(4), np.arange(20, dtype=U), temperature)
        got = _core.race_kept_logits(x, *args, 0, 1.0, 0.0, U(0), U(0))
        for a, b in zip(got[:3], _core.race_logits(x, *args, U(0), U(0)), strict=True):
            assert np.array_equal(a, b)
        assert np.isinf(got[3]).all()
    w = np.exp(x)
    got = _core.sample_kept_weights(w, *args[:2], 0, 1.0, 0.0, U(0), U(0))
    assert np.array_equal(got, _core.sample_weights(w, *args[:2], U(0), U(0)))
