"""Whatever a caller has for an array, as a NumPy array."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def array_of(x: Any, name: str) -> Array:
    """`x` as a NumPy array."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill what is masked (weights with 0, logits with -inf)")
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    except TypeError as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from error
