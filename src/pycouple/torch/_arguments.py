"""From what a caller of `pycouple.torch` passes to what the operator takes, and from marked rows to errors."""

from collections.abc import Iterable
from operator import ge
from typing import Any

import torch

from pycouple import _core
from pycouple._arguments import counts, integer, limit_text, real, reals, unsigned
from pycouple._arrays import array_of
from pycouple._draws import draw, logits_parameters, weights_parameters
from pycouple._errors import Caller
from pycouple.torch._op import interpreted, words_of

_ON_GPU = (torch.float32, torch.bfloat16, torch.float16)
_INTEGERS = (torch.int64, torch.uint64, torch.int32, torch.uint32, torch.int16, torch.uint16, torch.int8, torch.uint8)


def rows_of(x: Any, name: str) -> Any:
    """`x` as rows of shape (batch, n)."""
    if not isinstance(x, torch.Tensor):
        function = "sample_logits" if name == "logits" else "sample"
        raise TypeError(f"{name} must be a torch tensor, got {type(x).__name__}; pycouple.{function} takes arrays")
    on_cpu = x.device.type == "cpu"
    if not on_cpu and x.device.type != "cuda":
        raise TypeError(f"{name} must be on a CPU or a CUDA device, got {x.device}")
    if x.dtype not in _ON_GPU and not (on_cpu and x.dtype == torch.float64 and not interpreted()):
        raise TypeError(
            f"{name} must be float32, bfloat16 or float16 (on a CPU float64 too), got {x.dtype} on {x.device}"
        )
    if x.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {x.layout}")
    if x.ndim not in (1, 2):
        raise ValueError(
            f"{name} must have shape (batch, n) or (n,), got {tuple(x.shape)}; flatten the batch: {name}.flatten(0, -2)"
        )
    return x.detach() if x.ndim == 2 else x.detach()[None]


def number(x: Any, name: str, limit: int, rows: Any) -> tuple[Any, int]:
    """`x` as one number per row, or None and a number (one over 2**63 - 1 as the negative one of the same bits)."""
    if _are_several(x):
        x = torch.from_numpy(unsigned(x, name, limit))
    if isinstance(x, torch.Tensor):
        if x.dtype not in _INTEGERS:
            raise TypeError(f"{name} must be integers, got {x.dtype}")
        return _one_per_row(x, name, rows), 0
    value = integer(x, name)
    if not 0 <= value < limit:
        raise ValueError(f"{name} must be in 0..{limit_text(limit)}, got {value}")
    return None, value - 2**64 if value >= 2**63 else value


def temperature_of(x: Any, rows: Any) -> tuple[Any, float]:
    """`x` as one temperature per row, or None and a temperature."""
    tensor, value = real_of(1.0 if x is None else x, "temperature", rows)
    if not 0 <= value < float("inf"):
        raise ValueError(f"temperature must be finite and at least 0, got {value}")
    return tensor, value


def part_of(x: Any, name: str, default: float, rows: Any) -> tuple[Any, float]:
    """`x` as one top_p or min_p per row, or None and one of them."""
    tensor, value = real_of(default if x is None else x, name, rows)
    _check_part(value, name)
    return tensor, value


def top_k_of(x: Any, rows: Any) -> tuple[Any, int]:
    """`x` as one top_k per row, or None and a top_k, where 0 keeps all."""
    if _are_several(x):
        x = torch.from_numpy(counts(x, "top_k"))
    if isinstance(x, torch.Tensor):
        if x.dtype not in _INTEGERS:
            raise TypeError(f"top_k must be integers, got {x.dtype}")
        return _one_per_row(x, "top_k", rows), 0
    value = 0 if x is None else integer(x, "top_k")
    _check_top_k(value)
    return None, min(max(value, 0), 2**63 - 1)


def _check_top_k(value: Any, place: str = "") -> None:
    if value < -1:
        raise ValueError(f"top_k must be positive, or 0 or -1 to keep all; got {value}{place}")


def _check_part(value: Any, name: str, place: str = "") -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}{place}")


def real_of(x: Any, name: str, rows: Any) -> tuple[Any, float]:
    """`x` as one real number per row, or None and a number; 1 stands where there is a tensor."""
    if _are_several(x):
        x = torch.from_numpy(reals(x, name))
    if isinstance(x, torch.Tensor):
        if x.dtype not in (*_ON_GPU, torch.float64):
            raise TypeError(f"{name} must be a tensor of floats, got {x.dtype}")
        return _one_per_row(x, name, rows), 1.0
    if isinstance(x, bool) or not isinstance(x, int | float):  # torch.compile knows those two
        x = real(x, name)
    try:
        return None, float(x)
    except OverflowError:
        return None, float("inf")


def _are_several(x: Any) -> bool:
    """Whether `x` is an array, a list or an iterator of numbers, which is on the host."""
    if isinstance(x, torch.Tensor | int | float | str | bytes):
        return False
    return isinstance(x, Iterable) and getattr(x, "ndim", 1) > 0


def _one_per_row(x: Any, name: str, rows: Any) -> Any:
    if x.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {x.layout}")
    if x.device != rows.device:
        raise ValueError(f"{name} must be on the device of the rows, {rows.device}; got {x.device}")
    if x.numel() == 1:
        return x.detach().reshape(1).expand(rows.shape[0])
    if tuple(x.shape) != (rows.shape[0],):
        raise ValueError(
            f"{name} must be one number or one per row, {rows.shape[0]} of them; got shape {tuple(x.shape)}"
        )
    return x.detach()


def offset_of(x: Any, n: int) -> int:
    """`x` as the number of a row's first item."""
    value = integer(x, "item_offset")
    if value < 0 or value % 64 or value + n > _core.RACE_ITEMS:
        raise ValueError(f"item_offset must be a multiple of 64, and items below 2**34; got {value} for {n} items")
    return value


def results(out: Any, rows: Any, single: bool, dtypes: tuple[Any, ...]) -> list[Any]:
    """Tensors of shape (batch,) for the results: new ones, or `out` after a check."""
    batch = rows.shape[0]
    if out is None:
        return [torch.empty(batch, dtype=dtype, device=rows.device) for dtype in dtypes]
    given = tuple(out) if isinstance(out, tuple | list) else (out,)
    wanted = ", ".join(str(dtype) for dtype in dtypes)
    if len(given) != len(dtypes) or not all(isinstance(t, torch.Tensor) for t in given):
        what = "a tensor" if len(dtypes) == 1 else f"a tuple of {len(dtypes)} tensors"
        count = f"{len(given)} in a " if isinstance(out, tuple | list) else ""
        raise TypeError(f"out must be {what} ({wanted}), got {count}{type(out).__name__}")
    shape = () if single else (batch,)
    for tensor, dtype in zip(given, dtypes, strict=True):
        if tensor.dtype != dtype:
            raise TypeError(f"out must be {wanted}, got {tensor.dtype}")
        if tensor.device != rows.device:
            raise ValueError(f"out must be on the device of the rows, {rows.device}; got {tensor.device}")
        if tuple(tensor.shape) != shape:
            raise ValueError(f"out must have shape {shape}, got {tuple(tensor.shape)}")
        if batch > 1 and tensor.stride(0) == 0:
            raise ValueError("out must have a place for each row: this one is expanded")
    if any(a is b for i, a in enumerate(given) for b in given[:i]):
        raise ValueError("out must be different tensors")
    return [tensor[None] if single else tensor for tensor in given]


def workspace_of(workspace: Any, rows: Any, truncated: bool) -> Any:
    """A workspace that is large enough: a new one, or `workspace` after a check."""
    batch, n = rows.shape
    if workspace is not None and not (isinstance(workspace, torch.Tensor) and workspace.dtype == torch.int64):
        raise TypeError("workspace must come from pycouple.torch.workspace(batch, n)")
    if rows.device.type == "cpu" and not interpreted():
        return torch.empty((0, 0), dtype=torch.int64, device=rows.device)
    shape = words_of(batch, n, truncated)
    if workspace is None:
        return torch.zeros(shape, dtype=torch.int64, device=rows.device)
    if workspace.device != rows.device:
        raise ValueError(f"workspace must be on the device of the rows, {rows.device}; got {workspace.device}")
    if workspace.ndim != 2 or workspace.stride(1) != 1 or not all(map(ge, workspace.shape, shape)):
        raise ValueError(
            f"workspace is too small for {batch} rows of {n} items: pycouple.torch.workspace({batch}, {n})"
        )
    return workspace


def raise_for_marked(item: Any, rows: Any, single: bool, name: str, parameters: dict[str, Any]) -> None:
    """Raise the error of the first row whose item is -1, as the C core has it for that row."""
    marked = torch.nonzero(item < 0)
    if not len(marked):
        return
    row = int(marked[0])
    place = "" if single else f" at row {row}"
    caller = Caller(name, place=lambda _: place)
    values = {key: x[row].item() if isinstance(x, torch.Tensor) else x for key, x in parameters.items()}
    _check_top_k(values.pop("top_k"), place)
    for key in ("top_p", "min_p"):
        _check_part(values.pop(key), key, place)
    try:
        if name == "logits":
            ufunc, checked = _core.sample_logits, logits_parameters(caller, **values, item_offset=0)
        else:
            del values["temperature"]
            ufunc, checked = _core.sample_weights, weights_parameters(caller, **values, item_offset=0)
    except ValueError as error:
        raise ValueError(f"{error}{place}") from None
    draw(ufunc, caller, array_of(rows[row], name), checked)
    raise RuntimeError(f"row {row} was marked on {rows.device} and not by the C core: please report this")
