"""Sketches equal the oracle's, bit for bit, on every ISA level; the form of a set does not matter."""

import numpy as np
import pytest
from scipy import sparse

import pycouple
from pycouple import Sketcher, _core, sketch
from tests.support import oracle_minhash as oracle
from tests.support.layouts import layouts
from tests.support.rows import random_weights
from tests.support.sets import METHOD, ids_of

METHODS = ("gumbel", "minhash")


@METHOD
def test_dense_rows_are_the_oracle(level, method):
    rng = np.random.default_rng(30)
    for n in (1, 2, 7, 8, 15, 16, 17, 33, 64, 150):
        for k in (1, 2, 5, 16, 31, 64):
            for dtype in ("float16", "float32", "float64"):
                w, seed = random_weights(rng, n, dtype), int(rng.integers(2**63))
                want = oracle.sketch(np.arange(n), w, k, seed, method)
                assert np.array_equal(sketch(w, k, seed, method=method), want), (n, k, dtype)


@METHOD
def test_pairs_are_the_oracle(level, method):
    rng = np.random.default_rng(31)
    for n in (1, 3, 20, 100):
        ids, w = ids_of(rng, n), 10.0 ** rng.uniform(-300, 300, n)
        for weights in (w, np.exp(rng.normal(0, 2, n))):
            want = oracle.sketch(ids, weights, 40, 2**64 - 1, method)
            assert np.array_equal(sketch((ids, weights), 40, 2**64 - 1, method=method), want)


def test_large_gumbel_sketches_are_the_oracle(level):
    rng = np.random.default_rng(32)
    for n, k in ((2000, 256), (300, 1024), (5000, 97)):
        w = np.exp(rng.normal(0, 3, n))
        assert np.array_equal(sketch(w, k, 5), oracle.gumbel_sketch(np.arange(n), w, k, 5)), (n, k)


def test_large_minhash_sketches_are_the_oracle(level):
    rng = np.random.default_rng(33)
    for n, k in ((1000, 64), (40, 257)):
        w = np.exp(rng.normal(0, 3, n))
        assert np.array_equal(sketch(w, k, 5, method="minhash"), oracle.minhash_sketch(np.arange(n), w, k, 5)), (n, k)


def test_a_first_dart_with_the_smallest_clock(level):
    """Its word is 0xffffffff: found by search, for a tier that is visited for the second limit only."""
    ids = np.array([2736524127], np.uint64)
    for w in (3.02, 3.5):
        assert np.array_equal(sketch((ids, [w]), 1, 1, method="minhash"), oracle.minhash_sketch(ids, [w], 1, 1))


@METHOD
@pytest.mark.parametrize("bits", [1, 2, 7, 8, 9, 16, 17, 32])
def test_bits(level, method, bits):
    w = np.random.default_rng(34).random((5, 200))
    whole, short = sketch(w, 300, 3, method=method), sketch(w, 300, 3, method=method, bits=bits)
    assert short.dtype == (np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)
    for row, values in zip(short, whole, strict=True):
        assert np.array_equal(row, oracle.signature(values, bits, 3))


def test_normalized_minhash_is_the_sketch_of_p(level):
    rng = np.random.default_rng(35)
    w = np.exp(rng.normal(0, 3, 300)) * 1e-20
    want = oracle.minhash_sketch(np.arange(300), oracle.probabilities(w), 50, 1)
    assert np.array_equal(sketch(w, 50, 1, method="minhash", normalize=True), want)
    assert np.array_equal(sketch(w * 2.0**100, 50, 1, method="minhash", normalize=True), want)
    huge = np.full(300, 1.7e308)  # the sum overflows
    want = oracle.minhash_sketch(np.arange(300), oracle.probabilities(huge), 50, 1)
    assert np.array_equal(sketch(huge, 50, 1, method="minhash", normalize=True), want)
    assert np.array_equal(sketch(w, 50, 1, normalize=True), sketch(w, 50, 1))


def sparse_rows(rng):
    w = np.where(rng.random((12, 400)) < 0.1, np.exp(rng.normal(0, 2, (12, 400))), 0)
    w[3] = 0  # an empty row
    w[4] = 0
    w[4, 399] = 1e-300
    w[5] = 1.0
    w[6] = 10.0 ** rng.uniform(-300, 300, 400)
    return w


@METHOD
@pytest.mark.parametrize("normalize", [False, True])
def test_every_form_gives_the_same_sketch(level, method, normalize):
    rng = np.random.default_rng(36)
    w = sparse_rows(rng)
    options = {"k": 70, "seed": 9, "method": method, "normalize": normalize}
    want = sketch(w, **options)
    assert (want[3] == pycouple.EMPTY).all()
    assert (want[np.arange(12) != 3] != pycouple.EMPTY).all()
    coordinates = sparse.coo_array(w)
    doubled = sparse.csr_array(
        (np.tile(coordinates.data / 2, 2), (np.tile(coordinates.row, 2), np.tile(coordinates.col, 2))), w.shape
    )
    unsorted = sparse.csr_array(w)
    for row in range(12):
        part = slice(unsorted.indptr[row], unsorted.indptr[row + 1])
        unsorted.indices[part] = unsorted.indices[part][::-1].copy()
        unsorted.data[part] = unsorted.data[part][::-1].copy()
    unsorted.has_sorted_indices = False
    wide = sparse.csr_array(w)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    explicit = sparse.csr_array(w)
    explicit.data[::7] = 0
    assert np.array_equal(sketch(sparse.eye_array(5), **options), sketch(np.eye(5), **options))  # a dia_array
    forms = {
        "csr array": sparse.csr_array(w),
        "csr matrix": sparse.csr_matrix(w),
        "csc": sparse.csc_array(w),
        "lil": sparse.lil_array(w),
        "dok": sparse.dok_array(w),
        "bsr": sparse.bsr_array(w, blocksize=(2, 2)),
        "coo": coordinates,
        "duplicates": doubled,
        "unsorted": unsorted,
        "int64 indices": wide,
        "batch": w.reshape(3, 4, 400),
    }
    for name, form in forms.items():
        assert np.array_equal(sketch(form, **options).reshape(want.shape), want), name
    assert np.array_equal(sketch(explicit, **options), sketch(explicit.toarray(), **options))
    assert np.array_equal(sketch(sparse.coo_array(w[5]), **options), want[5])
    for row in range(12):
        ids = rng.permutation(400)
        assert np.array_equal(sketch((ids, w[row, ids]), **options), want[row])
        held = ids[w[row, ids] > 0]
        assert np.array_equal(sketch((held, w[row, held]), **options), want[row])


def test_sparse_types(level):
    w = np.where(np.random.default_rng(37).random((4, 50)) < 0.3, 2.0, 0).astype(np.float32)
    w[:, 7] = 3
    want = sketch(w, 30, 1)
    for dtype in (np.float64, np.int32, np.uint8):
        assert np.array_equal(sketch(sparse.csr_array(w.astype(dtype)), 30, 1), want), dtype
    before = sparse.csr_array(w)
    data, indices = before.data.copy(), before.indices.copy()
    sketch(before, 30, 1)
    assert np.array_equal(before.data, data)
    assert np.array_equal(before.indices, indices)


@METHOD
@pytest.mark.parametrize("n", [5, 64, 1000])
def test_layouts(level, method, n):
    w = np.random.default_rng(n).random((6, n)).astype(np.float32)
    for dtype in (np.float16, np.float32, np.float64):
        v = w.astype(dtype)
        want = sketch(v, 40, 2, method=method)
        for name, y in layouts(v):
            assert np.array_equal(sketch(y, 40, 2, method=method), want), (name, dtype)
        assert np.array_equal(want, sketch(v.astype(np.float64), 40, 2, method=method))


@METHOD
@pytest.mark.parametrize("workers", [2, 3, -1])
def test_workers(level, method, workers):
    w = np.random.default_rng(38).random((300, 100)) ** 4
    for rows in (w, sparse.csr_array(np.where(w > 0.3, w, 0))):
        assert np.array_equal(sketch(rows, 64, 1, method=method, workers=workers), sketch(rows, 64, 1, method=method))


def test_sparse_duplicates_are_summed_in_double(level):
    """SciPy would sum them in the matrix's own type, and wrap around."""
    place = ([0, 0, 0, 1], [1, 1, 2, 0])
    for dtype, big in ((np.uint8, 200), (np.int8, 100), (bool, 1), (np.float32, 3e38), (np.int64, 2**62)):
        values = np.array([big, big, 1, 1], dtype)
        want = sketch(np.array([[0, 2 * float(values[0]), 1], [1, 0, 0]]), 50, 1, method="minhash")
        coo = sparse.coo_array((values, place), (2, 3))
        by_hand = sparse.csr_array((values, [1, 1, 2, 0], [0, 3, 4]), (2, 3))
        for matrix in (coo, by_hand):
            assert np.array_equal(sketch(matrix, 50, 1, method="minhash"), want), dtype


def test_sparse_duplicates_are_summed_as_they_come(level):
    """Half an ulp nine times over: another order of the sum gives another weight, and another sketch."""
    half = 0.75 * 2.0**-53
    columns = np.arange(18) % 2 ^ 1
    values = np.where(columns == 1, half, 0.0)
    values[0] = float.fromhex("0x1.8076882480000p+0")
    total = 0.0
    for v in values[columns == 1]:
        total += v
    want = sketch([0.0, total], 1, 0, method="minhash")
    order = np.argsort(columns, kind="stable")
    forms = (
        sparse.csr_array((values, columns, [0, 18]), (1, 2)),
        sparse.coo_array((values, (np.zeros(18, int), columns)), (1, 2)),
        sparse.csc_array((values[order], np.zeros(18, int), [0, 9, 18]), (1, 2)),
    )
    for form in forms:
        assert np.array_equal(sketch(form, 1, 0, method="minhash")[0], want), form.format


@METHOD
def test_the_largest_weight_of_an_id_counts(level, method):
    rng = np.random.default_rng(40)
    ids = rng.integers(30, size=200)
    w = rng.random(200)
    most = np.zeros(30)
    np.maximum.at(most, ids, w)
    want = sketch(most, 50, 1, method=method)
    assert np.array_equal(sketch((ids, w), 50, 1, method=method), want)
    again = Sketcher(50, 1, method=method)
    for i in range(200):
        again.update(ids[i : i + 1], w[i : i + 1])
    assert np.array_equal(again.sketch(), want)
    if method == "minhash":
        assert np.array_equal(
            sketch((ids, w), 50, 1, method=method, normalize=True),
            sketch(most, 50, 1, method=method, normalize=True),
        )


@METHOD
def test_empty_sets(level, method):
    options = {"k": 20, "seed": 1, "method": method}
    empty = np.full(20, pycouple.EMPTY)
    assert np.array_equal(sketch(np.zeros(5), **options), empty)
    assert np.array_equal(sketch(np.zeros((3, 0)), **options), np.tile(empty, (3, 1)))
    assert np.array_equal(sketch(([], []), **options), empty)
    assert np.array_equal(sketch(sparse.csr_array((2, 9)), **options), np.tile(empty, (2, 1)))
    assert sketch(np.zeros((0, 5)), **options).shape == (0, 20)
    assert sketch(sparse.csr_array((0, 5)), **options).shape == (0, 20)
    nothing = Sketcher(**options)
    nothing.update([], [])
    nothing.update([1, 2], [0.0, 0.0])
    assert np.array_equal(nothing.sketch(), empty)
    some = Sketcher(**options)
    some.update([5], [1.0])
    some.merge(nothing)
    nothing.merge(some)
    assert np.array_equal(some.sketch(), sketch(([5], [1.0]), **options))
    assert np.array_equal(nothing.sketch(), some.sketch())
    assert pycouple.similarity(empty, empty).value == 1
    assert pycouple.similarity(empty, some.sketch()).value == 0


def test_gumbel_registers_hold_ids(level):
    ids = np.array([2**64 - 1, 2**64 - 2, 0, 2**63], np.uint64)
    assert set(sketch((ids, np.ones(4)), 200, 1).tolist()) == set(ids.tolist())
    assert (sketch((ids[:1], [3.0]), 50, 1) == ids[0]).all()
    assert (sketch((ids, [1e-300, 1e300, 1e-300, 0.0]), 50, 1) == ids[1]).all()


@METHOD
def test_scaling_by_a_power_of_two(level, method):
    """Distributions stay as they are; a minhash sketch of weights moves with them, together."""
    w = np.random.default_rng(41).random((2, 300))
    a, b = sketch(w, 400, 1, method=method)
    for exponent in (-1000, -3, 900):
        c, d = sketch(np.ldexp(w, exponent), 400, 1, method=method)
        if method == "gumbel":
            assert np.array_equal((c, d), (a, b))
        else:
            v = pycouple.similarity(c, d).value
            assert abs(v - pycouple.theory.weighted_jaccard(*w)) < 5 * np.sqrt(v * (1 - v) / 400)


def test_the_largest_k():
    w = np.random.default_rng(42).random(3)
    want = oracle.gumbel_sketch(np.arange(3), w, 65_536, 1)
    for name, runs in _core.levels().items():
        if runs:
            before = _core.current_level()
            _core.use_level(name)
            values, darts = sketch(w, 65_536, 1), sketch(w, 65_536, 1, method="minhash")
            _core.use_level(before)
            assert np.array_equal(values, want)
            assert (darts != pycouple.EMPTY).all()
