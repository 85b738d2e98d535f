"""Drafters that need no model."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pycouple.speculative.loop import Drafter

Row = npt.NDArray[np.float32]

LONGEST_MATCH = 16  # a longer suffix says no more


def lookup(tokens: Sequence[int]) -> Row | None:
    """Propose what followed the longest suffix of the tokens that stood there before, where it did so last.

    Parameters
    ----------
    tokens : sequence of int

    Returns
    -------
    ndarray or None
        Logits that leave one token; None where even the last token is new.
    """
    best, follower = 0, None
    for end in range(len(tokens) - 1, 0, -1):  # the match is tokens[end - length : end]
        length = 0
        while length < min(end, LONGEST_MATCH) and tokens[end - 1 - length] == tokens[-1 - length]:
            length += 1
        if length > best:
            best, follower = length, tokens[end]
            if best == LONGEST_MATCH:
                break
    return None if follower is None else only(follower)


def random_tokens(vocabulary: int, seed: int) -> Drafter:
    """Propose tokens that have nothing to do with the text."""
    rng = np.random.default_rng(seed)
    return lambda tokens: only(int(rng.integers(vocabulary)))


def only(token: int) -> Row:
    """Logits that leave one token."""
    row = np.full(token + 1, -np.inf, np.float32)
    row[token] = 0
    return row
