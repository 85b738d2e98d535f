"""The contract's logarithm: at most 1 ulp from the truth, and never another bit."""

import hashlib

import numpy as np
import pytest
from mpmath.libmp import from_float, mpf_log, mpf_sub, to_float

from pycouple import _core
from tests.support import oracle

# Committed once: the bits of ln on `inputs()`. Version 1 of the contract cannot drift.
BITS = "bf54e17a887512805f758026fa6fa208cd1b20fb2b28f39529b50b271f0304da"


def inputs():
    """A million doubles of the race's ranges, and every edge, made by exact operations: the same on every machine."""
    rng = np.random.default_rng(20240807)
    unit = ((rng.integers(0, 2**52, 300_000) + 0.5) * 2.0**-52).astype(float)
    lane = (rng.integers(0, 2**32, 300_000) + 0.5) * 2.0**-32
    clock = rng.uniform(0, 24, 200_000)
    tiny = np.ldexp(1 + rng.integers(0, 2**52, 100_000) * 2.0**-52, -rng.integers(1, 60, 100_000))
    anywhere = rng.integers(2**52, 0x7FE << 52, 100_000, dtype=np.int64).view(np.float64)
    powers = np.ldexp(1.0, np.arange(-1022, 1024))
    edges = np.concatenate(
        [
            powers,
            np.nextafter(powers, 0)[1:],
            np.nextafter(powers, np.inf),
            np.sqrt(0.5) * powers[1:],
            np.nextafter(np.sqrt(0.5), 0) * powers[1:],
            np.nextafter(np.sqrt(0.5), 1) * powers[1:],
            1 + np.arange(-1000, 1001) * 2.0**-52,
            np.arange(0.5, 5) * 2.0**-52,
            1 - np.arange(0.5, 5) * 2.0**-32,
            np.arange(1, 5) * 2.0**-53 / 64,
            [np.finfo(float).max, np.finfo(float).tiny],
        ]
    )
    edges = edges[np.isfinite(edges) & (edges >= np.finfo(float).tiny)]
    return np.concatenate([unit, lane, clock[clock > 0], tiny, anywhere, edges])


@pytest.fixture(scope="module")
def x():
    return inputs()


def test_bits_are_frozen(x):
    assert hashlib.sha256(_core.ln(x).astype("<f8").tobytes()).hexdigest() == BITS


def test_oracle_has_the_same_bits(x):
    assert np.array_equal(oracle.ln_array(x), _core.ln(x))
    some = x[:: len(x) // 5000]
    assert [oracle.ln(v) for v in some.tolist()] == _core.ln(some).tolist()


def test_error_is_at_most_one_ulp(x):
    """Against long double, itself held against mpmath on every 50th value and wherever more than 3/4 ulp is missing.

    The reference may be off by `doubt` ulps of a double: four of its own. Where long double is no longer than double
    that is so much that mpmath judges every value.
    """
    longer = np.finfo(np.longdouble).nmant - np.finfo(float).nmant
    doubt = max(2.0 ** (2 - longer), 2.0**-40)  # the difference below is rounded to a double
    y = _core.ln(x)
    ulp = np.spacing(np.abs(y))
    error = (np.log(x.astype(np.longdouble)) - y).astype(float) / ulp
    judged = ~(np.abs(error) <= 0.75 - doubt)  # NaN too
    judged[::50] = True
    exact = [
        to_float(mpf_sub(mpf_log(from_float(v), 120), from_float(got)))
        for v, got in zip(x[judged], y[judged], strict=True)
    ] / ulp[judged]
    assert np.abs(exact - error[judged]).max() <= doubt
    assert np.abs(exact).max() <= 1.0, x[judged][np.abs(exact).argmax()]


def test_ln_of_one_is_zero():
    assert _core.ln(np.array([1.0]))[0] == 0.0
