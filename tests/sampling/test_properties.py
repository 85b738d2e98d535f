"""Hypothesis: what holds for every row."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pycouple
from pycouple import theory

settings.register_profile("pycouple", deadline=None, derandomize=True, max_examples=100)
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


METHODS = st.sampled_from(["gumbel", "minhash"])


@given(WEIGHTS, KEYS, KEYS, st.integers(-300, 300))
def test_minhash_draws_do_not_depend_on_scale_or_padding(w, seed, step, exponent):
    item = pycouple.sample(w, seed, step, method="minhash")
    assert w[item] > 0
    scaled = np.append(np.ldexp(w.astype(np.float64), exponent), np.zeros(70))
    assert pycouple.sample(scaled, seed, step, method="minhash") == item


@given(WEIGHTS, KEYS, METHODS, st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_sketch_does_not_depend_on_order_or_grouping(w, seed, method, k, random):
    order = list(range(w.size))
    random.shuffle(order)
    cuts = sorted(random.choices(range(w.size + 1), k=3))
    whole = pycouple.Sketcher(k, seed, method=method)
    for a, b in pairwise([0, *cuts, w.size]):
        part = pycouple.Sketcher(k, seed, method=method)
        part.update(order[a:b], w[order[a:b]])
        whole.merge(part)
    assert whole.sketch() == pycouple.sketch(w, k, seed, method=method)


@given(WEIGHTS, KEYS, st.integers(1, 40))
def test_gumbel_registers_hold_items_of_the_set(w, seed, k):
    assert (w[pycouple.sketch(w, k, seed).registers.astype(int)] > 0).all()


@given(WEIGHTS, KEYS, METHODS, st.integers(1, 40))
def test_a_weight_that_grows_changes_registers_to_its_own_item_only(w, seed, method, k):
    """Registers that change have been won by the item that grew."""
    before = pycouple.sketch(w, k, seed, method=method).registers
    grown = w.astype(np.float64)
    grown[0] = 2 * grown[0] + 1
    alone = pycouple.sketch(grown[:1], k, seed, method=method).registers
    after = pycouple.sketch(grown, k, seed, method=method).registers
    changed = after != before
    assert np.array_equal(after[changed], alone[changed])
