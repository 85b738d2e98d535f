"""Alice and Bob. Why they do what they do stands in docs/how/protocol.md."""

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple.protocol.bounds import ROUNDS_ALLOWED
from pycouple.protocol.messages import Dart, ProtocolError, decode_dart, encode_dart
from pycouple.protocol.party import Party, Terms, Weights, epochs


class Alice(Party):
    """The party that names a dart. She has her sample before she says a word.

    Parameters
    ----------
    p : array_like, shape (n,)
        Weights, as for `pycouple.sample`: one row of at most 2**32 items. It is copied, so it may change afterwards.
    seed, step : int
        In 0..2**64 - 1, Bob's too.
    epsilon : float, optional
        The bounded variant, Bob's too; see `rounds`.
    key : bytes, optional
        A secret of 16 to 64 random bytes, Bob's too. With it nobody else can make or change a message, and the check
        says nothing of the seed. docs/protocol-keyed.md has the rule.
    max_rounds : int, default 17
        In 0..24: how many rounds of marks this party works through before it raises ProtocolError. It is a matter of
        its own: the other party need not have the same. Each round doubles the work. An honest run needs more than 17
        rounds with a probability below 2e-6, whatever p and q are.

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
        As for `pycouple.sample`; there is more than one row, seed or step; epsilon, key or max_rounds is out of
        range.

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

    def __init__(
        self,
        p: npt.ArrayLike,
        seed: int,
        step: int = 0,
        *,
        epsilon: float | None = None,
        key: bytes | None = None,
        max_rounds: int = ROUNDS_ALLOWED,
    ) -> None:
        super().__init__(p, seed, step, epsilon, key, max_rounds)

    def _begin(self, row: Weights, seed: int, step: int, terms: Terms) -> None:
        super()._begin(row, seed, step, terms)
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
        if payload != b"\x80" or w >= self._terms.rounds:
            raise ProtocolError(f"message {self._next - 1} is no answer of Bob's")
        if w >= self._terms.max_rounds:
            raise ProtocolError(
                f"Bob asks for the marks of round {w}, and max_rounds={self._terms.max_rounds} allows none: total "
                "variation distance is small, or he is not honest"
            )
        bitmap = np.zeros(2**w, np.uint8)
        self._check(_core.set_marks(self._weights, self._seed, self._step, *epochs(w), bitmap))
        return self._send(bitmap.tobytes(), 8 * bitmap.size)


class Bob(Party):
    """The party that takes the other's dart when it can.

    Parameters
    ----------
    q : array_like, shape (n,)
        Weights, as `Alice` takes them.
    seed, step, epsilon, key
        As for `Alice`, and the same.
    max_rounds : int, default 17
        As for `Alice`.

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

    def __init__(
        self,
        q: npt.ArrayLike,
        seed: int,
        step: int = 0,
        *,
        epsilon: float | None = None,
        key: bytes | None = None,
        max_rounds: int = ROUNDS_ALLOWED,
    ) -> None:
        super().__init__(q, seed, step, epsilon, key, max_rounds)

    def _begin(self, row: Weights, seed: int, step: int, terms: Terms) -> None:
        super()._begin(row, seed, step, terms)
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
        if under and (self._terms.exact or before < 0):
            return self._take(item)
        if not under and before >= 0:
            return self._take(before)
        self._hers, self._own = (item if under else None), before
        return self._ask(0)

    def _look(self, w: int, payload: bytes) -> bytes:
        bitmap = np.frombuffer(payload, np.uint8)
        status, found = _core.first_unmarked(self._weights, self._seed, self._step, *epochs(w), bitmap)
        self._check(status)
        if found >= 0:
            return self._take(found if self._hers is None else self._hers)
        return self._ask(w + 1)

    def _ask(self, w: int) -> bytes:
        """Ask for the marks of a round, or end without them after the last one."""
        rounds, max_rounds = self._terms.rounds, self._terms.max_rounds
        if w < min(rounds, max_rounds):
            return self._send(b"\x80", 1)
        if self._terms.exact or w < rounds:
            raise ProtocolError(
                f"the run needs the marks of round {w}, and max_rounds={max_rounds} allows none: total variation "
                "distance is small (epsilon= avoids long runs), or Alice is not honest"
            )
        if self._hers is not None:
            return self._take(self._own)
        return self._take(self._draw(_core.epoch_seed(self._seed, self._step, epochs(w)[0]))[0])

    def _take(self, item: int) -> bytes:
        self.sample, self.done = item, True
        return self._send(b"\x00", 1)
