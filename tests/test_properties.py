"""Hypothesis: what holds for every row."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pycouple
from pycouple import theory

settings.register_profile("pycouple", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("pycouple")

KEYS = st.integers(0, 2**64 - 1)
WEIGHTS = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 300),
    elements=st.floats(0, 2.0**100, width=32, allow_subnormal=True),
).filter(lambda w: (w > 0).any())


@given(WEIGHTS, KEYS, KEYS, st.floats(1, 8))
def test_a_weight_that_grows_keeps_its_win(w, seed, step, factor):
    item = pycouple.sample(w, seed, step)
    w[item] *= np.float32(factor)
    assert pycouple.sample(w, seed, step) == item


@given(WEIGHTS, KEYS, KEYS)
def test_a_loser_that_shrinks_changes_nothing(w, seed, step):
    item = pycouple.sample(w, seed, step)
    w[np.arange(w.size) != item] *= np.float32(0.5)
    assert pycouple.sample(w, seed, step) == item


@given(WEIGHTS, KEYS, KEYS, st.integers(-300, 300))
def test_scaling_by_a_power_of_two_changes_nothing(w, seed, step, exponent):
    w = w.astype(np.float64)
    assert pycouple.sample(np.ldexp(w, exponent), seed, step) == pycouple.sample(w, seed, step)


@given(WEIGHTS, KEYS, KEYS)
def test_the_winner_has_weight(w, seed, step):
    assert w[pycouple.sample(w, seed, step)] > 0


@given(WEIGHTS, KEYS, KEYS, st.integers(0, 200))
def test_items_of_weight_zero_at_the_end_change_nothing(w, seed, step, extra):
    padded = np.append(w, np.zeros(extra, w.dtype))
    assert pycouple.sample(padded, seed, step) == pycouple.sample(w, seed, step)


@given(
    hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6)),
    KEYS,
    KEYS,
    st.floats(0.01, 100),
)
def test_race_is_argmax_of_logits_and_gumbels(x, seed, step, temperature):
    race = pycouple.race_logits(x, seed, step, temperature=temperature)
    score = x / temperature + pycouple.gumbels(seed, step, np.arange(x.size))
    assert (race.item, race.score) == (np.argmax(score), score.max())


@given(hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 60)), elements=st.floats(0, 1)))
def test_order_of_the_formulas(pq):
    p, q = pq
    if not (p.any() and q.any()):
        return
    values = [theory.lower_bound(p, q), *(theory.agreement(p, q, method=m) for m in ("minhash", "gumbel", "optimal"))]
    assert all(a <= b + 1e-12 for a, b in pairwise(values))


@given(st.lists(st.one_of(st.text(), st.binary(), st.integers()), min_size=1))
def test_seed_from_depends_on_its_parts_alone(parts):
    seed = pycouple.seed_from(*parts)
    assert 0 <= seed < 2**64
    assert seed == pycouple.seed_from(*parts)
    assert seed != pycouple.seed_from(*parts, 0)
