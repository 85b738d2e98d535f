"""What draws give: items, scores, and the results that hold several of them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Items = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


class Race(NamedTuple):
    """What `race_logits` returns: winner, its score, by how much it won, and how safely it was kept.

    Arrays of one shape, or NumPy scalars.
    """

    item: Items
    score: Reals
    margin: Reals
    edge: Reals


class Winner(NamedTuple):
    """What `race_weights` returns: winner and its score. Arrays of one shape, or NumPy scalars."""

    item: Items
    score: Reals
