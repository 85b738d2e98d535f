"""The oracle of kept sets against itself: twins agree, it follows the written example, and slices give the whole."""

import math

import numpy as np
import pytest

from tests.support import oracle, oracle_kept
from tests.support.rows import hard_row, random_row, random_weights

TEMPERATURES = (1.0, 0.7, 0.01, 1e-3, 100.0, 1e30, 0.0, 1e-300, 1e46)


def parameters(rng, n):
    """top-k, top-p and min-p, each off in half of the cases."""
    k = int(rng.choice([0, 0, 0, 1, 2, rng.integers(1, n + 2)]))
    p = float(rng.choice([1, 1, 1, 0.95, 0, rng.random(), math.nextafter(1, 0), 5e-324]))
    m = float(rng.choice([0, 0, 0, 0.05, 1, rng.random(), 5e-324]))
    return k, p, m


def rows(seed, count):
    rng = np.random.default_rng(seed)
    for i in range(count):
        make = hard_row if i % 2 else random_row
        n = int(rng.integers(1, 200))
        yield rng, make(rng, n, rng.choice(["float16", "float32", "float64"]))


def test_numpy_twins_are_the_plain_ones():
    for rng, row in rows(1, 400):
        temperature, key = float(rng.choice(TEMPERATURES)), parameters(rng, len(row))
        assert oracle_kept.beginning(row, temperature, *key) == oracle_kept.kept(row, temperature, *key)
        weights = random_weights(rng, len(row), row.dtype)
        assert oracle_kept.beginning_of_weights(weights, *key) == oracle_kept.kept_weights(weights, *key)


def test_terms_of_arrays_are_the_plain_ones():
    rng = np.random.default_rng(2)
    for scale in (1e-45, 1e-40, 1e-3, 1.0, 10.0, 1e38, 1e300):
        x = -np.abs(rng.normal(0, scale, 300))
        for temperature in (scale, scale / 10, 1.0, 5e-324, 1e308):
            plain = [oracle_kept.term(v, 0.0, temperature) for v in x.tolist()]
            assert oracle_kept.terms(x, 0.0, temperature).tolist() == plain


def singles(first, last):
    """All singles between two negative ones."""
    start, stop = (int(np.float32(x).view(np.uint32)) for x in (first, last))
    return np.arange(start, stop + 1, dtype=np.uint32).view(np.float32).astype(float)


def test_what_the_page_says_of_terms():
    """Where they are 0, how far they leave the order of logits, and how far they are from exponentials."""
    t = singles(-28.5, -29.0)  # at this temperature x is t
    terms = oracle_kept.terms(t, 0.0, oracle_kept.LOG2E)
    assert terms[-1] == 0 < terms[:-1].min() == terms[:-1].max() == 1
    assert oracle_kept.terms(np.array([-29.5, -1e9, -np.inf]), 0.0, oracle_kept.LOG2E).tolist() == [0, 0, 0]
    rises = 0
    for first in (-0.0845, -0.1875, -0.4375, -1.4375, -7.4):
        t = singles(first, first * 1.01)
        terms = oracle_kept.terms(t, 0.0, oracle_kept.LOG2E)
        rises = max(rises, int(np.diff(terms).max()))
        assert (np.abs(terms - 2.0**28 * np.exp2(t)) <= 5.3e-7 * 2.0**28 * np.exp2(t) + 0.5).all()
    assert rises == 16
    rng = np.random.default_rng(5)
    for temperature in (1e-30, 1e-3, 0.7, 1.0, 3.0, 1e30):
        x = rng.uniform(-21, 1, 100_000) * temperature
        top = float(x.max())
        exact = 2.0**28 * np.exp((x - top) / temperature)
        terms = oracle_kept.terms(x, top, temperature)
        live = terms > 0
        assert (np.abs(terms - exact)[live] <= 4.2e-6 * exact[live] + 0.5).all()
        assert (exact[~live] < 2**28 * 2**-28.99).all()


def test_worked_example_of_the_contract():
    row = [2.0, 1.0, 0.0, -1.0]
    terms = [268435456, 36328776, 4916566, 665385]
    assert [oracle_kept.term(x, 2.0, 0.5) for x in row] == terms
    found = oracle_kept.kept(row, 0.5, 0, 0.9, 0.0)
    assert found == ([0, 1], [2, 3], [0, 268435456, 304764232, 309680798], 279311565, 310346183)
    edges = {0: set(), 1: set()}
    for step in range(300):
        item, _, _, edge = oracle_kept.draw(row, 1, step, temperature=0.5, p=0.9)
        edges[item].add(edge)
    # Item 1 is inside by 10876109. Item 0 is inside by the whole limit, or item 2 or 3 would have won against it.
    assert edges[1] == {10876109 / 310346183}
    assert edges[0] == {n / 310346183 for n in (279311565, 304764232 - 279311565, 309680798 - 279311565)}


def test_slices_give_the_whole():
    for rng, row in rows(3, 200):
        temperature = float(rng.choice([t for t in TEMPERATURES if t]))
        key = parameters(rng, len(row))
        cuts = sorted(rng.integers(0, len(row) + 1, 3).tolist())
        starts = [0, *cuts]
        parts = np.split(row, cuts)
        found = oracle_kept.kept_of_slices(parts, temperature, *key)
        whole = [start + i for start, items in zip(starts, found, strict=True) for i in items]
        assert whole == sorted(oracle_kept.beginning(row, temperature, *key).kept)


def test_the_definition_word_by_word():
    """The three conditions as the page has them, asked of every item."""
    for rng, row in rows(4, 200):
        temperature = float(rng.choice([t for t in TEMPERATURES if t]))
        k, p, m = parameters(rng, len(row))
        x = row.astype(float).tolist()
        top = max(x)
        terms = [oracle_kept.term(v, top, temperature) if v > -math.inf else 0 for v in x]
        stays = [v > -math.inf and (k == 0 or sum(w > v for w in x) < k) for v in x]
        total = sum(t for t, stay in zip(terms, stays, strict=True) if stay)
        for i, v in enumerate(x):
            first = [(-w, j) < (-v, i) for j, w in enumerate(x)]
            before = sum(t for t, b in zip(terms, first, strict=True) if b)
            exact = oracle_kept.Fraction(before) < oracle_kept.Fraction(p) * total
            inside = p == 1 or not any(first) or exact
            enough = m == 0 or v >= top + temperature * oracle.ln(max(m, 2.0**-1022))
            assert (i in oracle_kept.beginning(row, temperature, k, p, m).kept) == (stays[i] and inside and enough)


@pytest.mark.parametrize(
    ("row", "arguments", "items"),
    [
        ([0, 1, 1, -1], (0.0, 0, 1.0, 0.0), [1]),
        ([0, 1, 1, -1], (0.0, 1, 0.0, 1.0), [1]),
        ([0, 1, 1, -1], (1.0, 1, 1.0, 0.0), [1, 2]),
        ([0, 1, 1, -1], (1.0, 0, 0.0, 0.0), [1]),
        ([0, 1, 1, -1], (1.0, 0, 1.0, 1.0), [1, 2]),
        ([0, 1, 1, -1], (1.0, 9, 1.0, 0.0), [1, 2, 0, 3]),
        ([0, 1, 1, -np.inf], (1e-9, 0, 0.5, 0.0), [1]),
        ([0, 1, 1, -np.inf], (1e-9, 0, 0.51, 0.0), [1, 2]),
        ([0, 1, -60, -61], (1.0, 0, math.nextafter(1, 0), 0.0), [1, 0]),
        ([0, 1, -60, -61], (1.0, 0, 1.0, 0.0), [1, 0, 2, 3]),
        ([5] * 10, (1.0, 0, 0.31, 0.0), [0, 1, 2, 3]),
        ([5] * 10, (1.0, 3, 1.0, 1.0), list(range(10))),
        ([-0.0, 0.0, -0.0], (1.0, 0, 0.5, 0.0), [0, 1]),
        ([-np.inf, -3.0, -np.inf], (1.0, 4, 0.2, 0.7), [1]),
        ([3e-310, -5e-324, 0], (1.0, 0, 0.7, 0.0), [0, 2, 1]),
        ([3e38, -3e38], (1e46, 0, 0.99, 0.0), [0]),
        ([1e38, -1e38], (1e46, 0, 0.99, 0.0), [0, 1]),
        ([1e308, -1e308], (1e308, 0, 0.99, 0.0), [0]),
    ],
)
def test_corner_cases_of_the_contract(row, arguments, items):
    assert oracle_kept.kept(np.array(row, float), *arguments).kept == items
