"""Write docs/vectors/protocol-v1.json and protocol-keyed-v1.json from the oracle, not from the C core. Run once per
contract version:

python -m tools.write_protocol_vectors
"""

from tests.support import ROOT, oracle, oracle_protocol
from tools import vector_file

PATH = ROOT / "docs" / "vectors" / "protocol-v1.json"
KEYED_PATH = PATH.with_name("protocol-keyed-v1.json")

KEYS = [(0, 0), (2**64 - 1, 2**64 - 1), (0x0123456789ABCDEF, 0xFEDCBA9876543210), (42, 2**32)]
# (n, power of p, power of q, every which item of q is 0)
PAIRS = [(1, 1, 1, 0), (2, 0, 1, 2), (5, 1, 1, 0), (17, 4, 4, 3), (64, 0, 0, 2), (65, 16, 1, 0), (300, 8, 8, 5)]
ROUNDS = [255, 0, 1, 2, 5]
CHECK_KEYS = [bytes(16), bytes(range(32)), b"\xff" * 64]


def weights(seed, n, power, zero=0):
    """uniform ** power by repeated multiplication; items 0, zero, 2 zero, ... have weight 0."""
    row = []
    for i in range(n):
        u, w = oracle.uniform(seed, 0, 0, i), 1.0
        for _ in range(power):
            w *= u
        row.append(0.0 if zero and i % zero == 0 else w)
    return row


def entry(p, q, seed, step, rounds, check_key=None, **what):
    a, b, _, messages, how = oracle_protocol.talk(p, q, seed, step, rounds, check_key)
    return {
        "key": [hex(seed), hex(step)],
        **what,
        "rounds": rounds,
        "a": a,
        "b": b,
        "how": how,
        "messages": [m.hex() for m in messages],
    }


def conversations():
    for seed, step in KEYS:
        for n, power_p, power_q, zero in PAIRS:
            p, q = weights(seed, n, power_p), weights(seed ^ 1, n, power_q, zero)
            for rounds in ROUNDS:
                yield entry(p, q, seed, step, rounds, n=n, power_p=power_p, power_q=power_q, zero=zero)


def near(move):
    """p has so much more of item 0 than q."""
    q = weights(5, 8, 1)
    return [q[0] + move, *q[1:]], q


def long_conversations():
    """The first steps in which near pairs need the marks of many rounds; late ones have several epochs."""
    for move, least in ((2.0**-4, 8), (2.0**-8, 22)):
        p, q = near(move)
        found, step = 0, 0
        while found < 2:
            if len(oracle_protocol.talk(p, q, 5, step, 1)[2]) > 2:
                long = entry(p, q, 5, step, 255, move=move)
                if len(long["messages"]) >= least:
                    yield long
                    found += 1
            step += 1


def failing_conversations():
    """The first steps in which all rounds fail."""
    for rounds, move in ((1, 2.0**-5), (3, 2.0**-6), (9, 2.0**-10)):
        p, q = near(move)
        found, step = set(), 0
        while len(found) < 2:
            if len(oracle_protocol.talk(p, q, 5, step, 1)[2]) > 2:
                failing = entry(p, q, 5, step, rounds, move=move)
                if failing["how"] in ("kept", "fresh") and failing["how"] not in found:
                    yield failing
                    found.add(failing["how"])
            step += 1


def rare_names():
    """The first steps in which Alice's dart has a number from 8 on, and large sets for the tiers from 6 on."""
    for n in (2, 5):
        step = 0
        while oracle_protocol.first(oracle_protocol.probabilities([1.0] * n), 6, step)[3] < 8:
            step += 1
        yield entry([1.0] * n, weights(6, n, 1), 6, step, 255, n=n)
    for n in (4_200, 20_000, 100_000, 300_000, 1_500_000):
        yield entry([1.0] * n, [float(i % 2) for i in range(n)], 6, n, 1, n=n)


def keyed_conversations():
    """Some of the conversations, each under every key of the check."""
    for seed, step in KEYS:
        for n, power_p, power_q, zero in PAIRS[:4]:
            p, q = weights(seed, n, power_p), weights(seed ^ 1, n, power_q, zero)
            for check_key in CHECK_KEYS:
                for rounds in (255, 2):
                    how = {"n": n, "power_p": power_p, "power_q": power_q, "zero": zero}
                    yield {"check_key": check_key.hex(), **entry(p, q, seed, step, rounds, check_key, **how)}


WEIGHTS_RULE = (
    "p: weight of item i is 1.0 times uniform(seed, step 0, stream 0, i), power_p times over, one "
    "multiplication each; q: the same of seed ^ 1 and power_q, but 0 for items 0, zero, 2 zero, ... if zero > 0"
)


def main():
    vectors = {
        "contract": "The protocol, version 1 (docs/protocol.md). key is seed, step; messages are hex.",
        "weights_rule": WEIGHTS_RULE,
        "near_rule": "long and failing conversations are of 8 items. q: weights of seed 5, power 1; p: the same, move "
        "added to item 0",
        "rare_rule": "p: n weights of 1; q: weights of seed 6, power 1, for n < 10, else i mod 2 for item i",
        "conversations": list(conversations()),
        "long_conversations": list(long_conversations()),
        "failing_conversations": list(failing_conversations()),
        "rare_names": list(rare_names()),
    }
    vector_file.write(PATH, vectors)
    keyed = {
        "contract": "The protocol, version 1, with the keyed check (docs/protocol-keyed.md). key is seed, step; "
        "check_key and messages are hex.",
        "weights_rule": WEIGHTS_RULE,
        "conversations": list(keyed_conversations()),
    }
    vector_file.write(KEYED_PATH, keyed)


if __name__ == "__main__":
    main()
