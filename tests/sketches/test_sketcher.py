"""A Sketcher gives the sketch of the whole set, however its pieces come, are copied or are shared."""

import copy
import pickle
import threading

import numpy as np

from pycouple import Sketcher, sketch
from tests.support.sets import METHOD, ids_of


@METHOD
def test_order_and_grouping_of_updates_do_not_matter(level, method):
    rng = np.random.default_rng(39)
    spread = 2.0 ** np.append(-1074.0, rng.uniform(-1074, 1023, 499))
    for w in (np.exp(rng.normal(0, 3, 500)), spread, np.ones(500), np.full(500, 5e-324)):
        ids = ids_of(rng, 500)
        want = sketch((ids, w), 80, 4, method=method)
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
            assert np.array_equal(whole.sketch(), want)
            assert np.array_equal(whole.sketch(bits=5), sketch((ids, w), 80, 4, method=method, bits=5))


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
        assert np.array_equal(twin.sketch(), want)
        twin.update([1000], [1e9])
        assert (twin.sketch() != want).any()
        assert np.array_equal(first.sketch(), want)
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

    threads = [threading.Thread(target=work, args=(part,)) for part in np.array_split(rng.permutation(4000), 4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert np.array_equal(shared.sketch(), want)
    shared.merge(shared)
    assert np.array_equal(shared.sketch(), want)
