"""From what a caller passes to what the C core takes."""

import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._arrays import BFLOAT16, array_of, widened
from pycouple._config import cores
from pycouple._errors import row_text

METHODS = ("gumbel", "minhash")
UINT64_LIMIT = 2**64
STREAM_LIMIT = 256

_ZERO = np.zeros((), np.uint64)
_ZERO.flags.writeable = False
_NATIVE = frozenset("efd")  # float16, float32, float64


def core_rows(x: npt.ArrayLike, name: str, axis: Any = -1) -> npt.NDArray[Any]:
    """`x` as rows that the core reads, their items last.

    float16, float32, float64 and BFLOAT16 are not copied, other real types are cast.
    """
    a = x if type(x) is np.ndarray else array_of(x, name)
    if a.dtype.char not in _NATIVE and a.dtype != BFLOAT16:
        a = _cast(a, name)
    if a.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, the items; got a single number")
    if axis == -1 and type(axis) is int:
        return a
    number = integer(axis, "axis")
    if not -a.ndim <= number < a.ndim:
        raise np.exceptions.AxisError(number, a.ndim, name)
    return np.moveaxis(a, number, -1)


def _cast(a: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if a.dtype.name == "bfloat16":  # of ml_dtypes
        return a.view(np.uint16).view(BFLOAT16)
    if a.dtype.kind in "biuf":
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is an error later
            return a.astype(np.float64)
    if a.dtype.name.startswith("float8"):
        return a.astype(np.float32)
    raise TypeError(f"{name} must be real numbers, got dtype {a.dtype}")


def real_rows(x: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """`x` as rows of float16, float32 or float64."""
    return widened(core_rows(x, name))


def unsigned(x: Any, name: str, limit: int = UINT64_LIMIT) -> Any:
    """`x` as a uint64 array, every number in 0..limit - 1."""
    if type(x) is int:
        if x == 0:
            return _ZERO
        if 0 < x < limit:
            return np.array(x, np.uint64)  # a ufunc takes arrays without a dimension faster than scalars
        raise ValueError(f"{name} must be in 0..{limit_text(limit)}, got {x}")
    a = array_of(x, name)
    if a.dtype.kind not in "iu":
        if a.size == 0 and not isinstance(x, np.ndarray):
            return a.astype(np.uint64)
        if a.dtype.kind != "O" and (a.dtype.kind != "f" or not isinstance(x, list | tuple)):
            raise TypeError(f"{name} must be integers, got {_kind_text(x, a)}")
        a = _big_integers(x, name)
    if a.dtype != np.uint64 or limit != UINT64_LIMIT:
        bad = (a < 0) | (a > limit - 1) if a.dtype == object or a.dtype.kind == "i" else a > np.uint64(limit - 1)
        if np.any(bad):
            where = np.argwhere(bad)[0]
            raise ValueError(
                f"{name} must be in 0..{limit_text(limit)}, got {a[tuple(where)]}{row_text(where, 'index')}"
            )
    return a.astype(np.uint64)


def one_unsigned(x: Any, name: str) -> int:
    """`x` as one number in 0..2**64 - 1."""
    number = unsigned(x, name)
    if number.ndim:
        raise ValueError(f"{name} must be one integer, got an array of shape {number.shape}")
    return int(number)


def _big_integers(x: Any, name: str) -> npt.NDArray[np.object_]:
    """Python integers that no NumPy integer type holds together (NumPy would round them to floats)."""
    a = np.array(x, dtype=object)
    flat = a.reshape(-1)
    for i, item in enumerate(flat):
        try:
            if isinstance(item, bool):
                raise TypeError
            flat[i] = operator.index(item)
        except TypeError:
            raise TypeError(f"{name} must be integers, got {type(item).__name__}") from None
    return flat.reshape(a.shape)


def limit_text(limit: int) -> str:
    """The largest number below `limit`, as a message has it."""
    return "2**64 - 1" if limit == UINT64_LIMIT else str(limit - 1)


def _kind_text(x: Any, a: npt.NDArray[Any]) -> str:
    if a.ndim == 0 and not hasattr(x, "__dlpack__"):
        return type(x).__name__
    return f"dtype {'bfloat16' if a.dtype == BFLOAT16 else a.dtype}"


def temperatures(x: Any, name: str = "temperature") -> Any:
    """`x` as a float64 array. The core checks the values, row by row."""
    if type(x) is float:
        return np.array(x)
    a = widened(array_of(x, name))
    if a.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {_kind_text(x, a)}")
    return a.astype(np.float64)


def integer(x: Any, name: str) -> int:
    """`x` as an int; True and False are none."""
    if type(x) is int:
        return x
    try:
        if isinstance(x, bool | np.bool_):
            raise TypeError
        return operator.index(x)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {type(x).__name__}") from None


def threads(workers: Any) -> int:
    """`workers` as a number of threads; -1 is all cores."""
    count = integer(workers, "workers")
    if count == -1:
        return cores()
    if count < 1:
        raise ValueError(f"workers must be positive, or -1 for all cores; got {count}")
    return min(count, 2**16)


def check_choice(name: str, value: str, known: Collection[str]) -> None:
    """Raise an error unless `value` is one of the known ones."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")


def native(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`x` in the machine's byte order."""
    return x.astype(x.dtype.newbyteorder("="), copy=False)
