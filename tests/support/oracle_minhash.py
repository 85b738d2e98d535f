"""A slow reading of docs/minhash.md: the oracle of MinHash draws and of sketches. Never imported by the package.

Nothing is left out to save time: every cell, arrival and tier that could matter is made. Times of sketches are pairs
(exponent, mantissa), so that they neither overflow nor underflow.
"""

import math

import numpy as np

from tests.support.oracle import M0, M1, MASK, W0, W1, ln_array
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
    least = np.full(k, np.iinfo(exponent.dtype).max)
    np.minimum.at(least, register, exponent)
    early = np.flatnonzero(exponent == least[register])
    order = early[np.lexsort([key[early] for key in (*rest[::-1], mantissa, register)])]
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
    first = inverse[(register - alpha) % p * inverse[beta] % p]
    place = (first[:, np.newaxis] + np.arange(p)) % p
    register = (alpha[:, np.newaxis] + beta[:, np.newaxis] * inverse[place]) % p
    register = register[register < k].reshape(len(ids), k)  # in every row each once
    v = np.empty((len(ids), k))
    v[:, 0] = ((((c2 << np.uint64(32)) | c3) >> np.uint64(28)).astype(np.float64) + 0.5) * 2.0**-36
    calls = philox_arrays(lo[:, np.newaxis], hi[:, np.newaxis], 1 + np.arange((k + 2) // 4), 5, seed)
    words = np.stack(calls, axis=-1).reshape(len(ids), -1)  # word i - 1 is of arrival i
    v[:, 1:] = (words[:, : k - 1].astype(np.float64) + 0.5) * 2.0**-32
    x = (k - 1 - np.arange(k)) + v
    mantissa, exponent = np.frexp(-ln_array(x / k) / m[:, np.newaxis])
    exponent -= e[:, np.newaxis]
    ids = np.repeat(ids, k)
    return ids[winners(k, register.ravel(), exponent.ravel(), mantissa.ravel(), ids)]


@remembered
def minhash_sketch(ids, weights, k, seed):
    """All darts up to a time by which every register has one, of all tiers that have any by then."""
    ids, w = np.asarray(ids, np.uint64), np.asarray(weights).astype(np.float64)
    ids, w = ids[w > 0], w[w > 0]
    if not len(ids):
        return np.full(k, 2**64 - 1, np.uint64)
    _, top = np.frexp(w.max())
    patience = 3 * k * (math.log(k) + 3)  # in units of 2**-top
    while True:
        register, exponent, mantissa, item, T, j = _darts(ids, w, k, seed, top, patience)
        won = winners(k, register, exponent, mantissa, ids[item], T, j)
        if (won >= 0).all() and (np.ldexp(mantissa[won], exponent[won] + top) <= patience).all():
            break
        patience *= 2
    lo, hi = halves(ids[item[won]])
    c0, c1, _, _ = philox_arrays(lo, hi, j[won], T[won] << 8 | 8, seed)
    return c0 << np.uint64(32) | c1


def _darts(ids, w, k, seed, top, patience):
    """The darts under the weights up to a time: register, exponent and mantissa of the time, item, T and number."""
    lowest = (top - 33 - math.ceil(math.log2(patience))) >> 1  # below it no dart comes in time, for s_0 >= 2**-33
    m, e = np.frexp(w)
    highest = (e - 1) >> 1
    item, T = np.nonzero(np.arange(lowest, highest.max() + 1) <= highest[:, np.newaxis])
    T += lowest + 1024
    lo, hi = halves(ids[item])
    words = np.stack(philox_arrays(lo, hi, T >> 2, 6, seed))
    s = -ln_array((words[T & 3, np.arange(len(T))].astype(np.float64) + 0.5) * 2.0**-32)
    number, found = np.arange(64), []
    while True:
        power = 2 * (T - 1024)  # the tier has 2**power darts a unit of time
        until = np.ldexp(patience, power - top)  # in units of the tier's time
        go = s <= until
        item, T, s, power, until = item[go], T[go], s[go], power[go], until[go]
        limit = np.ldexp(m[item], np.minimum(e[item] - power, 1000))  # the weight as 1 + 3 u is the height
        lo, hi = halves(ids[item, np.newaxis])
        d0, d1, d2, d3 = philox_arrays(lo, hi, number, (T << 8 | 7)[:, np.newaxis], seed)
        gaps = -ln_array(unit_array(d0, d1))
        times = np.add.accumulate(np.column_stack([s, gaps]), axis=1)  # one after the other
        u = (d3.astype(np.float64) + 0.5) * 2.0**-32
        row, at = np.nonzero((1 + 3 * u < limit[:, np.newaxis]) & (times[:, :-1] <= until[:, np.newaxis]))
        mantissa, exponent = np.frexp(times[row, at])
        register = (d2[row, at] * np.uint64(k)) >> np.uint64(32)
        found.append((register, exponent - power[row], mantissa, item[row], T[row], number[at]))
        if not len(item):
            return [np.concatenate(column) for column in zip(*found, strict=True)]
        number, s = number + 64, times[:, -1]


def signature(values, bits, seed):
    """The b-bit signature of the values of a sketch."""
    lo, hi = halves(values)
    c0 = philox_arrays(lo, hi, np.arange(len(values)), 9, seed)[0]
    return (c0 >> np.uint64(32 - bits)).astype(np.uint32)


def sketch(ids, weights, k, seed, method):
    return (gumbel_sketch if method == "gumbel" else minhash_sketch)(ids, weights, k, seed)
