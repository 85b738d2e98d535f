"""docs/vectors/protocol-v1.json and protocol-keyed-v1.json are frozen, and the parties say what they say."""

import hashlib
import json

import numpy as np

import pycouple
from pycouple import protocol
from pycouple.protocol.messages import decode_dart
from tests.support import ROOT
from tests.support.conversation import talk

PATH = ROOT / "docs" / "vectors" / "protocol-v1.json"
VECTORS = json.loads(PATH.read_text())
KEYED_PATH = PATH.with_name("protocol-keyed-v1.json")
KEYED = json.loads(KEYED_PATH.read_text())["conversations"]
EPSILON = {255: None, 0: 0.2, 1: 0.15, 2: 0.1, 3: 0.02, 5: 0.005, 9: 0.00025}

# Version 1 can never change: neither the vectors nor the long runs below.
SHA256 = "2fda7996862396b039061b07c42aa15bff1b07ce60558d8148492f47ad22b318"
KEYED_SHA256 = "c0af3ae18d8becddd2e790bbdc08a07176b1134cae49501717178dee2d539951"
LONG_RUNS = "8fa3ea84a57fa3b0156cd4f08e78e3c2dd4fddf5cc3761ab6a1b8d5fd7d2ea3f"


def test_the_files_are_frozen():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == SHA256
    assert hashlib.sha256(KEYED_PATH.read_bytes()).hexdigest() == KEYED_SHA256


def weights(seed, n, power, zero=0):
    u, w = pycouple.uniforms(seed, 0, np.arange(n)), np.ones(n)
    for _ in range(power):
        w *= u
    if zero:
        w[::zero] = 0
    return w


def check(p, q, v, **terms):
    seed, step = (int(x, 16) for x in v["key"])
    alice, bob, messages = talk(p, q, seed, step, EPSILON[v["rounds"]], **terms)
    assert [m.hex() for m in messages] == v["messages"], v
    assert (alice.sample, bob.sample) == (v["a"], v["b"]), v


def test_epsilons_stand_for_the_rounds():
    assert all(protocol.rounds(epsilon) == r for r, epsilon in EPSILON.items() if epsilon)
    assert {v["rounds"] for key in VECTORS if key.endswith("conversations") for v in VECTORS[key]} == set(EPSILON)


def test_conversations(level):
    for v in VECTORS["conversations"]:
        seed = int(v["key"][0], 16)
        check(weights(seed, v["n"], v["power_p"]), weights(seed ^ 1, v["n"], v["power_q"], v["zero"]), v)


def test_keyed_conversations():
    """The payloads and samples are those without a key; the checks are 12 bytes longer, and of the key."""
    plain = {(*v["key"], v["n"], v["rounds"]): v for v in VECTORS["conversations"]}
    for v in KEYED:
        seed, key = int(v["key"][0], 16), bytes.fromhex(v["check_key"])
        check(weights(seed, v["n"], v["power_p"]), weights(seed ^ 1, v["n"], v["power_q"], v["zero"]), v, key=key)
        same = plain[*v["key"], v["n"], v["rounds"]]
        for number, (message, other) in enumerate(zip(v["messages"], same["messages"], strict=True)):
            first = 10 if number < 2 else 0  # hexadecimal digits of version and n
            assert message[:first] == other[:first]
            assert message[first + 32 :] == other[first + 8 :]
            assert message[first : first + 8] != other[first : first + 8]
    assert len({v["check_key"] for v in KEYED}) == 3


def test_long_and_failing_conversations(level):
    long, failing = VECTORS["long_conversations"], VECTORS["failing_conversations"]
    assert max(len(v["messages"]) for v in long) >= 22  # a round of two epochs
    assert [v["how"] for v in failing].count("fresh") == [v["how"] for v in failing].count("kept") == 3
    for v in long + failing:
        q = weights(5, 8, 1)
        p = q.copy()
        p[0] += v["move"]
        check(p, q, v)


def test_rare_names(level):
    names = [decode_dart(v["n"], bytes.fromhex(v["messages"][0])[9:]) for v in VECTORS["rare_names"]]
    assert {dart.tier for dart in names} >= {6, 7, 8, 9, 10}
    assert max(dart.number for dart in names) >= 8
    for v in VECTORS["rare_names"]:
        n = v["n"]
        check(np.ones(n), weights(6, n, 1) if n < 10 else np.arange(n) % 2, v)


def long_runs():
    """Messages and samples at real sizes, over types, as one hash."""
    digest = hashlib.sha256()
    for n in (8, 64, 1000, 49_152, 131_072):
        x, y = (pycouple.uniforms(seed, n, np.arange(n)) for seed in (2024, 2025))
        for _ in range(5):
            x, y = x * x, y * y
        for dtype in (np.float16, np.float32, np.float64):
            p, q = x.astype(dtype), y.astype(dtype)
            for step in range(40):
                epsilon = 0.01 if step % 2 else None
                alice, bob, messages = talk(p, q, n, step * (2**56 + 1), epsilon)
                digest.update(b"".join(messages) + f"{alice.sample} {bob.sample}".encode())
    return digest.hexdigest()


def test_long_runs_are_frozen(level):
    assert long_runs() == LONG_RUNS
