"""Write docs/vectors/kept-v1.json from the oracle, not from the C core. Run once per contract version:

    python -m tools.write_kept_vectors

Short rows are written out; the others are made from `uniform`, so that a reader in another language can make them too.
"""

import math

from tests.support import ROOT, oracle, oracle_kept
from tools import vector_file

PATH = ROOT / "docs" / "vectors" / "kept-v1.json"

KEYS = [(1, 0, 0), (0x0123456789ABCDEF, 0xFEDCBA9876543210, 7), (42, 2**32, 1)]
JUST_BELOW_1 = math.nextafter(1, 0)
LEAST, LARGEST = 5e-324, float.fromhex("0x1.fffffffffffffp+1023")  # doubles
LEAST_SINGLE, LARGEST_SINGLE = 2.0**-149, float.fromhex("0x1.fffffep+127")
LN2 = math.log(2)
INF = math.inf

# x, top and T of terms. t is about -1.44 times their difference over T.
TERMS = [
    *((-i / 4, 0.0, 1.0) for i in range(2, 16, 2)),  # all parts of the polynomial, both signs of f
    *((-i * LN2, 0.0, 1.0) for i in range(1, 31, 2)),  # next to powers of two
    *((-(i + 0.5) * LN2, 0.0, 1.0) for i in range(0, 30, 5)),  # where t is halfway between integers
    *((x, 3.25, 0.7) for x in (3.25, 3.0, 0.0, -0.0, -7.3, -10.8, -10.9)),
    # x is t, where r is 1: the last t whose term is not 0, and the first whose term is
    *((float.fromhex(t), 0.0, oracle_kept.LOG2E) for t in ("-0x1.cfffep+4", "-0x1.cffffep+4", "-0x1.dp+4")),
    *((float.fromhex(t), 0.0, oracle_kept.LOG2E) for t in ("-0x1.d00002p+4", "-0x1.c8p+4", "-0x1.c80002p+4", "-0.5")),
    *(
        (float.fromhex(t), 0.0, oracle_kept.LOG2E)
        for t in ("-0x1.5a6e28p-4", "-0x1.5a6e2ap-4", "-0x1.bfe9bap-2", "-0x1.bfe9bcp-2")
    ),
    # differences that are rounded to single: down, up, and from halfway to even
    *((float.fromhex(x), 0.0, 1.0) for x in ("-0x1.0800008p+2", "-0x1.0800018p+2", "-0x1.080001p+2", "-0x1.080003p+2")),
    (1.0, float.fromhex("0x1.0000000000001p+0"), 1.0),
    (16777215.0, 16777216.0, 1.0),
    # subnormal logits, and subnormal differences under tiny temperatures
    *((x, 0.0, 1.0) for x in (-LEAST, -(2.0**-1022), -LEAST_SINGLE, -(2.0**-126))),
    *((x, LEAST, 1.0) for x in (0.0, -0.0, -LEAST, LEAST)),
    *((-x * LEAST_SINGLE, 0.0, temperature) for x in (0.4, 0.6, 1.0, 3.0, 1e9) for temperature in (1e-45, 8e-39)),
    *((-x, 0.0, temperature) for x in (1e-37, 1.7e-37, 1.71e-37, 1e-30) for temperature in (LEAST, 8e-39, 9e-39)),
    # differences at and beyond the end of the singles and of the doubles
    *(
        (-x, x, temperature)
        for x in (1.5e38, 1.7e38, 1.8e38, LARGEST_SINGLE, LARGEST)
        for temperature in (1.0, 1e38, 1e308)
    ),
    *((-LARGEST_SINGLE, 0.0, temperature) for temperature in (1e37, 2e38, 1e40, 1e46)),
    *((float.fromhex(x), 0.0, 1e38) for x in ("-0x1.fffffefffffffp+127", "-0x1.ffffffp+127")),
    # temperatures whose r is subnormal, the least subnormal, and 0
    *((-1e38, 0.0, temperature) for temperature in (1e38, 1.3e38, 1e40, 1e44, 1e45)),
    *(
        (-1e38, 0.0, float.fromhex(x))
        for x in ("0x1p+149", "0x1p+150", "0x1.71547652b82fdp+150", "0x1.71547652b82fep+150")
    ),
    *((-1e38, 0.0, temperature) for temperature in (2.1e45, 1e300, LARGEST)),
    *((x, 2.0, 0.5) for x in (-1e4, -1e9, -LARGEST_SINGLE, -LARGEST)),
]
WEIGHT_TERMS = [
    *((w, 1.0) for w in (1.0, 0.5, 0.1, 1 / 3, 1e-8, JUST_BELOW_1, 2.0**-28, 2.0**-29, 3 * 2.0**-29, 5 * 2.0**-29)),
    *((float.fromhex(w), 1.0) for w in ("0x1.0000000000001p-29", "0x1.fffffffffffffp-30", "0x1.7ffffffffffffp-28")),
    *((w, 3.0) for w in (3.0, 2.0, 1.0, 0.7, 1e-9)),
    *((w, LARGEST) for w in (LARGEST, 1e308, 1e300, LEAST)),
    *((x * LEAST, y * LEAST) for x, y in ((1, 1), (1, 3), (5, 7), (1, 2**29), (1, 2**30))),
    *((LEAST, w) for w in (2.0**-1022, 2.0**-1046, 2.0**-1045, 1.0)),
]
# P and total of limits.
LIMITS = [
    *((p, 2**28) for p in (0.0, LEAST, 2.0**-1022, 2.0**-28, math.nextafter(2.0**-28, 1), 0.95, JUST_BELOW_1)),
    *((p, 2**53) for p in (0.3, JUST_BELOW_1)),
    *((p, total) for p in (0.1, 0.95, JUST_BELOW_1) for total in (2**53 - 1, 2**54 + 3, 2**62)),
    *((p, 0x123456789ABCDEF) for p in (2.0**-60, 2.0**-52, 0.5)),
]

# Short rows: logits, T, K, P, M.
SPARSE = [-INF, 1.0, -INF, 0.0, 2.0, -INF]
TIED = [1.0, 2.0, 0.0, 2.0, 1.0, 2.0, 0.0, 1.0]
MASKED = [-1e9, 0.5, -1e9, 1.5, -1e9]
LOWEST = [-LARGEST_SINGLE, 0.5, -LARGEST_SINGLE, 1.5, -LARGEST]
SUBNORMAL = [LEAST, 0.0, -LEAST, 2.0**-1022, -0.0, -(2.0**-1040)]
HUGE = [LARGEST, -LARGEST, 0.0, LARGEST, 1e300]
ONE = [-INF, -INF, -7.5]
EXAMPLE = [2.0, 1.0, 0.0, -1.0]
HALF = oracle_kept.single(LN2)
SHORT = [
    *((EXAMPLE, 0.5, 0, p, 0.0) for p in (0.9, 0.0, LEAST, 0.5, 0.95, 0.98, 0.998, JUST_BELOW_1, 1.0)),
    *((EXAMPLE, 0.5, k, p, 0.0) for k in (1, 3, 4, 5, 2**62) for p in (1.0, 0.96)),
    *((EXAMPLE, 0.5, 0, 1.0, m) for m in (0.0, LEAST, 0.0025, 0.018, 0.0184, 0.14, JUST_BELOW_1, 1.0)),
    *((EXAMPLE, t, 2, 0.3, 0.9) for t in (0.0, 1e-307, 1e46, LARGEST)),
    *((TIED, 1.0, k, 1.0, 0.0) for k in (1, 3, 4, 6, 7, 9)),
    *((TIED, 1.0, 0, p, 0.0) for p in (0.0, 0.25, 0.5, 0.6, 0.75, 0.9, JUST_BELOW_1)),
    *((TIED, 1.0, 4, p, 0.2) for p in (0.3, 0.7, 0.99)),
    *((TIED, 1e-9, 0, p, 0.0) for p in (0.0, 1 / 3, 0.34, 2 / 3, JUST_BELOW_1, 1.0)),
    *((TIED, 0.0, k, p, m) for k, p, m in ((0, 1.0, 0.0), (2, 0.5, 1.0))),
    *(
        ([3.0] * 10, 1.0, k, p, m)
        for k, p, m in ((0, 0.3, 0.0), (0, 0.31, 0.0), (3, 1.0, 1.0), (1, 0.5, 0.0), (0, LEAST, 0.0))
    ),
    *(
        ([3.0] * 10, 1.0, 0, p, 0.0)
        for p in (0.1, math.nextafter(0.1, 0), math.nextafter(0.1, 1), 0.5, math.nextafter(0.5, 1))
    ),
    *(
        (SPARSE, 1.0, k, p, m)
        for k, p, m in ((0, 1.0, 0.0), (5, 0.95, 0.0), (2, 1.0, 0.0), (0, 1.0, 0.2), (0, 0.6, 0.5))
    ),
    *(
        (ONE, t, k, p, m)
        for t, k, p, m in ((1.0, 0, 1.0, 0.0), (1.0, 3, 0.0, 1.0), (0.0, 1, 0.5, 0.5), (1e-300, 1, 0.1, 1.0))
    ),
    *((MASKED, 1.0, k, p, m) for k, p, m in ((0, 1.0, 0.0), (0, JUST_BELOW_1, 0.0), (3, 1.0, 0.0), (0, 1.0, LEAST))),
    *((LOWEST, 1.0, k, p, m) for k, p, m in ((0, 1.0, 0.0), (0, JUST_BELOW_1, 0.0), (4, 1.0, 0.0), (0, 1.0, LEAST))),
    *((LOWEST, t, 0, JUST_BELOW_1, 0.01) for t in (1e37, 1e38, 1e46, 1e300)),
    *((SUBNORMAL, t, 0, p, 0.0) for t in (1.0, LEAST) for p in (0.1, 0.5, 0.8, JUST_BELOW_1)),
    *((SUBNORMAL, t, 2, 1.0, m) for t in (1.0, LEAST) for m in (0.0, 0.5, 1.0)),
    *((HUGE, 1e308, k, p, m) for k, p, m in ((0, 0.4, 0.0), (0, JUST_BELOW_1, 0.0), (2, 1.0, 0.0), (0, 1.0, 0.3))),
    *(([0.0, -HALF], 1.0, 0, 1.0, m) for m in (0.5, 0.499999999)),
    *(([0.0, oracle.ln(m)], 1.0, 0, 1.0, m) for m in (0.5, 0.05, 2.0**-1022)),
    *(([0.0, math.nextafter(oracle.ln(m), -INF)], 1.0, 0, 1.0, m) for m in (0.5, 0.05, 2.0**-1022, LEAST)),
    *(([0.0, -30.0, -60.0], 1.0, 0, p, 0.0) for p in (JUST_BELOW_1, 1.0)),
    *(([2.0**-30 * i for i in range(8)], 2.0**-30, k, p, m) for k, p, m in ((0, 0.9, 0.0), (5, 0.97, 0.01))),
]
SHORT_WEIGHTS = [
    *(([5.0, 3.0, 2.0], k, p, m) for k, p, m in ((0, 0.5, 0.0), (0, 0.50001, 0.0), (2, 0.7, 0.0), (0, 1.0, 0.6))),
    *(([5.0, 3.0, 2.0], k, p, m) for k, p, m in ((0, 0.0, 0.0), (0, LEAST, 0.0), (1, 1.0, 1.0), (9, 1.0, LEAST))),
    *(
        ([0.0, 1.0, -0.0, 1.0, 0.5, 1.0], k, p, m)
        for k, p, m in ((0, 1.0, 0.0), (1, 1.0, 0.0), (4, 1.0, 0.0), (0, 0.5, 0.0), (0, 1.0, 0.5))
    ),
    *(
        ([1.0, 1e-9, 1e-30], k, p, m)
        for k, p, m in ((0, 1.0, 0.0), (0, JUST_BELOW_1, 0.0), (2, 1.0, 0.0), (0, 1.0, 1e-9))
    ),
    *(
        ([LEAST, 3 * LEAST, 0.0, 2 * LEAST], k, p, m)
        for k, p, m in ((0, 0.5, 0.0), (0, 0.51, 0.0), (2, 1.0, 0.0), (0, 1.0, 0.6))
    ),
    *(
        ([LARGEST, LARGEST, 1e300, LARGEST / 2], k, p, m)
        for k, p, m in ((0, 0.5, 0.0), (2, 0.5, 0.0), (0, 1.0, 0.5), (3, 1.0, 0.0))
    ),
    *(([0.1] * 7, 0, p, m) for p, m in ((0.3, 1.0), (3 / 7, 0.0), (1.0, 1.0))),
]

# n, spread and whole of rows made by the rule, then T, K, P, M.
ROWS = [
    (n, spread, whole, temperature, k, p, m)
    for n, spread, whole in ((65, 8.0, False), (200, 16.0, True), (1000, 24.0, False), (3000, 6.0, True))
    for temperature, k, p, m in (
        (1.0, 0, 0.95, 0.0),
        (0.8, 50, 0.9, 0.0),
        (1.0, 0, 0.05, 0.0),
        (1.3, 20, 1.0, 0.05),
        (0.6, 40, 0.95, 0.02),
        (2.0, 0, JUST_BELOW_1, 0.0),
        (0.0, 7, 0.9, 0.1),
    )
]
RULE = (
    "logits[i] = spread * (uniform(key, i) - 0.5); weights[i] = uniform(key, i)^power, a product from the left; "
    "if whole is 1, then rounded down to an integer, weights to a multiple of 1/8"
)


def row_of(key, n, spread, whole):
    row = [spread * (oracle.uniform(*key, i) - 0.5) for i in range(n)]
    return [float(math.floor(x)) for x in row] if whole else row


def weights_of(key, n, power, whole):
    row = [math.prod([oracle.uniform(*key, i)] * power) for i in range(n)]
    return [math.floor(8 * w) / 8 for w in row] if whole else row


def text(x):
    return x.hex() if math.isfinite(x) else str(x)


def parameters(k, p, m):
    return {"top_k": k, "top_p": text(p), "min_p": text(m)}


def set_of(found):
    """How many items are kept, the last of them, and the numbers of top-p where it has any."""
    decided = {} if found.limit is None else {"total": hex(found.total), "limit": hex(found.limit)}
    return {"count": len(found.kept), "last": found.kept[-1]} | decided


def short_sets():
    for row, temperature, *rest in SHORT:
        head = {"logits": [text(x) for x in row], "temperature": text(temperature)}
        yield head | parameters(*rest) | set_of(oracle_kept.kept(row, temperature, *rest))


def short_sets_of_weights():
    for row, *rest in SHORT_WEIGHTS:
        head = {"weights": [text(x) for x in row]}
        yield head | parameters(*rest) | set_of(oracle_kept.kept_weights(row, *rest))


def draws():
    for turn, (n, spread, whole, temperature, *rest) in enumerate(ROWS):
        for key in KEYS[turn % 3 :][:2]:
            row, offset = row_of(key, n, spread, whole), 64 * 12345 * (turn % 2)
            seed, step, stream = key
            item, *numbers = oracle_kept.draw(row, seed, step, stream, temperature, *rest, offset)
            made = {"key": [hex(x) for x in key], "n": n, "spread": spread, "whole": int(whole)}
            made |= {"temperature": text(temperature), "item_offset": offset} | parameters(*rest)
            made |= set_of(oracle_kept.kept(row, temperature, *rest)) | {"item": item}
            yield made | dict(zip(("score", "margin", "edge"), map(text, numbers), strict=True))


def draws_of_weights():
    for turn, (n, spread, whole, _, *rest) in enumerate(ROWS[::2]):
        key = KEYS[turn % len(KEYS)]
        power = 1 if whole else int(spread)
        row, offset = weights_of(key, n, power, whole), 64 * 12345 * (turn % 2)
        seed, step, stream = key
        made = {"key": [hex(x) for x in key], "n": n, "power": power, "whole": int(whole), "item_offset": offset}
        made |= parameters(*rest) | set_of(oracle_kept.kept_weights(row, *rest))
        for name, method in (("item", "gumbel"), ("minhash_item", "minhash")):
            made[name] = oracle_kept.draw_weights(row, seed, step, stream, *rest, offset, method)
        yield made


def main():
    vectors = {
        "contract": "kept sets, version 1 (docs/kept.md). Doubles are C99 hexadecimal floats; key is seed, step, "
        "stream. count is how many items are kept, last the last of them in order, counted from the row's first; total "
        "and limit are those of top-p, left out where top_p is 1 or temperature 0; item counts from item_offset.",
        "terms": [
            {"x": text(x), "top": text(top), "temperature": text(t), "term": oracle_kept.term(x, top, t)}
            for x, top, t in TERMS
        ],
        "weight_terms": [
            {"weight": text(w), "top": text(top), "term": oracle_kept.weight_term(w, top)} for w, top in WEIGHT_TERMS
        ],
        "limits": [
            {"top_p": text(p), "total": hex(total), "limit": hex(oracle_kept.limit_of(p, total))} for p, total in LIMITS
        ],
        "sets": list(short_sets()),
        "sets_of_weights": list(short_sets_of_weights()),
        "draws_rule": RULE,
        "draws": list(draws()),
        "draws_of_weights": list(draws_of_weights()),
    }
    vector_file.write(PATH, vectors)


if __name__ == "__main__":
    main()
