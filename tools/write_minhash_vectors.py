"""Write docs/vectors/minhash-v1.json from the oracle, not from the C core. Run once per contract version:

python -m tools.write_minhash_vectors
"""

import numpy as np

from tests.support import ROOT, oracle, oracle_minhash
from tools import vector_file

PATH = ROOT / "docs" / "vectors" / "minhash-v1.json"

KEYS = [(0, 0, 0), (2**64 - 1, 2**64 - 1, 255), (0x0123456789ABCDEF, 0xFEDCBA9876543210, 7), (42, 2**32, 1)]
# (n, power of the uniforms, exponent of the scale)
ROWS = [(1, 1, 0), (5, 1, 0), (64, 0, -1000), (65, 4, 1000), (300, 16, 0), (1000, 8, -3), (3000, 64, 7)]
# (n, power, exponent, normalized): subnormal weights, and a sum that overflows, too
SETS = [
    (1, 1, 0, False),
    (2, 0, 3, False),
    (7, 1, 0, False),
    (50, 4, 900, False),
    (200, 16, -900, False),
    (20, 2, -1070, False),
    (100, 3, 5, True),
    (5, 0, 1023, True),
]
REGISTERS = [1, 2, 16, 23, 97]


def weights(seed, n, power, exponent):
    """uniform ** power by repeated multiplication, times 2 ** exponent."""
    row = []
    for i in range(n):
        u, w = oracle.uniform(seed, 0, 0, i), 1.0
        for _ in range(power):
            w *= u
        row.append(w * 2.0**exponent)
    return row


def ids(seed, n):
    """The bits of philox(item, domain 3) of step 1: c0 << 32 | c1."""
    words = [oracle.words(seed, 1, 0, i, 3) for i in range(n)]
    return np.array([w[0] << 32 | w[1] for w in words], np.uint64)


def draws():
    for key in KEYS:
        for n, power, exponent in ROWS:
            for first in (0, 64 * 12345):
                w = weights(key[0], n, power, exponent)
                yield {
                    "key": [hex(x) for x in key],
                    "n": n,
                    "power": power,
                    "exponent": exponent,
                    "item_offset": first,
                    "item": oracle_minhash.draw(w, *key, first),
                }


def sketches():
    for seed, _, _ in KEYS:
        for n, power, exponent, normalized in SETS:
            items = sorted(zip(ids(seed, n).tolist(), weights(seed, n, power, exponent), strict=True))
            numbers, w = zip(*items, strict=True)
            if normalized:
                w = oracle_minhash.probabilities(w, numbers)
            for k in REGISTERS:
                for method in ("minhash",) if normalized else ("gumbel", "minhash"):
                    values = oracle_minhash.sketch(numbers, w, k, seed, method)
                    yield {
                        "seed": hex(seed),
                        "n": n,
                        "power": power,
                        "exponent": exponent,
                        "k": k,
                        "method": method,
                        "normalize": normalized,
                        "values": [f"{v:016x}" for v in values.tolist()],
                        "bits_5": oracle_minhash.signature(values, 5, seed).tolist(),
                        "bits_17": oracle_minhash.signature(values, 17, seed).tolist(),
                    }


def main():
    vectors = {
        "contract": "MinHash draws and sketches, version 1 (docs/minhash.md). key is seed, step, stream.",
        "weights_rule": "weight of item i: 1.0 times uniform(seed, step 0, stream 0, i), power times over, one "
        "multiplication each; then times 2^exponent",
        "ids_rule": "id of item i: c0 << 32 | c1 of philox(i, domain 3) of seed, step 1, stream 0",
        "draws": list(draws()),
        "sketches": list(sketches()),
    }
    vector_file.write(PATH, vectors)


if __name__ == "__main__":
    main()
