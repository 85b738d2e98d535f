"""Rows that are hard to truncate: ties at the edge, both ends of the numbers, winners that are removed."""

import math

import numpy as np
import pytest

from tests.support import oracle_kept
from tests.support.kept_cases import DTYPES, JUST_BELOW_1, check_logits, check_weights, in_dtype, key


@pytest.mark.parametrize("dtype", DTYPES)
def test_ties_at_the_edge(level, dtype):
    """Few distinct values, and P at every share at which a sum of terms stands, or next to one."""
    rng, keys = np.random.default_rng(34), np.random.default_rng(134)
    for n in (5, 64, 100, 1000):
        levels = rng.integers(-3, 2, n)
        x, w = in_dtype(levels, dtype), in_dtype(np.exp2(levels), dtype)
        found = oracle_kept.beginning(levels, 1.0, 0, JUST_BELOW_1, 0.0)
        for place in {1, 2, n // 4, n // 2, n - 2, n - 1, *rng.integers(1, n, 8).tolist()}:
            share = found.before[place] / found.total
            for p in (share, math.nextafter(share, 0), math.nextafter(share, 1)):
                check_logits(x, key(keys), 1.0, 0, min(p, JUST_BELOW_1), 0.0)
            check_weights(w, key(keys), place, share, 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_more_ties_than_are_looked_at_alone(level, dtype):
    """Thousands of items per value, so that where top-p ends is found by sums of whole blocks."""
    rng, keys = np.random.default_rng(43), np.random.default_rng(143)
    n = 6000
    levels = rng.choice([0, -1, -2.5], n)
    levels[: n // 3] = np.sort(levels[: n // 3])  # blocks of one value, then mixed ones
    x, w = in_dtype(levels, dtype), in_dtype(np.exp2(levels), dtype)
    found = oracle_kept.beginning(levels, 1.0, 0, JUST_BELOW_1, 0.0)
    for place in (1, 1999, 2000, 3500, n - 1, *rng.integers(1, n, 3).tolist()):
        share = found.before[place] / found.total
        for p in (share, math.nextafter(share, 0), math.nextafter(share, 1)):
            check_logits(x, key(keys), 1.0, 0, min(p, JUST_BELOW_1), 0.0)
        check_weights(w, key(keys), 0, share, 0.0)


def test_equal_logits(level):
    keys = np.random.default_rng(135)
    for dtype in ("float32", "float64"):
        for n in (1, 2, 63, 64, 65, 1000, 5000):
            x = np.full(n, -2.5, dtype)
            for k, p, m in (
                (0, 0.3, 0.0),
                (1, 1.0, 1.0),
                (1, 0.999, 0.5),
                (0, 5e-324, 0.0),
                (0, 1 / n, 0.0),
                (0, 0.0, 1.0),
            ):
                check_logits(x, key(keys), 0.7, k, min(p, 1.0), m)


def test_special_rows(level):
    """Masks by finite numbers, one item, subnormals, both ends of the doubles; at every temperature that they allow."""
    keys = np.random.default_rng(136)
    single, double = np.finfo(np.float32), np.finfo(np.float64)
    live = np.random.default_rng(36).normal(0, 3, 200)
    at = np.arange(200)
    rows = [
        np.where(at % 3, live, -1e9),
        np.where(at == 150, live, -1e9),
        np.where(at % 5, live, float(single.min)),
        np.where(at == 7, live, float(single.min)),
        np.where(at == 70, 1.0, -np.inf),
        np.where(at % 70 == 3, live, -np.inf),
        (at - 100) * float(single.smallest_subnormal),
        (at - 100) * float(double.smallest_subnormal),
        np.where(at % 2, -0.0, 0.0),
        live * 1e37,
        np.where(at % 9, live, -1e38) * 3,
        np.where(at % 9, live, 3e38),
        live * 1e300,
        np.where(at % 9, float(double.min), float(double.max)),
        np.where(at % 9, 1.5e308, -1.5e308),
    ]
    temperatures = (0.0, 5e-324, 1e-300, 1e-45, 1e-39, 0.5, 1.0, 1e9, 1e37, 1e38, 2e45, 1e46, 1e305, float(double.max))
    for row in rows:
        largest = np.abs(row[np.isfinite(row)]).max()
        for dtype in ("float32", "float64"):
            if largest > float(single.max) and dtype == "float32":
                continue
            x = row.astype(dtype)
            for temperature in temperatures:
                if 0 < temperature < 1 and largest > 1e308 * temperature:  # it would be beyond the doubles
                    continue
                for k, p, m in ((0, 0.9, 0.0), (0, JUST_BELOW_1, 0.0), (3, 1.0, 0.0), (0, 1.0, 0.3), (90, 0.5, 1e-300)):
                    check_logits(x, key(keys), temperature, k, p, m)


def test_special_weights(level):
    keys = np.random.default_rng(137)
    rng = np.random.default_rng(37)
    w = rng.exponential(size=300)
    tiny = np.ldexp(rng.integers(0, 9, 300).astype(float), -1074)
    for row in (
        np.ldexp(w, -1000),
        np.ldexp(w, 1019),
        tiny,
        np.where(w < 1, tiny, w * 1e300),
        np.where(w < 2, 0, w),
        w * 0 + 3,
    ):
        for k, p, m in (
            (0, 0.9, 0.0),
            (0, JUST_BELOW_1, 0.0),
            (9, 1.0, 0.0),
            (0, 1.0, 0.3),
            (90, 0.5, 1e-3),
            (0, 1.0, 5e-324),
        ):
            check_weights(row, key(keys), k, p, m)


def test_many_rounds(level):
    """Flat rows of which little is kept: the winner of all is out, again and again."""
    rng, keys = np.random.default_rng(38), np.random.default_rng(138)
    x = rng.normal(0, 1e-3, 3000).astype(np.float32)
    for p in (0.5, 0.1, 0.01, 0.001, 1e-4):
        for _ in range(20):
            check_logits(x, key(keys), 1.0, 0, p, 0.0)
    for k in (1, 2, 10, 1500):
        for _ in range(10):
            check_logits(x, key(keys), 1.0, k, 1.0, 0.0)
