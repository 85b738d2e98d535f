"""What Alice and Bob have in common: what they agreed on, turns, and how a message is taken."""

from typing import Any, NamedTuple, Self

import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import native, one_unsigned, real_rows
from pycouple._errors import Caller, row_error
from pycouple.protocol.bounds import MAX_ROUNDS, checked_max_rounds, rounds
from pycouple.protocol.messages import Dart, Frame, ProtocolError, checked_key

EXACT = 255  # in the place of the number of rounds

_FIRST_POWER = 3  # round 0 has 2**3 buckets
_EPOCH_POWER = 11  # an epoch has at most 2**11: later rounds have many

Weights = npt.NDArray[Any]


class Terms(NamedTuple):
    """On which terms a party runs: how many rounds the variant has, and how many this party works through."""

    exact: bool
    rounds: int
    key: bytes | None
    max_rounds: int

    @classmethod
    def of(cls, epsilon: float | None, key: bytes | None, max_rounds: int) -> Self:
        """The terms that arguments stand for, which are checked here."""
        exact = epsilon is None
        limit = MAX_ROUNDS if epsilon is None else rounds(epsilon)
        return cls(exact, limit, checked_key(key), checked_max_rounds(max_rounds))


class Party:
    """The base of Alice and Bob."""

    _name = ""

    def __init__(
        self,
        weights: npt.ArrayLike,
        seed: int,
        step: int,
        epsilon: float | None,
        key: bytes | None,
        max_rounds: int,
    ) -> None:
        row = one_row(weights, self._name)
        terms = Terms.of(epsilon, key, max_rounds)
        self._begin(row, one_unsigned(seed, "seed"), one_unsigned(step, "step"), terms)

    @classmethod
    def _of(cls, row: Weights, seed: int, step: int, terms: Terms) -> Self:
        """A party with arguments that are checked, and a row that nobody changes."""
        party = cls.__new__(cls)
        party._begin(row, seed, step, terms)
        return party

    def _begin(self, row: Weights, seed: int, step: int, terms: Terms) -> None:
        self._weights, self._seed, self._step, self._terms = row, seed, step, terms
        self._first, self._dart = self._draw(seed)  # also the check of the weights
        self._frame = Frame(seed, step, len(row), EXACT if terms.exact else terms.rounds, terms.key)
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
            seed, step, epsilon or key; or the run needs more than `max_rounds`. The run is over then: every further
            call raises it too, as it does after Ctrl-C. (Alice's call before `start` raises it and changes nothing.)
        TypeError
            The message is not bytes, bytearray or memoryview. Nothing is changed.

        Notes
        -----
        The length is looked at first: a message that is too long is refused unread. An honest one has at most
        ``2**(max_rounds - 1) + 16`` bytes, or 28.
        """
        if not isinstance(message, bytes | bytearray | memoryview):
            raise TypeError(f"message must be bytes, got {type(message).__name__}")
        view = memoryview(message)
        if self._failed:
            raise ProtocolError("this run has failed before")
        if self.done:
            raise ProtocolError("this run is over: no message is expected")
        self._failed = True
        self._before_receiving()
        payload = self._frame.unpack(self._next, view)
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
        self.header_bits_sent += 8 * self._frame.header_bytes(self._next)
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


def epochs(w: int) -> tuple[int, int, int]:
    """Of round w: the number of its first epoch, how many it has, and log2 of the buckets of each."""
    power = min(_FIRST_POWER + w, _EPOCH_POWER)
    count = 2 ** (_FIRST_POWER + w - power)
    return power - _FIRST_POWER + count - 1, count, power


def one_row(weights: npt.ArrayLike, name: str) -> Weights:
    """A row of our own."""
    x = native(real_rows(weights, name))
    if x.ndim != 1:
        raise ValueError(f"{name} must be one row of weights, got an array of shape {x.shape}")
    return x.copy()
