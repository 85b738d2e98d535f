"""A slow reading of docs/kept.md: the oracle of kept sets and of draws from them. Never imported by the package.

A row is sorted, every term is made, and sums are Python integers. A number of binary32 is a Python float; an operation
on two of them is made on doubles and rounded to binary32, which for +, - and * is the same as rounding once: a double
has more than twice the digits. `terms`, `weight_terms` and `beginning` are NumPy twins of the plain functions, for big
rows; test_oracle_kept.py holds the twins against each other.
"""

import math
import struct
from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from tests.support import oracle, oracle_minhash
from tests.support.remembered import remembered

LOG2E = float.fromhex("0x1.71547652b82fep+0")
SHIFT = float.fromhex("0x1.8p23")
SCALE = 2.0**28
race = oracle.race_logits.__wrapped__  # without the memory of answers: `draw` has one
C = [
    float.fromhex(c)
    for c in ("0x1p+28", "0x1.62e39ep+27", "0x1.ebfa4ep+25", "0x1.c74322p+23", "0x1.3cbea8p+21", "0x1.23a604p+18")
]


def single(x):
    """A double rounded to binary32, as a double."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def rate(temperature):
    """r, the one number that a row's temperature gives."""
    return single(min(LOG2E / temperature, 2.0**127))


def term(x, top, temperature):
    t = single(single(x - top) * rate(temperature))
    if not t > -29:
        return 0
    k = single(single(t + SHIFT) - SHIFT)
    f = single(t - k)
    q = C[5]
    for c in C[4::-1]:
        q = single(single(q * f) + c)
    return round(math.ldexp(q, int(k)))  # half to even


def weight_term(weight, top):
    return round(weight / top * SCALE)


def terms(x, top, temperature):
    """`term` of an array, int64."""
    single_type = np.float32
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        t = (np.asarray(x, np.float64) - top).astype(single_type) * single_type(rate(temperature))
    live = t > -29
    t = np.where(live, t, single_type(0))
    k = (t + single_type(SHIFT)) - single_type(SHIFT)
    f = t - k
    q = single_type(C[5])
    for c in C[4::-1]:
        q = q * f + single_type(c)
    return np.where(live, np.rint(np.ldexp(q, k.astype(int))), 0).astype(np.int64)


def weight_terms(weights, top):
    """`weight_term` of an array, int64."""
    with np.errstate(under="ignore"):
        return np.rint(np.asarray(weights, np.float64) / top * SCALE).astype(np.int64)


class Beginning(NamedTuple):
    """What is kept of a row, and what top-p decided it by. Items are counted from 0."""

    kept: list  # the items that are kept, in order
    others: list  # the items that top-k and min-p keep and top-p does not, in order
    before: list  # of all these items, in order: the sum over the items before
    limit: int | None  # None if P = 1 or T = 0
    total: int | None


def limit_of(p, total):
    return max(1, math.ceil(Fraction(p) * total))


def least(top, temperature, m):
    """The least logit that min-p keeps."""
    return -math.inf if m == 0 else top + temperature * oracle.ln(max(m, 2.0**-1022))


def plain(row, key, k, p, threshold):
    """The beginning of a row of Python floats, where `key` gives the term of a value and -inf is no item."""
    order = sorted((i for i, x in enumerate(row) if x > -math.inf), key=lambda i: -row[i])  # stable: lower items first
    kth = row[order[min(k, len(order)) - 1]] if k else -math.inf
    order = [i for i in order if row[i] >= kth]
    sums = [0, *accumulate(key(row[i]) for i in order)]
    total = sums[-1]
    limit = limit_of(p, total)
    order = [i for i in order if row[i] >= threshold]
    count = sum(p == 1 or before < limit for before in sums[: len(order)])
    decided = (None, None) if p == 1 else (limit, total)
    return Beginning(order[:count], order[count:], sums[: len(order)], *decided)


def kept(row, temperature, k, p, m):
    """The beginning of a row of logits."""
    row = [float(x) for x in row]
    top = max(row)
    if temperature == 0:
        return Beginning([row.index(top)], [], [0], None, None)
    return plain(row, lambda x: term(x, top, temperature), k, p, least(top, temperature, m))


def kept_weights(row, k, p, m):
    """The beginning of a row of weights."""
    row = [float(w) if w > 0 else -math.inf for w in row]
    top = max(row)
    return plain(row, lambda w: weight_term(w, top), k, p, m * top if m else -math.inf)


def _numpy(row, of_row, k, p, threshold):
    order = np.argsort(-row, kind="stable")[: np.count_nonzero(row > -np.inf)]
    values = row[order]
    if 0 < k < len(order):
        order = order[values >= values[k - 1]]
        values = row[order]
    sums = np.concatenate([[0], np.cumsum(of_row(values))])
    total = int(sums[-1])
    limit = limit_of(p, total)
    sums = sums[: np.count_nonzero(values >= threshold)]
    count = len(sums) if p == 1 else np.searchsorted(sums, limit)
    order = order[: len(sums)].tolist()
    decided = (None, None) if p == 1 else (limit, total)
    return Beginning(order[:count], order[count:], sums.tolist(), *decided)


def beginning(row, temperature, k, p, m):
    """`kept`, by NumPy."""
    row = np.asarray(row).astype(np.float64)
    top = float(row.max())
    if temperature == 0:
        return Beginning([int(np.argmax(row))], [], [0], None, None)
    return _numpy(row, lambda x: terms(x, top, temperature), k, p, least(top, temperature, m))


def beginning_of_weights(row, k, p, m):
    """`kept_weights`, by NumPy."""
    row = np.asarray(row).astype(np.float64)
    top = float(row.max())
    row = np.where(row > 0, row, -np.inf)
    return _numpy(row, lambda w: weight_terms(w, top), k, p, m * top if m else -math.inf)


def only(row, items, nothing):
    """The row with `nothing` in the place of all but these items, as doubles."""
    whole = np.asarray(row).astype(np.float64)
    part = np.full_like(whole, nothing)
    part[items] = whole[items]
    return part


@remembered
def draw(row, seed, step=0, stream=0, temperature=1.0, k=0, p=1.0, m=0.0, first=0):
    """Item, score, margin and edge of a draw from logits."""
    if temperature == 0:
        return *race(row, seed, step, stream, temperature, first), math.inf
    found = beginning(row, temperature, k, p, m)
    item, score, margin = race(only(row, found.kept, -np.inf), seed, step, stream, temperature, first)
    if found.limit is None:
        return item, score, margin, math.inf
    scores = np.asarray(row).astype(np.float64) / temperature
    scores -= oracle.ln_array(oracle.clocks(seed, step, stream, first, len(row)))
    count = len(found.kept)
    better = [(-scores[i], i) < (-score, item - first) for i in found.others]
    outside = [before - found.limit for before, beats in zip(found.before[count:], better, strict=True) if beats]
    inside = found.limit - found.before[found.kept.index(item - first)]
    return item, score, margin, float(min([inside, *outside])) / float(found.total)


@remembered
def draw_weights(row, seed, step=0, stream=0, k=0, p=1.0, m=0.0, first=0, method="gumbel"):
    """The item of a draw from weights, by the race or by MinHash."""
    rule = oracle.race_weights if method == "gumbel" else oracle_minhash.draw
    return rule.__wrapped__(only(row, beginning_of_weights(row, k, p, m).kept, 0), seed, step, stream, first)


def kept_of_slices(slices, temperature, k, p, m):
    """The items that are kept of each slice of a row of logits, in order of number; T > 0.

    Slices tell each other their top, and of an item how many of their items have a larger logit, and the sum of the
    terms of those and of equals with a lower number. So no slice is sorted into another.
    """
    slices = [[float(x) for x in part] for part in slices]
    top = max(max(part, default=-math.inf) for part in slices)
    tables = []  # of each slice: minus the logits in order, and the sums of terms before each
    for part in slices:
        values = sorted((x for x in part if x > -math.inf), reverse=True)
        tables.append(([-x for x in values], [0, *accumulate(term(x, top, temperature) for x in values)]))

    def larger(x):
        return sum(bisect_left(values, -x) for values, _ in tables)

    stays = [[x > -math.inf and (k == 0 or larger(x) < k) for x in part] for part in slices]
    total = sum(
        term(x, top, temperature)
        for part, mask in zip(slices, stays, strict=True)
        for x, stay in zip(part, mask, strict=True)
        if stay
    )
    limit, threshold = limit_of(p, total), least(top, temperature, m)
    found = []
    for s, part in enumerate(slices):
        kept_here = []
        for i, x in enumerate(part):
            before = 0
            for other, (values, sums) in enumerate(tables):
                before += sums[bisect_right(values, -x) if other < s else bisect_left(values, -x)]
            before += sum(term(y, top, temperature) for y in part[:i] if y == x)
            if stays[s][i] and (p == 1 or before < limit) and x >= threshold:
                kept_here.append(i)
        found.append(kept_here)
    return found
