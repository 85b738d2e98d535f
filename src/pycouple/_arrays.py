"""Whatever a caller has for an array, as a NumPy array of the same memory where NumPy can read that."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])  # NumPy has no such type: these are its bits


def widened(a: Array) -> Array:
    """BFLOAT16 as float32 of the same values; other arrays as they are."""
    if a.dtype != BFLOAT16:
        return a
    wide: Array = (a.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return wide


def array_of(x: Any, name: str) -> Array:
    """`x` as a NumPy array. A tensor of torch is detached and brought to the host; bfloat16 becomes BFLOAT16."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill what is masked (weights with 0, logits with -inf)")
    try:
        if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack__"):
            return np.asarray(x)
        torch = sys.modules.get("torch")
        return _from_torch(x, torch) if isinstance(x, getattr(torch, "Tensor", ())) else _exchanged(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from error


def _from_torch(x: Any, torch: Any) -> Array:
    x = x.detach().resolve_conj().resolve_neg().cpu()
    if x.dtype is torch.bfloat16:
        return np.asarray(x.view(torch.int16).numpy()).view(BFLOAT16)
    if x.dtype.is_floating_point and x.dtype.itemsize == 1:  # float8
        x = x.float()
    return np.asarray(x.numpy())


def _exchanged(x: Any) -> Array:
    """An array of another library by DLPack or, where that has not the type or the device, by ``__array__``."""
    try:
        return np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError):
        if not hasattr(x, "__array__"):
            raise
        return np.asarray(x)
