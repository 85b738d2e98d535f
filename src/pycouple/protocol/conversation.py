"""Both parties in one process."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple._arguments import one_unsigned, unsigned
from pycouple._labels import check_labels
from pycouple._shapes import check_pair
from pycouple.protocol.bounds import MAX_ROUNDS, ROUNDS_ALLOWED
from pycouple.protocol.messages import ProtocolError
from pycouple.protocol.parties import Alice, Bob
from pycouple.protocol.party import Terms, Weights, one_row


class Run(NamedTuple):
    """What `run` returns. Integers, or int64 arrays of the shape of `step`."""

    a: Any
    b: Any
    bits: Any
    header_bits: Any
    messages: Any
    bytes: Any


def run(
    p: npt.ArrayLike,
    q: npt.ArrayLike,
    seed: int,
    step: Any = 0,
    *,
    epsilon: float | None = None,
    key: bytes | None = None,
    max_rounds: int = ROUNDS_ALLOWED,
) -> Run:
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
    key : bytes, optional
        16 to 64 bytes: messages have the keyed check; see `Alice`. The samples are the same.
    max_rounds : int, default 17
        In 0..24: how many rounds of marks each party works through; see `Alice`.

    Returns
    -------
    a, b : int or ndarray of int64
        The samples: a ~ p, b ~ q, and Pr[a = b] = 1 - D, with `epsilon` at least 1 - D - epsilon.
    bits : int or ndarray of int64
        Payloads of both parties, without headers and without padding to whole bytes; `expected_bits_bound` bounds the
        expectation.
    header_bits : int or ndarray of int64
        Headers: 72 bits of the first message of each party, 32 of each further one; with `key` 96 more of each.
    messages : int or ndarray of int64
        How many there were, of both parties: 2 unless marks were asked for.
    bytes : int or ndarray of int64
        Their lengths together, with headers and padding: what a transport carries.

    Raises
    ------
    ValueError, TypeError
        As for `Alice`; p and q differ in the number of items.
    ProtocolError
        A run needs more than `max_rounds` rounds of marks: more than 17 with a probability below 2e-6, whatever p and
        q are. The message names the step.

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
    check_labels({"p": p, "q": q})
    left, right = one_row(p, "p"), one_row(q, "q")
    check_pair(left, right)
    number, steps = one_unsigned(seed, "seed"), unsigned(step, "step")
    terms = Terms.of(epsilon, key, max_rounds)
    counts = [_run(left, right, number, int(s), terms) for s in steps.reshape(-1)]
    if not steps.shape:
        return Run(*counts[0])
    columns = np.array(counts, np.int64).reshape(-1, len(Run._fields)).T
    return Run(*(column.reshape(steps.shape) for column in columns))


def _run(p: Weights, q: Weights, seed: int, step: int, terms: Terms) -> tuple[int | None, ...]:
    alice, bob = Alice._of(p, seed, step, terms), Bob._of(q, seed, step, terms)
    sent = [alice.start()]
    for party in (bob, alice) * (MAX_ROUNDS + 1):
        try:
            answer = party.receive(sent[-1])
        except ProtocolError as error:
            raise ProtocolError(f"step {step}: {error}") from None
        if answer is None:
            break
        sent.append(answer)
    else:
        raise AssertionError("the conversation did not end")
    bits, header_bits = alice.bits_sent + bob.bits_sent, alice.header_bits_sent + bob.header_bits_sent
    return alice.sample, bob.sample, bits, header_bits, len(sent), sum(map(len, sent))
