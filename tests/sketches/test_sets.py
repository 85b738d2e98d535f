"""Sets in every form that callers have: dense, sparse, with ids. The same set gives the same sketch."""

import numpy as np
import pytest
from scipy import sparse

import pycouple
from pycouple import Sketcher, sketch
from tests.support import oracle_minhash as oracle
from tests.support.sets import METHOD, ids_of


def sparse_rows(rng):
    w = np.where(rng.random((12, 400)) < 0.1, np.exp(rng.normal(0, 2, (12, 400))), 0)
    w[3] = 0  # an empty row
    w[4] = 0
    w[4, 399] = 1e-300
    w[5] = 1.0
    w[6] = 10.0 ** rng.uniform(-300, 300, 400)
    return w


SKETCHED = pytest.mark.parametrize(
    "options",
    [{"method": "gumbel"}, {"method": "minhash"}, {"method": "minhash", "normalize": True}],
    ids=["gumbel", "minhash", "minhash-normalized"],
)


@SKETCHED
def test_every_form_gives_the_same_sketch(level, options):
    rng = np.random.default_rng(36)
    w = sparse_rows(rng)
    options = {"k": 70, "seed": 9} | options
    want = sketch(w, **options)
    assert (want[3].registers == pycouple.EMPTY).all()
    assert (want[np.arange(12) != 3].registers != pycouple.EMPTY).all()
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
    assert sketch(sparse.eye_array(5), **options) == sketch(np.eye(5), **options)  # a dia_array
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
        "list": w.tolist(),
        "tuple": tuple(w),
    }
    for name, form in forms.items():
        assert sketch(form, **options) == want, name
    batch = sketch(w.reshape(3, 4, 400), **options)
    assert batch.batch_shape == (3, 4)
    assert np.array_equal(batch, want.registers.reshape(3, 4, 70))
    assert sketch(explicit, **options) == sketch(explicit.toarray(), **options)
    assert sketch(sparse.coo_array(w[5]), **options) == want[5]
    for row in range(12):
        ids = rng.permutation(400)
        assert sketch(w[row, ids], ids=ids, **options) == want[row]
        held = ids[w[row, ids] > 0]
        assert sketch(w[row, held], ids=held, **options) == want[row]


@SKETCHED
def test_rows_share_their_ids(level, options):
    """As each row alone, which the oracle's tests know; ids in and out of order, from dense and from sparse rows."""
    rng = np.random.default_rng(43)
    options = {"k": 40, "seed": 5} | options
    w = sparse_rows(rng)
    for ids in (ids_of(rng, 400), np.sort(ids_of(rng, 400)), rng.permutation(400).astype(np.int32)):
        want = pycouple.Sketch.concatenate([sketch(row[row > 0], ids=ids[row > 0], **options) for row in w])
        for dense in (w, w.T.copy().T, w[:, ::-1].copy()[:, ::-1], w.reshape(2, 6, 400)[0]):
            assert sketch(dense, ids=ids, **options) == want[: len(dense)]
            assert sketch(dense, ids=ids, workers=3, **options) == want[: len(dense)]
        for matrix in (sparse.csr_array(w), sparse.csc_array(w), sparse.coo_array(w)):
            assert sketch(matrix, ids=ids, **options) == want
        halves = np.minimum(w, 60_000).astype(np.float16)
        assert sketch(halves, ids=ids, **options) == sketch(halves.astype(float), ids=ids, **options)
        batch = sketch(w.reshape(3, 4, 400), ids=ids, **options)
        assert batch.batch_shape == (3, 4)
        assert batch[2, 1] == want[9]


@SKETCHED
def test_rows_share_ids_that_come_more_than_once(level, options):
    """The largest weight of an id counts, row by row."""
    rng = np.random.default_rng(45)
    options = {"k": 40, "seed": 5} | options
    w = sparse_rows(rng)
    ids = rng.integers(150, size=400)
    most = np.zeros((12, 150))
    np.maximum.at(most, (slice(None), ids), w)
    assert (np.count_nonzero(most, axis=1) < np.count_nonzero(w, axis=1)).any()
    want = sketch(most, **options)
    for form in (w, np.asfortranarray(w), sparse.csr_array(w), sparse.coo_array(w)):
        assert sketch(form, ids=ids, **options) == want
    assert sketch(sparse.coo_array(w[6]), ids=ids, **options) == want[6]


def test_normalized_sets_of_ids_are_the_oracle(level):
    """The sum is of the order of the ids, and of what counts of an id: another would give other registers."""
    ids, w = np.array([40, 2**63 + 8, 3, 8, 40], np.uint64), np.array([0.1, 0.7, 0.2, 0.3, 0.05])
    order = [2, 3, 0, 1]
    p = oracle.probabilities(w[order], ids[order])
    want = oracle.minhash_sketch(ids[order], p, 60, 2)
    options = {"method": "minhash", "normalize": True}
    assert np.array_equal(sketch(w, 60, 2, ids=ids, **options), want)
    assert np.array_equal(sketch(sparse.coo_array(w), 60, 2, ids=ids, **options), want)


def test_sparse_types(level):
    w = np.where(np.random.default_rng(37).random((4, 50)) < 0.3, 2.0, 0).astype(np.float32)
    w[:, 7] = 3
    want = sketch(w, 30, 1)
    for dtype in (np.float64, np.int32, np.uint8):
        assert sketch(sparse.csr_array(w.astype(dtype)), 30, 1) == want, dtype
    before = sparse.csr_array(w)
    data, indices = before.data.copy(), before.indices.copy()
    sketch(before, 30, 1)
    assert np.array_equal(before.data, data)
    assert np.array_equal(before.indices, indices)


def test_sparse_duplicates_are_summed_in_double(level):
    """SciPy would sum them in the matrix's own type, and wrap around."""
    place = ([0, 0, 0, 1], [1, 1, 2, 0])
    for dtype, big in ((np.uint8, 200), (np.int8, 100), (bool, 1), (np.float32, 3e38), (np.int64, 2**62)):
        values = np.array([big, big, 1, 1], dtype)
        want = sketch(np.array([[0, 2 * float(values[0]), 1], [1, 0, 0]]), 50, 1, method="minhash")
        coo = sparse.coo_array((values, place), (2, 3))
        by_hand = sparse.csr_array((values, [1, 1, 2, 0], [0, 3, 4]), (2, 3))
        for matrix in (coo, by_hand):
            assert sketch(matrix, 50, 1, method="minhash") == want, dtype


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
        assert sketch(form, 1, 0, method="minhash")[0] == want, form.format


@METHOD
def test_the_largest_weight_of_an_id_counts(level, method):
    rng = np.random.default_rng(40)
    ids = rng.integers(30, size=200)
    w = rng.random(200)
    most = np.zeros(30)
    np.maximum.at(most, ids, w)
    want = sketch(most, 50, 1, method=method)
    assert sketch(w, 50, 1, ids=ids, method=method) == want
    again = Sketcher(50, 1, method=method)
    for i in range(200):
        again.update(ids[i : i + 1], w[i : i + 1])
    assert again.sketch() == want


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
        assert sketch(csr, 20, 1) == want, dtype
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
        assert sketch(csr, 20, 1, method="minhash") == sketch(dense, 20, 1, method="minhash")


def test_a_stale_flag_of_scipy_does_not_matter():
    csr = sparse.csr_array(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 4.0]]))
    assert csr.has_canonical_format
    csr.indices[:] = [1, 1, 2, 1]
    assert sketch(csr, 30, 1, method="minhash") == sketch([[0, 3, 0], [0, 4.0, 1]], 30, 1, method="minhash")


class Restless(np.ndarray):
    """Row starts that another thread writes as soon as they have been compared."""

    def __lt__(self, other):
        result = np.asarray(self) < np.asarray(other)
        if self.base is not None:
            np.asarray(self)[1:2] = 10**8
        return result


def test_row_starts_that_change_after_they_were_checked():
    csr = sparse.csr_array(np.array([[1.0, 2, 0], [0, 1, 3], [0, 0, 0], [4, 0, 0]]))
    want = sketch(csr, 8, 1)
    csr.indptr = csr.indptr.copy().view(Restless)
    assert sketch(csr, 8, 1) == want
