"""A slow reading of docs/protocol.md and protocol-keyed.md: the oracle of the protocol. Never imported by the package.

One function that sees both distributions and tells the whole conversation, with lists of all darts.
"""

import math
from hashlib import blake2b

import numpy as np

from tests.support.oracle import MASK, ln_array, words
from tests.support.oracle_minhash import TIERS, philox_arrays, probabilities, unit_array
from tests.support.remembered import remembered

EXACT = 255


def darts(p, seed, step, until):
    """All darts under p up to a time, in order: (time, item, tier, number, group, mark)."""
    n = len(p)
    t = np.concatenate([np.full(cells_of(n, k), k, np.uint64) for k in range(TIERS + 1)])
    g = np.concatenate([np.arange(cells_of(n, k), dtype=np.uint64) for k in range(TIERS + 1)])
    time = np.zeros(len(t))
    found = []
    made = 0  # darts of each cell
    while len(t) and made < 4096:
        j = np.arange(made, min(made + max(1, 2048 // len(t)), 4096), dtype=np.uint64)
        tier, group = t[:, np.newaxis], g[:, np.newaxis]
        last = (j << np.uint64(20)) | np.uint64(4) | (tier << np.uint64(16))
        c0, c1, c2, c3 = philox_arrays(group, step & MASK, step >> 32, last, seed)
        gap = -ln_array(unit_array(c0, c1))
        gap = np.where(tier < TIERS, gap, gap * 0.75)
        times = np.add.accumulate(np.column_stack([time, gap]), axis=1)[:, 1:]  # one after the other
        item = (group << (np.uint64(2) * tier)) + ((c2 << (np.uint64(2) * tier)) >> np.uint64(32))
        u = (((c3 << np.uint64(12)) | (c2 & np.uint64(0xFFF))).astype(np.float64) + 0.5) * 2.0**-44
        height = np.where(tier < TIERS, (1 + 3 * u) * 4.0 ** -(tier.astype(float) + 1), u * 4.0**-TIERS)
        under = (item < n) & (height < p[np.where(item < n, item, 0).astype(int)]) & (times <= until)
        for k in zip(*np.nonzero(under), strict=True):
            found.append((float(times[k]), int(item[k]), int(t[k[0]]), int(j[k[1]]), int(g[k[0]]), int(c1[k]) & 0xFFF))
        go = times[:, -1] <= until
        t, g, time = t[go], g[go], times[go, -1]
        made += len(j)
    return sorted(found)


def cells_of(n, tier):
    return math.ceil(n / 4**tier)


def first(p, seed, step):
    until = 4.0
    while not (found := darts(p, seed, step, until)):
        until *= 4
    return found[0]


def epoch_seed(seed, step, epoch):
    c = words(seed, step, 0, epoch, 10)
    return c[0] << 32 | c[1]


def epochs(w):
    """Of a round: the epochs, and log2 of the buckets of each."""
    if w <= 8:
        return [w], 3 + w
    return list(range(7 + 2 ** (w - 8), 7 + 2 ** (w - 7))), 11


def name(n, dart):
    """The code of a dart as a string of bits."""
    _, _, tier, number, group, _ = dart
    counts = [cells_of(n, t) for t in range(TIERS + 1)]
    total, cell = sum(counts), sum(counts[:tier]) + group
    length = math.ceil(math.log2(total))
    short = 2**length - total
    code = format(cell, f"0{length - 1}b") if cell < short else format(cell + short, f"0{length}b")
    return code + ("1" * number + "0" if number < 8 else "1" * 8 + format(number, "012b"))


@remembered
def talk(p, q, seed, step=0, rounds=EXACT, key=None):
    """Alice's and Bob's samples, the payloads as strings of bits, the messages, and how Bob came by his.

    "met": Alice's dart at once; "before": one before it; "marks": one that rounds have shown; "allowed": Alice's after
    rounds; "kept": one before hers since all rounds failed; "fresh": a draw of his own for that reason; None: no end.
    """
    p, q = probabilities(p), probabilities(q)
    n = len(p)
    alice = first(p, seed, step)
    bits = [name(n, alice)]
    bobs = darts(q, seed, step, alice[0])
    under, before = alice in bobs, [dart for dart in bobs if dart < alice]
    how, third, w = None, None, 0
    if under and (rounds == EXACT or not before):
        how = "met"
    elif not under and before:
        how = "before"
    while how is None and w < min(rounds, 24):
        bits.append("1")
        marks = ""
        for epoch in epochs(w)[0]:
            power, fresh = epochs(w)[1], epoch_seed(seed, step, epoch)
            end = 0.75 * 2**power
            taken = {dart[5] >> (12 - power) for dart in darts(p, fresh, step, end)}
            marks += "".join("01"[k in taken] for k in range(2**power))
            free = [dart for dart in darts(q, fresh, step, end) if dart[5] >> (12 - power) not in taken]
            third = free[0] if free and third is None else third
        bits.append(marks)
        w += 1
        if third is not None:
            how = "allowed" if under else "marks"
    if how is None and rounds != EXACT:
        how = "kept" if before else "fresh"
    last = first(q, epoch_seed(seed, step, epochs(w)[0][0]), step) if how == "fresh" else None
    own = before[0] if before else None
    dart = {"met": alice, "before": own, "marks": third, "allowed": alice, "kept": own, "fresh": last, None: None}[how]
    b = None if dart is None else dart[1]
    bits.append("0")
    return alice[1], b, bits, [message(n, seed, step, rounds, k, code, key) for k, code in enumerate(bits)], how


def message(n, seed, step, rounds, number, code, key=None):
    code += "0" * (-len(code) % 8)
    payload = int(code, 2).to_bytes(len(code) // 8, "big")
    shared = seed.to_bytes(8, "big") + step.to_bytes(8, "big") + (n - 1).to_bytes(4, "big") + bytes([rounds, number])
    if key is None:
        check = blake2b(shared + payload, digest_size=4).digest()
    else:
        check = blake2b(shared + payload, digest_size=16, key=key, person=b"pycouple-check-1").digest()
    return (b"\x01" + (n - 1).to_bytes(4, "big") if number < 2 else b"") + check + payload
