"""Whether arguments and results fit together: items, batches and `out`."""

from typing import Any

import numpy as np
import numpy.typing as npt


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
        if a.size > 1 and any(stride == 0 and size > 1 for stride, size in zip(a.strides, a.shape, strict=True)):
            raise ValueError("out must have a place for each row: this one is expanded")


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
