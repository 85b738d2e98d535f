"""What every kernel does with a row: its parameters, and which of two draws wins."""

import triton
import triton.language as tl

_INF = tl.constexpr(float("inf"))
NOBODY = tl.constexpr(2**62)  # the number of no item, above that of every item
HEAD = tl.constexpr(4)  # words of the workspace per row
TAIL = tl.constexpr(4)  # and after these per program of the race


@triton.jit
def _joined(low, high):
    """The 64 bits whose halves were passed as signed integers."""
    return (high.to(tl.int64) << 32) | (low.to(tl.int64) & 0xFFFFFFFF)


@triton.jit
def _number(pointer, stride, row, value):
    """A number of this row and whether it can be one: from a tensor, if there is one, or `value`."""
    if pointer is None:
        return value.to(tl.uint64), True
    else:
        stored = tl.load(pointer + row * stride)
        return stored.to(tl.uint64), stored >= 0


@triton.jit
def _real(pointer, stride, row, low, high):
    """A real number of this row: from a tensor, if there is one, or the double of these halves."""
    if pointer is None:
        return _joined(low, high).to(tl.float64, bitcast=True)
    else:
        return tl.load(pointer + row * stride).to(tl.float64)


@triton.jit
def draw_of(
    row, seed_ptr, seed_stride, seed_low, seed_high, step_ptr, step_stride, step_low, step_high,
    stream_ptr, stream_stride, stream, temperature_ptr, temperature_stride, temperature_low, temperature_high,
):  # fmt: skip
    """Seed, step, stream and temperature of this row, and whether all are in range."""
    seed, good_seed = _number(seed_ptr, seed_stride, row, _joined(seed_low, seed_high))
    step, good_step = _number(step_ptr, step_stride, row, _joined(step_low, step_high))
    copy, good_copy = _number(stream_ptr, stream_stride, row, stream)
    t = _real(temperature_ptr, temperature_stride, row, temperature_low, temperature_high)
    good = good_seed & good_step & good_copy & (copy < 256) & (t >= 0) & (t < _INF)
    return seed, step, copy.to(tl.uint32), t, good


@triton.jit
def truncation_of(
    row, top_k_ptr, top_k_stride, top_k, top_p_ptr, top_p_stride, top_p_low, top_p_high,
    min_p_ptr, min_p_stride, min_p_low, min_p_high,
):  # fmt: skip
    """K (0 keeps all), P and M of this row, and whether all are in range."""
    if top_k_ptr is None:
        k = top_k.to(tl.int64)
    else:
        stored = tl.load(top_k_ptr + row * top_k_stride)
        if top_k_ptr.dtype.element_ty == tl.uint64:
            stored = tl.minimum(stored, 2**63 - 1)
        k = stored.to(tl.int64)
    p = _real(top_p_ptr, top_p_stride, row, top_p_low, top_p_high)
    m = _real(min_p_ptr, min_p_stride, row, min_p_low, min_p_high)
    good = (k >= -1) & (p >= 0) & (p <= 1) & (m >= 0) & (m <= 1)
    return tl.maximum(k, 0), p, m, good


@triton.jit
def winner_of(score, item, nobody, MARGIN: tl.constexpr):
    """The best score, its item (the lowest of equals) and, for a margin, the best score of the other items."""
    top = tl.max(score, axis=0)
    first = tl.min(tl.where(score == top, item, nobody), axis=0)
    second = top
    if MARGIN:
        top = tl.max(tl.where(item == first, score, -_INF), axis=0)  # with the sign of its own zero
        second = tl.max(tl.where(item == first, -_INF, score), axis=0)
    return top, first, second


@triton.jit
def better_of(a, a_item, a_second, b, b_item, b_second):
    """Of two races: the winner's score and item, and the second-best score."""
    first = (a > b) | ((a == b) & (a_item < b_item))
    score = tl.where(first, a, b)
    item = tl.where(first, a_item, b_item)
    second = tl.where(first, tl.maximum(a_second, b), tl.maximum(b_second, a))
    return score, item, second


@triton.jit
def extremes_of(x_ptr, x_item, n, SPAN: tl.constexpr):
    """The largest and the smallest finite logit of the row, which is read once more."""
    largest = tl.full((SPAN,), -_INF, tl.float32)
    lowest = tl.full((SPAN,), _INF, tl.float32)
    start = tl.full((), 0, tl.int64)
    while start < n:
        at = start + tl.arange(0, SPAN)
        x = tl.load(x_ptr + at * x_item, mask=at < n, other=-_INF).to(tl.float32)
        largest = tl.maximum(largest, x)
        lowest = tl.minimum(lowest, tl.where(x > -_INF, x, _INF))
        start += SPAN
    return tl.max(largest, axis=0).to(tl.float64), tl.min(lowest, axis=0).to(tl.float64)
