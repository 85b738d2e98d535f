"""Messages that cannot be right end a run with ProtocolError; arguments that cannot be right say which and why."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycouple import _core, protocol
from pycouple.protocol import Alice, Bob, ProtocolError
from pycouple.protocol.messages import Dart, Frame, encode_dart
from tests.support.conversation import talk
from tests.support.oracle_protocol import EXACT

P, Q = [0.6, 0.3, 0.1, 0.0], [0.1, 0.3, 0.2, 0.4]
SEED = 3
STEP = next(step for step in range(100) if len(talk(P, Q, SEED, step)[2]) == 6)  # two rounds of marks
MESSAGES = talk(P, Q, SEED, STEP)[2]


def parties_before(number):
    """Alice and Bob, with the messages before `number` exchanged, and the one who is to receive it."""
    alice, bob = Alice(P, SEED, STEP), Bob(Q, SEED, STEP)
    alice.start()
    for k in range(number):
        (alice if k % 2 else bob).receive(MESSAGES[k])
    return alice if number % 2 else bob


def refuses(party, message, pattern=None):
    before = party.sample
    with pytest.raises(ProtocolError, match=pattern):
        party.receive(message)
    assert not party.done
    assert party.sample == before
    with pytest.raises(ProtocolError, match="failed before"):
        party.receive(message)


@pytest.mark.parametrize("number", range(6))
def test_cut_and_extended_messages(number):
    whole = MESSAGES[number]
    for size in range(len(whole)):
        refuses(
            parties_before(number),
            whole[:size],
            f"message {number} (is truncated: it has {size} bytes|fails its check)",
        )
    for more in (b"\x00", b"\xff", bytes(100), whole):
        refuses(parties_before(number), whole + more, f"message {number} (is too long: it has|fails its check)")


@pytest.mark.parametrize("number", range(6))
def test_changed_messages(number):
    whole = MESSAGES[number]
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 0x80 >> bit % 8
        refuses(parties_before(number), bytes(changed))


@pytest.mark.parametrize("number", range(6))
def test_messages_out_of_order(number):
    for other in range(6):
        if other != number:
            refuses(parties_before(number), MESSAGES[other])
    refuses(parties_before(number), Alice(P, SEED, STEP, epsilon=0.01).start())
    refuses(parties_before(number), Alice(P, SEED, STEP + 1).start())


@settings(max_examples=400, deadline=None, derandomize=True)
@given(number=st.integers(0, 5), message=st.binary(max_size=80))
def test_any_bytes(number, message):
    refuses(parties_before(number), message)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(number=st.integers(0, 5), payload=st.binary(max_size=20))
def test_any_payload_with_a_good_check(number, payload):
    """A party that is not honest: whatever it says, the other takes an item of its own support or refuses."""
    party, frame = parties_before(number), Frame(SEED, STEP, 4, EXACT)
    weights = P if number % 2 else Q
    try:
        party.receive(frame.pack(number, payload))
    except ProtocolError:
        assert not party.done
    if party.sample is not None:
        assert weights[party.sample] > 0


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"q": [*Q, 0.1]}, "the other party has n = 4 items, this one has n = 5"),
        ({"seed": SEED + 1}, r"message 0 fails its check.*\(seed, step, epsilon"),
        ({"step": STEP + 1}, "message 0 fails its check"),
        ({"epsilon": 0.01}, "message 0 fails its check"),
    ],
)
def test_parties_of_different_runs(change, pattern):
    arguments = {"q": Q, "seed": SEED, "step": STEP, "epsilon": None} | change
    bob = Bob(arguments["q"], arguments["seed"], arguments["step"], epsilon=arguments["epsilon"])
    refuses(bob, MESSAGES[0], pattern)
    # And what such a Bob would say to Alice.
    frame = Frame(
        arguments["seed"], arguments["step"], len(arguments["q"]), EXACT if change.get("epsilon") is None else 4
    )
    other = "the other party has n = 5 items, this one has n = 4" if "q" in change else "message 1 fails its check"
    refuses(parties_before(1), frame.pack(1, b"\x00"), other)


def test_epsilons_of_the_same_rounds_are_the_same_run():
    assert protocol.rounds(0.01) == protocol.rounds(0.009)
    alice, bob = Alice(P, SEED, STEP, epsilon=0.01), Bob(Q, SEED, STEP, epsilon=0.009)
    assert bob.receive(alice.start()) is not None


@pytest.mark.parametrize("more", [b"", bytes(100)])
def test_another_version(more):
    """Its messages may have other lengths."""
    later = b"\x02" + MESSAGES[0][1:] + more
    refuses(parties_before(0), later, "the other party's protocol has version 2, this one has version 1")


def test_a_code_of_whole_bytes():
    assert encode_dart(4, Dart(0, 1, 4))[1] == 8


@pytest.mark.parametrize(
    ("payload", "pattern"),
    [
        (b"", "message 0 is truncated: it has 9 bytes, not 10 to 16"),
        (bytes(8), "message 0 is too long: it has 17 bytes, not 10 to 16"),
        (b"\xff\xf0\x00", "long code"),
        (b"\xff\xff\xff\xff\xff", "names no dart: it is too long"),
        (b"\x00\x80", "names no dart: it is too long"),
        (b"\xff", "names no dart: it is truncated"),
        (encode_dart(4, Dart(0, 1, 0))[0] + b"\x00", "too long"),
        (encode_dart(4, Dart(0, 1, 4))[0] + b"\x00", "too long"),  # after a code of 8 bits
    ],
)
def test_payloads_that_name_no_dart(payload, pattern):
    refuses(Bob(Q, SEED, STEP), Frame(SEED, STEP, 4, EXACT).pack(0, payload), pattern)


def test_a_dart_beyond_the_items():
    """A cell of five items' worth of room may name a dart at an item that is not there."""
    frame = Frame(SEED, STEP, 5, EXACT)
    items = [_core.dart_item(SEED, STEP, 2, 0, number)[1] for number in range(12)]
    assert sum(item >= 5 for item in items) > 3
    for number, item in enumerate(items):
        bob, message = Bob([*Q, 0.1], SEED, STEP), frame.pack(0, encode_dart(5, Dart(2, 0, number))[0])
        if item < 5:
            assert bob.receive(message) is not None
        else:
            refuses(bob, message, f"message 0 names a dart at item {item} of 5")


def test_an_answer_beyond_the_last_round():
    alice = Alice(P, SEED, STEP, epsilon=0.1)
    alice.start()
    frame = Frame(SEED, STEP, 4, protocol.rounds(0.1))
    for w in range(protocol.rounds(0.1)):
        assert len(alice.receive(frame.pack(2 * w + 1, b"\x80"))) == 4 + 2**w
    refuses(alice, frame.pack(2 * w + 3, b"\x80"), "message 5 is no answer of Bob's")


def test_marks_of_another_length():
    for marks in (b"\xff\xff", bytes(1000)):
        refuses(
            parties_before(2),
            Frame(SEED, STEP, 4, EXACT).pack(2, marks),
            "message 2 is too long: it has .* bytes, not 5;",
        )


def test_calls_out_of_order():
    alice = Alice(P, SEED, STEP)
    with pytest.raises(ProtocolError, match=r"Alice speaks first: send what start\(\) gives"):
        alice.receive(MESSAGES[1])
    assert alice.start() == MESSAGES[0]  # that was no end
    with pytest.raises(ProtocolError, match="started already"):
        alice.start()
    assert alice.receive(MESSAGES[1]) == MESSAGES[2]
    alice, bob, messages = talk(P, Q, SEED, STEP)
    for party in (alice, bob):
        with pytest.raises(ProtocolError, match="over: no message is expected"):
            party.receive(messages[-1])
        assert party.done


@pytest.mark.parametrize("message", ["text", 5, None, [1, 2], np.zeros(3)])
def test_messages_that_are_not_bytes(message):
    bob = Bob(Q, SEED, STEP)
    with pytest.raises(TypeError, match=f"message must be bytes, got {type(message).__name__}"):
        bob.receive(message)
    assert bob.receive(bytearray(MESSAGES[0])) == MESSAGES[1]
    assert Bob(Q, SEED, STEP).receive(memoryview(MESSAGES[0])) == MESSAGES[1]


@pytest.mark.parametrize("make", [Alice, Bob])
@pytest.mark.parametrize(
    ("weights", "error", "pattern"),
    [
        ([0.5, -0.1], ValueError, r"[pq]: weight of item 1 is -0.1; it must be finite and not negative"),
        ([0.5, np.nan], ValueError, r"[pq]: weight of item 1 is nan"),
        ([np.inf, 1], ValueError, r"[pq]: weight of item 0 is inf"),
        ([0.0, 0.0], ValueError, r"[pq]: no weight is positive, so there is nothing to draw"),
        ([], ValueError, r"[pq]: there are no items \(n = 0\)"),
        ([[0.5, 0.5]], ValueError, r"[pq] must be one row of weights, got an array of shape \(1, 2\)"),
        (1.0, ValueError, r"[pq] must have at least one axis"),
        (["a"], TypeError, r"[pq] must be real numbers"),
        (np.ma.array([0.5, 0.5], mask=[0, 1]), TypeError, r"[pq] must not be a masked array"),
    ],
)
def test_bad_weights(make, weights, error, pattern):
    with pytest.raises(error, match=pattern):
        make(weights, 1)


@pytest.mark.parametrize("make", [Alice, Bob])
@pytest.mark.parametrize(
    ("arguments", "error", "pattern"),
    [
        ({"seed": -1}, ValueError, r"seed must be in 0..2\*\*64 - 1, got -1"),
        ({"seed": 2**64}, ValueError, r"seed must be in 0..2\*\*64 - 1"),
        ({"seed": 1.0}, TypeError, r"seed must be an integer, got float"),
        ({"seed": {1: 2}}, TypeError, r"seed must be an integer, got dict"),
        ({"seed": [1, 2]}, ValueError, r"seed must be one integer, got an array of shape \(2,\)"),
        ({"step": [1, 2]}, ValueError, r"step must be one integer"),
        ({"step": -5}, ValueError, r"step must be in 0..2\*\*64 - 1, got -5"),
        ({"epsilon": 0}, ValueError, r"epsilon must be in \[2\*\*-26, 1\), got 0"),
        ({"epsilon": 1.0}, ValueError, r"epsilon must be in"),
        ({"epsilon": -0.1}, ValueError, r"epsilon must be in"),
        ({"epsilon": 2.0**-26 * 0.999}, ValueError, r"epsilon must be in"),
        ({"epsilon": float("nan")}, ValueError, r"epsilon must be in .* got nan"),
        ({"epsilon": "0.1"}, TypeError, r"epsilon must be a real number, got str"),
        ({"epsilon": 2**70}, ValueError, r"epsilon must be in .* got 1.18"),
        ({"epsilon": [0.1]}, ValueError, r"epsilon must be one real number, got an array of shape \(1,\)"),
        ({"epsilon": {0.1: 1}}, TypeError, r"epsilon must be a real number, got dict"),
        ({"epsilon": True}, TypeError, r"epsilon must be a real number, got bool"),
        ({"max_rounds": -1}, ValueError, r"max_rounds must be in 0..24, got -1"),
        ({"max_rounds": 25}, ValueError, r"max_rounds must be in 0..24, got 25"),
        ({"max_rounds": 2**200}, ValueError, r"max_rounds is out of range: an integer of 201 bits"),
        ({"max_rounds": 5.0}, TypeError, r"max_rounds must be an integer, got float"),
        ({"max_rounds": None}, TypeError, r"max_rounds must be an integer, got NoneType"),
        ({"max_rounds": True}, TypeError, r"max_rounds must be an integer, got bool"),
        ({"max_rounds": [5]}, TypeError, r"max_rounds must be an integer, got list"),
        ({"key": "k" * 16}, TypeError, r"key must be bytes, got str"),
        ({"key": 2**127}, TypeError, r"key must be bytes, got int"),
        ({"key": bytearray(16)}, TypeError, r"key must be bytes, got bytearray"),
        ({"key": b""}, ValueError, r"key must have 16 to 64 bytes, got 0"),
        ({"key": bytes(15)}, ValueError, r"key must have 16 to 64 bytes, got 15: secrets.token_bytes\(32\) makes one"),
        ({"key": bytes(65)}, ValueError, r"key must have 16 to 64 bytes, got 65"),
    ],
)
def test_bad_arguments(make, arguments, error, pattern):
    with pytest.raises(error, match=pattern):
        make(P, **({"seed": 1} | arguments))


def test_bad_arguments_of_run():
    with pytest.raises(ValueError, match="p and q must be over the same items: p has 4, q has 3"):
        protocol.run(P, Q[:3], 1)
    with pytest.raises(ValueError, match=r"q: weight of item 0 is -1\.0"):
        protocol.run(P, [-1.0, 1, 1, 1], 1)
    with pytest.raises(ValueError, match=r"step must be in .* at index 1"):
        protocol.run(P, Q, 1, [0, -1])
    with pytest.raises(ValueError, match="epsilon must be in"):
        protocol.run(P, Q, 1, [], epsilon=2)
    with pytest.raises(ValueError, match="key must have 16 to 64 bytes"):
        protocol.run(P, Q, 1, [], key=b"short")
    with pytest.raises(ValueError, match="max_rounds must be in"):
        protocol.run(P, Q, 1, [], max_rounds=99)
    for function in (protocol.expected_bits_bound, lambda n: protocol.worst_case_bits(n, 0.1)):
        for n in (0, -1, 2**32 + 1):
            with pytest.raises(ValueError, match=r"n must be in 1..2\*\*32"):
                function(n)
        with pytest.raises(TypeError, match="n must be an integer, got float"):
            function(2.0)


def test_keys_and_numbers_that_will_do():
    for length in (16, 64):
        assert protocol.run(P, Q, SEED, STEP, key=bytes(length)).messages == len(MESSAGES)
    for number in (np.int8(2), np.array(2), np.uint64(2)):
        assert protocol.run(P, Q, SEED, STEP, max_rounds=number) == protocol.run(P, Q, SEED, STEP)


def test_one_shot_rows_and_numbers_of_every_kind():
    want = protocol.run(P, Q, 7, range(5), epsilon=0.125)
    got = protocol.run(iter(P), map(float, Q), np.array(7), iter(range(5)), epsilon=Fraction(1, 8))
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
    alice = Alice(iter(P), 7, epsilon=Decimal("0.125"))
    assert alice.start() == Alice(P, 7, epsilon=0.125).start()
    assert protocol.rounds(np.float32(0.125)) == protocol.rounds(0.125)
