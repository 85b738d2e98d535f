"""Alice and Bob. Why they do what they do stands in docs/how/protocol.md."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import native, one_unsigned, real_rows
from pycouple._errors import Caller, row_error
from pycouple.protocol.bounds import MAX_ROUNDS, rounds
from pycouple.protocol.messages import Dart, Frame, ProtocolError, decode_dart, encode_dart, header_bytes

EXACT = 255  # in the place of the number of rounds

_FIRST_POWER = 3  # round 0 has 2**3 buckets
_EPOCH_POWER = 11  # an epoch has at most 2**11: later rounds have many
_TIME_A_BUCKET = 0.75  # in which one dart under p is expected

Weights = npt.NDArray[Any]


class _Party:
    """What Alice and Bob have in common."""

    _name = ""

    def __init__(self, weights: npt.ArrayLike, seed: int, step: int = 0, *, epsilon: float | None = None) -> None:
        row = one_row(weights, self._name)
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
            raise row_error(marked, Caller(self._name), self._weights, {}, _core.MINHASH_ITEMS)


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
    >>> from pycouple.protocol import Alice, Bob
    >>> alice = Alice([0.5, 0.3, 0.2, 0.0], seed=7, step=1)
    >>> bob = Bob([0.4, 0.35, 0.15, 0.1], seed=7, step=1)
    >>> answer = bob.receive(alice.start())  # to be sent to Alice
    >>> bob.sample, bob.done
    (0, True)
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


def one_row(weights: npt.ArrayLike, name: str) -> Weights:
    """A row of our own."""
    x = native(real_rows(weights, name))
    if x.ndim != 1:
        raise ValueError(f"{name} must be one row of weights, got an array of shape {x.shape}")
    return x.copy()
