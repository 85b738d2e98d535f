"""A Sketcher gives the sketch of the whole set, however its pieces come, are copied or are shared."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest

from pycouple import Sketcher, sketch
from tests.support.sets import METHOD, ids_of
from tests.support.threads import at_once


@METHOD
def test_order_and_grouping_of_updates_do_not_matter(level, method):
    rng = np.random.default_rng(39)
    spread = 2.0 ** np.append(-1074.0, rng.uniform(-1074, 1023, 499))
    for w in (np.exp(rng.normal(0, 3, 500)), spread, np.ones(500), np.full(500, 5e-324)):
        ids = ids_of(rng, 500)
        want = sketch(w, 80, 4, ids=ids, method=method)
        for pieces in (1, 2, 7, 100):
            order, parts = rng.permutation(500), []
            for piece in np.array_split(order, pieces):
                part = Sketcher(80, 4, method=method)
                for few in np.array_split(piece, 3):
                    part.update(ids[few], w[few])
                part.update(ids[piece[:2]], w[piece[:2]])  # again
                parts.append(pickle.loads(pickle.dumps(part)))
            whole = Sketcher(80, 4, method=method)
            for i in rng.permutation(pieces):
                whole.merge(parts[i])
            assert whole.sketch() == want
            assert whole.sketch(bits=5) == sketch(w, 80, 4, ids=ids, method=method, bits=5)


@METHOD
def test_copies_and_pickles_are_independent(method):
    first = Sketcher(60, 3, method=method)
    first.update(np.arange(50), np.arange(50.0))
    buffers = []
    data = pickle.dumps(first, protocol=5, buffer_callback=buffers.append)
    frozen = [bytes(b.raw()) for b in buffers]
    before = [bytes(b) for b in frozen]
    twins = [copy.copy(first), copy.deepcopy(first), pickle.loads(data, buffers=frozen)]
    want = first.sketch()
    for twin in twins:
        assert repr(twin) == repr(first)
        assert twin.sketch() == want
        twin.update([1000], [1e9])
        assert twin.sketch() != want
        assert first.sketch() == want
    assert frozen == before


@METHOD
def test_threads_may_share_a_sketcher(method):
    rng = np.random.default_rng(44)
    w = rng.random(4000)
    want = sketch(w, 200, 3, method=method)
    shared, aside = (Sketcher(200, 3, method=method) for _ in range(2))

    def work(part):
        for few in np.array_split(part, 50):
            shared.update(few, w[few])
            aside.update(few, w[few])
            shared.merge(aside)
            aside.merge(shared)

    at_once(*(partial(work, part) for part in np.array_split(rng.permutation(4000), 4)))
    assert shared.sketch() == want
    shared.merge(shared)
    assert shared.sketch() == want


def test_a_sketch_does_not_follow_its_sketcher():
    growing = Sketcher(30, 1)
    growing.update([1], [1.0])
    before = growing.sketch()
    growing.update([2], [1e9])
    assert (before.registers == 1).all()
    assert (growing.sketch().registers == 2).all()


@pytest.mark.parametrize(
    ("other", "has"),
    [
        (Sketcher(9, 1), "this sketcher has k=8, other has k=9"),
        (Sketcher(8, 2), "this sketcher has seed=1, other has seed=2"),
        (Sketcher(8, 1, method="minhash"), "this sketcher has method='gumbel', other has method='minhash'"),
        (Sketcher(9, 2), "this sketcher has k=8, seed=1, other has k=9, seed=2"),
    ],
)
def test_sketchers_that_differ_do_not_merge(other, has):
    with pytest.raises(ValueError, match=f"^this sketcher and other cannot be merged: {has}$"):
        Sketcher(8, 1).merge(other)


def test_only_sketchers_merge():
    one = Sketcher(8, 1)
    with pytest.raises(TypeError, match=r"^other must be a Sketcher, got Sketch$"):
        one.merge(one.sketch())
    with pytest.raises(AttributeError):
        one.k = 9
