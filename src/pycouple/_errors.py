"""From what the core marks to an error that says, in the caller's words, where and why."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arrays import widened

SAMPLING = ("temperature", "top_k", "top_p", "min_p")


class Caller(NamedTuple):
    """What the caller of a draw calls the rows and parameters of the core: errors use these names.

    `params` is the argument that holds temperature, top-k, top-p and min-p, one for all rows or one per row, if they
    are no arguments of their own. `place` says where in `rows` an element of the batch is, as the end of a message;
    without it each argument is named with the index in its own array.
    """

    rows: str
    step: str = "step"
    params: str = ""
    place: Callable[[tuple[int, ...]], str] | None = None

    def name(self, parameter: str) -> str:
        """The caller's argument that is or holds a parameter of the core."""
        if parameter == "step":
            return self.step
        return self.params if self.params and parameter in SAMPLING else parameter


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

    if status == _core.BAD_VALUE:
        return ValueError(f"{caller.rows}: {bad_value(kind, values, at=row)}")
    if status == _core.NO_ITEM:
        return ValueError(f"{caller.rows}: {no_item(kind, n, row)}")
    if status == _core.BAD_TEMPERATURE:
        name, got = given(caller, "temperature", parameters, where, row)
        return ValueError(f"{name} must be finite and at least 0, got {got}")
    if status == _core.OVERFLOW and kind == "weight":
        return ValueError(
            f"{caller.rows}: the winner's time of arrival is not a normal double{row}, where the largest weight is "
            f"{values.max()}; multiply all weights, those of all slices, by one power of two"
        )
    if status == _core.OVERFLOW:
        name, got = given(caller, "temperature", parameters, where)
        temperature = np.broadcast_to(parameters["temperature"], items.shape)[where]
        with np.errstate(over="ignore", invalid="ignore"):  # results in the memory of the rows may read as NaN
            item = int(np.argmax(np.isfinite(values) & np.isinf(values.astype(np.float64) / temperature)))
        return ValueError(
            f"{name} {got} is so small that logit / temperature overflows for item "
            f"{item}, logit {values[item]}{row}; mask items with -inf, and take the largest logit with temperature=0"
        )
    if status == _core.BAD_OFFSET and n > limit:
        return ValueError(f"{caller.rows}: {n} items are more than the {limit} that can be told apart")
    if status == _core.BAD_OFFSET:
        name, got = given(caller, "item_offset", parameters, where, row)
        return ValueError(f"{name} must be a multiple of 64 that leaves every item below {limit}, got {got}")
    return MemoryError(f"no memory for the scratch of a row of {n} items")


def given(
    caller: Caller, parameter: str, parameters: dict[str, Any], where: tuple[int, ...], place: str = ""
) -> tuple[str, str]:
    """What the caller calls a parameter's element for an element of the batch, and its value with its place."""
    value = np.asarray(parameters[parameter])
    own = _own(where, value.shape)
    if caller.name(parameter) != caller.params:
        at = row_text(own, "index") if caller.place is None else place
        return parameter, f"{value[own]}{at}"
    index = str(list(own)) if own and caller.place is None else ""
    return f"{caller.params}{index}.{parameter}", str(value[own])


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
    is_logit = kind == "logit"
    bad = np.isnan(values) | (values == np.inf) if is_logit else ~((values >= 0) & (values < np.inf))
    item = int(np.argmax(bad))
    if not bad[item]:
        return f"the {kind}s were written to while they were read{at}"
    number = item if ids is None else ids[item]
    rule = "finite or -inf" if is_logit else "finite and not negative"
    return f"{kind} of item {number} is {values[item]}{at}; it must be {rule}"
