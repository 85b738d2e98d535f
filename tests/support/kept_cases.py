"""Draws from kept sets and the kept sets themselves, by the core, held against the oracle."""

import math

import numpy as np

from pycouple import _core
from tests.support import oracle_kept
from tests.support.bfloat16 import truncated, widened
from tests.support.rows import random_row, random_weights

DTYPES = ("float16", "bfloat16", "float32", "float64")
TEMPERATURES = (1.0, 0.8, 0.7, 2.0, 0.01, 1e-3, 100.0, 1e30, 1e46, 0.0)
JUST_BELOW_1 = math.nextafter(1, 0)
U = np.uint64


def in_dtype(x, dtype):
    """Numbers in a dtype; bfloat16 as its bits in uint16."""
    return truncated(x.astype(np.float32)) if dtype == "bfloat16" else x.astype(dtype)


def random_in_dtype(make, rng, n, dtype):
    """A row that `make` makes at random, in a dtype."""
    return in_dtype(make(rng, n, np.dtype("float32" if dtype == "bfloat16" else dtype)), dtype)


def values(x):
    """The numbers of a row as the oracle reads them."""
    return widened(x) if x.dtype == np.uint16 else x


def ufunc(name, x):
    return getattr(_core, f"{name}_bf16" if x.dtype == np.uint16 else name)


def key(rng):
    seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
    return seed, step, int(rng.integers(256)), 64 * int(rng.integers(2**20))


def parameters(rng, n):
    """top-k, top-p and min-p, each of which is off in some rows."""
    k = int(rng.choice([0, 0, -1, 1, 2, 50, rng.integers(1, n + 2)]))
    p = float(rng.choice([1, 1, 0.95, 0.9, 0.5, 0, rng.random(), JUST_BELOW_1, 5e-324, 1e-6]))
    m = float(rng.choice([0, 0, 0, 0.05, 1, rng.random(), 5e-324]))
    return k, p, m


def temperature_for(rng, row):
    """One at which no logit over it is beyond the doubles."""
    finite = row[np.isfinite(row)].astype(float)
    return float(rng.choice([t for t in TEMPERATURES if t == 0 or np.abs(finite).max() < 1e307 * min(t, 1)]))


def check_logits(x, key, temperature, k, p, m):
    row = values(x)
    seed, step, stream, offset = key
    args = (U(seed), U(step), temperature, k, p, m, U(stream), U(offset))
    want = oracle_kept.draw(row, seed, step, stream, temperature, max(k, 0), p, m, offset)
    got = ufunc("race_kept_logits", x)(x, *args)
    about = x.dtype, len(x), temperature, k, p, m
    assert tuple(v.item() for v in got) == want, about
    assert ufunc("sample_kept_logits", x)(x, *args) == want[0], about
    if x.dtype != np.uint16:
        assert tuple(v.item() for v in _core.score_kept_logits(x, *args)) == want[:2], about
    last = oracle_kept.beginning(row, temperature, max(k, 0), p, m).kept[-1]
    assert ufunc("last_kept_logits", x)(x, temperature, k, p, m) == last, about


def check_weights(x, key, k, p, m):
    row = values(x)
    seed, step, stream, offset = key
    want = oracle_kept.draw_weights(row, seed, step, stream, max(k, 0), p, m, offset)
    got = ufunc("sample_kept_weights", x)(x, U(seed), U(step), k, p, m, U(stream), U(offset))
    assert got == want, (x.dtype, len(x), k, p, m)
    last = oracle_kept.beginning_of_weights(row, max(k, 0), p, m).kept[-1]
    assert ufunc("last_kept_weights", x)(x, k, p, m) == last, (x.dtype, len(x), k, p, m)


def check_random(rng, keys, n, dtype, make=random_row):
    """A row of logits and one of weights at one key, which rows of every dtype share: clocks are made once."""
    where = key(keys)
    x = random_in_dtype(make, rng, n, dtype)
    check_logits(x, where, temperature_for(rng, values(x)), *parameters(rng, n))
    w = random_in_dtype(random_weights, rng, n, dtype)
    if (values(w) > 0).any():  # as bfloat16 a tiny weight may be 0
        check_weights(w, where, *parameters(rng, n))
