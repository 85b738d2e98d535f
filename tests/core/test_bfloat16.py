"""bfloat16 rows, whose bits come in uint16 arrays: the race of the same values in float32, bit for bit."""

import numpy as np
import pytest

from pycouple import _core
from tests.support.bfloat16 import truncated, widened
from tests.support.rows import random_row, random_weights

U = np.uint64
SIZES = (1, 2, 63, 64, 65, 129, 511, 1023, 1025, 4095, 4096, 4097, 9000)
MINUS_INF, INF, NAN = 0xFF80, 0x7F80, 0x7FC0


def outputs(ufunc, *args, workers=1):
    """The bytes of what a ufunc gives, and whether it marked a row."""
    result, marked = _core.call(ufunc, workers, args, {})
    return [a.tobytes() for a in (result if isinstance(result, tuple) else (result,))], marked


def check_logits(bits, temperature, rows=None, workers=1):
    """`rows` are the float32 rows, where `bits` is only another layout of them."""
    args = U(5), np.arange(len(bits), dtype=U), temperature, U(3), U(128)
    rows = widened(bits) if rows is None else rows
    want = outputs(_core.race_logits, rows, *args)
    assert outputs(_core.race_logits_bf16, bits, *args, workers=workers) == want
    assert outputs(_core.sample_logits_bf16, bits, *args, workers=workers) == (want[0][:1], want[1])


def check_weights(bits, rows=None):
    args = U(5), np.arange(len(bits), dtype=U), U(3), U(128)
    rows = widened(bits) if rows is None else rows
    for name in ("sample_weights", "race_weights", "sample_minhash"):
        assert outputs(getattr(_core, f"{name}_bf16"), bits, *args) == outputs(getattr(_core, name), rows, *args)


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_every_kind(level, n):
    rng = np.random.default_rng(n)
    logits = np.stack([random_row(rng, n, np.float32) for _ in range(40)])
    weights = np.stack([random_weights(rng, n, np.float32) for _ in range(40)])
    for temperature in (1.0, 0.7, 1e-3, 0.0):
        check_logits(truncated(logits), temperature)
    check_logits(truncated(logits), 1.0, workers=3)
    check_weights(truncated(weights))


def layouts(bits):
    wide = np.full((bits.shape[0], 3 * bits.shape[1]), NAN, np.uint16)
    wide[:, ::3] = bits
    yield wide[:, ::3]
    yield bits[:, ::-1].copy()[:, ::-1]
    yield bits[::-1].copy()[::-1]
    yield np.asfortranarray(bits)
    for by in (1, 3, 8, 31):  # elements past where the allocator put them: by 1, 2 bytes off a float's alignment
        shifted = np.empty(bits.size + by, np.uint16)[by:].reshape(bits.shape)
        shifted[...] = bits
        yield shifted
    odd = np.empty(bits.nbytes + 1, np.uint8)[1:].view(np.uint16).reshape(bits.shape)
    odd[...] = bits
    yield odd


@pytest.mark.parametrize("n", SIZES)
def test_layouts(level, n):
    rng = np.random.default_rng(n)
    bits = truncated(rng.normal(0, 2, (4, n)).astype(np.float32))
    positive = bits & 0x7FFF
    for layout in layouts(bits):
        check_logits(layout, 0.8, widened(bits))
    for layout in layouts(positive):
        check_weights(layout, widened(positive))


@pytest.mark.parametrize("n", [1, 64, 100, 4097])
def test_bad_rows_are_marked(level, n):
    bits = truncated(np.random.default_rng(n).exponential(size=(5, n)).astype(np.float32))
    for row, bad in enumerate((NAN, INF, MINUS_INF, 0xBF80)):
        bits[row, n // 2] = bad
    for temperature in (1.0, 0.0, -1.0, np.nan):
        check_logits(bits, temperature)
    check_weights(bits)
    items, marked = _core.call(_core.sample_weights_bf16, 1, (bits, U(5), U(0), U(0), U(0)), {})
    assert marked
    assert (items[:4] == _core.NO_WINNER + _core.BAD_VALUE).all()
    assert items[4] >= 0
    items, marked = _core.call(_core.sample_logits_bf16, 1, (bits, U(5), U(0), 1.0, U(0), U(0)), {})
    assert marked
    assert (items[:2] == _core.NO_WINNER + _core.BAD_VALUE).all()
    assert (items[3:] >= 0).all()


@pytest.mark.parametrize(("n", "stride"), [(1, 1), (1, 2), (64, 1), (64, 2), (200, 1)])
def test_every_value_is_widened_exactly(level, n, stride):
    """All 65,536 bit patterns, each alone in a masked row, through the score at temperature 0: the logit."""
    every = np.arange(2**16, dtype=np.uint16)
    at = np.arange(2**16) % n
    rows = np.full((2**16, n * stride), MINUS_INF, np.uint16)[:, ::stride]
    rows[np.arange(2**16), at] = every
    (items, scores, _), marked = _core.call(_core.race_logits_bf16, 1, (rows, U(1), U(0), 0.0, U(0), U(0)), {})
    assert marked
    values = widened(every)
    finite = np.isfinite(values)
    assert np.array_equal(items[finite], at[finite])
    assert scores[finite].tobytes() == values[finite].astype(np.float64).tobytes()
    bad = np.where(values == -np.inf, _core.NO_ITEM, _core.BAD_VALUE)
    assert np.array_equal(items[~finite], (_core.NO_WINNER + bad)[~finite])


def test_the_bits_of_other_types_are_not_taken():
    with pytest.raises(TypeError):
        _core.sample_logits_bf16(np.zeros(3, np.float16), U(1), U(0), 1.0, U(0), U(0))
