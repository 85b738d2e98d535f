"""A short battery on uniforms and clocks along items, steps, streams and seeds; and it finds what is not random.

Seeds are fixed, so a test passes or fails for good. ALPHA is the chance with which a test fails for independent uniform
numbers: the smallest p-value, times their number (Bonferroni), must be above it. README.md says what tests more.
"""

import numpy as np
import pytest
from scipy import stats

import pycouple
from tests.randomness.laws import STATISTICS, binomial, bit_counts, rank_gf2
from tests.randomness.sequences import ALONG, BITS, integers, visit

ALPHA = 1e-4
COUNT = 2**16
SEED = pycouple.seed_from("batteries")


def worst(p):
    return p.min() * len(p)


@pytest.mark.parametrize("along", ALONG)
@pytest.mark.parametrize("what", BITS)
def test_battery(what, along):
    x = integers(what, *visit(along, SEED, np.arange(COUNT)))
    p = {statistic.__name__: worst(statistic(x, BITS[what])) for statistic in STATISTICS}
    assert min(p.values()) * len(p) > ALPHA, p


@pytest.mark.parametrize("what", BITS)
@pytest.mark.parametrize(("name", "size"), [("seed", 64), ("step", 64), ("stream", 8), ("item", 32)])
def test_one_bit_changes_half_of_all(what, name, size):
    """Every bit of the numbers changes with probability 1/2 when one bit of what they are made from does."""
    rng = np.random.default_rng(1)
    sizes = {"seed": 64, "step": 64, "stream": 8, "item": 32}
    point = {each: rng.integers(2**bits, size=1000, dtype=np.uint64) for each, bits in sizes.items()}
    before = integers(what, **point)
    p = []
    for bit in range(size):
        after = integers(what, **point | {name: point[name] ^ np.uint64(1 << bit)})
        p.append(binomial(bit_counts(before ^ after, BITS[what]), 1000))
    assert worst(np.concatenate(p)) > ALPHA


@pytest.mark.parametrize("other", ["uniforms", "clocks"])
def test_uniforms_clocks_and_neighbours_are_apart(other):
    """The exclusive or of the top 32 bits of two sequences passes too: uniforms and clocks at the same points, and
    what a seed gives beside what its neighbours do."""
    n = np.arange(COUNT)
    first = integers("uniforms", *visit("items", SEED, n)) >> np.uint64(20)
    second = integers(other, *visit("items", SEED + (other == "uniforms"), n)) >> np.uint64(BITS[other] - 32)
    p = [worst(statistic(first ^ second, 32)) for statistic in STATISTICS]
    assert min(p) * len(p) > ALPHA


def uniform():
    return np.random.default_rng(1).integers(2**32, size=COUNT, dtype=np.uint64)


def alternating():
    """Values near their neighbours' opposites."""
    x = uniform()
    x[1::2] = (np.uint64(2**32 - 1) - x[0::2]) ^ (x[1::2] >> np.uint64(2))
    return x


def clustered():
    """Low values come together."""
    return np.concatenate([np.sort(part) for part in uniform().reshape(-1, 16)])


def lattice():
    """A generator modulo 2^32: no two spacings of birthdays are as they should be."""
    return np.arange(COUNT, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(2**32)


def linear():
    """The highest bit is the parity of the others, so that no 32 values are independent over GF(2)."""
    x = uniform() & np.uint64(2**31 - 1)
    return x | (np.bitwise_count(x).astype(np.uint64) & np.uint64(1)) << np.uint64(31)


def stuck():
    return uniform() | np.uint64(1)


BAD = {"ones": stuck, "changes": lattice, "blocks": lattice, "gaps": clustered, "correlations": alternating,
       "spacings": lattice, "ranks": linear}  # fmt: skip


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.__name__)
def test_what_is_not_random_is_found(statistic):
    assert worst(statistic(BAD[statistic.__name__](), 32)) < ALPHA / 1000


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.__name__)
def test_p_values_are_uniform(statistic):
    """On NumPy's numbers the p-values of 40 sequences are near uniform: no more than a binomial share is small."""
    rng = np.random.default_rng(3)
    p = np.concatenate([statistic(rng.integers(2**32, size=2**14, dtype=np.uint64), 32) for _ in range(40)])
    for level in (0.01, 0.1, 0.5):
        assert stats.binom.sf((p < level).sum() - 1, len(p), level) > ALPHA / 3


def test_ranks_of_known_matrices():
    full = 2 ** np.arange(32, dtype=np.uint64)
    less = full.copy()
    less[31] = 3
    rows = np.array([full, full[::-1], less, np.zeros(32), np.full(32, 5)], dtype=np.uint64)
    assert rank_gf2(rows).tolist() == [32, 32, 31, 0, 1]
