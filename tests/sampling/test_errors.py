"""Bad input is told apart by argument, row and reason; nothing odd crashes."""

import warnings

import numpy as np
import pytest

import pycouple
from pycouple import _core, ufuncs
from pycouple._errors import Caller, row_error

NAN, INF = float("nan"), float("inf")

WEIGHTS = [
    ([1, -1.0], "weight of item 1 is -1.0"),
    ([NAN, 1], "weight of item 0 is nan"),
    ([1, INF], "weight of item 1 is inf"),
    ([-INF, 1], "weight of item 0 is -inf"),
    ([0, -0.0], "no weight is positive"),
    ([], "n = 0"),
    (3.0, "at least one axis"),
    ([[1, 1], [1, NAN]], "weight of item 1 is nan at row 1; it must be finite and not negative$"),
    ([[[1, 1]], [[0, 0]]], r"no weight is positive at row \(1, 0\)"),
]
LOGITS = [
    ([1, INF], "logit of item 1 is inf"),
    ([NAN, 1], "logit of item 0 is nan"),
    ([-INF, -INF], "every logit is -inf"),
    ([], "n = 0"),
]
PARAMETERS = [
    ({"seed": -1}, "seed must be in 0..2\\*\\*64 - 1, got -1"),
    ({"seed": 2**64}, "seed must be in"),
    ({"seed": [1, -2]}, "seed must be in .*got -2 at index 1"),
    ({"seed": [0, 2**64]}, "seed must be in"),
    ({"step": -1}, "step must be in"),
    ({"step": np.array([3, -3], np.int8)}, "step must be in .*got -3 at index 1"),
    ({"stream": 256}, "stream must be in 0..255, got 256"),
    ({"stream": [0, 300]}, "stream must be in 0..255, got 300 at index 1"),
    ({"stream": np.array([-1])}, "stream must be in"),
    ({"item_offset": 63}, "item_offset must be a multiple of 64"),
    ({"item_offset": 2**34}, "item_offset must be .*17179869184"),
    ({"item_offset": 2**63}, "item_offset must be"),
    ({"workers": 0}, "workers must be positive, or -1"),
    ({"workers": -2}, "workers must be positive, or -1"),
]
TEMPERATURES = [
    (-1.0, "temperature must be finite and at least 0, got -1.0"),
    (NAN, "temperature must be finite"),
    (INF, "temperature must be finite"),
    ([1, NAN], "temperature must be finite and at least 0, got nan at index 1$"),
    (1e-310, "temperature 1e-310 is so small that logit / temperature overflows"),
    (5e-324, "so small"),
]


@pytest.mark.parametrize("n", [1, 100, 5000])
@pytest.mark.parametrize(("weights", "message"), WEIGHTS)
def test_weights(level, weights, message, n):
    if np.size(weights) > 1:
        weights = np.concatenate([np.asarray(weights, float), np.zeros((*np.shape(weights)[:-1], n - 1))], axis=-1)
    with pytest.raises(ValueError, match=f"^weights.*{message}"):
        pycouple.sample(weights, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 64, 100, 5000])
def test_one_bad_value_anywhere(level, dtype, n):
    rng = np.random.default_rng(n)
    for bad, function in [(NAN, "both"), (-NAN, "both"), (INF, "both"), (-1.0, "weights"), (-INF, "weights")]:
        x = rng.random(n).astype(dtype)
        at = int(rng.integers(n))
        x[at] = bad
        with pytest.raises(ValueError, match=f"weight of item {at} is"):
            pycouple.sample(x, 1)
        if function == "both":
            with pytest.raises(ValueError, match=f"logit of item {at} is"):
                pycouple.sample_logits(x, 1)
            x[rng.integers(n)] = -INF
            x[at] = bad
            with pytest.raises(ValueError, match=f"logit of item {at} is"):
                pycouple.sample_logits(x, 1, temperature=0)


@pytest.mark.parametrize(("logits", "message"), LOGITS)
def test_logits(level, logits, message):
    for function in (pycouple.sample_logits, pycouple.race_logits):
        with pytest.raises(ValueError, match=f"^logits.*{message}"):
            function(logits, 1)


@pytest.mark.parametrize(("options", "message"), PARAMETERS)
def test_parameters(options, message):
    for function in (pycouple.sample, pycouple.sample_logits, pycouple.race_logits):
        with pytest.raises(ValueError, match=message):
            function([1.0, 2.0], **({"seed": 1} | options))


@pytest.mark.parametrize(("temperature", "message"), TEMPERATURES)
def test_temperatures(temperature, message):
    for function in (pycouple.sample_logits, pycouple.race_logits):
        with pytest.raises(ValueError, match=message):
            function([1.0, 2.0], 1, temperature=temperature)


def test_an_error_about_rows_that_the_results_overwrote():
    """`out` may lie in the memory of the rows, which then hold any bits: a signalling NaN, too."""
    values = np.array([0x7FF0000000000001, 0, 0], np.uint64).view(np.float64)
    values[2] = 1e300
    error = row_error(
        _core.NO_WINNER + _core.OVERFLOW, Caller("logits"), values, {"temperature": np.array(1e-300)}, 2**34
    )
    assert "so small that logit / temperature overflows for item 2, logit 1e+300" in str(error)


def test_any_finite_logit_may_overflow(level):
    for n in (10, 3000):
        x = np.zeros(n)
        x[n // 2] = -1.5e308
        with pytest.raises(ValueError, match="so small"):
            pycouple.sample_logits(x, 1, temperature=0.5)
        assert pycouple.sample_logits(x, 1, temperature=1.0) >= 0
        y = np.zeros(n, np.float32)
        y[n // 2] = -3e38
        with pytest.raises(ValueError, match="so small"):
            pycouple.sample_logits(y, 1, temperature=1e-280)
        assert pycouple.sample_logits(y, 1, temperature=1e-260) >= 0
    # One row, several temperatures: only the one that overflows is named.
    with pytest.raises(ValueError, match=r"^temperature 1e-05 at index 2 .* item 1, logit -1e.304;"):
        pycouple.sample_logits([0.0, -1e304], 1, temperature=[1.0, 0.0, 1e-5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1.5}, "seed must be integers, got float"),
        ({"seed": "a"}, "seed must be integers, got str"),
        ({"seed": None}, "seed must be integers, got NoneType"),
        ({"seed": ["a"]}, "seed must be integers, got str"),
        ({"step": np.arange(2.0)}, "step must be integers, got dtype float64"),
        ({"stream": True}, "stream must be integers, got bool"),
        ({"workers": 1.5}, "workers must be an integer, got float"),
        ({"temperature": "hot"}, "temperature must be real numbers"),
    ],
)
def test_types(options, message):
    with pytest.raises(TypeError, match=message):
        pycouple.sample_logits([1.0, 2.0], **({"seed": 1} | options))


@pytest.mark.parametrize(
    ("weights", "got"),
    [
        (["a"], "str"),
        (["3.5", "1"], "str"),
        ([1j], "complex"),
        ([None], "NoneType at index 0"),
        ([[1.0, 2.0], [1.0, None]], r"NoneType at index \(1, 1\)"),
        ([object()], "object at index 0"),
        (None, "NoneType"),
        ("12", "str"),
        (print, "builtin_function_or_method"),
        (np.array(["2020-01-01"], "datetime64[D]"), r"dtype datetime64\[D\]"),
        (np.array([1 + 0j]), "dtype complex128"),
        (np.array([(1.0, 2)], [("a", "f8"), ("b", "i4")]), "fields a, b: pass one of them"),
    ],
)
def test_types_of_weights(weights, got):
    for name, function in (("weights", pycouple.sample), ("logits", pycouple.sample_logits)):
        with pytest.raises(TypeError, match=f"^{name} must be real numbers, got {got}$"):
            function(weights, 1)


def test_method():
    with pytest.raises(ValueError, match="method must be one of 'gumbel', 'minhash', got 'max'"):
        pycouple.sample([1], 1, method="max")


def test_couple_names_its_argument():
    with pytest.raises(ValueError, match=r"^p: weight of item 1 is -1"):
        pycouple.couple([1, -1], [1, 1], 1)
    with pytest.raises(ValueError, match=r"^q: no weight is positive at row 1"):
        pycouple.couple([1, 1], [[1, 1], [0, 0]], 1)
    with pytest.raises(ValueError, match="method must be"):
        pycouple.couple([1, 1], [1, 1], 1, method="max")
    with pytest.raises(ValueError, match=r"do not broadcast .*: p \(2,\), q \(5,\)"):
        pycouple.couple(np.ones((2, 3)), np.ones((5, 3)), 1)


def test_masked_arrays_are_refused():
    masked = np.ma.array([1, 2], mask=[0, 1])
    advice = r"fill what is masked \(weights with 0, logits with -inf\)"
    with pytest.raises(TypeError, match=f"^weights must not be a masked array: {advice}$"):
        pycouple.sample(masked, 1)
    for name in ("seed", "step", "temperature"):
        with pytest.raises(TypeError, match=f"^{name} must not be a masked array: {advice}$"):
            pycouple.sample_logits([1.0, 2.0], **({"seed": 1} | {name: masked}))


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"do not broadcast .*: weights \(3,\), seed \(2,\)$"):
        pycouple.sample(np.ones((3, 4)), [1, 2])
    with pytest.raises(ValueError, match=r"do not broadcast .*: logits \(4,\), temperature \(3,\)$"):
        pycouple.race_logits(np.ones((3, 4)), 1, temperature=[1, 2, 3], axis=0)
    with pytest.raises(ValueError, match=r"^the batch shapes do not broadcast: seed \(2,\), items \(3,\)$"):
        pycouple.gumbels([1, 2], 1, [1, 2, 3])


def test_axis():
    for axis in (2, -3):
        wanted = f"axis {axis} is out of bounds for array of dimension 2"
        for name, function in (("weights", pycouple.sample), ("logits", pycouple.race_logits)):
            with pytest.raises(np.exceptions.AxisError, match=f"^{name}: {wanted}$"):
                function(np.ones((3, 4)), 1, axis=axis)
        with pytest.raises(np.exceptions.AxisError, match=f"^q: {wanted}$"):
            pycouple.couple(np.ones((3, 4, 2)), np.ones((3, 4)), 1, axis=axis)
    for axis, kind in ((None, "NoneType"), (1.0, "float"), ((0,), "tuple"), (True, "bool")):
        with pytest.raises(TypeError, match=f"^axis must be an integer, got {kind}$"):
            pycouple.sample(np.ones((3, 4)), 1, axis=axis)


@pytest.mark.parametrize("out", [np.empty(1), np.empty(1, np.int32), [0], (np.empty(1, np.int64),) * 2])
def test_out_of_another_type(out):
    with pytest.raises(TypeError, match="out must be"):
        pycouple.sample([[-1.0, 1.0]], 1, out=out)
    with pytest.raises(TypeError, match="out must be"):
        pycouple.race_logits([[-1.0, 1.0]], 1, out=out)


def test_out_that_does_not_fit():
    fits, short = np.empty(3, np.int64), np.empty(2, np.int64)
    with pytest.raises(ValueError, match=r"^out must have shape \(3,\), that of the batch; got \(2,\)$"):
        pycouple.sample(np.ones((3, 4)), 1, out=short)
    with pytest.raises(ValueError, match=r"^out must have shape \(3,\), that of the batch; got \(2,\)$"):
        pycouple.race_logits(np.ones(4), [1, 2, 3], out=(fits, np.empty(2), np.empty(3), np.empty(3)))
    with pytest.raises(ValueError, match=r"^out must have shape \(3,\), that of the batch; got \(2,\)$"):
        pycouple.couple(np.ones((3, 4)), np.ones((3, 4)), 1, out=(fits, short))
    frozen = np.empty(3, np.int64)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match=r"^out must be writeable$"):
        pycouple.sample(np.ones((3, 4)), 1, out=frozen)
    real = np.empty(3)
    for call in (
        lambda: pycouple.race_logits(np.ones((3, 4)), 1, out=(fits, real, np.empty(3), real)),
        lambda: pycouple.couple(np.ones((3, 4)), np.ones((3, 4)), 1, out=(fits, fits)),
    ):
        with pytest.raises(ValueError, match=r"^out must be arrays that share no memory$"):
            call()
    columns = np.empty((3, 2), np.int64)  # interleaved, but apart
    pycouple.couple(np.ones((3, 4)), np.ones((3, 4)), 1, out=(columns[:, 0], columns[:, 1]))
    assert np.array_equal(columns[:, 0], columns[:, 1])
    with pytest.raises(TypeError, match=r"^out must be a tuple of 2 arrays \(int64, int64\), got ndarray$"):
        pycouple.couple(np.ones((3, 4)), np.ones((3, 4)), 1, out=fits)


def test_places_are_those_in_the_argument():
    """A row that is broadcast has no number, and a parameter has the index that it has in its own array."""
    with pytest.raises(ValueError, match=r"^weights: weight of item 1 is -1.0; it must be finite and not negative$"):
        pycouple.sample([1.0, -1.0], 1, [0, 1, 2])
    with pytest.raises(
        ValueError, match=r"^weights: no weight is positive at row \(1, 0\), so there is nothing to draw$"
    ):
        pycouple.sample([[[1.0, 1.0]], [[0.0, 0.0]]], 1, [0, 1, 2])
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"^temperature must be finite and at least 0, got -1.0$"):
        pycouple.sample_logits(x, 1, temperature=-1)
    with pytest.raises(ValueError, match=r"^temperature must be finite and at least 0, got -1.0 at index \(1, 0\)$"):
        pycouple.sample_logits(x, 1, temperature=[[1], [-1]])
    with pytest.raises(
        ValueError, match=r"^item_offset must be a multiple of 64 .* below 17179869184, got 65 at index 1$"
    ):
        pycouple.sample_logits(x, 1, item_offset=[64, 65])
    x[1, 2] = INF
    with pytest.raises(ValueError, match=r"^logits: logit of item 2 is inf at row 1; it must be finite or -inf$"):
        pycouple.sample_logits(x, 1, [[0], [1]])


def test_arrays_that_are_none():
    for make in (pycouple.sample, pycouple.sample_logits):
        with pytest.raises(
            ValueError, match=r"the rows of a list must .* number of items \(row 0 has 2, row 1 has 1\)$"
        ):
            make([[1, 2], [3]], 1)
    with pytest.raises(
        ValueError, match=r"^seed: the rows of a list must .* number of items \(row 0 has 2, row 1 has 1\)$"
    ):
        pycouple.sample([1, 2], [[1, 2], [3]])


def test_couple_wants_one_set_of_items():
    with pytest.raises(ValueError, match="p has 2, q has 3"):
        pycouple.couple([1, 1], [1, 1, 1], 1)


def test_items_out_of_range():
    with pytest.raises(ValueError, match=r"items must be in 0..17179869183, got 17179869184"):
        pycouple.clocks(1, 0, 2**34)
    with pytest.raises(ValueError, match=r"items must be in .* got -1 at index 1"):
        pycouple.gumbels(1, 0, [0, -1])
    with pytest.raises(ValueError, match=r"items must be in 0..4294967295"):
        pycouple.uniforms(1, 0, 2**32)
    with pytest.raises(TypeError, match="a part of a seed must be str, bytes or int, got float"):
        pycouple.seed_from(1.5)
    with pytest.raises(TypeError, match="got bool"):
        pycouple.seed_from(True)
    with pytest.raises(TypeError, match="at least one"):
        pycouple.seed_from()


def test_errors_survive_calls_inside_calls():
    """A subclass of out whose ufunc hook draws on its own."""

    class Nosy(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            pycouple.sample([1.0, 2.0], 1)
            options["out"] = tuple(np.asarray(out) for out in options["out"])
            return getattr(ufunc, method)(*inputs, **options)

    with pytest.raises(ValueError, match=r"weight of item 1 is -1.0 at row 1;"):
        pycouple.sample([[1.0, 2.0], [1.0, -1.0]], 1, out=np.empty(2, np.int64).view(Nosy))


def test_object_arrays_of_integers():
    seeds = np.array([1, 2**64 - 1], dtype=object)
    seeds.flags.writeable = False
    assert np.array_equal(pycouple.sample(np.ones(9), seeds), pycouple.sample(np.ones(9), [1, 2**64 - 1]))
    with pytest.raises(ValueError, match=r"seed must be in .* got 18446744073709551616 at index 0"):
        pycouple.sample(np.ones(9), np.array([2**64]))
    with pytest.raises(TypeError, match="seed must be integers, got bool"):
        pycouple.sample(np.ones(9), [2**64, True])


def test_more_items_than_clocks():
    with pytest.raises(ValueError, match="17179869248 items are more than the 17179869184"):
        pycouple.sample(np.broadcast_to(np.float32(1), 2**34 + 64), 1)


def test_big_python_integers():
    want = pycouple.sample(np.ones(9), np.array([2**64 - 1, 0], np.uint64))
    assert np.array_equal(pycouple.sample(np.ones(9), [2**64 - 1, 0]), want)
    assert pycouple.sample(np.ones(9), np.uint64(2**64 - 1)) == pycouple.sample(np.ones(9), 2**64 - 1) == want[0]


def test_empty_batches():
    for shape in ((0, 5), (3, 0, 7), (0, 0)):
        assert pycouple.sample(np.ones(shape), 1).shape == shape[:-1]
        race = pycouple.race_logits(np.ones(shape, np.float32), 1, workers=2)
        assert race.item.shape == race.score.shape == shape[:-1]
    assert pycouple.sample(np.ones(4), 1, step=[]).shape == (0,)
    assert pycouple.clocks(1, 0, []).shape == (0,)
    with pytest.raises(ValueError, match=r"n = 0\) at row 0"):
        pycouple.sample(np.ones((3, 0)), 1)


def test_errors_do_not_depend_on_errstate():
    with np.errstate(all="raise"), pytest.raises(ValueError, match="weight of item 0"):
        pycouple.sample([-1.0], 1)
    with np.errstate(all="raise"):
        pycouple.race_logits(np.array([-1e300, 1e300, 0]), 1)
        pycouple.sample_logits(np.float32([-3e38, 3e38, -np.inf]), 1, temperature=1e-3)
        pycouple.sample(np.array([1e308, 5e-324]), 1)


def test_ufuncs_mark_and_warn():
    u = np.uint64(0)
    rows = np.array([[1.0, 2.0], [1.0, -2.0]])
    with pytest.warns(RuntimeWarning, match="invalid value encountered in sample_weights"):
        items = ufuncs.sample_weights(rows, u, u, u, u)
    assert items[0] >= 0
    with pytest.raises(IndexError):
        rows[0][items[1]]
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        ufuncs.race_logits([np.nan], u, u, 1.0, u, u)
    with np.errstate(invalid="ignore"):
        item, score, margin = ufuncs.race_logits([1.0], u, u, -1.0, u, u)
        assert item < 0
        assert np.isnan(score)
        assert np.isnan(margin)
        assert np.isnan(ufuncs.clock(u, u, np.uint64(256), u))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ufuncs.sample_logits([1.0, 2.0], u, u, 1.0, u, u)
