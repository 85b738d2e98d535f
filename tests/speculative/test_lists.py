"""Several drafts against one target: the draw by the smallest clock over the streams, and the list matching lemma.

Seeds are fixed. ALPHA is the chance with which a correct library would fail a statistical test here, all its cases
together, for a seed chosen at random.
"""

import functools
import os
import re
import sys
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import theory
from pycouple.speculative import list_target, list_target_logits
from tests.support.chi_square import chi_square
from tests.support.oracle_lists import list_logits, list_weights
from tests.support.rows import random_row, random_weights

ALPHA = 1e-4
DTYPES = ("float16", "float32", "float64")
TEMPERATURES = (1.0, 0.7, 0.01, 100.0, 1e30, 0.0)
INF = float("inf")


def key(rng):
    seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
    return seed, step, rng.permutation(256)[: rng.integers(1, 9)].tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_brute_force(dtype):
    rng = np.random.default_rng(1)
    for n in (*range(1, 70), 127, 128, 129, 1000):
        for _ in range(2):
            w, x = random_weights(rng, n, dtype), random_row(rng, n, dtype)
            seed, step, streams = key(rng)
            assert list_target(w, seed, step, streams) == list_weights(w, seed, step, streams), (n, streams)
            t = float(rng.choice(TEMPERATURES))
            got = list_target_logits(x, seed, step, streams, temperature=t)
            assert got == list_logits(x, seed, step, streams, t), (n, streams, t)


def test_ties_go_to_the_lowest_item_of_all_streams():
    """At this scale scores are rounded to integers: the streams' winners tie, and are different items."""
    x = np.full(200, 2.0**52)
    x[:3] = -INF
    streams = range(8)
    apart = 0
    for step in range(60):
        race = pycouple.race_logits(x, 5, step, stream=streams)
        apart += len(set(race.item[race.score == race.score.max()].tolist())) > 1
        assert list_target_logits(x, 5, step, streams) == list_logits(x, 5, step, streams, 1.0)
    assert apart > 5
    assert list_target_logits([-0.0, 1.0, 1.0, 0.0], 5, 0, streams, temperature=0) == 1


@pytest.mark.parametrize("scale", [-1074, -1024, -300, 0, 900, 1015])
def test_weights_of_any_scale(scale):
    rng = np.random.default_rng(2)
    w = np.ldexp(rng.integers(0, 9, 100).astype(float), scale)
    for step in range(40):
        assert list_target(w, 9, step, range(5)) == list_weights(w, 9, step, range(5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_stream_is_sample(dtype):
    rng = np.random.default_rng(3)
    w, x = random_weights(rng, 300, dtype), random_row(rng, 300, dtype)
    steps = np.arange(300)
    for s in (0, 1, 255):
        assert np.array_equal(list_target(w, 3, steps, (s,)), pycouple.sample(w, 3, steps, stream=s))
        got = list_target_logits(x, 3, steps, (s,), temperature=0.5)
        assert np.array_equal(got, pycouple.sample_logits(x, 3, steps, stream=s, temperature=0.5))
    assert np.array_equal(list_target(w, 3, steps), pycouple.sample(w, 3, steps))


def test_batches_layouts_and_types():
    rng = np.random.default_rng(4)
    wide = rng.exponential(size=(3, 2, 40)).astype(np.float32)
    steps, streams = [5, 6], [7, 0, 3]
    want = np.array([[list_weights(wide[i, j], 1, steps[j], streams) for j in range(2)] for i in range(3)])
    logits = np.log(wide)
    cold = np.array([[0.0], [1.0], [2.0]])
    want_logits = np.array(
        [[list_logits(logits[i, j], 1, steps[j], streams, cold[i, 0]) for j in range(2)] for i in range(3)]
    )
    for make in (
        lambda a: a,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[..., ::-1].copy()[..., ::-1],
        lambda a: a.astype(">f4"),
        lambda a: np.asfortranarray(a),
    ):
        w, x = make(wide), make(logits)
        w.flags.writeable = False
        assert np.array_equal(list_target(w, 1, steps, streams), want)
        assert np.array_equal(list_target_logits(x, 1, steps, streams, temperature=cold), want_logits)
    for workers in (2, -1):
        assert np.array_equal(list_target(wide, 1, steps, streams, workers=workers), want)
        got = list_target_logits(logits, 1, steps, streams, temperature=cold, workers=workers)
        assert np.array_equal(got, want_logits)
    for axis in (0, 1, -2):
        assert np.array_equal(list_target(np.moveaxis(wide, -1, axis), 1, steps, streams, axis=axis), want)
    assert np.array_equal(list_target(wide, 1, steps, np.array(streams[::-1], np.uint8)), want)

    # A row broadcasts against steps and seeds; a single row gives a scalar; an empty batch an empty result.
    got = list_target(wide[0, 0], [[1], [2]], steps, streams)
    assert np.array_equal(got, [[list_weights(wide[0, 0], s, t, streams) for t in steps] for s in (1, 2)])
    one = list_target(wide[0, 0], 1, 5, streams)
    assert isinstance(one, np.int64)
    assert one == want[0, 0]
    assert list_target(np.ones((0, 4)), 1, 0, streams).shape == (0,)
    assert list_target_logits(np.ones((2, 0, 4)), 1, 0, streams).shape == (2, 0)
    assert list_target([3, 1, 2], 1, 5, streams) == list_weights([3, 1, 2], 1, 5, streams)


def test_slices_of_items_and_out():
    rng = np.random.default_rng(14)
    x = rng.normal(0, 2, (3, 2, 40))
    streams, steps = [7, 0, 3], [5, 6]
    whole = np.concatenate([np.full((3, 2, 128), -INF), x], axis=-1)  # the same items, from number 128 on
    for function, part, all_of_them in ((list_target_logits, x, whole), (list_target, np.exp(x), np.exp(whole))):
        want = function(all_of_them, 1, steps, streams)
        out = np.empty((3, 2), np.int64)
        for axis in (-1, 0):
            rows = np.moveaxis(part, -1, axis)
            assert function(rows, 1, steps, streams, axis=axis, item_offset=128, out=out) is out
            assert np.array_equal(out, want)
        alone = np.empty((), np.int64)
        function(part[0, 0], 1, 5, streams, item_offset=128, out=alone)
        assert alone == want[0, 0]


def test_the_target_is_the_draft_of_some_stream():
    """Equal distributions always agree, whatever the streams."""
    w = np.random.default_rng(5).exponential(size=50)
    steps = np.arange(2000)
    drafts = pycouple.sample(w, 2, steps[:, np.newaxis], stream=range(4))
    assert (drafts == list_target(w, 2, steps, range(4))[:, np.newaxis]).any(axis=1).all()
    assert np.allclose(theory.list_agreement_bound(w, 3 * w, [1, 4, 256]), 1, rtol=0, atol=1e-13)


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="sets the x86 control register")
def test_flushed_subnormals_do_not_matter():
    from tests.support.control_register import mode

    rng = np.random.default_rng(6)
    integers = rng.integers(0, 9, 100)
    rows = [np.ldexp(integers.astype(float), -1074), np.ldexp(integers.astype(np.float32), -149)]
    steps = np.arange(50)
    want = [list_target(w, 1, steps, range(4)) for w in rows]
    cold = list_target_logits(rows[1], 1, steps, range(4), temperature=1e-45)
    before = mode()
    mode(before | 0x8040)  # FTZ, DAZ
    try:
        got = [list_target(w, 1, steps, range(4)) for w in rows]
        got_cold = list_target_logits(rows[1], 1, steps, range(4), temperature=1e-45)
    finally:
        mode(before)
    assert np.array_equal(got, want)
    assert np.array_equal(got_cold, cold)
    assert want[0].tolist() == [list_weights(rows[0], 1, t, range(4)) for t in range(50)]
    assert np.array_equal(want[0], want[1])


ONE = [1.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ONE, 1, 0, 4), TypeError, "streams must be a sequence of integers, got int: pass range(4)"),
        ((ONE, 1, 0, np.int64(2)), TypeError, "streams must be a sequence of integers, got int64: pass range(2)"),
        ((ONE, 1, 0, {1, 2}), TypeError, "streams must be a sequence of integers, got set"),
        ((ONE, 1, 0, None), TypeError, "streams must be a sequence of integers, got NoneType"),
        ((ONE, 1, 0, [0.5]), TypeError, "streams must be integers, got float"),
        ((ONE, 1, 0, [True]), TypeError, "streams must be integers, got bool"),
        ((ONE, 1, 0, ()), ValueError, "streams must not be empty"),
        ((ONE, 1, 0, [[0, 1]]), ValueError, "streams must have one axis, got shape (1, 2)"),
        ((ONE, 1, 0, [3, 9, 3]), ValueError, "streams must be distinct, got 3 more than once"),
        ((ONE, 1, 0, [0, 256]), ValueError, "streams must be in 0..255, got 256 at index 1"),
        ((ONE, 1, 0, [-1]), ValueError, "streams must be in 0..255, got -1 at index 0"),
        ((ONE, -1, 0, [0]), ValueError, "seed must be in 0..2**64 - 1, got -1"),
        ((ONE, 1, 0.5, [0]), TypeError, "position must be integers, got float"),
        ((1.0, 1, 0, [0]), ValueError, "{} must have at least one axis, the items; got a single number"),
        (([], 1, 0, [0, 1]), ValueError, "{}: there are no items (n = 0)"),
        ((np.ones((2, 0)), 1, 0, [0, 1]), ValueError, "{}: there are no items (n = 0) at row 0"),
        (
            ([ONE, ONE], 1, [1, 2, 3], [0, 1]),
            ValueError,
            "the batch shapes do not broadcast ({} without its items): {} (2,), position (3,)",
        ),
    ],
)
def test_errors(arguments, error, message):
    for function, name in ((list_target, "weights"), (list_target_logits, "logits")):
        with pytest.raises(error, match=f"^{re.escape(message.format(name, name))}$"):
            function(*arguments)


def test_errors_of_rows_do_not_speak_of_streams():
    nothing = "weights: no weight is positive at row 1, so there is nothing to draw"
    with pytest.raises(ValueError, match=f"^{nothing}$"):
        list_target([[1, 1], [0, 0]], 1, 0, range(3))
    with pytest.raises(ValueError, match=r"^weights: weight of item 1 is nan; it must be finite and not negative$"):
        list_target([1, np.nan], 1, 0, range(3))
    with pytest.raises(ValueError, match=r"^logits: every logit is -inf at row \(1, 0\), so there is nothing to draw$"):
        list_target_logits([[ONE], [[-INF, -INF]]], 1, 0, range(3))
    with pytest.raises(ValueError, match=r"^logits: logit of item 0 is inf at row 1; it must be finite or -inf$"):
        list_target_logits(np.transpose([ONE, [INF, 0]]), 1, 0, range(3), axis=0)
    with pytest.raises(ValueError, match=r"^temperature must be finite and at least 0, got -1.0 at index 1$"):
        list_target_logits(ONE, 1, 0, range(3), temperature=[1, -1])
    with pytest.raises(ValueError, match=r"^temperature 1e-310 is so small that .* item 0, logit 1.0;"):
        list_target_logits(ONE, 1, 0, range(3), temperature=1e-310)
    with pytest.raises(ValueError, match=r"^workers must be positive, or -1 for all cores; got 0$"):
        list_target(ONE, 1, 0, range(3), workers=0)
    with pytest.raises(np.exceptions.AxisError, match=r"^weights: axis 1 is out of bounds for array of dimension 1$"):
        list_target(ONE, 1, 0, range(3), axis=1)
    with pytest.raises(ValueError, match=r"^item_offset must be a multiple of 64 .*, got 1$"):
        list_target(ONE, 1, 0, range(3), item_offset=1)
    with pytest.raises(ValueError, match=r"^out must have shape \(2,\), that of the batch; got \(3,\)$"):
        list_target([ONE, ONE], 1, 0, range(3), out=np.empty(3, np.int64))
    with pytest.raises(TypeError, match=r"^out must be of type int64, got int32$"):
        list_target([ONE, ONE], 1, 0, range(3), out=np.empty(2, np.int32))
    with pytest.raises(ValueError, match=r"^streams: the rows of a list must have the same number of items"):
        list_target(ONE, 1, 0, [[1], [2, 3]])


def exact_bound(p, q, k):
    """The lemma's formula over all pairs of items, in fractions."""
    p, q = [Fraction(float(v)) for v in p], [Fraction(float(v)) for v in q]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    both = list(zip(p, q, strict=True))
    return sum(k / (sum(max(d / b, c / a) for c, d in both) + (k - 1) / b) for a, b in both if a > 0 and b > 0)


def pairs():
    rng = np.random.default_rng(7)
    for n in (1, 2, 10, 40):
        for zeros in (0.0, 0.4):
            p, q = rng.dirichlet(np.full(n, 0.5), 2)
            p, q = (np.where(rng.random(n) < zeros, 0, v) for v in (p, q))
            if p.any() and q.any():
                yield p, q
    yield theory.hard_pair(5)
    yield np.array([3.0, 1, 1]), np.array([6.0, 2, 2])
    yield np.array([1.0, 0]), np.array([0, 1.0])
    yield np.array([1e-300, 1, 0]), np.array([1, 1e-300, 5e-324])
    yield np.array([1e308, 1e308]), np.array([1e308, 5e307])


@pytest.mark.parametrize("k", [1, 2, 3, 16, 1000, 2**64 - 1])
def test_bound_is_the_formula(k):
    for p, q in pairs():
        assert abs(float(theory.list_agreement_bound(p, q, k)) - float(exact_bound(p, q, k))) < 1e-14, (p, q)


def test_bound_at_one_draft_is_the_agreement():
    for p, q in pairs():
        assert theory.list_agreement_bound(p, q, 1) == theory.agreement(p, q, "gumbel")
    rng = np.random.default_rng(8)
    p, q = rng.dirichlet(np.full(50_000, 0.1), 2)
    assert theory.list_agreement_bound(p, q, 1) == theory.agreement(p, q, "gumbel")


def test_bound_grows_from_the_agreement_to_the_mass_of_the_common_items():
    for p, q in pairs():
        curve = theory.list_agreement_bound(p, q, np.arange(1, 65))
        assert (np.diff(curve) >= -1e-14).all()
        assert ((curve >= 0) & (curve <= 1)).all()
        if p[p > 0].min() > 1e-6 * p.max():
            common = float((q / q.max())[p > 0].sum() / (q / q.max()).sum())
            assert float(theory.list_agreement_bound(p, q, 2**63)) == pytest.approx(common, abs=1e-9)
    p, q = np.random.default_rng(9).dirichlet(np.ones(30), 2)
    assert (np.diff(theory.list_agreement_bound(p, q, np.arange(1, 65))) > 1e-5).all()


def test_bound_of_extremes():
    k = np.array([1, 2, 1000, 2**64 - 1], np.uint64)
    assert np.array_equal(theory.list_agreement_bound([1, 0, 2], [0, 3, 0], k), np.zeros(4))
    assert np.array_equal(theory.list_agreement_bound([2], [7], k), np.ones(4))
    with np.errstate(all="raise"):
        values = theory.list_agreement_bound([1, 1e-320, 1e300], [1e300, 1, 1e-320], k)
    assert ((values >= 0) & (values <= 1)).all()


def test_bound_of_batches():
    rng = np.random.default_rng(10)
    p, q = rng.random((4, 1, 30)), rng.random((5, 30))
    assert theory.list_agreement_bound(p, q, 3).shape == (4, 5)
    k = np.arange(1, 7)[:, np.newaxis, np.newaxis]
    got = theory.list_agreement_bound(p, q, k)
    assert got.shape == (6, 4, 5)
    for i, j, m in np.ndindex(6, 4, 5):
        assert got[i, j, m] == pytest.approx(theory.list_agreement_bound(p[j, 0], q[m], i + 1), abs=1e-14)
    assert theory.list_agreement_bound(p[0, 0], q[0], np.arange(1, 17)).shape == (16,)
    assert theory.list_agreement_bound(p[0, 0], q[0], []).shape == (0,)
    assert isinstance(theory.list_agreement_bound(p[0, 0], q[0], 2), np.float64)


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, "k must be at least 1, got 0"),
        ([1, -2], ValueError, "k must be at least 1, got -2 at index 1"),
        (2**64, ValueError, "k must be in 0..2**64 - 1, got 18446744073709551616"),
        (1.5, TypeError, "k must be integers, got float"),
        (True, TypeError, "k must be integers, got bool"),
        ("2", TypeError, "k must be integers, got str"),
        ([1, 2, 3], ValueError, "the batch shapes do not broadcast (p without its items): p (2,), k (3,)"),
    ],
)
def test_errors_of_the_bound(k, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        theory.list_agreement_bound([ONE, ONE], ONE, k)
    with pytest.raises(ValueError, match=r"^q: no weight is positive$"):
        theory.list_agreement_bound(ONE, [0, 0], 1)


# ---- statistics

STEPS, DRAFTS = 100_000, (1, 2, 4, 8)


def drafters():
    rng = np.random.default_rng(11)
    yield "near", *_softmaxes(rng, 1.0, 0.5)
    yield "far", rng.dirichlet(np.full(50, 0.3)), rng.dirichlet(np.full(50, 0.3))
    yield "hard", *theory.hard_pair(4)
    yield "partly disjoint", np.array([0.5, 0.5, 0, 0]), np.array([0, 0.2, 0.3, 0.5])


def _softmaxes(rng, spread, change):
    x = rng.normal(0, spread, 40)
    p, q = np.exp(x), np.exp(x + rng.normal(0, change, 40))
    return p / p.sum(), q / q.sum()


PAIRS = {name: (p, q) for name, p, q in drafters()}
SHARE = ALPHA / (len(PAIRS) * len(DRAFTS))
CASES = pytest.mark.parametrize("k", DRAFTS)
EVERY_PAIR = pytest.mark.parametrize("name", PAIRS)


@functools.cache
def drafts_of(name):
    p, _ = PAIRS[name]
    steps = np.arange(STEPS)[:, np.newaxis]
    return pycouple.sample(p, pycouple.seed_from("lists", name), steps, stream=range(max(DRAFTS)))


@functools.cache
def target_of(name, k):
    _, q = PAIRS[name]
    return list_target(q, pycouple.seed_from("lists", name), np.arange(STEPS), range(k))


def accepted(name, k):
    return int((drafts_of(name)[:, :k] == target_of(name, k)[:, np.newaxis]).any(axis=1).sum())


@EVERY_PAIR
@CASES
def test_acceptance_keeps_the_bound(name, k):
    """One-sided binomial tests: not below the lemma, not above what any target's rule could reach."""
    p, q = PAIRS[name]
    hits = accepted(name, k)
    low, high = float(theory.list_agreement_bound(p, q, k)), min(1.0, float(np.minimum(q, 1 - (1 - p) ** k).sum()))
    assert stats.binomtest(hits, STEPS, low, alternative="less").pvalue > SHARE / 2
    assert stats.binomtest(hits, STEPS, high, alternative="greater").pvalue > SHARE / 2


@EVERY_PAIR
def test_acceptance_of_one_draft_is_exact(name):
    p, q = PAIRS[name]
    exact = float(theory.agreement(p, q))
    assert stats.binomtest(accepted(name, 1), STEPS, exact).pvalue > ALPHA / len(PAIRS)


@EVERY_PAIR
@CASES
def test_the_target_follows_q(name, k):
    assert chi_square(target_of(name, k), PAIRS[name][1]) > SHARE


@CASES
def test_the_target_follows_softmax(k):
    x = np.random.default_rng(12).normal(0, 2, 30)
    q = np.exp(x / 0.7)
    items = list_target_logits(x, pycouple.seed_from("list logits"), np.arange(50_000), range(k), temperature=0.7)
    assert chi_square(items, q / q.sum()) > ALPHA / len(DRAFTS)
