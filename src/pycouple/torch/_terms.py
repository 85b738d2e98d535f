"""Terms, limits and thresholds of docs/kept.md for Triton kernels.

Precision policy: as `_contract.py`, of which this is the counterpart: every operation is one IEEE operation, in the
order of the contract, with fusion off; sums are of integers, so their order does not matter.
"""

import triton
import triton.language as tl

from pycouple.torch import _constants
from pycouple.torch._bounds import LOG2E, order_of, value_of
from pycouple.torch._contract import ln

LEAST = tl.constexpr(_constants.LEAST)
FINITE = tl.constexpr(64)  # the order of the lowest finite logit

CHUNKS = tl.constexpr(256)  # chunks whose masses are read at a time
_INF = tl.constexpr(float("inf"))
_SHIFT = tl.constexpr(_constants.SHIFT)
_C0, _C1, _C2, _C3, _C4, _C5 = map(tl.constexpr, _constants.POLYNOMIAL)


@triton.jit
def rate_of(t):
    """r of a temperature above 0."""
    return tl.minimum(LOG2E / t, tl.full((), 2.0**127, tl.float64)).to(tl.float32)


@triton.jit
def terms_of(x, top, rate):
    """The terms of logits, int32."""
    t = (x - top) * rate
    t = tl.where(t > LEAST, t, LEAST)  # of -29 the rest makes 0: one half, rounded to even
    shifted = t + _SHIFT
    f = t - (shifted - _SHIFT)
    q = ((((_C5 * f + _C4) * f + _C3) * f + _C2) * f + _C1) * f + _C0
    # The low bits of `shifted` are k, the others are shifted out: k is added to the exponent of q.
    v = (q.to(tl.int32, bitcast=True) + (shifted.to(tl.int32, bitcast=True) << 23)).to(tl.float32, bitcast=True)
    return tl.where(v < 2.0**23, (v + 2.0**23) - 2.0**23, v).to(tl.int32)


@triton.jit
def share_of(x, top, rate):
    """About 2^t of logits, 0 if t is below -64."""
    t = (x - top) * rate
    return tl.exp2(tl.where(t > -64.0, t, -_INF))  # -inf * 0 is NaN, and not larger


@triton.jit
def mass_of(x, rate):
    """The largest of the logits of a chunk in the high half of an int64, the sum of 2^t for that as top in the low."""
    top = tl.max(tl.max(x, axis=1), axis=0)
    mass = tl.sum(tl.sum(share_of(x, top, rate), axis=1), axis=0)
    return (top.to(tl.int32, bitcast=True).to(tl.int64) << 32) | mass.to(tl.uint32, bitcast=True).to(tl.int64)


@triton.jit
def _masses_at(masses_ptr, chunks, done):
    """The next masses, as largest logits and sums."""
    at = done + tl.arange(0, CHUNKS)
    mass = tl.load(masses_ptr + at, mask=at < chunks, other=-0x80000000000000)  # of -inf, and 0
    return (mass >> 32).to(tl.int32).to(tl.float32, bitcast=True), mass.to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def top_of(masses_ptr, chunks):
    """The largest logit of a row."""
    top = tl.full((CHUNKS,), -_INF, tl.float32)
    done = tl.full((), 0, tl.int32)
    while done < chunks:
        largest, _ = _masses_at(masses_ptr, chunks, done)
        top = tl.maximum(top, largest)
        done += CHUNKS
    return tl.max(top, axis=0)


@triton.jit
def between(share, n):
    """What a sum of terms is at least and at most, of a sum of the shares of these items, no more than n.

    2^28 times the shares, added up, differs from the terms by less than 2^-14 of itself and by one per item. Of itself:
    t, in two parts in a mass and in one in the terms, is rounded twice, which moves 2^t by less than 2^-18 in each for
    t above -29; any one number goes through fewer than 96 additions of floats, 2^-17.4; ex2.approx is off by 2^-22, in
    each part; and the polynomial of the terms by 2^-20: less than 2^-16 together. One per item: a term is rounded to an
    integer, or is 0 for t of -29 and below, where 2^28 2^t is below 0.6.
    """
    items = tl.full((), 0, tl.int64) + n
    least = (share * (2.0**28 * (1 - 2.0**-14))).to(tl.int64) - items
    most = (share * (2.0**28 * (1 + 2.0**-14))).to(tl.int64) + items + 1
    return tl.maximum(least, 0), tl.minimum(most, items << 28)


@triton.jit
def total_between(masses_ptr, chunks, n, top, rate):
    """What the sum of all terms of a row is at least and at most."""
    sums = tl.zeros((CHUNKS,), tl.float64)
    done = tl.full((), 0, tl.int32)
    while done < chunks:
        largest, mass = _masses_at(masses_ptr, chunks, done)
        sums += mass.to(tl.float64) * share_of(largest, top, rate).to(tl.float64)
        done += CHUNKS
    return between(tl.sum(sums, axis=0), n)


@triton.jit
def value_below(order):
    """The largest value below that of an order. Between 0 and the values below it there is an order without a value."""
    lower = order - 1
    zero = order_of(tl.full((), 0.0, tl.float32), False).to(tl.int64)
    return value_of((lower - (order == zero).to(tl.int64)).to(tl.uint32), False)


@triton.jit
def least_live(top, rate):
    """The order of the least logit whose term is not 0 by its t alone."""
    low = tl.full((), FINITE - 1, tl.int64)
    high = order_of(top, False).to(tl.int64)
    while high - low > 1:
        middle = (low + high) >> 1
        live = (value_of(middle.to(tl.uint32), False) - top) * rate > LEAST
        low = tl.where(live, low, middle)
        high = tl.where(live, middle, high)
    return high


@triton.jit
def least_of_min_p(top, t, m):
    """The order of the least logit that min-p keeps."""
    wide = top.to(tl.float64)
    threshold = wide + t * ln(tl.maximum(m, tl.full((), 2.0**-1022, tl.float64)))
    single = threshold.to(tl.float32)
    order = order_of(single, False).to(tl.int64) + (single.to(tl.float64) < threshold).to(tl.int64)
    return tl.where(m > 0, tl.maximum(order, FINITE), FINITE)


@triton.jit
def limit_of(p, total):
    """max(1, ceil(p * total)) of a p in 0..1 and a total (int64) in 0..2^62, exactly.

    p is a whole number below 2^53 times 2^-shift, so the product has 115 bits above the point.
    """
    bits = p.to(tl.int64, bitcast=True)
    exponent = bits >> 52
    number = (bits & 0xFFFFFFFFFFFFF) | tl.where(exponent > 0, tl.full((), 1, tl.int64) << 52, 0)
    shift = 1075 - tl.maximum(exponent, 1)  # at least 52
    # The product in three digits of 32 bits, the last without a bound.
    low = number & 0xFFFFFFFF
    high = number >> 32
    first = low.to(tl.uint64) * (total & 0xFFFFFFFF).to(tl.uint64)
    second = low * (total >> 32)  # below 2^62
    third = high * (total & 0xFFFFFFFF)  # below 2^53
    middle = (first >> 32).to(tl.int64) + (second & 0xFFFFFFFF) + (third & 0xFFFFFFFF)
    tail = (first & 0xFFFFFFFF).to(tl.int64) | ((middle & 0xFFFFFFFF) << 32)  # the low 64 bits
    head = high * (total >> 32) + (second >> 32) + (third >> 32) + (middle >> 32)  # the rest, below 2^51
    # Shifts by 64 and more are not made.
    within = tl.minimum(shift, 63)
    short = (head << (64 - within)) | ((tail >> within) & ((tl.full((), 1, tl.int64) << (64 - within)) - 1))
    short_rest = tail & ((tl.full((), 1, tl.int64) << within) - 1)
    beyond = tl.minimum(tl.maximum(shift - 64, 0), 63)
    long = head >> beyond
    long_rest = (head & ((tl.full((), 1, tl.int64) << beyond) - 1)) | tail
    whole = tl.where(shift < 64, short, long)
    rest = tl.where(shift < 64, short_rest, long_rest)
    return tl.maximum(whole + (rest != 0).to(tl.int64), 1)
