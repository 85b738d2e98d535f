"""From what a caller passes to what the C core takes."""

import math
import operator
from collections.abc import Collection
from decimal import Decimal
from numbers import Number, Real
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
_PYTHON = {"b": "bool", "f": "float", "c": "complex", "U": "str", "S": "bytes"}  # types of numbers of a list


def core_rows(x: Any, name: str, axis: Any = -1, hint: str = "") -> npt.NDArray[Any]:
    """`x` as rows that the core reads, their items last.

    float16, float32, float64 and BFLOAT16 are not copied, other real types are cast where that is exact.
    """
    a = x if type(x) is np.ndarray else array_of(x, name, hint)
    known = a.dtype.char in _NATIVE or a.dtype == BFLOAT16
    if not known:
        _check_real(a, x, name)
    if a.ndim == 0 or type(axis) is not int or axis != -1:
        a = np.moveaxis(a, axis_of(axis, a.ndim, name), -1)
    return a if known else _cast(a, name)


def axis_of(axis: Any, ndim: int, name: str) -> int:
    """`axis` as the number of one of the axes of an array."""
    if ndim == 0:
        raise ValueError(f"{name} must have at least one axis, the items; got a single number")
    number = integer(axis, "axis")
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(number, ndim, name)
    return number


def _check_real(a: npt.NDArray[Any], x: Any, name: str) -> None:
    if a.dtype.names is not None:
        raise TypeError(f"{name} must be real numbers, got fields {', '.join(a.dtype.names)}: pass one of them")
    if a.dtype.kind not in "biufO" and a.dtype.name != "bfloat16" and not a.dtype.name.startswith("float8"):
        raise TypeError(f"{name} must be real numbers, got {_kind_text(x, a)}")
    if a.dtype.kind == "O":
        for i, item in enumerate(a.flat):
            if not isinstance(item, Real | Decimal | np.bool_):
                raise TypeError(f"{name} must be real numbers, got {type(item).__name__}{_index_text(a, i)}")


def _cast(a: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Rows of another real type, checked, as a type that the core reads."""
    if a.dtype.name == "bfloat16":  # of ml_dtypes
        return native(a).view(np.uint16).view(BFLOAT16)
    if a.dtype.name.startswith("float8"):
        return a.astype(np.float32)
    wide, rounded = doubles(a)
    if rounded is not None:
        *row, column = (int(i) for i in np.unravel_index(rounded, a.shape))
        raise rounded_error(name, a.flat[rounded], column, row_text(row))
    return wide


def doubles(a: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], int | None]:
    """Real numbers as doubles, and the flat index of the first that no double is."""
    if a.dtype.kind != "O":
        with np.errstate(over="ignore", under="ignore"):
            wide = a.astype(np.float64)
        if a.dtype.itemsize < 8 or a.dtype == np.float64:
            return wide, None
        if a.dtype.kind != "f" and not (np.abs(wide) >= 2.0**53).any():
            return wide, None
        a = a.astype(object)
    items = [item.item() if isinstance(item, np.generic) else item for item in a.flat]  # Python compares exactly
    flat = [_double(item) for item in items]
    pairs = enumerate(zip(items, flat, strict=True))
    rounded = next((i for i, (item, nearest) in pairs if nearest != item and item == item), None)
    return np.array(flat, np.float64).reshape(a.shape), rounded


def rounded_error(name: str, number: Any, item: int, at: str) -> ValueError:
    """The error for a number that no double is."""
    what = f"item {item} is {_number_text(number)}{at}, which no double is"
    return ValueError(f"{name}: {what}: round it first, by float or astype(float)")


def _double(x: Any) -> float:
    """The double that is nearest to a number."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def real_rows(x: Any, name: str, hint: str = "") -> npt.NDArray[Any]:
    """`x` as rows of float16, float32 or float64."""
    return widened(core_rows(x, name, hint=hint))


def unsigned(x: Any, name: str, limit: int = UINT64_LIMIT, wanted: str = "integers") -> Any:
    """`x` as a uint64 array, every number in 0..limit - 1."""
    if type(x) is int:
        if x == 0:
            return _ZERO
        if 0 < x < limit:
            return np.array(x, np.uint64)  # a ufunc takes arrays without a dimension faster than scalars
        raise ValueError(f"{name} must be in 0..{limit_text(limit)}, got {_number_text(x)}")
    a = _whole(x, name, wanted)
    if a.dtype != np.uint64 or limit != UINT64_LIMIT:
        bad = (a < 0) | (a > limit - 1) if a.dtype == object or a.dtype.kind == "i" else a > np.uint64(limit - 1)
        if np.any(bad):
            raise ValueError(f"{name} must be in 0..{limit_text(limit)}, got {_first_text(a, bad)}")
    return a.astype(np.uint64)


def one_unsigned(x: Any, name: str) -> int:
    """`x` as one number in 0..2**64 - 1."""
    number = unsigned(_single(x, name, "an integer"), name, wanted="an integer")
    if number.ndim:
        raise ValueError(f"{name} must be one integer, got an array of shape {number.shape}")
    return int(number)


def _whole(x: Any, name: str, wanted: str) -> npt.NDArray[Any]:
    """`x` as an array of integers: of one of NumPy's types, or of Python's as objects. An empty list is one too."""
    a = array_of(x, name)
    if a.dtype.kind in "iu":
        return a
    if a.size == 0 and not isinstance(x, np.ndarray):
        return a.astype(np.uint64)
    if a.dtype.kind != "O":
        raise TypeError(f"{name} must be {wanted}, got {_kind_text(x, a)}")
    return _integers(a, name, wanted)


def _integers(a: npt.NDArray[np.object_], name: str, wanted: str) -> npt.NDArray[np.object_]:
    """Python's and NumPy's integers among objects, as Python's."""
    found = np.empty(a.size, dtype=object)
    for i, item in enumerate(a.flat):
        try:
            if isinstance(item, bool | np.bool_):
                raise TypeError
            found[i] = operator.index(item)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"{name} must be {wanted}, got {type(item).__name__}{_index_text(a, i)}") from None
    return found.reshape(a.shape)


def limit_text(limit: int) -> str:
    """The largest number below `limit`, as a message has it."""
    return "2**64 - 1" if limit == UINT64_LIMIT else str(limit - 1)


def _number_text(x: Any) -> str:
    """A number as a message has it, which is short (and Python writes no integer of many thousand digits)."""
    bits = x.bit_length() if type(x) is int else 0
    return f"an integer of {bits} bits" if bits > 128 else str(x)


def _index_text(a: npt.NDArray[Any], i: int) -> str:
    """Where the i-th element of an array is, as the end of a message."""
    return row_text(np.array(np.unravel_index(i, a.shape), np.intp) if a.ndim else (), "index")


def _first_text(a: npt.NDArray[Any], bad: Any) -> str:
    """The first bad element of an array, with its place, as the end of a message."""
    where = np.argwhere(bad)[0]
    return f"{_number_text(a[tuple(where)])}{row_text(where, 'index')}"


def _kind_text(x: Any, a: npt.NDArray[Any]) -> str:
    """What numbers of `x`, as the array `a`, are instead of the wanted ones."""
    if a.ndim == 0 and not hasattr(x, "dtype"):
        return type(x).__name__
    if isinstance(x, list | tuple) and a.dtype.kind in _PYTHON:
        return _PYTHON[a.dtype.kind]
    return f"dtype {'bfloat16' if a.dtype == BFLOAT16 else a.dtype}"


def reals(x: Any, name: str, wanted: str = "real numbers") -> Any:
    """`x` as a float64 array of the nearest doubles. The core checks the values, row by row."""
    if type(x) is float:
        return np.array(x)
    a = widened(array_of(x, name))
    if a.dtype.name == "bfloat16":  # of ml_dtypes
        a = a.astype(np.float32)
    if a.dtype.kind not in "iufO":
        raise TypeError(f"{name} must be {wanted}, got {_kind_text(x, a)}")
    if a.dtype.kind != "O":
        with np.errstate(over="ignore", under="ignore"):
            return a.astype(np.float64)
    for i, item in enumerate(a.flat):
        if not isinstance(item, Real | Decimal) or isinstance(item, bool):
            raise TypeError(f"{name} must be {wanted}, got {type(item).__name__}{_index_text(a, i)}")
    return np.array([_double(item) for item in a.flat], np.float64).reshape(a.shape)


def counts(x: Any, name: str) -> Any:
    """`x`, numbers of items, as an int64 array: -1 and 0 stand for all, and so do what no array has so many of."""
    if type(x) is int and -1 <= x < 2**63:
        return np.array(x, np.int64)
    a = _whole(x, name, "integers")
    if a.dtype.kind != "u" and np.any(a < -1):
        raise ValueError(f"{name} must be positive, or 0 or -1 to keep all; got {_first_text(a, a < -1)}")
    if a.dtype == np.uint64 or a.dtype == object:
        a = np.asarray(np.minimum(a, 2**63 - 1))
    return a.astype(np.int64)


def shares(x: Any, name: str) -> Any:
    """`x` as a float64 array, every number in 0..1."""
    if type(x) is float and 0 <= x <= 1:
        return np.array(x)
    a = reals(x, name)
    bad = ~((a >= 0) & (a <= 1))
    if np.any(bad):
        raise ValueError(f"{name} must be in [0, 1], got {_first_text(a, bad)}")
    return a


def real(x: Any, name: str) -> float:
    """`x` as the nearest double."""
    number = reals(_single(x, name, "a real number"), name, "a real number")
    if number.ndim:
        raise ValueError(f"{name} must be one real number, got an array of shape {number.shape}")
    return float(number)


def _single(x: Any, name: str, wanted: str) -> Any:
    """`x`, or an error for what cannot be a number, nor numbers, of which there are too many."""
    if not isinstance(x, Number | np.generic | list | tuple) and not hasattr(x, "ndim"):
        raise TypeError(f"{name} must be {wanted}, got {type(x).__name__}")
    return x


def integer(x: Any, name: str) -> int:
    """`x` as an int; True and False are none."""
    number: int = x
    if type(x) is not int:
        try:
            if isinstance(x, bool | np.bool_):
                raise TypeError
            number = operator.index(x)
        except TypeError:
            raise TypeError(f"{name} must be an integer, got {type(x).__name__}") from None
    if number.bit_length() > 128:
        raise ValueError(f"{name} is out of range: {_number_text(number)}")
    return number


def flag(x: Any, name: str) -> bool:
    """`x` as True or False, which it has to be."""
    if not isinstance(x, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {type(x).__name__}")
    return bool(x)


def threads(workers: Any) -> int:
    """`workers` as a number of threads; -1 is all cores."""
    if type(workers) is int and 0 < workers < 2**16:
        return workers
    count = integer(workers, "workers")
    if count == -1:
        return cores()
    if count < 1:
        raise ValueError(f"workers must be positive, or -1 for all cores; got {count}")
    return min(count, 2**16)


def check_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Raise an error unless `value` is one of the known ones."""
    if not isinstance(value, str) or value not in known:
        got = repr(value) if isinstance(value, str) else type(value).__name__
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {got}")


def native(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`x` in the machine's byte order."""
    return x.astype(x.dtype.newbyteorder("="), copy=False)
