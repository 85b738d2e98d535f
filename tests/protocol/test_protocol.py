"""Alice and Bob say, byte for byte, what docs/protocol.md says, on every ISA level, and take the samples it says."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import pycouple
from pycouple import protocol
from pycouple.protocol import Alice, Bob
from pycouple.protocol.bounds import MAX_ROUNDS
from pycouple.protocol.messages import Dart, Frame, decode_dart, encode_dart
from tests.support import oracle_protocol as oracle
from tests.support.conversation import talk
from tests.support.layouts import layouts
from tests.support.rows import random_weights

EPSILONS = (None, 0.5, 0.1, 0.01)


def check(p, q, seed, step, epsilon):
    alice, bob, messages = talk(p, q, seed, step, epsilon)
    rounds = oracle.EXACT if epsilon is None else protocol.rounds(epsilon)
    a, b, bits, said, how = oracle.talk(p, q, seed, step, rounds)
    assert messages == said
    assert (alice.sample, bob.sample) == (a, b)
    assert (alice.bits_sent, bob.bits_sent) == (sum(map(len, bits[::2])), sum(map(len, bits[1::2])))
    assert alice.done
    assert bob.done
    return how


def random_pair(rng, n, dtype):
    p = random_weights(rng, n, dtype)
    kind = rng.integers(4)
    if kind == 0:
        return p, random_weights(rng, n, dtype)
    if kind == 1:  # near
        q = p.astype(np.float64) * (1 + 0.3 * rng.random(n))
        return p, q / max(1.0, q.max())
    if kind == 2:  # disjoint but for the last item
        p, q = rng.random((2, n)).astype(dtype) + np.finfo(dtype).tiny
        p[::2], q[1::2] = 0, 0
        p[-1], q[-1] = 1, 1
        return p, q
    return p, p


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_small_n(level, dtype):
    rng = np.random.default_rng(40)
    for n in range(1, 140):
        seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
        check(*random_pair(rng, n, dtype), seed, step, EPSILONS[rng.integers(4)])


@pytest.mark.parametrize(
    ("epsilon", "want"),
    [
        (None, {"met", "before", "marks"}),
        (0.5, {"met", "before", "kept", "fresh"}),
        (0.15, {"met", "before", "marks", "allowed", "kept", "fresh"}),
    ],
)
def test_every_end_occurs(epsilon, want):
    p, q = [0.5, 0.3, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2]
    assert {check(p, q, 3, step, epsilon) for step in range(60)} == want


@pytest.mark.parametrize("n", [4095, 49_153])
def test_large_rows(level, n):
    rng = np.random.default_rng(41)
    for dtype in ("float16", "float32", "float64"):
        p = np.exp(rng.normal(0, 2, n) - 4).astype(dtype)
        q = (p * rng.random(n)).astype(dtype)
        check(p, q, 11, int(rng.integers(2**40)), 0.01)
    check(np.ones(n), np.arange(n) % 2, 11, 1, None)


def test_late_rounds(level):
    """Rounds of several epochs, which honest pairs hardly need: Alice is asked for them, Bob told that all are set."""
    p, q = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    seed, step, rounds = 5, 0, 10
    while not (bob := Bob(q, seed, step)).receive(Alice(p, seed, step).start())[-1]:
        step += 1
    alice = Alice(p, seed, step)
    alice.start()
    frame = Frame(seed, step, 3, oracle.EXACT)
    for w in range(rounds):
        power, fresh = oracle.epochs(w)[1], [oracle.epoch_seed(seed, step, e) for e in oracle.epochs(w)[0]]
        end, shift = 0.75 * 2**power, 12 - power
        mine = [{d[5] >> shift for d in oracle.darts(np.array(p), s, step, end)} for s in fresh]
        asked = bob_asks(frame, 2 * w + 1)
        marks = alice.receive(asked)[4:]
        assert marks == np.packbits([[k in taken for k in range(2**power)] for taken in mine]).tobytes(), w
        if w < rounds - 1:
            assert bob.receive(frame.pack(2 * w + 2, b"\xff" * 2**w)) == bob_asks(frame, 2 * w + 3)
    bits = np.ones((len(fresh), 2**power), np.uint8)
    dart = oracle.darts(np.array(q), fresh[-1], step, end)[-1]  # only the bucket of the very last dart is left free
    bits[-1, dart[5] >> shift] = 0
    same = [d for d in oracle.darts(np.array(q), fresh[-1], step, end) if d[5] >> shift == dart[5] >> shift]
    bob.receive(frame.pack(2 * rounds, np.packbits(bits).tobytes()))
    assert bob.sample == same[0][1]


def bob_asks(frame, number):
    return frame.pack(number, b"\x80")


def test_layouts(level):
    rng = np.random.default_rng(42)
    p, q = rng.random((2, 1, 300)).astype(np.float32) ** 6
    want = [talk(p[0], q[0], 5, step, 0.1)[2] for step in range(20)]
    for (name, x), (_, y) in zip(layouts(p), layouts(q), strict=True):
        assert [talk(x[0], y[0], 5, step, 0.1)[2] for step in range(20)] == want, name
    swapped = p.astype(p.dtype.newbyteorder())
    assert [talk(swapped[0], q[0], 5, step, 0.1)[2] for step in range(20)] == want
    assert [talk(p[0].tolist(), q[0].astype(np.float64), 5, step, 0.1)[2] for step in range(20)] == want


def test_weights_are_copied():
    p, q = np.array([0.6, 0.3, 0.1, 0.0]), np.array([0.1, 0.3, 0.2, 0.4])
    for step in range(50):
        alice, bob = Alice(p.copy(), 3, step), Bob(q.copy(), 3, step)
        x, y = p.copy(), q.copy()
        view = y.view()
        view.flags.writeable = False
        changing, other = Alice(x, 3, step), Bob(view, 3, step)
        x[:], y[:] = 1, np.nan
        assert changing.sample == alice.sample
        message, same = alice.start(), changing.start()
        while message is not None:
            assert message == same
            message, same = bob.receive(message), other.receive(same)
            assert message == same
            message, same = alice.receive(message), changing.receive(same)


def test_alice_takes_the_minhash_draw():
    rng = np.random.default_rng(43)
    w, steps = rng.random(500) ** 9, np.arange(100)
    draws = pycouple.sample(w, 9, steps, method="minhash")
    assert [Alice(w, 9, int(s)).sample for s in steps] == draws.tolist()
    run = protocol.run(w, rng.random(500), 9, steps)
    assert np.array_equal(run.a, draws)


@pytest.mark.parametrize("key", [None, bytes(16)])
def test_parties_can_be_copied_and_pickled(key):
    p, q = [0.6, 0.3, 0.1, 0.0], [0.1, 0.3, 0.2, 0.4]
    for step in range(10):
        messages = talk(p, q, 3, step, key=key)[2]
        alice, bob = Alice(p, 3, step, key=key), Bob(q, 3, step, key=key)
        alice.start()
        for number, message in enumerate(messages[:-1]):
            alice, bob = copy.deepcopy(alice), pickle.loads(pickle.dumps(bob))
            assert (alice if number % 2 else bob).receive(message) == messages[number + 1]


def test_run_is_the_conversation():
    p, q = [0.6, 0.3, 0.1, 0.0], [0.1, 0.3, 0.2, 0.4]
    for epsilon in EPSILONS:
        run = protocol.run(p, q, 3, np.arange(40).reshape(8, 5), epsilon=epsilon)
        assert all(field.shape == (8, 5) and field.dtype == np.int64 for field in run)
        for step in range(40):
            alice, bob, messages = talk(p, q, 3, step, epsilon)
            bits, header_bits = alice.bits_sent + bob.bits_sent, alice.header_bits_sent + bob.header_bits_sent
            one = protocol.run(p, q, 3, step, epsilon=epsilon)
            want = (alice.sample, bob.sample, bits, header_bits, len(messages), sum(map(len, messages)))
            assert tuple(one) == want
            assert all(type(field) is int for field in one)
            assert tuple(field.reshape(-1)[step] for field in run) == want
            assert header_bits == 144 + 32 * (len(messages) - 2)
            assert bits + header_bits <= 8 * one.bytes < bits + header_bits + 8 * len(messages)
    assert protocol.run(p, q, 3, []).a.shape == (0,)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 1000, 2**20, 2**20 + 1, 2**31 + 5, 2**32])
def test_every_dart_has_a_code(n):
    rng = np.random.default_rng(44)
    codes = set()
    groups = {(t, g) for t in range(11) for g in (0, 1, 2, 3, -(-n // 4**t) - 1) if g < -(-n // 4**t)}
    groups |= {(0, int(g)) for g in rng.integers(n, size=50)}
    for tier, group in groups:
        for number in (0, 1, 6, 7, 8, 9, 4095):
            dart = Dart(tier, group, number)
            payload, bits = encode_dart(n, dart)
            assert len(payload) == -(-bits // 8)
            text = "".join(f"{byte:08b}" for byte in payload)
            assert text[:bits] == oracle.name(n, (0.0, 0, tier, number, group, 0))
            assert "1" not in text[bits:]
            assert decode_dart(n, payload) == dart
            codes.add(text[:bits])
    ordered = sorted(codes)
    assert len(codes) == 7 * len(groups)
    assert not any(b.startswith(a) for a, b in itertools.pairwise(ordered))  # a prefix code


def test_bits_stay_below_the_worst_case():
    rng = np.random.default_rng(45)
    for n in (1, 2, 7, 100):
        for epsilon in (0.5, 0.1, 0.01):
            p, q = rng.random((2, n)) ** 3 + 1e-9
            run = protocol.run(p, q, 1, np.arange(300), epsilon=epsilon)
            assert run.bits.max() <= protocol.worst_case_bits(n, epsilon)
            assert run.messages.max() <= 2 * (1 + protocol.rounds(epsilon))
    # The longest of every part: cell, number, all rounds.
    assert protocol.worst_case_bits(5, 0.1) == 4 + 20 + 8 + 16 + 3


def test_rounds_keep_the_loss_below_epsilon():
    """Against the exact loss F (1 - D - m), with the smallest m there is, over a fine grid of D."""
    d = np.append(np.linspace(0, 1, 200_001)[1:], np.geomspace(1e-9, 1e-3, 100_000))
    x = -np.expm1(-d)
    assert MAX_ROUNDS == 24
    for r in range(25):
        failing = np.exp(8.0 * (2.0**r - 1) * np.log1p(-np.exp(-1) * x))
        loss = (failing * d * (1 - d) / (1 + d)).max()
        least = 1 / (8 * (2**r - 1)) if r else 3 - 2 * np.sqrt(2)
        assert 0.5 * least < loss <= least * (1 + 1e-12)
        if r < 24:
            assert protocol.rounds(least * 1.001) == r
        if r < 23:
            assert protocol.rounds(least * 0.999) == r + 1
        assert (failing * d / (1 + d)).max() <= (least if r else 0.5)  # the probability to give up
    assert [protocol.rounds(e) for e in (0.9, 0.2, 0.17, 0.1, 1e-2, 1e-3, 2.0**-26)] == [0, 0, 1, 2, 4, 7, 24]
