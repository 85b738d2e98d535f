"""From what a caller passes to what the C core takes, and from what the core marks to an error that says why."""

import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._config import cores

METHODS = ("gumbel", "minhash")
UINT64_LIMIT = 2**64
STREAM_LIMIT = 256

_ZERO = np.zeros((), np.uint64)
_ZERO.flags.writeable = False
_NATIVE = frozenset("efd")  # float16, float32, float64


def real_rows(x: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """`x` as an array that the core reads: float16, float32 and float64 as they are, other real types cast."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill it, with weight 0 or logit -inf for what is masked")
    a = np.asarray(x)
    if a.dtype.char not in _NATIVE:
        if a.dtype.kind in "biuf":
            with np.errstate(over="ignore"):  # what is too large becomes infinite, which is an error later
                a = a.astype(np.float64)
        elif a.dtype.name == "bfloat16" or a.dtype.name.startswith("float8"):
            a = a.astype(np.float32)
        else:
            raise TypeError(f"{name} must be real numbers, got dtype {a.dtype}")
    if a.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, the items; got a single number")
    return a


def unsigned(x: Any, name: str, limit: int = UINT64_LIMIT) -> Any:
    """`x` as a uint64 array, every number in 0..limit - 1."""
    if type(x) is int:
        if x == 0:
            return _ZERO
        if 0 < x < limit:
            return np.array(x, np.uint64)  # a ufunc takes arrays without a dimension faster than scalars
        raise ValueError(f"{name} must be in 0..{limit_text(limit)}, got {x}")
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array")
    a = np.asarray(x)
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
    return f"dtype {a.dtype}" if isinstance(x, np.ndarray | list | tuple) else type(x).__name__


def temperatures(x: Any) -> Any:
    """`x` as a float64 array. The core checks the values, row by row."""
    if type(x) is float:
        return np.array(x)
    a = np.asarray(x)
    if a.dtype.kind not in "biuf":
        raise TypeError(f"temperature must be real numbers, got {_kind_text(x, a)}")
    return a.astype(np.float64)


def integer(x: Any, name: str) -> int:
    """`x` as an int; True and False are none."""
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


def check_pair(p: npt.NDArray[Any], q: npt.NDArray[Any], left: str = "p", right: str = "q") -> None:
    """Raise an error unless two batches of rows are over the same items and broadcast."""
    if p.shape[-1] != q.shape[-1]:
        counts = f"{left} has {p.shape[-1]}, {right} has {q.shape[-1]}"
        raise ValueError(f"{left} and {right} must be over the same items: {counts}")
    check_shapes(left, p, -1, {right: np.broadcast_to(0, q.shape[:-1])})


def check_out(out: Any, dtypes: tuple[type, ...]) -> None:
    """An `out` of another type would be cast to, silently, and could not hold the mark of a bad row."""
    arrays = out if isinstance(out, tuple) else (out,)
    wanted = ", ".join(dtype.__name__ for dtype in dtypes)
    if len(arrays) != len(dtypes) or not all(isinstance(a, np.ndarray) for a in arrays):
        what = "an array" if len(dtypes) == 1 else f"a tuple of {len(dtypes)} arrays"
        raise TypeError(f"out must be {what} ({wanted}), got {type(out).__name__}")
    if any(a.dtype != dtype for a, dtype in zip(arrays, dtypes, strict=True)):
        raise TypeError(f"out must be of type {wanted}, got {', '.join(str(a.dtype) for a in arrays)}")


def check_shapes(name: str, x: npt.NDArray[Any], axis: int, parameters: dict[str, Any]) -> None:
    """Raise an error that names the arguments if their shapes do not broadcast."""
    shapes = {name: np.moveaxis(x, axis, -1).shape[:-1]} | {key: np.shape(v) for key, v in parameters.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        batch = ", ".join(f"{key} {shape}" for key, shape in shapes.items() if shape)
        raise ValueError(f"the batch shapes do not broadcast ({name} without its items): {batch}") from None


def row_text(where: npt.NDArray[np.intp], what: str = "row") -> str:
    """Where in a batch something was wrong, as the end of a message; nothing for a single row."""
    if where.size == 0:
        return ""
    return f" at {what} {int(where[0])}" if where.size == 1 else f" at {what} {tuple(int(i) for i in where)}"


def row_error(
    items: Any, name: str, x: npt.NDArray[Any], axis: int, parameters: dict[str, Any], limit: int
) -> ValueError | MemoryError:
    """The error for the first row that the core marked in `items`; item numbers are below `limit`."""
    items = np.asarray(items)
    where = np.argwhere(items < 0)[0]
    row = tuple(where)
    status = int(items[row]) - _core.NO_WINNER
    at = row_text(where)
    got = {key: np.broadcast_to(value, items.shape)[row] for key, value in parameters.items()}
    values = np.broadcast_to(np.moveaxis(x, axis, -1), (*items.shape, x.shape[axis]))[row]
    if status == _core.BAD_VALUE:
        return ValueError(f"{name}: {bad_value(name, values)}{at}")
    if status == _core.NO_ITEM:
        if x.shape[axis] == 0:
            return ValueError(f"{name}: there are no items (n = 0){at}")
        what = "no weight is positive" if name != "logits" else "every logit is -inf"
        return ValueError(f"{name}: {what}{at}, so there is nothing to draw")
    if status == _core.BAD_TEMPERATURE:
        return ValueError(f"temperature must be finite and at least 0, got {got['temperature']}{at}")
    if status == _core.OVERFLOW:
        with np.errstate(over="ignore"):
            item = int(np.argmax(np.isfinite(values) & np.isinf(values.astype(np.float64) / got["temperature"])))
        return ValueError(
            f"temperature {got['temperature']} is so small that logit / temperature overflows for item {item}, "
            f"logit {values[item]}{at}; mask items with -inf, and take the largest logit with temperature=0"
        )
    if status == _core.BAD_STREAM:
        return ValueError(f"stream must be in 0..{STREAM_LIMIT - 1}, got {got['stream']}{at}")
    if status == _core.BAD_OFFSET and x.shape[axis] > limit:
        return ValueError(f"{name}: {x.shape[axis]} items are more than the {limit} that can be told apart")
    if status == _core.BAD_OFFSET:
        return ValueError(
            f"item_offset must be a multiple of 64 that leaves every item below {limit}, got {got['item_offset']}{at}"
        )
    return MemoryError(f"no memory for the scratch of a row of {x.shape[axis]} items")


def bad_value(name: str, values: npt.NDArray[Any], ids: npt.NDArray[Any] | None = None) -> str:
    """What is wrong with the first bad value of a row, whose items are numbered from 0 or have ids."""
    if name == "logits":
        item = int(np.argmax(np.isnan(values) | (values == np.inf)))
        return f"logit of item {item} is {values[item]}; it must be finite or -inf"
    item = int(np.argmax(~((values >= 0) & (values < np.inf))))
    return f"weight of item {item if ids is None else ids[item]} is {values[item]}; it must be finite and not negative"
