"""Collections that callers have: one-shot ones, masks and labels inside them, and numbers that no double is."""

import re
from collections import Counter, deque
from decimal import Decimal
from fractions import Fraction

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import sparse

import pycouple
from pycouple.theory import agreement, total_variation, weighted_jaccard

P, STEPS = [0.5, 0.3, 0.2], [3, 1, 4, 1, 5]
ONE_SHOT = (
    iter,
    lambda x: (one for one in x),
    lambda x: map(x[0].__class__, x),
    lambda x: filter(lambda _: True, x),
    deque,
)


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("once", [*ONE_SHOT, lambda x: dict(enumerate(x)).values(), lambda x: pd.Series(x)])
def test_one_shot_arguments(once):
    want = pycouple.sample(P, 7, STEPS)
    assert np.array_equal(pycouple.sample(once(P), 7, once(STEPS)), want)
    assert np.array_equal(pycouple.sample_logits(once(P), once(STEPS)), pycouple.sample_logits(P, STEPS))
    each = [0.5, 1.0, 2.0, 1.0, 0.0]
    got = pycouple.sample_logits(P, 7, STEPS, temperature=once(each))
    assert np.array_equal(got, pycouple.sample_logits(P, 7, STEPS, temperature=each))
    assert np.array_equal(pycouple.clocks(7, 0, once(STEPS)), pycouple.clocks(7, 0, STEPS))
    assert agreement(once(P), once(P[::-1])) == agreement(P, P[::-1])
    got = pycouple.theory.list_agreement_bound(P, P[::-1], once([1, 2, 4]))
    assert np.array_equal(got, pycouple.theory.list_agreement_bound(P, P[::-1], [1, 2, 4]))


def test_rows_that_come_one_by_one():
    rows = np.random.default_rng(1).random((4, 9))
    assert np.array_equal(pycouple.sample((row for row in rows), 7), pycouple.sample(rows, 7))
    assert np.array_equal(pycouple.sample([pd.Series(row) for row in rows], 7), pycouple.sample(rows, 7))


def test_collections_without_an_order():
    ordered = "pass the values in the order of the items, as a list"
    for given in ({0: 0.5, 1: 0.5}, Counter("aab"), {0: 0.5}.items()):
        what = f"must be an array of numbers, got {type(given).__name__}: {ordered}"
        with raises(TypeError, f"weights {what}"):
            pycouple.sample(given, 7)
        with raises(TypeError, f"step {what}"):
            pycouple.sample(P, 7, given)
        with raises(TypeError, f"q {what}"):
            agreement(P, given)
    for given in ({1.0, 2.0}, frozenset([1])):
        with raises(
            TypeError,
            f"weights must be an array of numbers, got {type(given).__name__}, which has no order: pass a list",
        ):
            pycouple.sample(given, 7)
    for form in (sparse.csr_array, sparse.coo_matrix, sparse.dok_array):
        matrix = form(np.eye(3))
        dense = f"must be an array of numbers, got {type(matrix).__name__}: pass a dense array"
        with raises(TypeError, f"weights {dense}, weights.toarray()"):
            pycouple.sample(matrix, 7)
        with raises(TypeError, f"p {dense}, p.toarray()"):
            pycouple.couple(matrix, np.eye(3), 7)


MASKED = np.ma.array([9.0, 1.0], mask=[1, 0])


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (MASKED, ""),
        ([MASKED], "[0]"),
        ([np.ones(2), MASKED], "[1]"),
        ((([[1.0, 1.0], MASKED],),), "[0][0][1]"),
        ([1.0, np.ma.masked], "[1]"),
        (iter([MASKED]), "[0]"),
        (da.from_array(MASKED, asarray=False), ""),
        ([da.from_array(MASKED, asarray=False)], "[0]"),
    ],
)
def test_masks_at_any_depth(given, place):
    filled = "must not be a masked array: fill what is masked (weights with 0, logits with -inf)"
    with raises(TypeError, f"weights{place} {filled}"):
        pycouple.sample(given, 7)


BIG = 2**60 + 1
LONG = np.longdouble(1) / 3


@pytest.mark.parametrize(
    ("given", "item", "row", "text"),
    [
        (np.array([2**60, BIG]), 1, "", str(BIG)),
        (np.array([[1, 2], [3, -BIG]]), 1, " at row 1", str(-BIG)),
        (np.array([[[2**64 - 1]]], np.uint64), 0, " at row (0, 0)", str(2**64 - 1)),
        ([2**60, BIG], 1, "", str(BIG)),
        ([0.5, BIG], 1, "", str(BIG)),
        ([[1, 2.5], [2**53 + 1, 1]], 0, " at row 1", str(2**53 + 1)),
        ([np.int64(BIG), np.uint64(3)], 0, "", str(BIG)),
        ([np.array([BIG]), np.array([0.5])], 0, " at row 0", str(BIG)),
        ([2**70 + 1, 1], 0, "", str(2**70 + 1)),
        ([10**400, 1], 0, "", "an integer of 1329 bits"),
        ([10**400, 0.5], 0, "", "an integer of 1329 bits"),
        ([0.5, Fraction(1, 3)], 1, "", "1/3"),
        ([Decimal("0.1"), 1], 0, "", "0.1"),
        (np.array([0.5, LONG]), 1, "", str(LONG)),
        ([0.5, LONG], 1, "", str(LONG)),
        (pd.Series([1, BIG], dtype="Int64"), 1, "", str(BIG)),
    ],
)
def test_numbers_that_no_double_is(given, item, row, text):
    for name, function in (("weights", pycouple.sample), ("logits", pycouple.sample_logits)):
        what = f"{name}: item {item} is {text}{row}, which no double is: round it first, by float or astype(float)"
        with raises(ValueError, what):
            function(given, 7)
    with pytest.raises(ValueError, match=f"^b: item {item} is .* which no double is"):
        weighted_jaccard(np.ones(1), given)


def test_items_of_another_axis():
    with pytest.raises(ValueError, match=r"^logits: item 1 is 1152921504606846977 at row 2, which no double is"):
        pycouple.sample_logits(np.array([[0, 0, 0], [0, 0, BIG]]), 7, axis=0)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (np.array([2**60, 2**61]), [2.0**60, 2.0**61]),
        (np.array([2**63, 3], np.uint64), [2.0**63, 3.0]),
        ([2**70, 2**71, 0.5], [2.0**70, 2.0**71, 0.5]),
        ([Fraction(1, 4), Decimal("0.5"), 2, np.float32(3)], [0.25, 0.5, 2.0, 3.0]),
        (np.array([1, 2, 3], object), [1.0, 2.0, 3.0]),
        (np.array([0.5, 2.0], np.longdouble), [0.5, 2.0]),
        (np.array([True, False, True]), [1.0, 0.0, 1.0]),
        ([True, 2], [1.0, 2.0]),
        (pd.Series([1, 2], dtype="Int64"), [1.0, 2.0]),
    ],
)
def test_numbers_that_doubles_are(given, same):
    steps = np.arange(50)
    assert np.array_equal(pycouple.sample(given, 7, steps), pycouple.sample(same, 7, steps))
    assert np.array_equal(
        pycouple.race_logits(given, 7, 1, temperature=0), pycouple.race_logits(same, 7, 1, temperature=0)
    )


@pytest.mark.parametrize("temperature", [2**70, Fraction(4, 5), Decimal("0.8"), np.float32(0.75), np.array(2), 10**40])
def test_temperatures_that_are_real_numbers(temperature):
    logits, steps = np.array([3.0, 1.0, 2.0]), np.arange(40)
    want = pycouple.sample_logits(logits, 7, steps, temperature=float(temperature))
    for given in (temperature, [temperature] * 40, iter([temperature] * 40)):
        assert np.array_equal(pycouple.sample_logits(logits, 7, steps, temperature=given), want)
    params = pycouple.speculative.SamplingParams(temperature)
    assert params == pycouple.speculative.SamplingParams(float(temperature))


@pytest.mark.parametrize(
    ("temperature", "error", "message"),
    [
        (10**400, ValueError, "temperature must be finite and at least 0, got inf"),
        (True, TypeError, "temperature must be {}, got bool"),
        ("0.8", TypeError, "temperature must be {}, got str"),
        (1j, TypeError, "temperature must be {}, got complex"),
    ],
)
def test_temperatures_that_are_none(temperature, error, message):
    with raises(error, message.format("real numbers")):
        pycouple.sample_logits(P, 7, temperature=temperature)
    with raises(error, message.format("a real number")):
        pycouple.speculative.SamplingParams(temperature)


def test_labels_that_differ():
    """Rows and items are paired by position: labels in another order would be lost."""
    p, q = pd.Series(P, index=list("abc")), pd.Series(P[::-1], index=list("cba"))
    different = (
        "have different labels, and would be paired by position: give both one order, or pass arrays without labels"
    )
    for name, other, call in (
        ("p", "q", lambda a, b: pycouple.couple(a, b, 7)),
        ("p", "q", agreement),
        ("p", "q", total_variation),
        ("a", "b", weighted_jaccard),
    ):
        with raises(ValueError, f"{name} and {other} {different}, by to_numpy()"):
            call(p, q)
        with raises(ValueError, f"{name} and {other} {different}, by to_numpy()"):
            call(pd.DataFrame([P, P], index=[0, 1]), pd.DataFrame([P, P], index=[1, 0]))
        with raises(ValueError, f"{name} and {other} {different}, by to_numpy()"):
            call(xr.DataArray(P, {"item": list("abc")}, ["item"]), q)
        with raises(ValueError, f"{name} and {other} have different axes, y and x: transpose one"):
            call(xr.DataArray(np.eye(3), dims=["x", "y"]), xr.DataArray(np.eye(3), dims=["y", "x"]))
    with raises(ValueError, f"weights[0] and weights[1] {different}, by to_numpy()"):
        pycouple.sample([p, q], 7)
    assert agreement(p, q[["a", "b", "c"]]) == agreement(p, p) == agreement(p, q.to_numpy()[::-1]) == 1
    assert agreement(pd.DataFrame([P, P], columns=list("abc")), p).tolist() == [1, 1]


def test_out_has_the_shape_of_the_batch():
    """Also a larger one, which NumPy would fill by broadcasting."""
    for shape, call in (
        ((), lambda out: pycouple.sample(P, 7, out=out)),
        ((), lambda out: pycouple.couple(P, P, 7, out=(out, out.copy()))),
        ((3,), lambda out: pycouple.sample_logits(np.zeros((3, 4)), 7, out=out)),
        ((3,), lambda out: pycouple.sample_logits(np.zeros(4), 7, [1, 2, 3], out=out)),
        ((3,), lambda out: pycouple.speculative.draft(np.zeros((3, 4)), 7, 5, out=out)),
        ((3,), lambda out: pycouple.speculative.list_target(np.ones((3, 4)), 7, 5, out=out)),
    ):
        call(np.empty(shape, np.int64))
        for wrong in ((2, 3), (1,), (4,), (3, 3)):
            with raises(ValueError, f"out must have shape {shape}, that of the batch; got {wrong}"):
                call(np.empty(wrong, np.int64))


def test_out_that_shares_memory_with_what_is_read():
    q = np.random.default_rng(1).random((5, 5))
    b = pycouple.couple(np.ones((5, 5)), q, 7)[1]
    with raises(ValueError, "out must not share memory with q, which is read when out[0] is written"):
        pycouple.couple(np.ones((5, 5)), q, 7, out=(q.view(np.int64)[0], np.empty(5, np.int64)))
    assert np.array_equal(pycouple.couple(np.ones((5, 5)), q, 7)[1], b)
    out = q.view(np.int64)[:, 0]
    assert np.array_equal(pycouple.sample(q, 7, out=out), b)


def test_out_that_is_expanded_or_in_a_tuple():
    expanded = np.lib.stride_tricks.as_strided(np.zeros(1, np.int64), (2,), (0,))
    with pytest.raises(ValueError, match="out must have a place for each row"):
        pycouple.sample_logits([0.2, 0.8], [0, 1], out=expanded)
    out = np.zeros(2, np.int64)
    drawn = pycouple.speculative.list_target([0.2, 0.8], [0, 1], out=(out,))
    assert drawn is out
    assert out.tolist() == pycouple.sample([0.2, 0.8], [0, 1]).tolist()


def test_bfloat16_of_another_byte_order():
    """NumPy gives such arrays the same type name."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.random.default_rng(31).normal(0, 3, (6, 70)).astype(ml_dtypes.bfloat16)
    other, steps = x.dtype.newbyteorder(), np.arange(6)
    assert not other.isnative
    for call in (pycouple.sample_logits, pycouple.race_logits):
        assert np.array_equal(call(x.astype(other), 5, steps), call(x, 5, steps))
    assert np.array_equal(pycouple.sample(np.abs(x).astype(other), 5, steps), pycouple.sample(np.abs(x), 5, steps))
    temperature = np.array([0.5, 2], x.dtype).astype(other)
    got = pycouple.sample_logits(x[0], 5, temperature=temperature)
    assert np.array_equal(got, pycouple.sample_logits(x[0], 5, temperature=[0.5, 2]))


def test_temperature_in_bfloat16_of_another_library():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    row, temperature = [1.0, 2.0, 3.0], np.array([0.5, 2.0], ml_dtypes.bfloat16)
    got = pycouple.sample_logits(row, 1, temperature=temperature)
    assert got.tolist() == pycouple.sample_logits(row, 1, temperature=[0.5, 2.0]).tolist()
