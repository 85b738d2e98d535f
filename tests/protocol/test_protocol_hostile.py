"""What a hostile peer can cost: rounds of marks up to a budget, messages up to a length, and Ctrl-C at any time.

No test asserts a time: work is counted in rounds, and memory in bytes.
"""

import os
import signal
import threading
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from pycouple import _core, protocol
from pycouple.protocol import Alice, Bob, ProtocolError
from pycouple.protocol.bounds import MAX_ROUNDS, ROUNDS_ALLOWED
from pycouple.protocol.messages import Dart, Frame, encode_dart, payload_bytes
from pycouple.protocol.party import EXACT, epochs
from tests.support.conversation import talk
from tests.support.hostile_peer import attack

P, Q = [0.6, 0.3, 0.1, 0.0], [0.1, 0.3, 0.2, 0.4]
SEED = 3
STEP = next(step for step in range(100) if len(talk(P, Q, SEED, step)[2]) == 6)  # two rounds of marks
KEY = bytes(range(16))
NUMBERS = range(6)

posix = pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")


@pytest.mark.parametrize("seed", range(4))
def test_attacks(seed):
    assert sum(attack(seed, 500).values()) == 500


def frame_of(epsilon=None, key=None):
    return Frame(SEED, STEP, 4, EXACT if epsilon is None else protocol.rounds(epsilon), key)


def rounds_that_alice_makes(epsilon=None, **terms):
    """What a Bob costs her who always asks, and how it ends."""
    alice, frame = Alice(P, SEED, STEP, epsilon=epsilon, **terms), frame_of(epsilon)
    alice.start()
    for w in range(MAX_ROUNDS + 1):
        try:
            assert len(alice.receive(frame.pack(2 * w + 1, b"\x80"))) == 4 + 2**w
        except ProtocolError as error:
            return w, str(error)
    raise AssertionError("she goes on for ever")


def rounds_that_bob_makes(epsilon=None, **terms):
    """What an Alice costs him who claims all marks for herself, and how it ends."""
    bob, frame = Bob(Q, SEED, STEP, epsilon=epsilon, **terms), frame_of(epsilon)
    message = talk(P, Q, SEED, STEP, epsilon)[2][0]
    for w in range(MAX_ROUNDS + 1):
        try:
            bob.receive(message)
        except ProtocolError as error:
            return w, str(error)
        if bob.done:
            return w, "done"
        message = frame.pack(2 * w + 2, b"\xff" * 2**w)
    raise AssertionError("he goes on for ever")


@pytest.mark.parametrize("allowed", [0, 1, 2, 5, 9])
def test_a_budget_of_rounds(allowed):
    made, why = rounds_that_alice_makes(max_rounds=allowed)
    assert (made, f"round {allowed}, and max_rounds={allowed} allows none" in why) == (allowed, True)
    made, why = rounds_that_bob_makes(max_rounds=allowed)
    assert (made, f"round {allowed}, and max_rounds={allowed} allows none" in why) == (allowed, True)


def test_the_budget_that_parties_have():
    assert rounds_that_alice_makes()[0] == rounds_that_bob_makes()[0] == ROUNDS_ALLOWED == 17
    assert rounds_that_alice_makes(2.0**-26)[0] == rounds_that_bob_makes(2.0**-26)[0] == 17


@pytest.mark.parametrize("epsilon", [0.2, 0.1, 0.01])
def test_a_budget_and_epsilon(epsilon):
    """The smaller one ends the run: epsilon as the contract says, the budget with an error."""
    rounds = protocol.rounds(epsilon)
    for allowed in range(rounds + 2):
        made, why = rounds_that_alice_makes(epsilon, max_rounds=allowed)
        assert made == min(rounds, allowed)
        assert ("max_rounds" in why) == (allowed < rounds)
        made, why = rounds_that_bob_makes(epsilon, max_rounds=allowed)
        assert made == min(rounds, allowed)
        assert (why != "done") == ("max_rounds" in why) == (allowed < rounds)


def test_no_work_beyond_the_budget(monkeypatch):
    def work(*arguments):
        raise AssertionError("that was work")

    alice, bob = Alice(P, SEED, STEP, max_rounds=0), Bob(Q, SEED, STEP, max_rounds=0)
    message = alice.start()
    for name in ("set_marks", "first_unmarked", "epoch_seed"):
        monkeypatch.setattr(_core, name, work)
    with pytest.raises(ProtocolError, match="max_rounds=0"):
        alice.receive(frame_of().pack(1, b"\x80"))
    with pytest.raises(ProtocolError, match="max_rounds=0"):
        bob.receive(message)


def test_budgets_change_no_run_that_they_allow():
    messages = talk(P, Q, SEED, STEP)[2]
    for allowed in (2, 3, 24):
        assert talk(P, Q, SEED, STEP, max_rounds=allowed)[2] == messages
    with pytest.raises(ProtocolError, match=rf"^step {STEP}: .*round 1, and max_rounds=1 allows none"):
        protocol.run(P, Q, SEED, np.arange(STEP, STEP + 3), max_rounds=1)


def test_honest_runs_need_more_rounds_with_a_known_probability():
    """D / (1 + D) to ask at all, with a tiny epsilon D (2 - D) / (1 + D), times the probability that so many rounds
    fail: largest near D = e / M."""
    for rounds in range(1, MAX_ROUNDS + 1):
        m = 8 * (2.0**rounds - 1)
        d = np.append(np.geomspace(1e-10, 1e-2, 200_000), np.linspace(0.01, 1, 10_000))
        failing = d / (1 + d) * np.exp(m * np.log1p(np.expm1(-d) / np.e))
        assert 0.8 / m < failing.max() < 1 / m
        assert np.e / m == pytest.approx(d[failing.argmax()], rel=0.2)
        if rounds == ROUNDS_ALLOWED:
            assert failing.max() < 1e-6
            assert failing[d >= 1e-4].max() < 1e-20
            assert 1e-6 < (failing * (2 - d)).max() < 2e-6
    assert protocol.rounds(1e-6) == ROUNDS_ALLOWED


@pytest.mark.parametrize("epsilon", [None, 1e-7])
def test_how_often_an_honest_run_asks_for_marks(epsilon):
    """What the probability above begins with: each run that asks fails with a budget of no rounds."""
    p, q, asked, steps = [0.5, 0.5], [0.2, 0.8], 0, 2_000
    for step in range(steps):
        message = Alice(p, SEED, step, epsilon=epsilon).start()
        asked += Bob(q, SEED, step, epsilon=epsilon).receive(message)[-1:] == b"\x80"
    d = 0.3
    assert stats.binomtest(asked, steps, d * (1 if epsilon is None else 2 - d) / (1 + d)).pvalue > 1e-2


def parties_before(number, **terms):
    messages = talk(P, Q, SEED, STEP, **terms)[2]
    alice, bob = Alice(P, SEED, STEP, **terms), Bob(Q, SEED, STEP, **terms)
    alice.start()
    for k in range(number):
        (alice if k % 2 else bob).receive(messages[k])
    return (alice if number % 2 else bob), messages[number]


@pytest.mark.parametrize("terms", [{}, {"key": KEY}, {"epsilon": 0.01}])
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("shape", [(2**40,), (2**20, 2**30), (1, 2**40, 1), (29,), (1, 29)])
def test_a_message_that_is_too_long_is_not_read(number, terms, shape, monkeypatch):
    def read(*arguments):
        raise AssertionError("that was read")

    party, _ = parties_before(number, **terms)
    monkeypatch.setattr(Frame, "_check", read)
    huge = memoryview(np.broadcast_to(np.uint8(1), shape))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match=f"message {number} is too long: it has {huge.nbytes} bytes, not "):
            party.receive(huge)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ProtocolError, match="failed before"):
        party.receive(huge)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("key", [None, KEY])
def test_views_of_every_kind(number, key):
    """What counts is the bytes, in order."""
    party, message = parties_before(number, key=key)
    want = party.receive(message)
    size = len(message)
    spread = np.zeros(3 * size, np.uint8)
    spread[::3] = np.frombuffer(message, np.uint8)
    backward = np.frombuffer(message, np.uint8)[::-1].copy()[::-1]
    for view in (spread[::3], backward, spread[::3].reshape(1, size, 1), np.frombuffer(message, "S1")):
        assert parties_before(number, key=key)[0].receive(memoryview(view)) == want
    assert parties_before(number, key=key)[0].receive(memoryview(message).cast("c")) == want


def test_a_view_that_is_gone_changes_nothing():
    view = memoryview(bytes(10))
    view.release()
    bob, message = parties_before(0)
    with pytest.raises(ValueError, match="released memoryview"):
        bob.receive(view)
    assert bob.receive(message) is not None


def test_the_lengths_of_payloads():
    lengths = set()
    for n in (1, 2, 3, 5, 17, 1000, 2**20, 2**32 - 1, 2**32):
        tiers = [(0, 0), (0, n - 1), (10, 0), (10, (n - 1) >> 20)]
        lengths |= {len(encode_dart(n, Dart(*cell, j))[0]) for cell in tiers for j in (0, 7, 8, 4095)}
    assert (min(lengths), max(lengths)) == (payload_bytes(0)[0], payload_bytes(0)[-1]) == (1, 7)
    assert all(payload_bytes(2 * w + 2) == range(2**w, 2**w + 1) for w in range(24))
    assert all(payload_bytes(2 * w + 1) == range(1, 2) for w in range(25))
    for number, message in enumerate(talk(P, Q, SEED, STEP)[2]):
        assert len(message) - frame_of().header_bytes(number) in payload_bytes(number)


def test_padding_that_is_not_zero():
    """Each bit behind the name of a dart, in a message whose check is right."""
    alice = Alice(P, SEED, STEP)
    message = alice.start()
    for bit in range(8 * (len(message) - 9) - alice.bits_sent):
        payload = message[9:-1] + bytes([message[-1] | 1 << bit])
        with pytest.raises(ProtocolError, match="message 0 names no dart: it is too long"):
            Bob(Q, SEED, STEP).receive(frame_of().pack(0, payload))
    assert alice.bits_sent % 8  # there are such bits


def test_memory_of_a_round():
    """Alice's bitmap, the message and a list of the darts of one epoch; Bob's payload and the same list."""
    alice, bob = Alice(P, SEED, STEP), Bob(Q, SEED, STEP)
    bob.receive(alice.start())
    frame, last = frame_of(), 14
    for w in range(last):
        alice.receive(frame.pack(2 * w + 1, b"\x80"))
        bob.receive(frame.pack(2 * w + 2, b"\xff" * 2**w))
    for party, number, payload in ((alice, 2 * last + 1, b"\x80"), (bob, 2 * last + 2, b"\xff" * 2**last)):
        message = frame.pack(number, payload)
        tracemalloc.start()
        try:
            party.receive(message)
            assert tracemalloc.get_traced_memory()[1] < 5 * 2**last + 20_000
        finally:
            tracemalloc.stop()


@posix
@pytest.mark.parametrize("make", [Alice, Bob])
def test_ctrl_c_ends_a_round(make):
    """In the midst of round 23, which takes minutes; the run has failed then."""
    weights = np.exp(np.random.default_rng(0).normal(0, 3, 20_000))
    party, last = make(weights, 5, max_rounds=24), MAX_ROUNDS - 1
    number = 2 * last + (1 if make is Alice else 2)
    party._next = number
    message = Frame(5, 0, len(weights), EXACT).pack(number, b"\x80" if make is Alice else b"\xff" * 2**last)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        party.receive(message)
    with pytest.raises(ProtocolError, match="failed before"):
        party.receive(message)


@posix
def test_a_handler_that_returns_changes_no_mark():
    weights = np.exp(np.random.default_rng(0).normal(0, 3, 20_000))
    want, got, rung = np.zeros(2**13, np.uint8), np.zeros(2**13, np.uint8), []
    before = signal.signal(signal.SIGALRM, lambda *arguments: rung.append(1))
    try:
        _core.set_marks(weights, 5, 0, *epochs(13), want)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
        _core.set_marks(weights, 5, 0, *epochs(13), got)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung
    assert np.array_equal(got, want)
