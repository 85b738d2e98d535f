"""The public randomness of the race and its logarithm (docs/contract.md) for Triton kernels.

Precision policy: integers, and doubles whose every operation is correctly rounded and in the order of the contract.
Kernels that use it are launched with ``enable_fp_fusion=False``, so nothing is contracted to a fused multiply-add;
double division is ``div.rn.f64``, and no library logarithm is called. So the bits are those of clock.h and ln.h in
src/_core/contract, of which this is a transcription.
"""

import triton
import triton.language as tl

BLOCK = tl.constexpr(64)
DOMAIN_BLOCK = tl.constexpr(1)
DOMAIN_LANE = tl.constexpr(2)

_SQRT_HALF = tl.constexpr(0x3FE6A09E667F3BCD)  # the bits of the double nearest sqrt(1/2)
_LN2_HI = tl.constexpr(float.fromhex("0x1.62e42feep-1"))
_LN2_LO = tl.constexpr(float.fromhex("0x1.a39ef35793c76p-33"))
_C1 = tl.constexpr(float.fromhex("0x1.5555555555558p-1"))
_C2 = tl.constexpr(float.fromhex("0x1.999999999522ep-2"))
_C3 = tl.constexpr(float.fromhex("0x1.2492492e02b24p-2"))
_C4 = tl.constexpr(float.fromhex("0x1.c71c62d1c5f64p-3"))
_C5 = tl.constexpr(float.fromhex("0x1.7462b9b81a6abp-3"))
_C6 = tl.constexpr(float.fromhex("0x1.39fdc7d78a05fp-3"))
_C7 = tl.constexpr(float.fromhex("0x1.2b5f0a9670293p-3"))


@triton.jit
def ln(x):
    """The contract's natural logarithm of positive normal doubles."""
    bits = x.to(tl.int64, bitcast=True)
    k = (bits - _SQRT_HALF) >> 52
    f = (bits - (k << 52)).to(tl.float64, bitcast=True) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (_C2 + w * (_C4 + w * _C6))
    odd = z * (_C1 + w * (_C3 + w * (_C5 + w * _C7)))
    r = even + odd
    h = (0.5 * f) * f
    n = k.to(tl.float64)
    return n * _LN2_HI - ((h - (s * (h + r) + n * _LN2_LO)) - f)


@triton.jit
def words(seed, step, stream, index, domain: tl.constexpr):
    """The four Philox4x32-10 words of the counters `index` (uint32)."""
    low = tl.full(index.shape, 0, tl.uint32) + step.to(tl.uint32)
    high = tl.full(index.shape, 0, tl.uint32) + (step >> 32).to(tl.uint32)
    tag = tl.full(index.shape, 0, tl.uint32) + ((stream << 8) | domain)
    return tl.philox(seed, index, low, high, tag)


@triton.jit
def block_clock(c0, c1):
    """M_b: the smallest of the block's 64 clocks."""
    k = ((c0.to(tl.uint64) << 32) | c1.to(tl.uint64)) >> 12
    u = (k.to(tl.float64) + 0.5) * 2.0**-52
    return -ln(u) * 2.0**-6


@triton.jit
def lane_delay(word):
    """F: how long after M_b a lane that is not J_b comes."""
    return -ln((word.to(tl.float64) + 0.5) * 2.0**-32)


@triton.jit
def scores_of(x, word, later, first, t, WEIGHTS: tl.constexpr):
    """The scores of items (of weights minus their keys), from their words and the smallest clocks of their blocks."""
    e = tl.where(later, first + lane_delay(word), first)
    wide = x.to(tl.float64)
    if WEIGHTS:
        # The contract's key but for a power of two: e is in 2^-60..2^5 and x a float32, so neither quotient leaves the
        # normal doubles, and comparing the one is comparing the other.
        return -(e / wide)
    else:
        return tl.where(t > 0, wide / t - ln(e), wide)
