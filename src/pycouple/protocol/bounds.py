"""How many rounds of marks epsilon allows, and what runs cost."""

import math
from typing import Any

from pycouple import _core
from pycouple._arguments import integer, real
from pycouple.protocol.messages import cells

MAX_ROUNDS = 24  # of the contract
ROUNDS_ALLOWED = 17  # unless a party says otherwise: as many as epsilon = 1e-6 takes
LEAST_EPSILON = 2.0**-26


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
    R rounds have M = 8 (2**R - 1) buckets in all, and what is lost is at most 1 / M; without rounds it is at most
    3 - 2 sqrt(2). docs/how/protocol.md has the proof.

    Examples
    --------
    >>> from pycouple import protocol
    >>> [protocol.rounds(epsilon) for epsilon in (0.2, 0.1, 0.01, 0.001)]
    [0, 2, 4, 7]
    """
    lost = real(epsilon, "epsilon")
    if not LEAST_EPSILON <= lost < 1:
        raise ValueError(f"epsilon must be in [2**-26, 1), got {lost}")
    if lost >= 3 - 2 * math.sqrt(2):
        return 0
    return next(r for r in range(1, MAX_ROUNDS + 1) if 8 * ((1 << r) - 1) * lost >= 1)


def checked_max_rounds(max_rounds: Any) -> int:
    """How many rounds of marks a party is ready to work through."""
    allowed = integer(max_rounds, "max_rounds")
    if not 0 <= allowed <= MAX_ROUNDS:
        raise ValueError(f"max_rounds must be in 0..{MAX_ROUNDS}, got {allowed}")
    return allowed


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
        raise ValueError(f"n must be in 1..2**32, got {items}")
    return (sum(cells(items)) - 1).bit_length()
