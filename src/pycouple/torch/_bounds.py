"""Bounds of scores in float32, for the kernel of `_kernel.py`: what need not be looked at.

Precision policy. As in src/_core/race/kernel.c, two kinds of number live here and never mix:
  exact   the score of an item, made in float64 by the operations of docs/contract.md (`_contract.py`). Only these are
          compared to name a winner.
  bound   float32. They only say what need not be looked at.
The result is exact if no item was left out that could have won. Let S be the score of an item times min(T, 1), which is
A - unit log2(E) with A = x min(1, 1 / T) and unit = ln(2) min(T, 1); at temperature 0 the logit; of weights
log2(x) - log2(E). An item is left out when its bound, made to be at least S, is below a threshold, made from an S that
another item is sure to reach. The facts:
  1. M_b = -ln(U) / 64 with 1 - U at least w 2^-32 and at most (w + 1) 2^-32, where w is the complement of the Philox
     word; for a lane likewise. With v = 1 - U, v <= -ln(U) always, -ln(U) <= v + 0.775 v^2 for v <= 1/2 (at 1/2,
     0.6931 < 0.69375, and the difference over v^2 grows with v), and -ln(U) = ln(2) (-log2(U)) for the rest.
     E >= M_b in a block; E = M_b of lane J; E = M_b + F of the others.
  2. A positive float read as an integer is a logarithm: bits / 2^23 - 127 <= log2(v) <= bits / 2^23 - 127 + 0.0861
     (race/kernel.c has the argument, and why v = 0 is safe).
  3. A block's largest value is known to 64 units in the last place: the low six bits hold the lane that has it. The
     bound of the block uses the upper end, and the score that this lane is sure to reach the lower.
  4. Rounding. A is off by 2^-23 |A| (1 / T and the product; where 1 / T has no normal float32, by 2^-22 at most);
     log2(E), which is in -64..5, by 2^-15 with its constants; their sum by 2^-24 (|A| + 200 unit); |A| is at most |S| +
     64 unit. So bounds and sure scores are off by less than 2^-22 |S| + 2^-14 unit, and the order of a bound of a block
     keeps all but its low five bits, rounded up. A threshold is lowered by 2^-20 |S| + 2^-10 unit, over twice all that
     and its own rounding, and by 2^-140, since a tiny unit is itself rounded.
Fusion and flushing to zero are off, though the bounds would stand fusion.
"""

import triton
import triton.language as tl

from pycouple.torch._constants import LOG2_E
from pycouple.torch._contract import DOMAIN_BLOCK, DOMAIN_LANE, ln, words

LOG2E = tl.constexpr(LOG2_E)
LOG2_GAP = tl.constexpr(0.0861)
SLACK = tl.constexpr(2.0**-10)
RELATIVE_SLACK = tl.constexpr(2.0**-20)
FLOOR = tl.constexpr(2.0**-140)
LN2 = tl.constexpr(0.6931471805599453)
_INF = tl.constexpr(float("inf"))


@triton.jit
def order_of(x, WEIGHTS: tl.constexpr):
    """A number that is larger for a larger x: below 64 for a logit of -inf; is_bad for +inf and every NaN, and for a
    negative weight. Adding 0 makes -0 equal to 0 and every NaN a quiet one."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    if not WEIGHTS:
        bits = (bits ^ ((bits >> 31) & 0x7FFFFFFF)) + 0x7F800040
    return bits.to(tl.uint32, bitcast=True)


@triton.jit
def is_bad(order, WEIGHTS: tl.constexpr):
    return order >= (0x7F800000 if WEIGHTS else 0xFF000040)


@triton.jit
def value_of(order, WEIGHTS: tl.constexpr):
    """The value that has this order."""
    bits = order.to(tl.int32, bitcast=True)
    if not WEIGHTS:
        bits = bits - 0x7F800040
        bits = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return bits.to(tl.float32, bitcast=True)


@triton.jit
def log2_of(v):
    """Of v >= 0, plus 127: at most that and, of a normal v, less by no more than LOG2_GAP (fact 2)."""
    return v.to(tl.int32, bitcast=True).to(tl.float32) * 2.0**-23


@triton.jit
def frame_of(t, WEIGHTS: tl.constexpr):
    """What times a logit is A, the unit of logarithms to base 2, and what times a score is S."""
    if WEIGHTS:
        return tl.full((), 1.0, tl.float32), tl.full((), 1.0, tl.float32), LOG2E
    else:
        one = tl.full((), 1.0, tl.float64)
        slope = (one / tl.maximum(t, one)).to(tl.float32)
        unit = (tl.minimum(t, one) * LN2).to(tl.float32)
        return slope, unit, tl.where(t > 0, tl.minimum(t, one), one)


@triton.jit
def height_of(x, slope, WEIGHTS: tl.constexpr):
    """A: of weights, at least that."""
    if WEIGHTS:
        return log2_of(x) + (LOG2_GAP - 127.0)
    else:
        return x * slope


@triton.jit
def at_least(word):
    """v of a Philox word, at least: 24 bits, exact."""
    return (0xFFFFFF - (word >> 8)).to(tl.float32) * 2.0**-24


@triton.jit
def at_most(word):
    """-ln(U) of a Philox word, at most (fact 1; the factors cover the roundings)."""
    v = ((0xFFFFFFFF - word).to(tl.float32) + 1.0) * (2.0**-32 * (1 + 2.0**-20))
    u = word.to(tl.float32) * 2.0**-32
    return tl.where(v <= 0.5, v + 0.775 * v * v, (127.0 - log2_of(u)) * 0.6932)


@triton.jit
def lowered(s, unit):
    """The threshold made from an S that is sure to be reached (fact 4)."""
    return s - (tl.abs(s) * RELATIVE_SLACK + (unit * SLACK + FLOOR))


@triton.jit
def threshold_of(score, unit, scale, WEIGHTS: tl.constexpr):
    """The bound below which no item can reach this exact score."""
    s = (-ln(-score) if WEIGHTS else score) * scale
    return tl.where(score > -_INF, lowered(s, unit), -_INF).to(tl.float32)


@triton.jit
def lane_word(index, lane, seed, step, copy):
    """The word of one lane of each block."""
    w0, w1, w2, w3 = words(seed, step, copy, index * 16 + (lane >> 2), DOMAIN_LANE)
    return tl.where((lane & 2) != 0, tl.where((lane & 1) != 0, w3, w2), tl.where((lane & 1) != 0, w1, w0))


@triton.jit
def block_bounds(upper, lower, heavy, index, seed, step, copy, frame, WEIGHTS: tl.constexpr):
    """Of blocks whose largest values are from `lower` to `upper`, in the lanes `heavy`: at least S of each item, at
    most S of the heaviest item, and the words of the blocks."""
    slope, unit, _ = frame
    c0, c1, c2, _ = words(seed, step, copy, index, DOMAIN_BLOCK)
    word = lane_word(index, heavy, seed, step, copy)
    soonest = at_least(c0) * 2.0**-6
    latest = at_most(c0) * 2.0**-6 + tl.where(heavy == c2 >> 26, 0.0, at_most(word))
    high = height_of(upper, slope, WEIGHTS) + (127.0 - log2_of(soonest)) * unit
    low = height_of(lower, slope, WEIGHTS) + ((127.0 - LOG2_GAP) - log2_of(latest)) * unit
    return high, low, c0, c1, c2


@triton.jit
def lane_bounds(x, word, later, c0, pad, frame, WEIGHTS: tl.constexpr):
    """At least S of items, from their own words and the first word of their block; -inf of those that are none."""
    slope, unit, _ = frame
    soonest = at_least(c0) * 2.0**-6 + tl.where(later, at_least(word), 0.0)
    return tl.where(x > pad, height_of(x, slope, WEIGHTS) + (127.0 - log2_of(soonest)) * unit, -_INF)
