"""What two sketches say: exact on the registers, and an error where they do not compare."""

import re

import numpy as np
import pytest

from pycouple import Sketch, similarity, similarity_matrix, sketch
from pycouple.sketches import recipe

BOTH = pytest.mark.parametrize("function", [similarity, similarity_matrix])


@pytest.mark.parametrize("bits", [None, 2])
def test_value_and_standard_error(level, bits):
    s = sketch([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0]], 512, 1, method="minhash", bits=bits)
    pair, fraction = similarity(*s), np.equal(*s.registers).mean()
    by_chance = 0.25 if bits else 0
    assert 0.3 < fraction < 0.9
    assert pair.value == pytest.approx((fraction - by_chance) / (1 - by_chance))
    assert pair.standard_error == pytest.approx(np.sqrt(fraction * (1 - fraction) / 512) / (1 - by_chance))


def test_batches_broadcast():
    s = sketch(np.random.default_rng(56).random((4, 3, 20)) ** 6, 64, 1)
    pair = similarity(s, s[0])
    assert pair.value.shape == pair.standard_error.shape == (4, 3)
    for i in range(4):
        for j in range(3):
            one = similarity(s[i, j], s[0, j])
            assert type(one.value) is type(one.standard_error) is np.float64
            assert one == (pair.value[i, j], pair.standard_error[i, j])
    assert len(np.unique(pair.value)) > 4


def test_similarity_matrix(level):
    rows = np.random.default_rng(55).random((30, 20)) ** 6
    for bits in (None, 4, 12, 20):
        s = sketch(rows, 128, 1, bits=bits)
        matrix = similarity_matrix(s, workers=2)
        assert np.array_equal(matrix, similarity(s[:, None], s[None]).value)
        assert np.array_equal(np.diag(matrix), np.ones(30))
        assert np.array_equal(similarity_matrix(s[:3], s), matrix[:3])
        equal = (s.registers[:, None] == s.registers[None]).mean(-1)
        by_chance = 0 if bits is None else 2.0**-bits
        assert np.allclose(matrix, (equal - by_chance) / (1 - by_chance), atol=1e-14)


def test_strided_registers_compare(level):
    a = sketch(np.random.default_rng(1).random((6, 30)), 33, 1)
    wide = np.zeros((6, 66), np.uint64)
    wide[:, ::2] = a
    wide.flags.writeable = False
    strided = Sketch(wide[:, ::2], seed=1, method="gumbel")
    assert strided.registers.strides[1] == 16
    assert np.array_equal(similarity(strided, a[::-1]).value, similarity(a, a[::-1]).value)
    assert np.array_equal(similarity_matrix(strided, a), similarity_matrix(a))


MINHASH = {"k": 8, "seed": 1, "method": "minhash"}


@BOTH
@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({}, {"k": 7}, "a has k=8, b has k=7"),
        ({}, {"seed": 2**64 - 1}, "a has seed=1, b has seed=18446744073709551615"),
        ({}, {"method": "gumbel"}, "a has method='minhash', b has method='gumbel'"),
        ({}, {"normalize": True}, "a has normalize=False, b has normalize=True"),
        ({}, {"bits": 4}, "a has bits=None, b has bits=4"),
        ({"bits": 5}, {"bits": 4}, "a has bits=5, b has bits=4"),
        ({}, {"k": 9, "seed": 2, "bits": 8}, "a has k=8, seed=1, bits=None, b has k=9, seed=2, bits=8"),
    ],
)
def test_sketches_that_differ_do_not_compare(function, one, other, differ):
    a, b = (sketch(np.ones((3, 5)), **(MINHASH | options)) for options in (one, other))
    with pytest.raises(ValueError, match=f"^a and b cannot be compared: {re.escape(differ)}$"):
        function(a, b)


@BOTH
def test_versions_do_not_compare(function, monkeypatch):
    monkeypatch.setattr(recipe, "VERSIONS", (1, 2))
    registers = np.zeros((3, 8), np.uint64)
    a, b = (Sketch(registers, seed=1, method="gumbel", version=version) for version in (1, 2))
    assert a != b
    with pytest.raises(ValueError, match=r"^a and b cannot be compared: a has version=1, b has version=2$"):
        function(a, b)


@BOTH
def test_only_sketches_compare(function):
    a = sketch(np.ones((3, 5)), 8, 1)
    wrap = re.escape("wrap raw registers by pycouple.Sketch(registers, seed=..., method=...)")
    with pytest.raises(TypeError, match=f"^a must be a Sketch, got an array of dtype uint64; {wrap}$"):
        function(a.registers, a)
    with pytest.raises(TypeError, match=f"^b must be a Sketch, got int; {wrap}$"):
        function(a, 3)
    join = re.escape("join sketches by pycouple.Sketch.concatenate(sketches)")
    with pytest.raises(TypeError, match=f"^b must be a Sketch, got list; {join}$"):
        function(a, [a[0], a[1]])


def test_batches_that_do_not_fit():
    a = sketch(np.ones((3, 5)), 8, 1)
    with pytest.raises(ValueError, match=re.escape("the batch shapes do not broadcast: a (3,), b (2,)")):
        similarity(a, a[:2])
    what = "must have a batch of one axis, its sets; got batch shape"
    with pytest.raises(ValueError, match=re.escape(f"a {what} ()")):
        similarity_matrix(a[0])
    with pytest.raises(ValueError, match=re.escape(f"b {what} (1, 3)")):
        similarity_matrix(a, a[None])
