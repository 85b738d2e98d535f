"""The coupling of two parties that may talk: Pr[a = b] = 1 - D exactly, for about log2 n bits.

`Alice` holds p, `Bob` holds q, and both read the same public darts: points (item, height), one after the other, evenly
on items x [0, 1]. They are those of `pycouple.sample` with ``method="minhash"``, found as fast.

1. Alice takes her first dart under p and sends its name. It is any point under p with equal chance, so a ~ p.
2. If it is under q, which has probability sum_i min(p_i, q_i) = 1 - D, Bob takes it too.
3. Otherwise, if a dart under q came before it, that one cannot be under p, since Alice's was her first: he takes it.
4. Otherwise he asks for marks. Both look at fresh darts, of which round w = 0, 1, 2, ... covers ``8 * 2**w`` under p in
   expectation. A dart has a public mark, one of as many buckets. Alice sends a bitmap: the buckets of all her darts of
   the round. A dart under q whose bucket is not set is certainly not under p: he takes the first such one, or asks for
   the next round.

**Marginals.** In 3 and 4 Bob takes a dart that is under q and not under p, and which one depends on times and marks
only, not on places: so his item has the distribution (q - p)^+ / D. With step 2, b ~ min(p, q) + (q - p)^+ = q.

**Agreement.** a = b in step 2, and never in 3 and 4, where a is an item with p > q and b one with q > p. So
Pr[a = b] = 1 - D, which is optimal. (Rounding changes a probability by 2**-44 of itself or by 2**-64, whichever is
more.)

**Bits.** The name of a dart is its cell (docs/minhash.md), one of at most 4 n / 3 + 10, and how many darts of that cell
came before it, less than 1 in expectation and sent in unary: ceil(log2(4 n / 3 + 10)) + 2.04 bits at most. Bob answers
with one bit. Step 4 comes when the first dart under p or q is under p alone, with probability D / (1 + D). A bucket
shows Bob a dart with probability exp(-1) (1 - exp(-D)), so M buckets fail with probability
``(1 - exp(-1) * (1 - exp(-D))) ** M``. Summed over the rounds, with a bit for each question, step 4 costs 5.56 bits in
expectation at D = 1 and less for smaller D (3.9 as D goes to 0): `expected_bits_bound` is log2 n + 9.6 for n = 2**k
from 16 on. To propose darts by name until one is not under p would cost up to 2 log2 n and as many messages as
proposals; a bitmap proves what it says without a name.

**Limits.** After 24 rounds, some 1.3e8 darts of each party, Bob gives up with `ProtocolError`. No pair does that with a
probability above 1e-8, by the argument of `rounds`; only D near 1e-8 comes close to it. Such rounds take tens of
seconds, and a party that is not honest can make the other work through them. When D is small step 4 is as rare as D is,
but long: bitmaps of some 4 / D bits. With a large ``epsilon`` it is not.

**Bounded variant.** With ``epsilon=`` there are at most R = `rounds` (epsilon) rounds. The marginals stay exact; what
is given up is agreement, at most epsilon. Let F be the probability that R rounds fail. If Alice's dart is under q but
Bob had one before it, he makes the rounds too, and takes her dart only if they succeed, else his own. If the rounds of
step 4 fail, he draws from q afresh. The first turns a mass of D (1 - D) F / (1 + D) from min(p, q) to (q - p)^+, the
second the same mass back, so b ~ q. And Pr[a = b] = (1 - F) (1 - D) + F m, where m is the agreement of weighted MinHash
(`pycouple.theory.agreement`), which parties reach that do not talk.

The theorem is that of Daliri, Musco and Suresh (arXiv 2408.07978); the marks and the bounded variant are pycouple's.
docs/protocol.md fixes every bit of the darts and of the messages, version 1.
"""

import math
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import check_pair, integer, native, one_unsigned, real_rows, row_error, unsigned
from pycouple._messages import Dart, Frame, ProtocolError, cells, decode_dart, encode_dart, header_bytes

__all__ = ["Alice", "Bob", "ProtocolError", "Run", "expected_bits_bound", "rounds", "run", "worst_case_bits"]

MAX_ROUNDS = 24
EXACT = 255  # in the place of the number of rounds
LEAST_EPSILON = 2.0**-26

_FIRST_POWER = 3  # round 0 has 2**3 buckets
_EPOCH_POWER = 11  # an epoch has at most 2**11: later rounds have many
_TIME_A_BUCKET = 0.75  # in which one dart under p is expected

Weights = npt.NDArray[Any]


def rounds(epsilon: float) -> int:
    """How many rounds of marks the bounded variant makes at most.

    Parameters
    ----------
    epsilon : float
        How much agreement may be given up, in [2**-26, 1).

    Returns
    -------
    int
        R = 0 if epsilon >= 3 - 2 sqrt(2), and else the smallest R with ``8 * (2**R - 1) >= 1 / epsilon``: at most 24.

    Raises
    ------
    ValueError, TypeError
        epsilon is out of range, or not a real number.

    Notes
    -----
    The agreement m of MinHash is at least (1 - D) / (1 + D), so the loss F (1 - D - m) is at most
    F D (1 - D) / (1 + D). Without rounds F = 1, and the largest value is 3 - 2 sqrt(2). With M = 8 (2**R - 1) buckets
    in all F <= exp(-M x / e), where x = 1 - exp(-D); and D (1 - D) / (1 + D) <= D exp(-2 D) <= x. So the loss is at
    most x exp(-M x / e) <= 1 / M.

    Examples
    --------
    >>> from pycouple import protocol
    >>> [protocol.rounds(epsilon) for epsilon in (0.2, 0.1, 0.01, 0.001)]
    [0, 2, 4, 7]
    """
    if isinstance(epsilon, bool | np.bool_) or not isinstance(epsilon, float | int | np.floating | np.integer):
        raise TypeError(f"epsilon must be a real number, got {type(epsilon).__name__}")
    if not LEAST_EPSILON <= epsilon < 1:
        raise ValueError(f"epsilon must be in [2**-26, 1), got {epsilon}")
    if epsilon >= 3 - 2 * math.sqrt(2):
        return 0
    return next(r for r in range(1, MAX_ROUNDS + 1) if 8 * ((1 << r) - 1) * float(epsilon) >= 1)


def expected_bits_bound(n: int) -> float:
    """What the payloads of a run of the exact protocol cost at most in expectation, in bits, whatever p and q are.

    Parameters
    ----------
    n : int
        The number of items, 1..2**32.

    Returns
    -------
    float
        ceil(log2 of the number of cells) + 8.6: the cell, 2.04 bits for the number of the dart, one for the answer and
        5.56 for rounds of marks.

    Raises
    ------
    ValueError, TypeError
        n is out of range, or not an integer.

    Examples
    --------
    >>> from pycouple import protocol
    >>> protocol.expected_bits_bound(131_072)
    26.6
    """
    return _cell_bits(n) + 8.6


def worst_case_bits(n: int, epsilon: float) -> int:
    """What the payloads of a run of the bounded variant cost at most, in bits.

    Parameters
    ----------
    n : int
        The number of items, 1..2**32.
    epsilon : float
        As for `rounds`.

    Returns
    -------
    int
        Alice's first message has ceil(log2 of the number of cells) + 20 at most, those with the marks of round w have
        ``8 * 2**w``, and Bob's have one bit each. There are ``2 * (1 + rounds(epsilon))`` messages at most.

    Raises
    ------
    ValueError, TypeError
        As for `expected_bits_bound` and `rounds`.

    Examples
    --------
    >>> from pycouple import protocol
    >>> protocol.worst_case_bits(131_072, epsilon=0.1)
    65
    """
    r = rounds(epsilon)
    return _cell_bits(n) + 20 + 8 * ((1 << r) - 1) + 1 + r


def _cell_bits(n: Any) -> int:
    items = integer(n, "n")
    if not 1 <= items <= _core.MINHASH_ITEMS:
        raise ValueError(f"n must be in 1..2**32, got {n}")
    return (sum(cells(items)) - 1).bit_length()


class _Party:
    """What Alice and Bob have in common."""

    _name = ""

    def __init__(self, weights: npt.ArrayLike, seed: int, step: int = 0, *, epsilon: float | None = None) -> None:
        row = _one_row(weights, self._name)
        self._begin(row, one_unsigned(seed, "seed"), one_unsigned(step, "step"), epsilon)

    @classmethod
    def _of(cls, row: Weights, seed: int, step: int, epsilon: float | None) -> Self:
        """A party with arguments that are checked, and a row that nobody changes."""
        party = cls.__new__(cls)
        party._begin(row, seed, step, epsilon)
        return party

    def _begin(self, row: Weights, seed: int, step: int, epsilon: float | None) -> None:
        self._weights, self._seed, self._step = row, seed, step
        self._rounds = MAX_ROUNDS if epsilon is None else rounds(epsilon)
        self._exact = epsilon is None
        self._first, self._dart = self._draw(seed)  # also the check of the weights
        self._frame = Frame(seed, step, len(row), EXACT if self._exact else self._rounds)
        self._next = 0  # the number of the next message, sent or received
        self._failed = False
        self.sample: int | None = None
        self.done = False
        self.bits_sent = 0
        self.header_bits_sent = 0

    def receive(self, message: bytes) -> bytes | None:
        """Take the other party's next message.

        Parameters
        ----------
        message : bytes
            Exactly what the other party's `start` or `receive` gave.

        Returns
        -------
        bytes or None
            What to send now; None when nothing is left to say.

        Raises
        ------
        ProtocolError
            The message is truncated, too long, changed or out of order, or comes from a party with another version, n,
            seed, step or epsilon. The run is over then: every further call raises it too. (Alice's call before
            `start` raises it and changes nothing.)
        TypeError
            The message is not bytes, bytearray or memoryview. Nothing is changed.
        """
        if not isinstance(message, bytes | bytearray | memoryview):
            raise TypeError(f"message must be bytes, got {type(message).__name__}")
        if self._failed:
            raise ProtocolError("this run has failed before")
        if self.done:
            raise ProtocolError("this run is over: no message is expected")
        self._failed = True
        self._before_receiving()
        payload = self._frame.unpack(self._next, bytes(message))
        self._next += 1
        answer = self._answer(payload)
        self._failed = False
        return answer

    def _before_receiving(self) -> None:
        """Raise an error if it is not this party's turn to listen."""

    def _answer(self, payload: bytes) -> bytes | None:
        raise NotImplementedError

    def _send(self, payload: bytes, bits: int) -> bytes:
        self.bits_sent += bits
        self.header_bits_sent += 8 * header_bytes(self._next)
        message = self._frame.pack(self._next, payload)
        self._next += 1
        return message

    def _draw(self, seed: int) -> tuple[int, Dart]:
        """The item and the name of the first dart under the weights."""
        status, item, *name = _core.first_dart(self._weights, seed, self._step)
        self._check(status)
        return item, Dart(*name)

    def _check(self, status: int) -> None:
        if status != _core.OK:
            marked = _core.NO_WINNER + status
            raise row_error(marked, self._name, self._weights, -1, {}, _core.MINHASH_ITEMS)


class Alice(_Party):
    """The party that names a dart. She has her sample before she says a word.

    Parameters
    ----------
    p : array_like, shape (n,)
        Weights, as for `pycouple.sample`: one row of at most 2**32 items. It is copied, so it may change afterwards.
    seed, step : int
        In 0..2**64 - 1, Bob's too.
    epsilon : float, optional
        The bounded variant, Bob's too; see `rounds`.

    Attributes
    ----------
    sample : int
        Her item: ``pycouple.sample(p, seed, step, method="minhash")``, whatever Bob does.
    done : bool
        Whether Bob has his sample: no message is left to send or to receive.
    bits_sent, header_bits_sent : int
        What her messages cost so far, in bits: payloads, without the padding to whole bytes, and headers.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.sample`; there is more than one row, seed or step; epsilon is out of range.

    Examples
    --------
    >>> from pycouple.protocol import Alice, Bob
    >>> alice = Alice([0.5, 0.3, 0.2, 0.0], seed=7, step=1)
    >>> bob = Bob([0.4, 0.35, 0.15, 0.1], seed=7, step=1)
    >>> message = alice.start()
    >>> while message is not None:
    ...     message = bob.receive(message)
    ...     if message is not None:
    ...         message = alice.receive(message)
    >>> alice.sample, bob.sample, alice.done, bob.done
    (0, 0, True, True)
    """

    _name = "p"

    def __init__(self, p: npt.ArrayLike, seed: int, step: int = 0, *, epsilon: float | None = None) -> None:
        super().__init__(p, seed, step, epsilon=epsilon)

    def _begin(self, row: Weights, seed: int, step: int, epsilon: float | None) -> None:
        super()._begin(row, seed, step, epsilon)
        self.sample = self._first

    def start(self) -> bytes:
        """Her first message: the dart. To be called once.

        Returns
        -------
        bytes

        Raises
        ------
        ProtocolError
            It was called before.
        """
        if self._next != 0:
            raise ProtocolError("Alice has started already")
        return self._send(*encode_dart(len(self._weights), self._dart))

    def _before_receiving(self) -> None:
        if self._next == 0:
            self._failed = False
            raise ProtocolError("Alice speaks first: send what start() gives")

    def _answer(self, payload: bytes) -> bytes | None:
        w = (self._next - 2) // 2  # the round that Bob may ask for
        if payload == b"\x00":
            self.done = True
            return None
        if payload != b"\x80" or w >= self._rounds:
            raise ProtocolError(f"message {self._next - 1} is no answer of Bob's")
        power, epochs = _epochs(w)
        bitmap = np.zeros((len(epochs), 2**power // 8), np.uint8)
        for epoch, row in zip(epochs, bitmap, strict=True):
            seed = _core.epoch_seed(self._seed, self._step, epoch)
            self._check(_core.set_marks(self._weights, seed, self._step, _TIME_A_BUCKET * 2**power, power, row))
        return self._send(bitmap.tobytes(), 8 * bitmap.size)


class Bob(_Party):
    """The party that takes the other's dart when it can.

    Parameters
    ----------
    q : array_like, shape (n,)
        Weights, as `Alice` takes them.
    seed, step, epsilon
        As for `Alice`, and the same.

    Attributes
    ----------
    sample : int or None
        His item; None until he has it.
    done : bool
        Whether he has it. What `receive` gave with it is still to be sent: Alice waits for it.
    bits_sent, header_bits_sent : int
        As for `Alice`.

    Raises
    ------
    ValueError, TypeError
        As for `Alice`.

    Examples
    --------
    See `Alice`.
    """

    _name = "q"

    def __init__(self, q: npt.ArrayLike, seed: int, step: int = 0, *, epsilon: float | None = None) -> None:
        super().__init__(q, seed, step, epsilon=epsilon)

    def _begin(self, row: Weights, seed: int, step: int, epsilon: float | None) -> None:
        super()._begin(row, seed, step, epsilon)
        self._hers: int | None = None  # in the bounded variant the item of her dart, if it is under q
        self._own = -1  # the item of a dart under q before hers, or -1

    def _answer(self, payload: bytes) -> bytes:
        if self._next == 1:
            return self._meet(decode_dart(len(self._weights), payload))
        return self._look(self._next // 2 - 1, payload)

    def _meet(self, dart: Dart) -> bytes:
        item = _core.dart_item(self._seed, self._step, *dart)[1]
        if item >= len(self._weights):
            raise ProtocolError(f"message 0 names a dart at item {item} of {len(self._weights)}")
        status, under, before = _core.meet(self._weights, self._seed, self._step, *dart)
        self._check(status)
        if under and (self._exact or before < 0):
            return self._take(item)
        if not under and before >= 0:
            return self._take(before)
        self._hers, self._own = (item if under else None), before
        return self._ask(0)

    def _look(self, w: int, payload: bytes) -> bytes:
        power, epochs = _epochs(w)
        size = 2**power // 8
        if len(payload) != len(epochs) * size:
            raise ProtocolError(f"the marks of round {w} have {len(payload)} bytes, not {len(epochs) * size}")
        bitmap = np.frombuffer(payload, np.uint8).reshape(len(epochs), size)
        for epoch, row in zip(epochs, bitmap, strict=True):
            seed = _core.epoch_seed(self._seed, self._step, epoch)
            found = _core.first_unmarked(self._weights, seed, self._step, _TIME_A_BUCKET * 2**power, power, row)
            self._check(found[0])
            if found[1] >= 0:
                return self._take(found[1] if self._hers is None else self._hers)
        return self._ask(w + 1)

    def _ask(self, w: int) -> bytes:
        """Ask for the marks of a round, or end without them after the last one."""
        if w < self._rounds:
            return self._send(b"\x80", 1)
        if self._exact:
            raise ProtocolError(
                f"no dart of {self._rounds} rounds is under q alone, though Alice's was under p alone: total variation "
                "distance is nearly 0 (epsilon=1e-6 avoids long runs), or her first message was not honest"
            )
        if self._hers is not None:
            return self._take(self._own)
        seed = _core.epoch_seed(self._seed, self._step, _epochs(w)[1][0])
        return self._take(self._draw(seed)[0])

    def _take(self, item: int) -> bytes:
        self.sample, self.done = item, True
        return self._send(b"\x00", 1)


def _epochs(w: int) -> tuple[int, range]:
    """Of round w: log2 of the buckets of each of its epochs, and their numbers."""
    power = min(_FIRST_POWER + w, _EPOCH_POWER)
    count = 2 ** (_FIRST_POWER + w - power)
    first = power - _FIRST_POWER + count - 1
    return power, range(first, first + count)


class Run(NamedTuple):
    """What `run` returns. Integers, or int64 arrays of the shape of `step`."""

    a: Any
    b: Any
    bits: Any
    header_bits: Any
    messages: Any
    bytes: Any


def run(p: npt.ArrayLike, q: npt.ArrayLike, seed: int, step: Any = 0, *, epsilon: float | None = None) -> Run:
    """Run `Alice` and `Bob` in one process, message by message: for experiments.

    Parameters
    ----------
    p, q : array_like, shape (n,)
        Weights, one row each, over the same n items.
    seed : int
        In 0..2**64 - 1.
    step : int or array_like of int, default 0
        In 0..2**64 - 1; an array is one run a step.
    epsilon : float, optional
        The bounded variant; see `rounds`.

    Returns
    -------
    a, b : int or ndarray of int64
        The samples: a ~ p, b ~ q, and Pr[a = b] = 1 - D, with `epsilon` at least 1 - D - epsilon.
    bits : int or ndarray of int64
        Payloads of both parties, without headers and without padding to whole bytes; `expected_bits_bound` bounds the
        expectation.
    header_bits : int or ndarray of int64
        Headers: 72 bits of the first message of each party, 32 of each further one.
    messages : int or ndarray of int64
        How many there were, of both parties: 2 unless marks were asked for.
    bytes : int or ndarray of int64
        Their lengths together, with headers and padding: what a transport carries.

    Raises
    ------
    ValueError, TypeError
        As for `Alice`; p and q differ in the number of items.
    ProtocolError
        The rounds of marks did not end; see the module's limits.

    Examples
    --------
    >>> from pycouple import protocol
    >>> p, q = [0.5, 0.3, 0.2, 0.0], [0.4, 0.35, 0.15, 0.1]
    >>> run = protocol.run(p, q, seed=7, step=np.arange(10_000))
    >>> float(np.mean(run.a == run.b)), float(1 - pycouple.theory.total_variation(p, q))
    (0.8552, 0.85)
    >>> float(run.bits.mean()), float(run.messages.mean())
    (10.2512, 2.5034)
    """
    left, right = _one_row(p, "p"), _one_row(q, "q")
    check_pair(left, right)
    key, steps = one_unsigned(seed, "seed"), unsigned(step, "step")
    if epsilon is not None:
        rounds(epsilon)  # an error without a step, too
    counts = [_run(left, right, key, int(s), epsilon) for s in steps.reshape(-1)]
    if not steps.shape:
        return Run(*counts[0])
    columns = np.array(counts, np.int64).reshape(-1, len(Run._fields)).T
    return Run(*(column.reshape(steps.shape) for column in columns))


def _run(p: Weights, q: Weights, seed: int, step: int, epsilon: float | None) -> tuple[int | None, ...]:
    alice, bob = Alice._of(p, seed, step, epsilon), Bob._of(q, seed, step, epsilon)
    sent = [alice.start()]
    for party in (bob, alice) * (MAX_ROUNDS + 1):
        answer = party.receive(sent[-1])
        if answer is None:
            break
        sent.append(answer)
    else:
        raise AssertionError("the conversation did not end")
    bits, header_bits = alice.bits_sent + bob.bits_sent, alice.header_bits_sent + bob.header_bits_sent
    return alice.sample, bob.sample, bits, header_bits, len(sent), sum(map(len, sent))


def _one_row(weights: npt.ArrayLike, name: str) -> Weights:
    """A row of our own."""
    x = native(real_rows(weights, name))
    if x.ndim != 1:
        raise ValueError(f"{name} must be one row of weights, got an array of shape {x.shape}")
    return x.copy()
