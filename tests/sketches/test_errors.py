"""Bad sets and arguments are told apart by name, row, item and reason: whole messages."""

import re

import numpy as np
import pytest
from scipy import sparse

import pycouple
from pycouple import Sketcher, sketch

NAN, INF = float("nan"), float("inf")


def exactly(message):
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
@pytest.mark.parametrize("bad", [-1.0, NAN, INF, -INF, -5e-324])
def test_bad_weights(level, method, bad):
    w = np.ones((4, 70))
    w[2, 41] = bad
    options = {"k": 8, "seed": 1, "method": method}
    what = f"weights: weight of item 41 is {bad}@; it must be finite and not negative"
    with pytest.raises(ValueError, match=exactly(what.replace("@", " at row 2"))):
        sketch(w, **options)
    with pytest.raises(ValueError, match=exactly(what.replace("@", " at row (1, 0)"))):
        sketch(w.reshape(2, 2, 70), **options, workers=2)
    with pytest.raises(ValueError, match=exactly(what.replace("@", ""))):
        sketch(w[2], **options)
    with pytest.raises(ValueError, match=exactly(what.replace("@", " at row 2"))):
        sketch(sparse.csr_array(w), **options)
    with pytest.raises(ValueError, match=exactly(what.replace("@", ""))):
        sketch(sparse.coo_array(w[2]), **options)
    part = Sketcher(**options)
    part.update([1], [2.0])
    before = part.sketch()
    with pytest.raises(ValueError, match=exactly(what.replace("41", "17").replace("@", ""))):
        part.update([16, 17], [1.0, bad])
    assert part.sketch() == before


@pytest.mark.parametrize("bad", [-1.0, NAN, INF])
def test_bad_weights_of_ids(level, bad):
    """An item is named by its id, also where ids are put in order or come twice."""
    w = np.ones((3, 4))
    w[1, 2] = bad
    message = f"weights: weight of item 18446744073709551615 is {bad}@; it must be finite and not negative"
    for ids in ([5, 6, 2**64 - 1, 7], [5, 2**64 - 1, 2**64 - 1, 5], [5, 5, 2**64 - 1, 7]):
        for form in (w, sparse.csr_array(w)):
            for options in ({}, {"method": "minhash", "normalize": True}):
                with pytest.raises(ValueError, match=exactly(message.replace("@", " at row 1"))):
                    sketch(form, 8, 1, ids=ids, **options)
        with pytest.raises(ValueError, match=exactly(message.replace("@", ""))):
            sketch(w[1], 8, 1, ids=ids)
        with pytest.raises(ValueError, match=exactly(message.replace("@", ""))):
            Sketcher(8, 1).update(ids, w[1])


def test_minus_zero_is_no_item(level):
    assert (sketch([-0.0, 0.0], 4, 1).registers == pycouple.EMPTY).all()
    assert (sketch([-0.0, 1.0], 4, 1).registers == 1).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be in 1..65536, got 0"),
        ({"k": 65_537}, ValueError, "k must be in 1..65536, got 65537"),
        ({"k": 2.0}, TypeError, "k must be an integer, got float"),
        ({"k": True}, TypeError, "k must be an integer, got bool"),
        ({"seed": -1}, ValueError, "seed must be in 0..2**64 - 1, got -1"),
        ({"seed": 2**64}, ValueError, "seed must be in 0..2**64 - 1, got 18446744073709551616"),
        ({"seed": [1, 2]}, ValueError, "seed must be one integer, got an array of shape (2,)"),
        ({"seed": "a"}, TypeError, "seed must be an integer, got str"),
        ({"method": "max"}, ValueError, "method must be one of 'gumbel', 'minhash', got 'max'"),
        ({"method": 1}, ValueError, "method must be one of 'gumbel', 'minhash', got int"),
        ({"bits": 0}, ValueError, "bits must be in 1..32, got 0"),
        ({"bits": 33}, ValueError, "bits must be in 1..32, got 33"),
        ({"bits": 1.5}, TypeError, "bits must be an integer, got float"),
        ({"workers": 0}, ValueError, "workers must be positive, or -1 for all cores; got 0"),
        ({"workers": "all"}, TypeError, "workers must be an integer, got str"),
        (
            {"normalize": True},
            ValueError,
            'normalize=True is for method="minhash" only: '
            "gumbel sketches are of the distributions weights / sum anyway",
        ),
    ],
)
def test_arguments(options, error, message):
    with pytest.raises(error, match=exactly(message)):
        sketch([1.0, 2.0], **({"k": 4, "seed": 1} | options))
    if options.keys() <= {"k", "seed", "method"}:
        with pytest.raises(error, match=exactly(message)):
            Sketcher(**({"k": 4, "seed": 1} | options))
    if options.keys() <= {"bits"}:
        with pytest.raises(error, match=exactly(message)):
            Sketcher(4, 1).sketch(**options)


RAGGED = (
    "weights: the rows of a list must have the same number of items{}; "
    "sets of different items go into a list of dicts, into a SciPy sparse matrix, or one at a time with ids="
)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (3.0, ValueError, "weights must have at least one axis, the items; got a single number"),
        (["a"], TypeError, "weights must be real numbers, got str"),
        ([1j], TypeError, "weights must be real numbers, got complex"),
        (([1, 2], [1.0]), ValueError, RAGGED.format(" (row 0 has 2, row 1 has 1)")),
        ([[1.0], [1.0], [1.0, 2.0]], ValueError, RAGGED.format(" (row 0 has 1, row 2 has 2)")),
        ([[[1.0], [2.0, 3.0]]], ValueError, RAGGED.format("")),
        ([[1.0, 2.0], 3.0], ValueError, RAGGED.format(" (row 0 has 2, row 1 has 1)")),
        (sparse.coo_array(np.ones((2, 2, 2))), ValueError, "weights as a sparse array must have 1 or 2 axes, got 3"),
        (sparse.csr_array(np.array([[1j]])), TypeError, "weights must be real numbers, got dtype complex128"),
    ],
)
def test_weights(weights, error, message):
    with pytest.raises(error, match=exactly(message)):
        sketch(weights, 4, 1)


def test_masked_arrays():
    filled = "must not be a masked array: fill what is masked (weights with 0, logits with -inf)"
    with pytest.raises(TypeError, match=exactly(f"weights {filled}")):
        sketch(np.ma.array([1.0]), 4, 1)
    with pytest.raises(TypeError, match=exactly(f"ids {filled}")):
        sketch([1.0, 2.0], 4, 1, ids=np.ma.array([1, 2], mask=[0, 1]))


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([1.5, 2.0], TypeError, "ids must be integers, got float"),
        (np.array([1.0, 2.0]), TypeError, "ids must be integers, got dtype float64"),
        (["a", "b"], TypeError, "ids must be integers, got str"),
        ([True, False], TypeError, "ids must be integers, got bool"),
        ([3, -1], ValueError, "ids must be in 0..2**64 - 1, got -1 at index 1"),
        ([2**64, 1], ValueError, "ids must be in 0..2**64 - 1, got 18446744073709551616 at index 0"),
        ([1], ValueError, "ids must have one id per item, shape (2,) for weights of shape {}; got shape (1,)"),
        (5, ValueError, "ids must have one id per item, shape (2,) for weights of shape {}; got shape ()"),
        ([[1, 2]], ValueError, "ids must have one id per item, shape (2,) for weights of shape {}; got shape (1, 2)"),
    ],
)
def test_ids(ids, error, message):
    rows = np.ones((3, 2))
    for weights in (rows[0], rows, sparse.csr_array(rows)):
        with pytest.raises(error, match=exactly(message.format(weights.shape))):
            sketch(weights, 4, 1, ids=ids)
    with pytest.raises(error, match=exactly(message.format((2,)))):
        Sketcher(4, 1).update(ids, [1.0, 2.0])


def test_updates_are_of_one_set():
    with pytest.raises(ValueError, match=exactly("weights must have one axis, the items of one set; got shape (1, 2)")):
        Sketcher(4, 1).update([1, 2], [[1.0, 2.0]])
    with pytest.raises(TypeError, match=exactly("weights must be real numbers, got complex")):
        Sketcher(4, 1).update([1], [1j])
