"""SamplingParams and warp: which tokens are kept, against a plain reading, on every ISA level."""

import dataclasses
import math
import pickle

import numpy as np
import pytest

import pycouple
from pycouple.speculative import SamplingParams, warp
from tests.support import oracle_kept
from tests.support.rows import random_row


def beginning(row, params):
    """What the oracle keeps."""
    return oracle_kept.beginning(row, *dataclasses.astuple(params))


def random_params(rng):
    return SamplingParams(
        temperature=float(rng.choice([0, 0.3, 0.7, 1.0, 1.5])),
        top_k=int(rng.choice([0, 0, 1, 3, 20, 10_000])),
        top_p=float(rng.choice([1.0, 1.0, 0.0, 0.3, 0.9, 0.95, 0.999])),
        min_p=float(rng.choice([0.0, 0.0, 0.01, 0.1, 1.0])),
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_kept_tokens(level, dtype):
    rng = np.random.default_rng(60)
    for _ in range(150):
        row, params = random_row(rng, int(rng.integers(1, 400)), dtype), random_params(rng)
        if params.temperature and np.ptp(row[np.isfinite(row)].astype(float)) / params.temperature > 1e300:
            continue
        got = np.flatnonzero(warp(row, params) > -np.inf)
        assert got.tolist() == sorted(beginning(row, params).kept), (params, row)


def test_real_rows(level, real_logits):
    rows = real_logits[:2]
    for params in (
        SamplingParams(temperature=0.7, top_p=0.9),
        SamplingParams(top_p=0.999999),  # thousands of tokens
        SamplingParams(temperature=1.3, top_k=50, top_p=0.95, min_p=0.02),
    ):
        warped = warp(rows, params)
        for row, got in zip(rows, warped, strict=True):
            assert np.flatnonzero(got > -np.inf).tolist() == sorted(beginning(row, params).kept)
            kept = got > -np.inf
            assert np.array_equal(got[kept], (row[kept] / np.float64(params.temperature)).astype(np.float32))


def test_ties():
    """top_k keeps all that equal the last one; of equal ones at the edge of a nucleus the lowest ids are kept."""
    row = np.zeros(1000)
    assert (warp(row, SamplingParams(top_k=3)) == 0).all()
    assert np.flatnonzero(np.isfinite(warp(row, SamplingParams(top_p=0.375)))).tolist() == list(range(375))
    assert np.isfinite(warp(row, SamplingParams(top_p=0.4))).sum() == 401  # the double 0.4 is more than 2 / 5
    row[[5, 700]] = 1
    kept = np.flatnonzero(np.isfinite(warp(row, SamplingParams(top_p=0.01))))  # the two, and 4.59 / 1 of the others
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 700]
    assert np.flatnonzero(np.isfinite(warp([1.0, 2.0, 2.0], SamplingParams(temperature=0)))).tolist() == [1]


def test_batches_and_types():
    rng = np.random.default_rng(61)
    x = rng.normal(0, 3, (3, 4, 50))
    params = SamplingParams(temperature=0.8, top_k=30, top_p=0.9, min_p=0.01)
    whole = warp(x, params)
    assert whole.dtype == np.float64
    assert warp(x.astype(np.float16), params).dtype == np.float32
    for i in np.ndindex(3, 4):
        assert np.array_equal(whole[i], warp(x[i], params))
    assert np.array_equal(warp(np.asfortranarray(x), params), whole)
    assert np.array_equal(warp(x.astype(">f8"), params), whole)
    before = x.copy()
    warp(x, params)
    assert np.array_equal(x, before)
    assert warp(np.zeros((0, 5)), params).shape == (0, 5)


@pytest.mark.parametrize(
    ("arguments", "error", "pattern"),
    [
        ({"temperature": -0.1}, ValueError, "temperature must be finite and at least 0, got -0.1"),
        ({"temperature": math.inf}, ValueError, "temperature must be finite"),
        ({"temperature": math.nan}, ValueError, "temperature must be finite"),
        ({"temperature": "1"}, TypeError, "temperature must be a real number, got str"),
        ({"top_p": 1.1}, ValueError, r"top_p must be in \[0, 1\], got 1.1"),
        ({"top_p": True}, TypeError, "top_p must be a real number, got bool"),
        ({"min_p": -1}, ValueError, r"min_p must be in \[0, 1\], got -1"),
        ({"top_k": -2}, ValueError, "top_k must be positive, or 0 or -1 to keep all; got -2"),
        ({"top_k": 1.5}, TypeError, "top_k must be an integer, got float"),
        ({"top_k": True}, TypeError, "top_k must be an integer, got bool"),
    ],
)
def test_bad_params(arguments, error, pattern):
    with pytest.raises(error, match=f"^{pattern}"):
        SamplingParams(**arguments)


def test_params_as_users_of_other_libraries_write_them():
    """-1 is off in vLLM, and None is what a generation config of transformers leaves open."""
    assert SamplingParams(top_k=-1) == SamplingParams()
    assert SamplingParams(top_k=-1).top_k == 0
    assert SamplingParams(None, None, None, None) == SamplingParams()
    assert SamplingParams(np.float32(0.5), np.int64(3), 1, 0) == SamplingParams(0.5, 3)
    params = SamplingParams(0.7, 5, 0.9, 0.05)
    assert dataclasses.asdict(params) == {"temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.05}
    assert dataclasses.replace(params, top_k=-1) == SamplingParams(0.7, 0, 0.9, 0.05)
    assert pickle.loads(pickle.dumps(params)) == params
    assert hash(params) == hash(SamplingParams(0.7, 5, 0.9, 0.05))
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.top_k = 3


def test_params_of_another_library():
    class SamplingParams:
        """As vLLM has one."""

    SamplingParams.__module__ = "vllm.sampling_params"
    wanted = "params must be pycouple.speculative.SamplingParams, got vllm.sampling_params.SamplingParams"
    with pytest.raises(TypeError, match=f"^{wanted}$"):
        warp([1.0, 2.0], SamplingParams())


@pytest.mark.parametrize("params", [SamplingParams(top_p=0.5), SamplingParams(top_k=2), SamplingParams()])
@pytest.mark.parametrize(
    ("bad", "pattern"), [(np.nan, "logit of item 1 is nan"), (np.inf, "is inf"), (-np.inf, "every logit is -inf")]
)
def test_bad_rows(params, bad, pattern):
    x = np.zeros((2, 3, 4))
    x[1, 2, 1 if bad != -np.inf else slice(None)] = bad
    with pytest.raises(ValueError, match=pattern + r".* at row \(1, 2\)"):
        warp(x, params)
    with pytest.raises(ValueError, match=pattern):
        pycouple.speculative.draft(x, 1, 5, params)
    with pytest.raises(TypeError, match=r"^params must be pycouple.speculative.SamplingParams, got dict$"):
        warp(x * 0 if np.isfinite(x).all() else np.zeros(3), {"top_p": 0.5})


def test_odd_temperatures():
    """A quotient is rounded once, from doubles: no overflow of the temperature itself."""
    assert warp(np.float32([0, -1e-45]), SamplingParams(1e-44)).tolist() == pytest.approx([0, -0.14], abs=0.01)
    assert warp(np.float32([3.0, 1.0]), SamplingParams(1.7e308, top_k=1)).tolist() == [0.0, -np.inf]
    with pytest.raises(ValueError, match=r"n = 0"):
        warp(np.zeros((2, 0)), SamplingParams(0.0))


def test_the_byte_order_does_not_change_the_type():
    x = np.random.default_rng(65).normal(0, 3, (2, 30))
    for params in (SamplingParams(), SamplingParams(0.7), SamplingParams(0.0), SamplingParams(top_k=3, top_p=0.5)):
        want = warp(x, params)
        got = warp(x.astype(">f8"), params)
        assert got.dtype == want.dtype == np.float64
        assert np.array_equal(got, want)


def test_a_temperature_under_which_the_largest_logit_overflows():
    for x, temperature in (
        (np.float32([[1, 2], [65000, 0]]), 1e-37),
        (np.float32([[1, 2], [-65000, -66000]]), 1e-37),
        (np.array([[0.0, 1.0], [1e300, 0.0]]), 1e-300),
    ):
        with pytest.raises(ValueError, match=rf"^params.temperature {temperature} is so small .* overflows at row 1;"):
            warp(x, SamplingParams(temperature))
    assert warp([-1e300, 0.0], SamplingParams(1e-300)).tolist() == [-np.inf, 0]  # as good as removed


def test_the_largest_is_always_kept():
    rng = np.random.default_rng(64)
    for _ in range(200):
        row = random_row(rng, 50, np.float64)
        row = np.clip(row, -1e200, 1e200)
        for params in (SamplingParams(min_p=1.0), SamplingParams(top_p=0.0), SamplingParams(0.5, 1, 0.0, 1.0)):
            assert warp(row, params)[np.argmax(row)] > -np.inf
