"""From what a caller passes to what the C core takes, and from what the core marks to an error that says why."""

import operator
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arrays import BFLOAT16, array_of, widened
from pycouple._config import cores

METHODS = ("gumbel", "minhash")
UINT64_LIMIT = 2**64
STREAM_LIMIT = 256

_ZERO = np.zeros((), np.uint64)
_ZERO.flags.writeable = False
_NATIVE = frozenset("efd")  # float16, float32, float64


class Caller(NamedTuple):
    """What the caller of a draw calls that which the core calls rows, step and temperature: errors use these names.

    `place` says where in `rows` an element of the batch is, as the end of a message; without it each argument is named
    with the index in its own array.
    """

    rows: str
    step: str = "step"
    temperature: str = "temperature"
    place: Callable[[tuple[int, ...]], str] | None = None

    def name(self, parameter: str) -> str:
        """The caller's name of a parameter of the core."""
        return {"step": self.step, "temperature": self.temperature}.get(parameter, parameter)


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


def check_pair(p: npt.NDArray[Any], q: npt.NDArray[Any], left: str = "p", right: str = "q") -> None:
    """Raise an error unless two batches of rows are over the same items and broadcast."""
    if p.shape[-1] != q.shape[-1]:
        counts = f"{left} has {p.shape[-1]}, {right} has {q.shape[-1]}"
        raise ValueError(f"{left} and {right} must be over the same items: {counts}")
    check_shapes(left, p, {right: np.broadcast_to(0, q.shape[:-1])})


def check_out(out: Any, dtypes: tuple[type, ...]) -> None:
    """An `out` of another type would be cast to, silently, and could not hold the mark of a bad row."""
    arrays = out if isinstance(out, tuple) else (out,)
    wanted = ", ".join(dtype.__name__ for dtype in dtypes)
    if len(arrays) != len(dtypes) or not all(isinstance(a, np.ndarray) for a in arrays):
        what = "an array" if len(dtypes) == 1 else f"a tuple of {len(dtypes)} arrays"
        got = f"{len(out)} in a tuple" if isinstance(out, tuple) else type(out).__name__
        raise TypeError(f"out must be {what} ({wanted}), got {got}")
    if any(a.dtype != dtype for a, dtype in zip(arrays, dtypes, strict=True)):
        raise TypeError(f"out must be of type {wanted}, got {', '.join(str(a.dtype) for a in arrays)}")
    if any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i]):
        raise ValueError("out must be arrays that share no memory")


def check_out_shape(out: Any, shape: tuple[int, ...]) -> None:
    """Raise an error unless results of this shape can be put into `out`."""
    for a in out if isinstance(out, tuple) else (out,):
        if a.shape != shape:
            raise ValueError(f"out must have shape {shape}, that of the batch; got {a.shape}")
        if not a.flags.writeable:
            raise ValueError("out must be writeable")


def check_shapes(name: str, x: npt.NDArray[Any], parameters: dict[str, Any]) -> tuple[int, ...]:
    """The shape of the batch, or an error that names the arguments if their shapes do not broadcast."""
    shapes = {name: x.shape[:-1]} | {key: np.shape(value) for key, value in parameters.items()}
    return broadcast_shape(shapes, f" ({name} without its items)")


def broadcast_shape(shapes: dict[str, tuple[int, ...]], note: str = "") -> tuple[int, ...]:
    """The shape to which the arguments broadcast, or an error that names them."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(f"the batch shapes do not broadcast{note}: {given}") from None


def row_text(where: Sequence[int] | npt.NDArray[np.intp], what: str = "row") -> str:
    """Where in a batch something was wrong, as the end of a message; nothing for a single row."""
    if len(where) == 0:
        return ""
    return f" at {what} {int(where[0])}" if len(where) == 1 else f" at {what} {tuple(int(i) for i in where)}"


def row_error(
    items: Any, caller: Caller, x: npt.NDArray[Any], parameters: dict[str, Any], limit: int
) -> ValueError | MemoryError:
    """The error for the first row that the core marked in `items`; item numbers are below `limit`."""
    items = np.asarray(items)
    where = tuple(int(i) for i in np.argwhere(items < 0)[0])
    status = int(items[where]) - _core.NO_WINNER
    values = widened(x[_own(where, x.shape[:-1])])
    n = len(values)
    row = row_text(_own(where, x.shape[:-1])) if caller.place is None else caller.place(where)
    kind = "logit" if "temperature" in parameters else "weight"

    def got(parameter: str, place: str) -> str:
        value = np.asarray(parameters[parameter])
        own = _own(where, value.shape)
        return f"{value[own]}{row_text(own, 'index') if caller.place is None else place}"

    if status == _core.BAD_VALUE:
        return ValueError(f"{caller.rows}: {bad_value(kind, values, at=row)}")
    if status == _core.NO_ITEM:
        return ValueError(f"{caller.rows}: {no_item(kind, n, row)}")
    if status == _core.BAD_TEMPERATURE:
        return ValueError(f"{caller.temperature} must be finite and at least 0, got {got('temperature', row)}")
    if status == _core.OVERFLOW and kind == "weight":
        return ValueError(
            f"{caller.rows}: the winner's time of arrival is not a normal double{row}, where the largest weight is "
            f"{values.max()}; multiply all weights, those of all slices, by one power of two"
        )
    if status == _core.OVERFLOW:
        temperature = np.broadcast_to(parameters["temperature"], items.shape)[where]
        with np.errstate(over="ignore"):
            item = int(np.argmax(np.isfinite(values) & np.isinf(values.astype(np.float64) / temperature)))
        return ValueError(
            f"{caller.temperature} {got('temperature', '')} is so small that logit / temperature overflows for item "
            f"{item}, logit {values[item]}{row}; mask items with -inf, and take the largest logit with temperature=0"
        )
    if status == _core.BAD_OFFSET and n > limit:
        return ValueError(f"{caller.rows}: {n} items are more than the {limit} that can be told apart")
    if status == _core.BAD_OFFSET:
        offset = got("item_offset", row)
        return ValueError(f"item_offset must be a multiple of 64 that leaves every item below {limit}, got {offset}")
    return MemoryError(f"no memory for the scratch of a row of {n} items")


def _own(where: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The place in an argument of this shape of an element of the batch to which it is broadcast."""
    return tuple(0 if size == 1 else i for i, size in zip(where[len(where) - len(shape) :], shape, strict=True))


def no_item(kind: str, n: int, at: str) -> str:
    """Why there is nothing to draw from a row of `n` items."""
    if n == 0:
        return f"there are no items (n = 0){at}"
    what = "no weight is positive" if kind == "weight" else "every logit is -inf"
    return f"{what}{at}, so there is nothing to draw"


def bad_value(kind: str, values: npt.NDArray[Any], ids: npt.NDArray[Any] | None = None, at: str = "") -> str:
    """What is wrong with the first bad value of a row, whose items are numbered from 0 or have ids."""
    if kind == "logit":
        item = int(np.argmax(np.isnan(values) | (values == np.inf)))
        return f"logit of item {item} is {values[item]}{at}; it must be finite or -inf"
    item = int(np.argmax(~((values >= 0) & (values < np.inf))))
    number = item if ids is None else ids[item]
    return f"weight of item {number} is {values[item]}{at}; it must be finite and not negative"
