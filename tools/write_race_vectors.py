"""Write docs/vectors/race-v1.json from the oracle, not from the C core. Run once per contract version:

    python -m tools.write_race_vectors

The rows are made from `uniform`, so that a reader in another language can make them too.
"""

from tests.support import ROOT, oracle
from tools import vector_file

PATH = ROOT / "docs" / "vectors" / "race-v1.json"

KEYS = [(0, 0, 0), (1, 0, 0), (2**64 - 1, 2**64 - 1, 255), (0x0123456789ABCDEF, 0xFEDCBA9876543210, 7), (42, 2**32, 1)]
ITEMS = [0, 1, 2, 3, 4, 63, 64, 65, 1000, 49151, 131071, 2**31, 2**32 - 1, 2**34 - 1]
LN = [
    *(oracle.unit(c, 0) for c in (0, 1, 2**31, 2**32 - 2)),
    oracle.unit(2**32 - 1, 2**32 - 1),
    *(2.0**k for k in (-59, -2, -1, 0, 1, 4)),
    float.fromhex("0x1.6a09e667f3bccp-1"),
    float.fromhex("0x1.6a09e667f3bcdp-1"),
    float.fromhex("0x1.6a09e667f3bccp+0"),
    float.fromhex("0x1.fffffffffffffp-1"),
    float.fromhex("0x1.0000000000001p+0"),
    0.1,
    0.5772156649015329,
    2.718281828459045,
    23.5,
]
# (n, spread of the logits, temperature)
ROWS = [
    (1, 1.0, 1.0),
    (5, 4.0, 1.0),
    (64, 0.0, 1.0),
    (65, 8.0, 0.5),
    (200, 16.0, 0.7),
    (1000, 12.0, 1.0),
    (3000, 2.0, 2.0),
]


def row(key, n, spread):
    """Logits spread * (uniform - 1/2) of items 0..n - 1."""
    return [spread * (oracle.uniform(*key, i) - 0.5) for i in range(n)]


def main():
    draws = []
    for key in KEYS:
        for n, spread, temperature in ROWS:
            for first in (0, 64 * 12345):
                logits = row(key, n, spread)
                seed, step, stream = key
                item, score, margin = oracle.race_logits(logits, seed, step, stream, temperature, first)
                weights = [x - min(logits) + 0.125 for x in logits]
                draws.append(
                    {
                        "key": [hex(x) for x in key],
                        "n": n,
                        "spread": spread,
                        "temperature": temperature,
                        "item_offset": first,
                        "logits_item": item,
                        "logits_score": score.hex(),
                        "logits_margin": margin.hex() if margin < float("inf") else "inf",
                        "weights_item": oracle.race_weights(weights, seed, step, stream, first),
                    }
                )
    vectors = {
        "contract": "race, version 1 (docs/contract.md). "
        "Doubles are C99 hexadecimal floats; key is seed, step, stream.",
        "philox": [
            {
                "key": [hex(x) for x in key],
                "index": i,
                "domain": d,
                "words": [f"{w:08x}" for w in oracle.words(*key, i, d)],
            }
            for key in KEYS
            for i, d in ((0, 1), (0, 2), (0, 3), (2047, 1), (2**32 - 1, 2))
        ],
        "ln": [[x.hex(), oracle.ln(x).hex()] for x in LN],
        "clock": [
            {"key": [hex(x) for x in key], "item": i, "clock": oracle.clock(*key, i).hex()}
            for key in KEYS
            for i in ITEMS
        ],
        "uniform": [
            {"key": [hex(x) for x in key], "item": i, "uniform": oracle.uniform(*key, i).hex()}
            for key in KEYS
            for i in ITEMS
            if i < 2**32
        ],
        "draws_rule": "logits[i] = spread * (uniform(key, i) - 0.5); "
        "weights[i] = logits[i] - min(logits) + 0.125; i from 0",
        "draws": draws,
    }
    vector_file.write(PATH, vectors)


if __name__ == "__main__":
    main()
