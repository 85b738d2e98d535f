"""A slow reading of docs/minhash.md: the oracle of MinHash draws and of sketches. Never imported by the package.

Nothing is left out to save time: every cell, arrival and tier that could matter is made. Times of sketches are pairs
(exponent, mantissa), so that they neither overflow nor underflow.
"""

import math

import numpy as np

from tests.support.oracle import M0, M1, MASK, W0, W1, ln, ln_array, philox, unit
from tests.support.remembered import remembered

TIERS = 10


def philox_arrays(x0, x1, x2, x3, seed):
    """`philox` of arrays of counter words, which broadcast."""
    x0, x1, x2, x3 = (np.asarray(x, np.uint64) for x in np.broadcast_arrays(x0, x1, x2, x3))
    k0, k1 = seed & MASK, seed >> 32
    for _ in range(10):
        p0, p1 = x0 * np.uint64(M0), x2 * np.uint64(M1)
        x0, x1, x2, x3 = (
            (p1 >> np.uint64(32)) ^ x1 ^ np.uint64(k0),
            p1 & np.uint64(MASK),
            (p0 >> np.uint64(32)) ^ x3 ^ np.uint64(k1),
            p0 & np.uint64(MASK),
        )
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return x0, x1, x2, x3


def unit_array(c0, c1):
    return (((c0 << np.uint64(32)) | c1) >> np.uint64(12)).astype(np.float64) * 2.0**-52 + 2.0**-53


def total(weights, numbers=None):
    """The sum in the written order; `numbers` are the items', in increasing order."""
    sums = [0.0] * 32
    for i, w in zip(range(len(weights)) if numbers is None else numbers, weights, strict=True):
        sums[int(i) % 32] += float(w)
    for half in (16, 8, 4, 2, 1):
        for i in range(half):
            sums[i] += sums[i + half]
    return sums[0]


def probabilities(weights, numbers=None):
    w = np.asarray(weights).astype(np.float64)
    with np.errstate(over="ignore"):
        s = total(w.tolist(), numbers)
    if math.isinf(s):
        w = w * 2.0**-64
        s = total(w.tolist(), numbers)
    return w / s


@remembered
def draw(weights, seed, step=0, stream=0, first=0):
    """The item of the first dart under p, from the darts of all cells that hold an item of the row."""
    p = probabilities(weights)
    n = len(p)
    tiers, groups = [], []
    for t in range(TIERS + 1):
        g = np.arange(first >> (2 * t), ((first + n - 1) >> (2 * t)) + 1, dtype=np.uint64)
        tiers.append(np.full(len(g), t, np.uint64))
        groups.append(g)
    t, g = np.concatenate(tiers), np.concatenate(groups)
    time = np.zeros(len(t))
    best = (math.inf, -1)
    j = 0
    while len(t):
        last = np.uint64((j % 4096) << 20 | stream << 8 | 4) | (t << np.uint64(16))
        c0, c1, c2, c3 = philox_arrays(g, step & MASK, step >> 32, last, seed)
        gap = -ln_array(unit_array(c0, c1))
        time = time + np.where(t < TIERS, gap, gap * 0.75)
        item = (g << (np.uint64(2) * t)) + ((c2 << (np.uint64(2) * t)) >> np.uint64(32))
        u = (((c3 << np.uint64(12)) | (c2 & np.uint64(0xFFF))).astype(np.float64) + 0.5) * 2.0**-44
        height = np.where(t < TIERS, (1 + 3 * u) * 4.0 ** -(t.astype(float) + 1), u * 4.0**-TIERS)
        at = item.astype(np.int64) - first
        inside = (at >= 0) & (at < n)
        under = inside & (height < p[np.where(inside, at, 0)])
        for k in np.flatnonzero(under):
            best = min(best, (float(time[k]), int(item[k])))
        go = ~under & (time <= best[0])
        t, g, time = t[go], g[go], time[go]
        j += 1
    return best[1]


def halves(ids):
    ids = np.asarray(ids, np.uint64)
    return ids & np.uint64(MASK), ids >> np.uint64(32)


def prime_from(k):
    p = max(k, 2)
    while any(p % d == 0 for d in range(2, math.isqrt(p) + 1)):
        p += 1
    return p


def winners(k, register, exponent, mantissa, *rest):
    """For each register the arrival with the smallest (exponent, mantissa, *rest): its index, or -1."""
    order = np.lexsort((*rest[::-1], mantissa, exponent, register))
    which, start = np.unique(register[order], return_index=True)
    won = np.full(k, -1)
    won[which.astype(int)] = order[start]
    return won


@remembered
def gumbel_sketch(ids, weights, k, seed):
    """All k arrivals of all items."""
    ids, w = np.asarray(ids, np.uint64), np.asarray(weights).astype(np.float64)
    ids, w = ids[w > 0], w[w > 0]
    if not len(ids):
        return np.full(k, 2**64 - 1, np.uint64)
    lo, hi = halves(ids)
    m, e = np.frexp(w)
    m, e = m * 2, e - 1
    c0, c1, c2, c3 = philox_arrays(lo, hi, 0, 5, seed)
    p = prime_from(k)
    beta = (c0 * np.uint64(p - 1) >> np.uint64(32)).astype(np.int64) + 1
    alpha = ((c3 & np.uint64(0xFFFFFFF)) * np.uint64(p) >> np.uint64(28)).astype(np.int64)
    register = (c1 * np.uint64(k) >> np.uint64(32)).astype(np.int64)
    inverse = np.array([0, *(pow(i, -1, p) for i in range(1, p))])
    place = inverse[(register - alpha) % p * inverse[beta] % p]
    v = ((((c2 << np.uint64(32)) | c3) >> np.uint64(28)).astype(np.float64) + 0.5) * 2.0**-36
    arrivals = []
    for i in range(k):
        if i > 0:
            late = np.ones(len(ids), bool)
            while late.any():
                place = np.where(late, (place + 1) % p, place)
                register = (alpha + beta * inverse[place]) % p
                late = register >= k
            if (i - 1) % 4 == 0:
                words = philox_arrays(lo, hi, (i + 3) // 4, 5, seed)
            v = (words[(i - 1) % 4].astype(np.float64) + 0.5) * 2.0**-32
        mantissa, exponent = np.frexp(-ln_array((float(k - 1 - i) + v) / k) / m)
        arrivals.append((register, exponent - e, mantissa, ids))
    register, exponent, mantissa, ids = (np.concatenate(column) for column in zip(*arrivals, strict=True))
    return ids[winners(k, register, exponent, mantissa, ids)]


@remembered
def minhash_sketch(ids, weights, k, seed):
    """All darts up to a time by which every register has one, of all tiers that have any by then."""
    pairs = [(int(i), float(w)) for i, w in zip(ids, weights, strict=True) if w > 0]
    if not pairs:
        return np.full(k, 2**64 - 1, np.uint64)
    top = max(math.frexp(w)[1] for _, w in pairs)
    patience = 3 * k * (math.log(k) + 3)  # in units of 2**-top
    while True:
        best = _darts(pairs, k, seed, top, patience)
        if all(b is not None and math.ldexp(b[0][1], b[0][0] + top) <= patience for b in best):
            break
        patience *= 2
    values = []
    for _, i, tier, j in best:
        c = philox((i & MASK, i >> 32, j, tier << 8 | 8), (seed & MASK, seed >> 32))
        values.append(c[0] << 32 | c[1])
    return np.array(values, np.uint64)


def _darts(pairs, k, seed, top, patience):
    key = (seed & MASK, seed >> 32)
    best = [None] * k
    for i, w in pairs:
        tier = ((math.frexp(w)[1] - 1) >> 1) + 1024
        while True:
            power = 2 * (tier - 1024)  # the tier has 2**power darts a unit of time
            until = math.ldexp(patience, max(power - top, -1070))
            if until < 2.0**-33:
                break
            word = philox((i & MASK, i >> 32, tier >> 2, 6), key)[tier & 3]
            s, j = -ln((word + 0.5) * 2.0**-32), 0
            while s <= until:
                d = philox((i & MASK, i >> 32, j, tier << 8 | 7), key)
                u = (d[3] + 0.5) * 2.0**-32
                m, e = math.frexp(w)
                if 1 + 3 * u < (math.ldexp(m, e - power) if e - power < 1000 else math.inf):
                    mantissa, exponent = math.frexp(s)
                    r = d[2] * k >> 32
                    arrival = ((exponent - power, mantissa), i, tier, j)
                    best[r] = arrival if best[r] is None else min(best[r], arrival)
                s += -ln(unit(d[0], d[1]))
                j += 1
            tier -= 1
    return best


def signature(values, bits, seed):
    """The b-bit signature of the values of a sketch."""
    lo, hi = halves(values)
    c0 = philox_arrays(lo, hi, np.arange(len(values)), 9, seed)[0]
    return (c0 >> np.uint64(32 - bits)).astype(np.uint32)


def sketch(ids, weights, k, seed, method):
    return (gumbel_sketch if method == "gumbel" else minhash_sketch)(ids, weights, k, seed)
