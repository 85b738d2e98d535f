"""A slow reading of docs/contract.md in plain Python: the oracle of every fast path. Never imported by the package.

It follows the words of the contract, item by item, with Python integers and floats (IEEE-754 doubles, one rounding an
operation) and shares no code with the C core. `clocks` has a NumPy twin of the same words, so that big rows can be
checked in seconds; test_oracle.py holds the twins against each other.
"""

import functools
import math
import struct

import numpy as np

from tests.support.remembered import remembered

M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10: four counter words and two key words to four words."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = M0 * x0, M1 * x2
        x0, x1, x2, x3 = (p1 >> 32) ^ x1 ^ k0, p1 & MASK, (p0 >> 32) ^ x3 ^ k1, p0 & MASK
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return x0, x1, x2, x3


def words(seed, step, stream, index, domain):
    return philox((index, step & MASK, step >> 32, (stream << 8) | domain), (seed & MASK, seed >> 32))


LN2_HI, LN2_LO = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
C1, C2, C3, C4, C5, C6, C7 = map(
    float.fromhex,
    (
        "0x1.5555555555558p-1",
        "0x1.999999999522ep-2",
        "0x1.2492492e02b24p-2",
        "0x1.c71c62d1c5f64p-3",
        "0x1.7462b9b81a6abp-3",
        "0x1.39fdc7d78a05fp-3",
        "0x1.2b5f0a9670293p-3",
    ),
)


def _ln_parts(m, n):
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (C2 + w * (C4 + w * C6))
    odd = z * (C1 + w * (C3 + w * (C5 + w * C7)))
    r = even + odd
    h = (0.5 * f) * f
    return n * LN2_HI - ((h - (s * (h + r) + n * LN2_LO)) - f)


def ln(x):
    """The contract's logarithm of a positive normal float."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", x))
    k = (bits - 0x3FE6A09E667F3BCD) >> 52
    (m,) = struct.unpack("<d", struct.pack("<Q", bits - (k << 52)))
    return _ln_parts(m, float(k))


def ln_array(x):
    """`ln` of a float64 array: NumPy's +, -, *, / round once each, as Python's do."""
    bits = np.asarray(x, np.float64).view(np.uint64)
    k = (bits - np.uint64(0x3FE6A09E667F3BCD)).view(np.int64) >> 52
    m = (bits - (k << 52).view(np.uint64)).view(np.float64)
    return _ln_parts(m, k.astype(np.float64))


def unit(c0, c1):
    return ((((c0 << 32) | c1) >> 12) + 0.5) * 2.0**-52


def clock(seed, step, stream, item):
    """E_i by random access."""
    c0, c1, c2, _ = words(seed, step, stream, item >> 6, 1)
    first = -ln(unit(c0, c1)) / 64
    if item & 63 == c2 >> 26:
        return first
    word = words(seed, step, stream, item >> 2, 2)[item & 3]
    return first + -ln((word + 0.5) * 2.0**-32)


def uniform(seed, step, stream, item):
    c0, c1, _, _ = words(seed, step, stream, item, 3)
    return unit(c0, c1)


@functools.lru_cache(1024)
def clocks(seed, step, stream, first, n):
    """E_i of items first .. first + n - 1, with NumPy."""
    item = np.arange(first, first + n, dtype=np.uint64)

    def hashed(index, domain):
        full = np.full_like(index, 0)
        counter = (index, full + (step & MASK), full + (step >> 32), full + ((stream << 8) | domain))
        x0, x1, x2, x3 = counter
        k0, k1 = seed & MASK, seed >> 32
        for _ in range(10):
            p0, p1 = x0 * np.uint64(M0), x2 * np.uint64(M1)
            x0, x1, x2, x3 = (
                (p1 >> 32) ^ x1 ^ np.uint64(k0),
                p1 & np.uint64(MASK),
                (p0 >> 32) ^ x3 ^ np.uint64(k1),
                p0 & np.uint64(MASK),
            )
            k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
        return x0, x1, x2, x3

    def groups(size):
        """The groups of `size` items that hold one, and which of them each item is in."""
        group = np.arange(first // size, (first + n - 1) // size + 1, dtype=np.uint64)
        return group, (item // np.uint64(size) - group[0]).astype(int)

    block, which = groups(64)
    c0, c1, c2, _ = hashed(block, 1)
    u = ((((c0 << np.uint64(32)) | c1) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    first_clock = (-ln_array(u) / 64)[which]
    lane_of_first = (c2 >> np.uint64(26))[which]
    quad, back = groups(4)
    word = np.stack(hashed(quad, 2))[(item & np.uint64(3)).astype(int), back]
    later = first_clock + -ln_array((word.astype(np.float64) + 0.5) * 2.0**-32)
    return np.where(item & np.uint64(63) == lane_of_first, first_clock, later)


@remembered
def race_weights(weights, seed, step=0, stream=0, first=0):
    """The winner of E_i / weight_i, the lowest item among equals."""
    w = np.asarray(weights).astype(np.float64)
    _, exponent = math.frexp(float(w.max()))
    shift = 1 - exponent
    scaled = np.ldexp(w, shift)
    e = clocks(seed, step, stream, first, len(w))
    with np.errstate(divide="ignore", over="ignore"):
        key = np.where(w > 0, e / scaled, np.inf)
    return first + int(np.argmin(key))


@remembered
def race_logits(logits, seed, step=0, stream=0, temperature=1.0, first=0):
    """The winner of logit_i / T - ln E_i, its score, and its distance from the second-best score."""
    x = np.asarray(logits).astype(np.float64)
    score = x if temperature == 0 else x / temperature - ln_array(clocks(seed, step, stream, first, len(x)))
    winner = int(np.argmax(score))
    rest = np.delete(score, winner)
    margin = score[winner] - rest.max() if rest.size and rest.max() > -np.inf else np.inf
    return first + winner, float(score[winner]), float(margin)
