"""Weighted sets, and the methods that sketch them."""

import numpy as np
import pytest

from pycouple._arguments import METHODS

METHOD = pytest.mark.parametrize("method", METHODS)


def ids_of(rng, n):
    """Different ids, near both ends of 0..2**64 - 1 and in between."""
    ids = rng.integers(2**64, size=n, dtype=np.uint64)
    ids[: n // 3] = np.uint64(2**64 - 1) - np.arange(n // 3, dtype=np.uint64)
    ids[n // 3 : n // 2] = np.arange(n // 3, n // 2, dtype=np.uint64)
    return rng.permutation(ids)
