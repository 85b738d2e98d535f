"""A hostile peer of the protocol: messages that no honest party sends, in every state that a party can be in.

`attack(seed, count)` makes so many attacks, the same ones for the same seed, and counts them by kind. One attack brings
a party to a state, gives it one bad message or a whole conversation, and asserts what docs/how/protocol.md promises.
"""

import random
from collections import Counter

import numpy as np
import pytest

from pycouple import protocol
from pycouple.protocol import Alice, Bob, ProtocolError
from pycouple.protocol.messages import Frame, payload_bytes
from pycouple.protocol.party import EXACT
from tests.support.conversation import talk

EPSILONS = (None, None, 0.2, 0.1, 0.01, 1e-6)
KEYS = (None, None, bytes(range(16)), b"k" * 64)
SMALL = (1, 2, 3, 4, 5, 17, 64, 300)
LARGE = (4_097, 2**17, 2**20)


class Run:
    """An honest run, and how to bring its parties to the point before one of its messages."""

    def __init__(self, rng):
        self.n = n = rng.choice(LARGE if rng.random() < 0.01 else SMALL)
        numbers = np.random.default_rng(rng.getrandbits(32))
        self.p = numbers.random(n) ** rng.choice((1, 8)) + 1e-300
        self.q = self.p * (1 + rng.choice((0.0, 0.3, 1.0)) * numbers.random(n))
        if rng.random() < 0.3:
            self.q = self.q[::-1].copy()
        self.q[numbers.random(n) < rng.choice((0.0, 0.5))] = 0
        self.q[rng.randrange(n)] = 1
        self.seed, self.step = rng.getrandbits(64), rng.getrandbits(64)
        self.epsilon, self.key = rng.choice(EPSILONS), rng.choice(KEYS)
        self.terms = {"epsilon": self.epsilon, "key": self.key}
        self.messages = talk(self.p, self.q, self.seed, self.step, **self.terms)[2]

    def parties(self, **terms):
        terms = self.terms | terms
        return Alice(self.p, self.seed, self.step, **terms), Bob(self.q, self.seed, self.step, **terms)

    def receiver(self, number, **terms):
        """The party that is to receive a message, the ones before it being exchanged, and its weights."""
        alice, bob = self.parties(**terms)
        if number % 2:
            assert alice.start() == self.messages[0]
        party = alice if number % 2 else bob
        for k in range(number % 2, number, 2):
            party.receive(self.messages[k])
        return party, (self.p if number % 2 else self.q)

    def frame(self):
        rounds = EXACT if self.epsilon is None else protocol.rounds(self.epsilon)
        return Frame(self.seed, self.step, self.n, rounds, self.key)


def attack(seed, count):
    rng, seen = random.Random(seed), Counter()
    for _ in range(count):
        run = Run(rng)
        kind = rng.choice((*OUTSIDERS, insider, endless, not_bytes))
        number = rng.randrange(len(run.messages))
        if kind in OUTSIDERS:
            refused(run, number, kind(rng, run, number))
        else:
            kind(rng, run, number)
        seen[kind.__name__] += 1
    return seen


def refused(run, number, message):
    """A message without the right check: one line, and the end of the run."""
    party, _ = run.receiver(number)
    if message == run.messages[number]:  # reordered into its own place
        return
    before = party.sample
    for _ in range(2):
        error = raised(party, message)
        assert error is not None, (run.n, run.seed, run.step, number)
        assert str(error).isprintable()
        assert len(str(error)) < 300
        assert (party.done, party.sample) == (False, before)
        message = run.messages[number]  # the honest one comes too late
    assert "failed before" in str(error)


def raised(party, message):
    try:
        party.receive(message)
    except ProtocolError as error:
        return error
    return None


# What somebody sends who does not know all that the parties share.


def noise(rng, run, number):
    return rng.randbytes(rng.choice((0, 1, len(run.messages[number]), rng.randrange(100))))


def cut(rng, run, number):
    return run.messages[number][: rng.randrange(len(run.messages[number]))]


def extended(rng, run, number):
    return run.messages[number] + rng.choice((b"\0", b"\xff", rng.randbytes(9), run.messages[number], bytes(100_000)))


def flipped(rng, run, number):
    changed = bytearray(run.messages[number])
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def reordered(rng, run, number):
    return rng.choice(run.messages)


def replayed(rng, run, number):
    """From a run with the same weights and another step, seed, variant, key or none."""
    change = rng.choice(("step", "seed", "epsilon", "key"))
    seed, step = run.seed ^ (change == "seed"), run.step ^ (change == "step")
    terms = dict(run.terms)
    if change == "epsilon":
        terms["epsilon"] = 0.05 if run.epsilon is None else None
    if change == "key":
        terms["key"] = b"another key of 27 bytes....."
    return rng.choice(talk(run.p, run.q, seed, step, **terms)[2])


def enormous(rng, run, number):
    """Far more bytes than there is memory."""
    shape = rng.choice(((2**40,), (2**30, 2**20), (3, 1, 2**35)))
    return memoryview(np.broadcast_to(np.uint8(rng.randrange(256)), shape))


OUTSIDERS = (noise, cut, extended, flipped, reordered, replayed, enormous)


# What a party sends that is not honest: it knows all, and its checks are right.


def insider(rng, run, number):
    party, weights = run.receiver(number, max_rounds=6) if number < 12 else run.receiver(number)
    lengths = payload_bytes(number)
    payload = rng.randbytes(rng.choice((*lengths, lengths[-1], 0, rng.randrange(40))))
    if rng.random() < 0.3:
        payload = rng.choice((b"\0", b"\x80", b"\xff" * lengths[-1], bytes(lengths[-1])))
    check_answer(party, weights, number, run.frame(), payload)


def check_answer(party, weights, number, frame, payload):
    """Whether the conversation goes on after a payload. An item that is taken has weight; an answer has its length."""
    error, answer = None, None
    try:
        answer = party.receive(frame.pack(number, payload))
    except ProtocolError as caught:
        error = caught
        assert str(error).isprintable()
        assert len(str(error)) < 300
        assert not party.done
        assert "failed before" in str(raised(party, frame.pack(number, payload)))
    if party.sample is not None:
        assert weights[party.sample] > 0
    if answer is not None:
        assert len(answer) - frame.header_bytes(number + 1) in payload_bytes(number + 1)
    return error is None and not party.done


def endless(rng, run, number):
    """A party that makes the other work as long as it may, and no longer."""
    allowed = rng.randrange(8)
    alice, bob = run.parties(max_rounds=allowed)
    frame, alices = run.frame(), rng.random() < 0.5
    party, weights = (alice, run.p) if alices else (bob, run.q)
    if alices:
        alice.start()
    number = 1 if alices else 0
    payload = b"\x80" if alices else run.messages[0][frame.header_bytes(0) :]
    while check_answer(party, weights, number, frame, payload):
        number += 2
        payload = b"\x80" if alices else b"\xff" * payload_bytes(number)[-1]
    assert number <= 2 * allowed + 1


def not_bytes(rng, run, number):
    """A mistake of the caller changes nothing."""
    party, _ = run.receiver(number)
    with pytest.raises(TypeError, match="message must be bytes"):
        party.receive(rng.choice(("text", None, 5, [1, 2], np.zeros(3, np.uint8))))
    answer = party.receive(run.messages[number])
    assert answer == (run.messages[number + 1] if number + 1 < len(run.messages) else None)
