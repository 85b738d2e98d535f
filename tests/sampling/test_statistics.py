"""Draws follow their law, agreement is what the formula says, and steps, streams and seeds are independent.

Seeds are fixed, so a test passes or fails for good. Each test states alpha, the chance with which a correct library
would fail it for a seed chosen at random. All ISA levels draw the oracle's items, bit for bit (tests/core), so that one
level is enough here.
"""

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import theory
from tests.support.chi_square import chi_square

ALPHA = 1e-4


def families(rng):
    yield "flat in one block", np.ones(64)
    yield "flat over blocks", np.ones(1000)
    yield "zipf", 1 / np.arange(1, 301)
    yield "dirichlet", rng.dirichlet(np.full(200, 0.3))
    yield "peaked", np.append(np.full(500, 1e-4), 1.0)
    yield "sparse", np.where(np.arange(700) % 50 == 3, 1.0, 0.0)
    yield "two far apart", np.where(np.isin(np.arange(5000), [0, 4999]), 1.0, 0.0)


METHOD = pytest.mark.parametrize("method", ["gumbel", "minhash"])


@METHOD
@pytest.mark.parametrize("name_and_weights", list(families(np.random.default_rng(1))), ids=lambda f: f[0])
def test_items_follow_p(name_and_weights, method):
    _, w = name_and_weights
    items = pycouple.sample(w, pycouple.seed_from("chi-square"), np.arange(200_000), method=method)
    assert chi_square(items, w / w.sum()) > ALPHA


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_logits_follow_softmax(temperature):
    x = np.random.default_rng(2).normal(0, 2, 300)
    p = np.exp(x / temperature)
    items = pycouple.sample_logits(x, pycouple.seed_from("softmax"), np.arange(200_000), temperature=temperature)
    assert chi_square(items, p / p.sum()) > ALPHA


def pairs(rng):
    for concentration in (0.1, 1.0, 10.0):
        yield rng.dirichlet(np.full(100, concentration)), rng.dirichlet(np.full(100, concentration))
    p = rng.dirichlet(np.full(2000, 0.05))
    yield p, np.roll(p, 1)
    yield theory.hard_pair(5)
    yield theory.hard_pair(70)
    yield np.array([0.5, 0.5, 0, 0]), np.array([0, 0.2, 0.3, 0.5])
    q = p * rng.uniform(0.8, 1.2, p.size)
    yield p, q / q.sum()


@METHOD
@pytest.mark.parametrize("case", range(8))
def test_agreement_is_exact(case, method):
    """Binomial test against the formula, two-sided at ALPHA."""
    p, q = list(pairs(np.random.default_rng(3)))[case]
    draws = 100_000
    a, b = pycouple.couple(p, q, pycouple.seed_from("agreement", case), np.arange(draws), method=method)
    exact = float(theory.agreement(p, q, method=method))
    assert stats.binomtest(int((a == b).sum()), draws, exact).pvalue > ALPHA


@pytest.mark.parametrize("shared", [0.9, 0.5, 0.1])
@pytest.mark.parametrize("n", [4, 200])
def test_the_same_dart(n, shared):
    """Where p and q are equal or one of them is 0, the same item means the same dart: sum min / sum max."""
    rng = np.random.default_rng(n)
    common, other = shared * rng.dirichlet(np.ones(n)), (1 - shared) * rng.dirichlet(np.ones(n))
    p, q = np.concatenate([common, other, 0 * other]), np.concatenate([common, 0 * other, other])
    a, b = pycouple.couple(p, q, 5, np.arange(200_000), method="minhash")
    exact = np.minimum(p, q).sum() / np.maximum(p, q).sum()
    assert stats.binomtest(int((a == b).sum()), 200_000, exact).pvalue > ALPHA


def test_agreement_on_real_rows(real_logits):
    """A target and the same row at another temperature, 49,152 items."""
    for i, row in enumerate(real_logits[:4]):
        x = row.astype(float)
        p, q = np.exp(x - x.max()), np.exp((x - x.max()) / 1.3)
        a = pycouple.sample_logits(row, i, np.arange(4000))
        b = pycouple.sample_logits(row, i, np.arange(4000), temperature=1.3)
        exact = float(theory.agreement(p / p.sum(), q / q.sum()))
        assert stats.binomtest(int((a == b).sum()), 4000, exact).pvalue > ALPHA


@METHOD
@pytest.mark.parametrize("other", ["step", "stream", "seed"])
def test_draws_are_independent(other, method):
    """Chi-square test of independence of the draws at two steps, streams or seeds that differ in one bit."""
    w = np.arange(1, 9.0)
    n = 100_000
    first = {"seed": 1, "step": 2 * np.arange(n), "stream": 0}
    second = first | {other: first[other] + (2**40 if other == "seed" else 1)}
    table = np.zeros((8, 8))
    np.add.at(table, (pycouple.sample(w, **first, method=method), pycouple.sample(w, **second, method=method)), 1)
    assert stats.chi2_contingency(table).pvalue > ALPHA


def test_clocks_are_exponential_and_independent_in_a_block():
    """Kolmogorov-Smirnov against Exp(1), by lane and for the first of 64; rank correlation of all pairs of lanes."""
    e = pycouple.clocks(1, np.arange(4000)[:, None], np.arange(64, 128))
    assert stats.kstest(e.ravel(), "expon").pvalue > ALPHA
    assert stats.kstest(e.min(axis=1) * 64, "expon").pvalue > ALPHA
    assert stats.chisquare(np.bincount(e.argmin(axis=1), minlength=64)).pvalue > ALPHA
    rho = np.corrcoef(stats.rankdata(e, axis=0).T)[np.triu_indices(64, 1)]
    assert np.abs(rho).max() * np.sqrt(4000) < stats.norm.isf(ALPHA / 2 / rho.size)
    for lane in range(64):
        assert stats.kstest(e[:, lane], "expon").pvalue > ALPHA / 64


def test_uniforms_are_uniform_and_their_own():
    items = np.arange(200_000)
    u = pycouple.uniforms(1, 0, items)
    assert stats.kstest(u, "uniform").pvalue > ALPHA
    clock = pycouple.clocks(1, 0, items)
    assert stats.pearsonr(u, clock).pvalue > ALPHA


def test_gumbels_are_gumbel():
    assert stats.kstest(pycouple.gumbels(3, 1, np.arange(200_000)), "gumbel_r").pvalue > ALPHA
