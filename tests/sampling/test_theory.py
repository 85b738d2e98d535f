"""The exact formulas against their definitions, in exact arithmetic where that matters."""

from fractions import Fraction

import numpy as np
import pytest

from pycouple import theory


def by_definition(p, q, method):
    """In fractions: no rounding at all."""
    p, q = [Fraction(float(v)) for v in p], [Fraction(float(v)) for v in q]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    both = list(zip(p, q, strict=True))
    if method == "optimal":
        return sum(min(a, b) for a, b in both)
    if method == "minhash":
        return sum(min(a, b) * (1 + abs(a - b)) for a, b in both) / sum(max(a, b) for a, b in both)
    return sum(1 / sum(max(c / a, d / b) for c, d in both) for a, b in both if a > 0 and b > 0)


def pairs():
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 10, 40):
        for zeros in (0.0, 0.4):
            p, q = rng.dirichlet(np.full(n, 0.5), 2)
            p, q = (np.where(rng.random(n) < zeros, 0, v) for v in (p, q))
            if p.any() and q.any():
                yield p, q
    yield np.array([1.0, 1, 1]), np.array([2.0, 2, 2])
    yield np.array([1.0, 0]), np.array([0, 1.0])
    yield np.array([1e-300, 1, 0]), np.array([1, 1e-300, 5e-324])
    yield np.array([1e308, 1e308]), np.array([1e308, 5e307])
    yield np.array([5e-324, 5e-324]), np.array([5e-324, 1e-323])


@pytest.mark.parametrize("method", ["optimal", "minhash", "gumbel"])
def test_agreement_is_the_definition(method):
    for p, q in pairs():
        got = float(theory.agreement(p, q, method=method))
        assert abs(got - float(by_definition(p, q, method))) < 1e-14, (p, q)


def test_total_variation_and_bound():
    for p, q in pairs():
        exact = 1 - by_definition(p, q, "optimal")
        assert abs(float(theory.total_variation(p, q)) - float(exact)) < 1e-14
        assert abs(float(theory.lower_bound(p, q)) - float((1 - exact) / (1 + exact))) < 1e-14


@pytest.mark.parametrize("skew", [1.0, 4.0])
def test_gumbel_formula_at_full_vocabulary(skew):
    """n = 131,072 with zeros in p and q, to 1e-12, in extended precision.

    The heaviest terms come from the definition's double maximum, over all items; the others from prefix sums.
    """
    rng = np.random.default_rng(2)
    n = 131_072
    p, q = (np.where(rng.random(n) < 0.2, 0, np.exp(rng.normal(0, skew, n))) for _ in range(2))
    p, q = (v.astype(np.longdouble) / v.astype(np.longdouble).sum() for v in (p, q))
    total = np.longdouble(0)
    both = np.flatnonzero((p > 0) & (q > 0))
    heavy = both[np.argsort(-np.minimum(p[both], q[both]))]
    few = heavy[:96]
    for chunk in np.array_split(few, 2):
        inner = np.maximum(p[:, None] / p[chunk], q[:, None] / q[chunk]).sum(axis=0)
        total += (1 / inner).sum()
    got = float(theory.agreement(p.astype(float), q.astype(float)))
    rest = _remaining_terms(p, q, heavy[96:])
    assert abs(got - float(total + rest)) < 1e-12


def _remaining_terms(p, q, items):
    """Terms by prefix sums over the ratios, in the precision of p and q."""
    ratio = np.where(p > 0, q / np.where(p > 0, p, 1), np.inf)
    ratio[(p == 0) & (q == 0)] = 0
    order = np.argsort(ratio, kind="stable")
    low = np.cumsum(p[order])
    high = q.sum() - np.cumsum(q[order])
    rank = np.searchsorted(ratio[order], ratio[items], side="right") - 1
    return (1 / (low[rank] / p[items] + high[rank] / q[items])).sum()


def test_leading_axes_broadcast():
    rng = np.random.default_rng(3)
    p, q = rng.random((4, 1, 30)), rng.random((5, 30))
    for method in ("optimal", "minhash", "gumbel"):
        got = theory.agreement(p, q, method=method)
        assert got.shape == (4, 5)
        for i in range(4):
            for j in range(5):
                assert got[i, j] == pytest.approx(theory.agreement(p[i, 0], q[j], method=method), abs=1e-15)
    assert theory.total_variation(p, q).shape == (4, 5)


@pytest.mark.parametrize("n", [2, 3, 64, 1000])
def test_hard_pair_is_sharp(n):
    p, q = theory.hard_pair(n)
    assert float(theory.total_variation(p, q)) == pytest.approx(1 / (n - 1))
    bound = float(theory.lower_bound(p, q))
    for method in ("minhash", "gumbel"):
        assert float(theory.agreement(p, q, method=method)) == pytest.approx(bound, abs=1e-12)


def test_errstate_does_not_matter():
    with np.errstate(all="raise"):
        for method in ("optimal", "minhash", "gumbel"):
            assert 0 <= theory.agreement([1, 1e-320, 1e300], [1e300, 1, 1e-320], method=method) <= 1


@pytest.mark.parametrize(("dtype", "bits"), [(np.float16, 0x7D01), (np.float32, 0x7FA00001)])
def test_signalling_nans_are_an_error_without_a_warning(dtype, bits):
    p = np.ones(3, dtype)
    p.view(f"u{p.itemsize}")[1] = bits
    with pytest.raises(ValueError, match="p: weight of item 1 is nan"):
        theory.agreement(p, [1, 1, 1])


def test_equal_distributions_always_agree():
    p = np.random.default_rng(4).random(1000)
    for method in ("optimal", "minhash", "gumbel"):
        assert float(theory.agreement(p, 3 * p, method=method)) == pytest.approx(1, abs=1e-13)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([1, -1], [1, 1], "p: weight of item 1 is -1"),
        ([1, 1], [1, np.nan], "q: weight of item 1 is nan"),
        ([[1, 1], [0, 0]], [1, 1], "p: no weight is positive at row 1"),
        ([1, 1], [1, 1, 1], "p has 2, q has 3"),
        ([], [], "n = 0"),
    ],
)
def test_errors(p, q, message):
    with pytest.raises(ValueError, match=message):
        theory.agreement(p, q)


def test_unknown_method():
    with pytest.raises(ValueError, match="method must be one of 'gumbel', 'minhash', 'optimal'"):
        theory.agreement([1], [1], method="max")
    with pytest.raises(ValueError, match="at least 2"):
        theory.hard_pair(1)


def test_weighted_jaccard():
    a, b = np.array([3.0, 1.0, 0.0]), np.array([[3.0, 0.0, 1.0], [6.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    assert np.allclose(theory.weighted_jaccard(a, b), [3 / 5, 1 / 2, 0])
    assert theory.weighted_jaccard([0, 0], [0.0, 0]) == 1
    assert theory.weighted_jaccard([1e308, 1e308], [1e308, 5e307]) == pytest.approx(0.75)
    rng = np.random.default_rng(9)
    p, q = rng.dirichlet(np.ones(50), (2, 7))
    assert np.allclose(theory.weighted_jaccard(p, q), theory.lower_bound(p, q))
    with pytest.raises(ValueError, match="a and b must be over the same items: a has 1, b has 2"):
        theory.weighted_jaccard([1], [1, 2])
    with pytest.raises(ValueError, match=r"do not broadcast .*: a \(2,\), b \(3,\)"):
        theory.weighted_jaccard(np.ones((2, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"^b: weight of item 1 is -1"):
        theory.weighted_jaccard([1, 1], [1, -1])
