"""The protocol's marginals, agreement and bits against exact formulas.

All seeds are fixed. Each test fails with probability at most ALPHA for seeds chosen at random (Bonferroni inside).
"""

import numpy as np
import pytest
from scipy import stats

from pycouple import protocol, theory
from pycouple.protocol import Alice
from tests.support.examples import module

ALPHA = 1e-2
STEPS = 3_000
EPSILONS = (None, 0.2, 0.05)


def families():
    rng = np.random.default_rng(50)
    p, q = rng.dirichlet(np.ones(12), 2)
    yield "dirichlet", p, q
    yield "peaked", rng.dirichlet(np.full(30, 0.1)), rng.dirichlet(np.full(30, 0.1))
    yield "near", p, 0.97 * p + 0.03 * q
    yield "equal", p, 5 * p
    yield "disjoint", np.array([0.5, 0.3, 0.2, 0, 0]), np.array([0, 0, 0, 1.0, 3.0])
    yield "one item", np.array([0.25]), np.array([2.0])
    yield "zeros", np.array([0.5, 0, 0.5, 0, 0]), np.array([0, 0, 0.25, 0.75, 0])
    yield "subset", np.array([0.2, 0.2, 0.6]), np.array([0, 0.4, 0.6])
    yield "hard", *theory.hard_pair(6)
    yield "zipf", 1 / np.arange(1.0, 301), 1 / np.arange(300, 0, -1.0)


CASES = [pytest.param(p, q, epsilon, id=f"{name}-{epsilon}") for name, p, q in families() for epsilon in EPSILONS]
LEVEL = ALPHA / (6 * len(CASES))


def distance(p, q):
    """Total variation distance; exactly 0 for weights that differ by a factor."""
    p, q = p / p.sum(), q / q.sum()
    return 0.0 if np.allclose(p, q, rtol=1e-14, atol=0) else float(theory.total_variation(p, q))


def limit(epsilon):
    return 24 if epsilon is None else protocol.rounds(epsilon)


def failing(d, rounds):
    """The probability that so many rounds of marks fail."""
    return (1 - np.exp(-1) * (1 - np.exp(-d))) ** (8.0 * (2.0**rounds - 1))


def asking(d, epsilon):
    """The probability that a run asks for marks at all."""
    if epsilon is None:
        return d / (1 + d)
    return d / (1 + d) * (2 - d) if limit(epsilon) else 0.0


def marks_bits(rounds):
    """What so many rounds cost: the bitmaps, and a bit for each after the one that every run has."""
    return 8 * (2.0**rounds - 1) + rounds


def marks_moments(d, epsilon):
    """Mean and variance of the bits that the rounds cost in a run that asks for marks."""
    rounds = np.arange(1, limit(epsilon) + 1)
    ends = np.array([failing(d, w - 1) - (failing(d, w) if w < limit(epsilon) else 0) for w in rounds])
    mean = (ends * marks_bits(rounds)).sum()
    return mean, (ends * marks_bits(rounds) ** 2).sum() - mean**2


def cells(p):
    """Of each cell of Alice's darts: the probability that it has hers, that it has one more before it, and the bits of
    its code."""
    p, n = p / p.sum(), len(p)
    counts = [-(-n // 4**t) for t in range(11)]
    total = sum(counts)
    length = int(np.ceil(np.log2(total)))
    areas, ratios = [], []
    for t, count in enumerate(counts):
        low, high = (4.0 ** -(t + 1), 4.0**-t) if t < 10 else (0.0, 4.0**-10)
        area = np.add.reduceat(np.clip(p, low, high) - low, np.arange(0, n, 4**t))[:count]
        missed = (1 if t < 10 else 4 / 3) - 4 / 3 * area  # darts of the cell that are not under p, a unit of time
        areas.append(area)
        ratios.append(missed / (missed + 4 / 3))  # how many of them come before the first one under p is geometric
    return np.concatenate(areas), np.concatenate(ratios), length - (np.arange(total) < 2**length - total)


def name_bits(p):
    """The expected bits of the name of Alice's dart, cell by cell."""
    area, ratio, code = cells(p)
    return (area * (code + sum(ratio**j for j in range(8)) + 12 * ratio**8)).sum()


def same_name(p):
    """The probability that two seeds give Alice's dart the same name."""
    area, ratio, _ = cells(p)
    return (area**2 * (1 - ratio) / (1 + ratio)).sum()


def time_bits(p):
    """How many bits the time of Alice's dart tells of the seed to somebody who knows the areas of the cells and
    nothing else of p: for the right seed a gamma variable that is r times as early as for others (Kullback-Leibler)."""
    area, ratio, _ = cells(p)
    missed = 4 / 3 * ratio / (1 - ratio)
    r = (missed + 4 / 3) / (missed + 4 / 3 * area)
    return (area / (1 - ratio) * (np.log(r) - 1 + 1 / r)).sum() / np.log(2)


def same_distribution(drawn, w):
    """The p-value of a chi-square test; items with few draws expected are taken together."""
    want = STEPS * w / w.sum()
    counts = np.bincount(drawn, minlength=len(w))
    assert counts[w == 0].sum() == 0
    rare = (want < 10) & (want > 0)
    seen = np.append(counts[want >= 10], counts[rare].sum())
    want = np.append(want[want >= 10], want[rare].sum())
    seen, want = seen[want > 0], want[want > 0]
    return stats.chisquare(seen, want).pvalue if len(want) > 1 else 1.0


@pytest.mark.parametrize(("p", "q", "epsilon"), CASES)
def test_marginals_agreement_and_bits(p, q, epsilon):
    run = protocol.run(p, q, 51, np.arange(STEPS), epsilon=epsilon)
    assert same_distribution(run.a, p) > LEVEL
    assert same_distribution(run.b, q) > LEVEL

    d = distance(p, q)
    f = 0.0 if epsilon is None else failing(d, limit(epsilon))
    agreement = min((1 - f) * (1 - d) + f * float(theory.agreement(p, q, "minhash")), 1.0)
    assert agreement >= 1 - d - (epsilon or 0) - 1e-12
    assert stats.binomtest(int((run.a == run.b).sum()), STEPS, agreement).pvalue > LEVEL

    rounds = (run.messages - 2) // 2
    asked = int((rounds > 0).sum())
    assert stats.binomtest(asked, STEPS, asking(d, epsilon)).pvalue > LEVEL
    deviations = stats.norm.isf(LEVEL / 2)
    if asked:
        mean, variance = marks_moments(d, epsilon)
        assert abs(marks_bits(rounds).sum() / asked - mean) <= deviations * np.sqrt(variance / asked)
    names = run.bits - 1 - marks_bits(rounds)
    assert abs(names.mean() - name_bits(p)) <= deviations * names.std() / np.sqrt(STEPS)


@pytest.mark.parametrize(("p", "q"), [pytest.param(p, q, id=name) for name, p, q in families()])
def test_expected_bits(p, q):
    """The exact expectation of a run, whose parts the runs above are held against, is below the stated bound."""
    d = distance(p, q)
    total = name_bits(p) + 1 + (asking(d, None) * marks_moments(d, None)[0] if d else 0)
    assert total <= protocol.expected_bits_bound(len(p))
    assert total > np.log2(len(p))


def test_the_parts_of_the_bound():
    """5.56 bits for the rounds and 2.04 for the number of a dart, as the module says."""
    d = np.linspace(0, 1, 1001)[1:]
    costs = np.array([asking(x, None) * marks_moments(x, None)[0] for x in d])
    assert (np.diff(costs) > 0).all()
    assert 5.55 < costs[-1] < 5.56
    assert 3.9 < costs[0] < 4
    assert sum(0.5**j for j in range(8)) + 12 * 0.5**8 < 2.04
    for n in (1, 2, 10, 2**17, 2**32):
        cells = sum(-(-n // 4**t) for t in range(11))
        assert cells <= 4 * n / 3 + 10
        assert protocol.expected_bits_bound(n) == pytest.approx(np.ceil(np.log2(cells)) + 8.6)


def test_what_a_name_tells_of_the_seed():
    """The figures of SECURITY.md, for somebody who knows p; and the formula against names that are drawn."""
    rows = module("protocol_over_tcp").rows_of("draft_q4")
    shown = np.array([same_name(p) for p in rows])
    assert round(100 * shown.mean()) == 9
    assert round(-np.log2(shown).mean(), 1) == 4.4
    assert 14 < 64 / -np.log2(shown).mean() < 15
    assert round(np.mean([time_bits(p) for p in rows]), 1) == 0.5
    p = np.array([0.5, 0.3, 0.15, 0.05])
    names = [Alice(p, 53, step).start()[9:] for step in range(STEPS)]
    same = sum(a == b for a, b in zip(names[::2], names[1::2], strict=True))
    assert stats.binomtest(same, STEPS // 2, same_name(p)).pvalue > ALPHA


def test_steps_are_independent():
    """Agreement in consecutive steps: a contingency table."""
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.2, 0.3, 0.3, 0.2])
    run = protocol.run(p, q, 52, np.arange(STEPS))
    same = run.a == run.b
    table = [[np.sum(x & y), np.sum(x & ~y)] for x, y in ((same[:-1], same[1:]), (~same[:-1], same[1:]))]
    assert stats.chi2_contingency(table).pvalue > ALPHA
