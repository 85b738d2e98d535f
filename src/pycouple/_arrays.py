"""Whatever a caller has for an array, as a NumPy array of the same memory where NumPy can read that."""

import array
import numbers
import sys
from collections.abc import ItemsView, Iterable, KeysView, Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._labels import check_labels

Array = npt.NDArray[Any]

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])  # NumPy has no such type: these are its bits

_EXACT = 2.0**53  # every smaller integer is a double
_DEEPEST = 64  # axes of a NumPy array
_INTEGERS = (int, np.integer)
_LISTS = (list, tuple)
_READ = (str, bytes, bytearray, memoryview, array.array, range, np.generic, numbers.Number)  # by NumPy itself


def widened(a: Array) -> Array:
    """BFLOAT16 as float32 of the same values; other arrays as they are."""
    if a.dtype != BFLOAT16:
        return a
    wide: Array = (a.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return wide


def on_device(x: Any) -> bool:
    """Whether `x` is a tensor of torch on a CUDA device."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor) and x.is_cuda


def array_of(x: Any, name: str, hint: str = "") -> Array:
    """`x` as a NumPy array of the same numbers; `hint` is what to do with lists of different lengths.

    A tensor of torch is detached and brought to the host; bfloat16 becomes BFLOAT16. Iterators are read to their end.
    Numbers of a list that no type of NumPy holds together without rounding make an array of objects.
    """
    if isinstance(x, np.ndarray):
        return _plain(x, name)
    if isinstance(x, _LISTS):
        return _from_list(x, name, hint)
    dense = hasattr(x, "__dlpack__")
    if not (dense or hasattr(x, "__array__") or isinstance(x, _READ)):
        _check_ordered(x, name)
        if isinstance(x, Iterable):
            return _from_list(list(x), name, hint)
    try:
        torch = sys.modules.get("torch")
        if not dense:
            a = np.asanyarray(x)
        elif isinstance(x, getattr(torch, "Tensor", ())):
            a = _from_torch(x, torch)
        else:
            a = _exchanged(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from error
    return _plain(a, name, getattr(x, "_meta", None))


def _plain(a: Array, name: str, meta: Any = None) -> Array:
    """An array of a subclass as one of NumPy's own; `meta` is what dask says of an array whose mask it drops."""
    if isinstance(a, np.ma.MaskedArray) or isinstance(meta, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill what is masked (weights with 0, logits with -inf)")
    return np.asarray(a)


def _check_ordered(x: Any, name: str) -> None:
    """Raise an error for what has numbers, but not one after the other."""
    what = f"{name} must be an array of numbers, got {type(x).__name__}"
    if hasattr(x, "toarray"):  # SciPy's, of which some are mappings
        raise TypeError(f"{what}: pass a dense array, {name}.toarray()")
    if isinstance(x, Mapping | ItemsView):
        raise TypeError(f"{what}: pass the values in the order of the items, as a list")
    if isinstance(x, Set) and not isinstance(x, KeysView):
        raise TypeError(f"{what}, which has no order: pass a list")


def _from_list(x: Any, name: str, hint: str) -> Array:
    if set(map(type, x)) == {float}:
        return np.asarray(x)
    kinds = _kinds(x, name)
    if kinds == {float}:
        return _stacked(x, name, hint)
    if any(map(_foreign, kinds)):
        x = _read(x, name)
        kinds = _kinds(x, name)
    a = _stacked(x, name, hint)
    integers = [issubclass(kind, _INTEGERS) for kind in kinds]
    rounded = a.dtype.kind == "f" and any(integers) and (all(integers) or bool((np.abs(a) >= _EXACT).any()))
    if rounded or (len(kinds) > 1 and any(issubclass(kind, bool | np.bool_) for kind in kinds)):
        return np.array(x, dtype=object)
    return a


def _stacked(x: Any, name: str, hint: str) -> Array:
    """A list as NumPy reads it."""
    try:
        return np.asarray(x)
    except OverflowError:  # integers too large for the floats beside them
        return np.array(x, dtype=object)
    except ValueError:
        raise ValueError(f"{name}: {_ragged_text(x)}{hint}") from None


def _kinds(x: Any, name: str, depth: int = 1) -> set[type]:
    """The types of what lists hold, at any depth."""
    if depth > _DEEPEST:
        raise ValueError(f"{name} must be an array of numbers: its lists are nested more than {_DEEPEST} deep")
    kinds = set(map(type, x))
    if any(issubclass(kind, _LISTS) for kind in kinds):
        kinds = {kind for kind in kinds if not issubclass(kind, _LISTS)}
        kinds = kinds.union(*(_kinds(part, name, depth + 1) for part in x if isinstance(part, _LISTS)))
    if np.ndarray in kinds:
        kinds = (kinds - {np.ndarray}) | {part.dtype.type for part in x if type(part) is np.ndarray}
    return kinds


def _foreign(kind: type) -> bool:
    """Whether NumPy would read it another way inside a list than `array_of` does by itself."""
    return not issubclass(kind, np.generic) and (hasattr(kind, "__array__") or hasattr(kind, "__dlpack__"))


def _read(x: Any, name: str) -> list[Any]:
    """Lists with plain arrays in the place of all others."""
    check_labels({f"{name}[{i}]": part for i, part in enumerate(x) if _foreign(type(part))})
    parts = []
    for i, part in enumerate(x):
        place = f"{name}[{i}]"
        if isinstance(part, _LISTS):
            part = _read(part, place)
        elif _foreign(type(part)):
            part = widened(array_of(part, place))
        parts.append(part)
    return parts


def _ragged_text(rows: Any) -> str:
    lengths = [len(row) if hasattr(row, "__len__") and getattr(row, "ndim", 1) > 0 else 1 for row in rows]
    other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    mixed = len({isinstance(row, _LISTS) for row in rows}) == 2
    where = " (numbers and lists are mixed)" if mixed else ""
    if other is not None:
        where = f" (row 0 has {lengths[0]}, row {other} has {lengths[other]})"
    return f"the rows of a list must have the same number of items{where}"


def _from_torch(x: Any, torch: Any) -> Array:
    masked = hasattr(x, "get_mask")
    if masked or x.is_nested or x.layout is not torch.strided or x.is_quantized or x.is_meta:
        raise TypeError(
            "got a masked tensor: fill what is masked" if masked
            else "got a nested tensor: pad its rows" if x.is_nested
            else f"got layout {x.layout}: use to_dense()" if x.layout is not torch.strided
            else "got a quantized tensor: use dequantize()" if x.is_quantized
            else "got a meta tensor, which holds no numbers"
        )  # fmt: skip
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
