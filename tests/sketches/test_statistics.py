"""Sketches estimate what they say, without bias, and with the stated variance.

Seeds are fixed. Each test states alpha, the chance with which a correct library would fail it for other seeds.
"""

import numpy as np
import pytest
from scipy import stats

from pycouple import similarity, sketch, theory
from pycouple.cli import distributions
from tests.support.sets import METHOD

ALPHA = 1e-4


def random_pairs(rng, count):
    """Weights that share much or little, over few items or many."""
    for _ in range(count):
        n = int(rng.choice([2, 3, 10, 100, 1000]))
        a = np.exp(rng.normal(0, rng.choice([0.1, 1.0, 3.0]), n)) * (rng.random(n) < rng.choice([0.5, 1.0]))
        b = np.where(rng.random(n) < 0.5, a, a * np.exp(rng.normal(0, 1, n)))
        b = np.where(rng.random(n) < 0.2, rng.exponential(size=n), b)
        a[rng.integers(n)] += 1.0
        b[rng.integers(n)] += 1.0
        yield a, b


def real_pairs():
    """Next-token distributions of SmolLM2 and of the drafters that the demo has, over the tokens that either kept."""
    target, drafters = distributions.load(None)
    for drafter in drafters.values():
        for row in range(len(target.rest)):
            yield distributions.pair(target, drafter, row)


def exact_similarity(a, b, method):
    return float(theory.agreement(a, b) if method == "gumbel" else theory.weighted_jaccard(a, b))


def z_scores(pairs, k, method, bits=None):
    """Of the fraction of equal registers, each pair with a seed of its own: J's estimate is a linear function of it."""
    found = []
    by_chance = 0.0 if bits is None else 2.0**-bits
    for seed, (a, b) in enumerate(pairs):
        exact = exact_similarity(a, b, method)
        if not 1e-9 < exact < 1 - 1e-9:
            continue
        estimate = similarity(
            sketch(a, k, seed, method=method, bits=bits), sketch(b, k, seed, method=method, bits=bits)
        )
        fraction = by_chance + (1 - by_chance) * exact
        spread = np.sqrt(fraction * (1 - fraction) / k) / (1 - by_chance)
        found.append(float((estimate.value - exact) / spread))
    return np.array(found)


def equal_registers(pair):
    """In how many registers the two sets of a batch are equal."""
    return int(np.equal(*pair.registers).sum())


def check_z_scores(z, method):
    """No bias (normal, two-sided), and the variance: minhash's just 1 (two-sided), gumbel's at most 1 (one-sided)."""
    assert abs(z.sum()) / np.sqrt(len(z)) < stats.norm.isf(ALPHA / 2)
    assert stats.chi2.sf((z**2).sum(), len(z)) > ALPHA / 2
    if method == "minhash":
        assert stats.chi2.cdf((z**2).sum(), len(z)) > ALPHA / 2


@METHOD
def test_random_pairs(method):
    z = z_scores(random_pairs(np.random.default_rng(50), 400), 1024, method)
    assert len(z) > 350
    check_z_scores(z, method)


@METHOD
def test_real_pairs(method):
    z = z_scores(real_pairs(), 1024, method)
    assert len(z) > 100
    check_z_scores(z, method)


@METHOD
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_bits(method, bits):
    z = z_scores(random_pairs(np.random.default_rng(51), 300), 1024, method, bits)
    check_z_scores(z, method)


def test_normalized():
    """The weighted Jaccard similarity of distributions is (1 - D) / (1 + D)."""
    seeds = 400
    a, b = next(random_pairs(np.random.default_rng(52), 1))
    rows = np.stack([a, 1000 * b])
    equal = 0
    for seed in range(seeds):
        equal += equal_registers(sketch(rows, 256, seed, method="minhash", normalize=True))
    assert stats.binomtest(equal, 256 * seeds, float(theory.lower_bound(a, b))).pvalue > ALPHA


@METHOD
@pytest.mark.parametrize("k", [1, 64, 256])
def test_matches_are_binomial_or_better(method, k):
    """Counts over 1,500 seeds: minhash is binomial (chi-square); gumbel has its mean, and no larger variance."""
    rng = np.random.default_rng(53)
    a = rng.dirichlet(np.full(40, 0.5), 2)
    exact = exact_similarity(*a, method)
    counts = np.array([equal_registers(sketch(a, k, seed, method=method)) for seed in range(1500)])
    spread = np.sqrt(k * exact * (1 - exact))
    assert abs(counts.mean() - k * exact) < stats.norm.isf(ALPHA / 2) * spread / np.sqrt(1500)
    ratio = counts.var(ddof=1) / spread**2
    if method == "minhash":
        edges = stats.binom.ppf(np.linspace(0, 1, 11)[1:-1], k, exact)
        observed = np.bincount(np.searchsorted(edges, counts), minlength=len(edges) + 1)
        expected = 1500 * np.diff(stats.binom.cdf(np.concatenate([[-1], edges, [k]]), k, exact))
        keep = expected > 0
        assert observed[~keep].sum() == 0
        assert stats.chisquare(observed[keep], expected[keep]).pvalue > ALPHA
    else:
        assert stats.chi2.sf(1499 * ratio, 1499) > ALPHA


@pytest.mark.parametrize("k", [2, 17, 251])
def test_variance_of_stratified_registers(k):
    """{x} and {x, y}: registers where x comes before y. For prime k the exact variance follows from the strata.

    Places (a, a') of x at two registers are uniform on different ones, those (b, b') of y too; x is first where a < b,
    and half the time where a = b. Chi-square test of the variance over 4,000 seeds, two-sided.
    """
    f = np.triu(np.ones((k, k)), 1) + np.eye(k) / 2
    both = (f.sum() ** 2 - (f.sum(0) ** 2).sum() - (f.sum(1) ** 2).sum() + (f**2).sum()) / (k * (k - 1)) ** 2
    exact = k * 0.25 + k * (k - 1) * (both - 0.25)
    rows = np.array([[1.0, 0.0], [1.0, 1.0]])
    counts = np.array([equal_registers(sketch(rows, k, seed)) for seed in range(4000)])
    assert exact < 0.6 * k / 4 or k == 2
    assert abs(counts.mean() - k / 2) < stats.norm.isf(ALPHA / 2) * np.sqrt(exact / 4000)
    if k > 2:  # counts are near normal, so their variance is near chi-square
        assert 2 * stats.chi2.sf(3999 * counts.var(ddof=1) / exact, 3999) > ALPHA
        assert 2 * stats.chi2.cdf(3999 * counts.var(ddof=1) / exact, 3999) > ALPHA


OPPOSED = np.array([[1.0, 0.4], [0.4, 1.0]])


@pytest.mark.parametrize("k", [4, 16])
def test_opposed_pairs_are_no_worse_than_independent_registers(k):
    """Where k = 2 and 3 are worse: chi-square of the variance over 6,000 seeds, one-sided."""
    exact = exact_similarity(*OPPOSED, "gumbel")
    counts = np.array([equal_registers(sketch(OPPOSED, k, seed)) for seed in range(6000)])
    assert stats.chi2.sf(5999 * counts.var(ddof=1) / (k * exact * (1 - exact)), 5999) > ALPHA


@pytest.mark.parametrize("k", [2, 5, 17])
def test_variance_of_opposed_pairs(k):
    """That of a Latin hypercube sample, for prime k: f's variance, without what one item's stratum alone explains, and
    with what two strata explain together divided by k - 1. A z-test of the variance over 6,000 seeds, two-sided.
    """
    fine = 1200 // k  # numbers per stratum
    clocks = -np.log((np.arange(k * fine) + 0.5) / (k * fine))
    first, second = clocks[:, np.newaxis], clocks
    f = (first / OPPOSED[0, 0] < second / OPPOSED[0, 1]) == (first / OPPOSED[1, 0] < second / OPPOSED[1, 1])
    g = f.reshape(k, fine, k, fine).mean(axis=(1, 3)) - f.mean()
    rows, columns = g.mean(axis=1), g.mean(axis=0)
    together = g - rows[:, np.newaxis] - columns
    exact = k * (f.var() - rows.var() - columns.var() + (together**2).mean() / (k - 1))
    counts = np.array([equal_registers(sketch(OPPOSED, k, seed)) for seed in range(6000)])
    squares = (counts - counts.mean()) ** 2
    assert abs(squares.mean() - exact) < stats.norm.isf(ALPHA / 2) * squares.std() / np.sqrt(6000)
    assert exact < k * f.var() * k / (k - 1)


@pytest.mark.parametrize("k", [1, 5, 16])
def test_gumbel_registers_follow_p(k):
    """Chi-square of the winner at the first and the last register over 20,000 seeds."""
    w = np.random.default_rng(54).dirichlet(np.full(12, 0.7))
    winners = np.array([sketch(w, k, seed).registers for seed in range(20_000)])
    for register in {0, k - 1}:
        assert stats.chisquare(np.bincount(winners[:, register].astype(int), minlength=12), 20_000 * w).pvalue > ALPHA


def test_bits_are_even():
    """Chi-square of 4-bit registers of one item's sketches over registers and seeds."""
    for method in ("gumbel", "minhash"):
        nibbles = np.concatenate([sketch([1.0], 1000, seed, method=method, bits=4) for seed in range(20)])
        assert stats.chisquare(np.bincount(nibbles, minlength=16)).pvalue > ALPHA
