"""Bad sets, sketches and arguments are told apart by name, row, item and reason."""

import numpy as np
import pytest
from scipy import sparse

import pycouple
from pycouple import Sketcher, similarity, similarity_matrix, sketch

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
@pytest.mark.parametrize("bad", [-1.0, NAN, INF, -INF, -5e-324])
def test_bad_weights(level, method, bad):
    w = np.ones((4, 70))
    w[2, 41] = bad
    options = {"k": 8, "seed": 1, "method": method}
    what = rf"weights: weight of item 41 is {bad}; it must be finite and not negative"
    with pytest.raises(ValueError, match=f"^{what} at row 2$"):
        sketch(w, **options)
    with pytest.raises(ValueError, match=rf"^{what} at row \(1, 0\)$"):
        sketch(w.reshape(2, 2, 70), **options, workers=2)
    with pytest.raises(ValueError, match=f"^{what}$"):
        sketch(w[2], **options)
    with pytest.raises(ValueError, match=f"^{what} at row 2$"):
        sketch(sparse.csr_array(w), **options)
    with pytest.raises(ValueError, match=r"^weights: weight of item 18446744073709551615 is"):
        sketch((np.array([5, 2**64 - 1], np.uint64), [1.0, bad]), **options)
    part = Sketcher(**options)
    part.update([1], [2.0])
    before = part.sketch()
    with pytest.raises(ValueError, match=r"^weights: weight of item 17 is"):
        part.update([16, 17], [1.0, bad])
    assert np.array_equal(part.sketch(), before)


def test_minus_zero_is_no_item(level):
    assert (sketch([-0.0, 0.0], 4, 1) == pycouple.EMPTY).all()
    assert (sketch([-0.0, 1.0], 4, 1) == 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, r"k must be in 1..65536, got 0"),
        ({"k": 65_537}, r"k must be in 1..65536, got 65537"),
        ({"seed": -1}, r"seed must be in 0..2\*\*64 - 1, got -1"),
        ({"seed": 2**64}, "seed must be in"),
        ({"seed": [1, 2]}, r"seed must be one integer, got an array of shape \(2,\)"),
        ({"method": "max"}, "method must be one of 'gumbel', 'minhash', got 'max'"),
        ({"bits": 0}, "bits must be in 1..32, got 0"),
        ({"bits": 33}, "bits must be in 1..32, got 33"),
        ({"workers": 0}, "workers must be positive"),
    ],
)
def test_values(options, message):
    with pytest.raises(ValueError, match=message):
        sketch([1.0, 2.0], **({"k": 4, "seed": 1} | options))
    if "bits" not in options and "workers" not in options:
        with pytest.raises(ValueError, match=message):
            Sketcher(**({"k": 4, "seed": 1} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 2.0}, "k must be an integer, got float"),
        ({"seed": "a"}, "seed must be integers, got str"),
        ({"k": True}, "k must be an integer, got bool"),
        ({"bits": 1.5}, "bits must be an integer, got float"),
        ({"workers": "all"}, "workers must be an integer, got str"),
        ({"method": 1}, "method must be one of"),
    ],
)
def test_types(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        sketch([1.0, 2.0], **({"k": 4, "seed": 1} | options))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (3.0, ValueError, "weights must have at least one axis"),
        (["a"], TypeError, "weights must be real numbers"),
        (np.ma.array([1.0]), TypeError, "masked array"),
        ((), ValueError, r"must be \(ids, weights\), got 0 things"),
        (([1], [1.0], [2]), ValueError, "got 3 things; dense rows go in a list"),
        (([1, 2], [1.0]), ValueError, r"two arrays of one length, got shapes \(2,\) and \(1,\)"),
        (([[1]], [[1.0]]), ValueError, r"two arrays of one length, got shapes \(1, 1\)"),
        ((1, 2.0), ValueError, r"two arrays of one length, got shapes \(\) and \(\)"),
        (([1, 1, 2], [3.0, -1.0, 1.0]), ValueError, "weight of item 1 is -1.0"),
        (([1, 1, 2], [NAN, 2.0, 1.0]), ValueError, "weight of item 1 is nan"),
        (([1.5], [1.0]), TypeError, "ids must be integers"),
        (([-1], [1.0]), ValueError, r"ids must be in 0..2\*\*64 - 1, got -1"),
        (([1], [1j]), TypeError, "weights must be real numbers"),
        ((np.ma.array([1, 2], mask=[0, 1]), [1.0, 2.0]), TypeError, "ids must not be a masked array"),
        (sparse.coo_array(np.ones((2, 2, 2))), ValueError, "must have one or two axes, got 3"),
        (sparse.csr_array(np.array([[1j]])), TypeError, "weights must be real numbers"),
    ],
)
def test_sets(weights, error, message):
    with pytest.raises(error, match=message):
        sketch(weights, 4, 1)


def broken(**parts):
    csr = sparse.csr_array(np.array([[0, 3.0], [1, 1], [2, 2]]))
    assert csr.has_canonical_format  # SciPy remembers it
    for name, change in parts.items():
        array = getattr(csr, name).copy()
        setattr(csr, name, array[:1] if change is None else array)
        if change is not None:
            getattr(csr, name)[change[0]] = change[1]
    return csr


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"indptr": (1, 10**8)}, "indptr of the sparse matrix is not a row of increasing numbers"),
        ({"indptr": (3, 10**8)}, "has 5 indices and 5 numbers, and indptr ends at 100000000"),
        ({"indptr": (0, -(10**8))}, "indptr"),
        ({"indptr": (1, -5)}, "indptr"),
        ({"indptr": None}, "indptr"),
        ({"indices": None}, "has 1 indices and 5 numbers, and indptr ends at 5"),
        ({"data": None}, "has 5 indices and 1 numbers, and indptr ends at 5"),
        ({"indices": (0, 99)}, "an index of the sparse matrix is not in 0..1"),
        ({"indices": (0, -1)}, "an index of the sparse matrix is not in 0..1"),
    ],
)
def test_broken_sparse_matrices(parts, message):
    with pytest.raises(ValueError, match=f"^weights: .*{message}"):
        sketch(broken(**parts), 4, 1)


def test_sparse_index_types():
    """SciPy lets a user put any array there."""
    w = np.where(np.random.default_rng(2).random((5, 90)) < 0.2, 1.5, 0)
    want = sketch(w, 20, 1)
    for dtype in (np.int8, np.int16, np.uint16, np.uint32, np.uint64, ">i4", ">i8"):
        csr = sparse.csr_array(w)
        csr.indices, csr.indptr = csr.indices.astype(dtype), csr.indptr.astype(dtype)
        assert np.array_equal(sketch(csr, 20, 1), want), dtype
    csr = sparse.csr_array(w)
    csr.indices = csr.indices.astype(float)
    with pytest.raises(TypeError, match="indices of the sparse matrix must be integers, got dtype float64"):
        sketch(csr, 20, 1)


def test_room_behind_the_last_row_is_not_read():
    """SciPy allows arrays that are longer than the matrix."""
    for indices, indptr in (([1, 0, 1, 0], [0, 1, 2]), ([1, 0], [0, 0, 0]), ([1, 0, 1], [1, 2, 3])):
        csr = sparse.csr_array((2, 2))
        csr.data, csr.indices, csr.indptr = np.arange(1.0, 1 + len(indices)), np.array(indices), np.array(indptr)
        dense = np.zeros((2, 2))
        for row in range(2):
            for at in range(indptr[row], indptr[row + 1]):
                dense[row, indices[at]] = at + 1
        assert np.array_equal(sketch(csr, 20, 1, method="minhash"), sketch(dense, 20, 1, method="minhash"))


def test_a_stale_flag_of_scipy_does_not_matter():
    csr = sparse.csr_array(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 4.0]]))
    assert csr.has_canonical_format
    csr.indices[:] = [1, 1, 2, 1]
    assert np.array_equal(
        sketch(csr, 30, 1, method="minhash"), sketch([[0, 3, 0], [0, 4.0, 1]], 30, 1, method="minhash")
    )


def test_merge():
    one = Sketcher(8, 1)
    for other in (Sketcher(9, 1), Sketcher(8, 2), Sketcher(8, 1, method="minhash")):
        with pytest.raises(
            ValueError, match=r"Sketcher\(k=8, seed=1, method='gumbel'\) cannot be merged with Sketcher"
        ):
            one.merge(other)
    with pytest.raises(TypeError, match="other must be a Sketcher, got ndarray"):
        one.merge(one.sketch())
    with pytest.raises(AttributeError):
        one.k = 9


def test_sketches_that_do_not_compare():
    a, short = sketch(np.ones((3, 5)), 8, 1), sketch(np.ones((3, 5)), 8, 1, bits=4)
    for function in (similarity, similarity_matrix):
        with pytest.raises(ValueError, match="same number of registers: a has 8, b has 7"):
            function(a, a[:, :7])
        with pytest.raises(TypeError, match=r"a must be a sketch of dtype uint64, got uint8 \(bits= is missing\)"):
            function(short, short)
        with pytest.raises(TypeError, match=r"b must be a sketch of dtype uint8, got uint64 \(bits=4\)"):
            function(short, a, bits=4)
        with pytest.raises(TypeError, match="a must be a sketch, of unsigned integers; got dtype float64"):
            function([1.0], [1.0])
        with pytest.raises(ValueError, match="bits must be in"):
            function(a, a, bits=64)
        with pytest.raises(ValueError, match="a has registers of more than 3 bits"):
            function(short, short, bits=3)
        with pytest.raises(ValueError, match=r"a must have its registers in the last axis, got shape \(3, 0\)"):
            function(a[:, :0], a[:, :0])
    with pytest.raises(ValueError, match=r"do not broadcast .*: a \(3,\), b \(2,\)"):
        similarity(a, a[:2])
    with pytest.raises(ValueError, match=r"a must have two axes, sets and registers; got shape \(8,\)"):
        similarity_matrix(a[0])


def test_strided_sketches_compare(level):
    a = sketch(np.random.default_rng(1).random((6, 30)), 33, 1)
    wide = np.zeros((6, 66), np.uint64)
    wide[:, ::2] = a
    assert np.array_equal(similarity(wide[:, ::2], a[::-1]).value, similarity(a, a[::-1]).value)
    assert np.array_equal(similarity(a.astype(">u8"), a[::-1]).value, similarity(a, a[::-1]).value)
