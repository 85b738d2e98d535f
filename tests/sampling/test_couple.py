"""`couple` is one draw from p and one from q, with all that `sample` takes."""

import numpy as np
import pytest

import pycouple


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_couple_is_two_draws(method):
    rng = np.random.default_rng(3)
    p, q = rng.exponential(size=(2, 5, 4, 90))
    steps, streams = np.arange(4), np.arange(5)[:, np.newaxis]
    options = {"stream": streams, "method": method, "item_offset": 128}
    want = [pycouple.sample(w, 7, steps, **options) for w in (p, q)]
    assert not np.array_equal(*want)
    for axis in (-1, 0, 1):
        for workers in (1, 2):
            rows = [np.moveaxis(w, -1, axis) for w in (p, q)]
            out = np.empty((5, 4), np.int64), np.empty((5, 4), np.int64)
            got = pycouple.couple(*rows, 7, steps, axis=axis, workers=workers, out=out, **options)
            assert got[0] is out[0]
            assert got[1] is out[1]
            assert np.array_equal(got, want)
    alone = pycouple.couple(p[0, 0], q[0, 0], 7, 3, stream=2, method=method)
    assert alone == tuple(pycouple.sample(w[0, 0], 7, 3, stream=2, method=method) for w in (p, q))


def test_equal_distributions_agree():
    p = np.random.default_rng(4).exponential(size=50)
    for method in ("gumbel", "minhash"):
        a, b = pycouple.couple(p, 4 * p, 7, np.arange(500), method=method, stream=9)
        assert np.array_equal(a, b)
