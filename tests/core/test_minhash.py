"""MinHash draws equal the literal process of darts, bit for bit, on every ISA level, layout and thread count."""

import numpy as np
import pytest

import pycouple
from pycouple import ufuncs
from tests.support import oracle_minhash as oracle
from tests.support.layouts import layouts
from tests.support.rows import random_weights

DTYPES = ("float16", "float32", "float64")


def draw(w, seed, step=0, **options):
    return pycouple.sample(w, seed, step, method="minhash", **options)


def key(rng):
    seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
    return seed, step, int(rng.integers(256)), 64 * int(rng.integers(2**25))


def check(w, seed, step, stream, first):
    got = draw(w, seed, step, stream=stream, item_offset=first)
    assert got == oracle.draw(w, seed, step, stream, first), (w.dtype, len(w))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_small_n(level, dtype):
    rng = np.random.default_rng(20)
    for n in range(1, 140):
        check(random_weights(rng, n, dtype), *key(rng))
        check(rng.random(n).astype(dtype) + dtype_tiny(dtype), *key(rng))


def dtype_tiny(dtype):
    return np.finfo(dtype).smallest_subnormal


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_around_tiles_and_groups(level, dtype):
    rng = np.random.default_rng(21)
    for size in (256, 1024, 4096):
        for n in (size - 1, size, size + 1, size + 65):
            check(random_weights(rng, n, dtype), *key(rng))


@pytest.mark.parametrize("n", [49_152, 131_073])
def test_large_rows(level, n):
    rng = np.random.default_rng(22)
    for dtype in DTYPES:
        check(random_weights(rng, n, dtype), *key(rng))
    check(np.exp(rng.normal(0, 3, n)), 1, 2, 3, 4**10 - 64)  # over two groups of the base tier


def test_real_rows(level, real_logits):
    for step, row in enumerate(real_logits[:3]):
        check(np.exp((row - row.max()).astype(np.float64)), 3, step, 0, 0)


def test_weights_of_any_scale(level):
    rng = np.random.default_rng(23)
    w = rng.exponential(size=300)
    want = draw(w, 1, np.arange(100))
    for exponent in (-1000, -500, -130, 1, 900, 1020):  # the sum overflows in the last
        assert np.array_equal(draw(np.ldexp(w, exponent), 1, np.arange(100)), want)
    tiny = np.ldexp(rng.integers(0, 9, 300).astype(float), -1074)
    huge = np.where(rng.random(300) < 0.5, tiny, w * 1e307)
    spread = 10.0 ** rng.uniform(-300, 8, 300)
    for step in range(10):
        for v in (tiny, huge, spread):
            check(v, 1, step, 0, 0)


def test_the_last_items(level):
    check(np.ones(128), 1, 0, 0, 2**32 - 128)
    with pytest.raises(ValueError, match=r"item_offset must be .* below 4294967296, got 4294967232"):
        draw(np.ones(128), 1, item_offset=2**32 - 64)


def test_one_row_many_draws(level):
    """A row that is read once gives what it gives alone, for other offsets too."""
    w = np.exp(np.random.default_rng(24).normal(0, 3, 3000))
    steps, offsets = np.arange(200), 64 * (np.arange(200) % 3) * 1001
    want = [draw(w, 1, int(s), item_offset=int(o)) for s, o in zip(steps, offsets, strict=True)]
    assert np.array_equal(draw(w, 1, steps, item_offset=offsets), want)
    assert np.array_equal(draw(np.tile(w, (200, 1)), 1, steps, item_offset=offsets), want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [7, 64, 200, 5000])
def test_layouts(level, dtype, n):
    w = np.random.default_rng(n).random((6, n)).astype(dtype)
    want = draw(w, 5, np.arange(6))
    for name, v in layouts(w):
        assert np.array_equal(draw(v, 5, np.arange(6)), want), name
    assert np.array_equal(draw(w.T, 5, np.arange(6), axis=0), want)


@pytest.mark.parametrize("workers", [2, 3, -1])
def test_workers(level, workers):
    w = np.random.default_rng(25).random((40, 9000)).astype(np.float32) ** 8
    assert np.array_equal(draw(w, 1, np.arange(40), workers=workers), draw(w, 1, np.arange(40)))
    assert np.array_equal(draw(w[0], 1, np.arange(3000), workers=workers), draw(w[0], 1, np.arange(3000)))


def test_items_of_weight_zero_change_nothing(level):
    rng = np.random.default_rng(26)
    w = rng.random(500)
    padded = np.append(w, np.zeros(3000))
    assert np.array_equal(draw(padded, 1, np.arange(300)), draw(w, 1, np.arange(300)))
    w[::2] = 0
    assert (w[draw(w, 1, np.arange(3000))] > 0).all()
    assert draw([0.0, -0.0, 5.0], 1) == 2
    assert (draw(np.eye(1000), 1) == np.arange(1000)).all()


def test_out_and_couple():
    w = np.random.default_rng(27).random((4, 30))
    out = np.empty(4, np.int64)
    assert draw(w, 1, out=out) is out
    a, b = pycouple.couple(w[0], w[1], 1, np.arange(50), method="minhash")
    assert np.array_equal(a, draw(w[0], 1, np.arange(50)))
    assert np.array_equal(b, draw(w[1], 1, np.arange(50)))


def test_gufunc():
    w, steps = np.random.default_rng(28).random((9, 100)), np.arange(9, dtype=np.uint64)
    got = ufuncs.sample_minhash(w, np.uint64(3), steps, np.uint64(1), np.uint64(64))
    assert np.array_equal(got, draw(w, 3, steps, stream=1, item_offset=64))


@pytest.mark.parametrize("n", [1, 100, 5000])
@pytest.mark.parametrize(
    ("bad", "message"),
    [(-1.0, "is -1.0"), (float("nan"), "is nan"), (float("inf"), "is inf"), (None, "no weight is positive at row 1")],
)
def test_bad_weights(level, bad, message, n):
    w = np.ones((3, n))
    if bad is None:
        w[1] = 0
    else:
        w[1, n // 2] = bad
        message = f"weight of item {n // 2} {message} at row 1; "
    with pytest.raises(ValueError, match=message):
        draw(w, 1)
    with pytest.raises(ValueError, match=r"n = 0"):
        draw(np.ones((2, 0)), 1)
