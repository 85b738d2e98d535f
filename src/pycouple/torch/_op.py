"""The operator `pycouple::race_out` of torch: the race of rows into given tensors, on the device that holds them."""

import os
import struct
from contextlib import nullcontext
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch

from pycouple import _core
from pycouple._arrays import BFLOAT16, array_of

# How many blocks of 64 items a program takes: few for few rows, so that there are programs enough; 32: one per thread.
FEW, MANY = 16, 32
ENOUGH_PROGRAMS = 2048
HEAD = TAIL = 4  # words of the workspace per row, and then per program of the race (_row.py)


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernel on the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def _chunks(n: int, blocks: int) -> int:
    return -(-n // (64 * blocks))


def chunks_of(rows: int, n: int) -> tuple[int, int]:
    """How many programs a row takes, and how many blocks each of them."""
    blocks = MANY if rows * _chunks(n, MANY) >= ENOUGH_PROGRAMS else FEW
    return _chunks(n, blocks), blocks


def words_of(rows: int, n: int, truncated: bool) -> tuple[int, int]:
    """Shape of a workspace that is large enough for so many rows or fewer."""
    chunks, blocks = _chunks(n, FEW), _chunks(n, 1)
    return rows, HEAD + TAIL * chunks + (chunks + 3 * blocks if truncated else 0)  # _kept.py


def _launch(
    rows: Any, weights: bool, seeds: Any, seed: int, steps: Any, step: int, streams: Any, stream: int,
    temperatures: Any, temperature: float, truncated: bool, top_ks: Any, top_k: int, top_ps: Any, top_p: float,
    min_ps: Any, min_p: float, item_offset: int, workspace: Any, item: Any, score: Any, margin: Any, edge: Any,
) -> None:  # fmt: skip
    """The race by the kernels."""
    batch, n = rows.shape
    data = rows, rows.stride(0), rows.stride(1), n
    draw = (
        workspace, workspace.stride(0), item_offset // 64,
        seeds, _stride(seeds), *_halves(seed), steps, _stride(steps), *_halves(step), streams, _stride(streams), stream,
        temperatures, _stride(temperatures), *_halves(_bits(temperature)),
    )  # fmt: skip
    out = item, item.stride(0), score, _stride(score), margin, _stride(margin), edge, _stride(edge)
    with torch.cuda.device(rows.device) if rows.is_cuda else nullcontext():
        chunks, blocks = chunks_of(batch, n)
        kind = {"WEIGHTS": weights, "TRUNCATED": truncated, "BLOCKS": blocks, "ALONE": chunks == 1}
        race = _kernels("_kernel").race
        race[(batch * chunks,)](*data, chunks, *draw, *out, **kind, **_options(rows, 1, 112 if truncated else 80))
        if truncated:
            truncation = (
                top_ks, _stride(top_ks), min(top_k, n), top_ps, _stride(top_ps), *_halves(_bits(top_p)),
                min_ps, _stride(min_ps), *_halves(_bits(min_p)),
            )  # fmt: skip
            kept = _kernels("_kept").draw
            kept[(batch,)](*data, _chunks(n, 1), chunks, *draw, *truncation, *out, **_options(rows, 8, 128))


def _options(rows: Any, warps: int, registers: int) -> dict[str, Any]:
    """How a kernel is compiled: for so many warps per program and, on a GPU, registers per thread."""
    options = {"num_warps": warps, "enable_fp_fusion": False}
    return options | {"maxnreg": registers} if rows.is_cuda else options


def _core_race(
    rows: Any, weights: bool, seeds: Any, seed: int, steps: Any, step: int, streams: Any, stream: int,
    temperatures: Any, temperature: float, truncated: bool, top_ks: Any, top_k: int, top_ps: Any, top_p: float,
    min_ps: Any, min_p: float, item_offset: int, workspace: Any, item: Any, score: Any, margin: Any, edge: Any,
) -> None:  # fmt: skip
    """The race by the C core."""
    if truncated:
        ufunc = _core.sample_kept_logits if score is None else _core.race_kept_logits
    else:
        ufunc = _core.sample_weights if weights else _core.sample_logits if score is None else _core.race_logits
    x = array_of(rows, "rows")
    if x.dtype == BFLOAT16:
        ufunc, x = getattr(_core, f"{ufunc.__name__}_bf16"), x.view(np.uint16)
    bad = np.zeros(rows.shape[0], bool)
    numbers = []
    for tensor, value in ((seeds, seed), (steps, step), (streams, stream)):
        array = np.array(value) if tensor is None else tensor.numpy()
        if tensor is not None and array.dtype.kind == "i":
            bad |= array < 0
        numbers.append(array.astype(np.uint64))
    t, p, m = (
        np.array(value) if tensor is None else tensor.to(torch.float64).numpy()
        for tensor, value in ((temperatures, temperature), (top_ps, top_p), (min_ps, min_p))
    )
    k = np.array(top_k) if top_ks is None else top_ks.numpy()
    k = (np.minimum(k, 2**63 - 1) if k.dtype == np.uint64 else k).astype(np.int64)
    kept = (k, p, m) if truncated else ()
    parameters = (*numbers[:2], *(() if weights else (t, *kept)), numbers[2], np.array(item_offset, np.uint64))
    results = [result.numpy() for result in (item, score, margin, edge) if result is not None]
    out = tuple(results if truncated else results[:3])
    _core.call(ufunc, torch.get_num_threads(), (x, *parameters), {"out": out})
    bad |= out[0] < 0
    out[0][bad] = -1
    if edge is not None and not truncated:
        results[3].fill(np.inf)
    for real in results[1:]:
        real[bad] = np.nan


# Races rows of shape (batch, n) into item, score, margin and edge, of shape (batch,). Seeds and steps above 2**63 - 1
# come as the negative numbers of the same bits.
race_out = torch.library.custom_op(
    "pycouple::race_out",
    _launch,
    mutates_args=("workspace", "item", "score", "margin", "edge"),
    schema=(
        "(Tensor rows, bool weights, Tensor? seeds, SymInt seed, Tensor? steps, SymInt step, Tensor? streams,"
        " SymInt stream, Tensor? temperatures, float temperature, bool truncated, Tensor? top_ks, SymInt top_k,"
        " Tensor? top_ps, float top_p, Tensor? min_ps, float min_p, SymInt item_offset, Tensor(a!) workspace,"
        " Tensor(b!) item, Tensor(c!)? score, Tensor(d!)? margin, Tensor(e!)? edge) -> ()"
    ),
    device_types="cuda",
)


@race_out.register_kernel("cpu")
def _(*arguments: Any) -> None:
    (_launch if interpreted() else _core_race)(*arguments)


@race_out.register_fake
def _(*_: Any) -> None:
    return None


def _stride(tensor: Any) -> int:
    return 0 if tensor is None else int(tensor.stride(0))


def _halves(bits: int) -> tuple[int, int]:
    """The low and the high 32 bits as signed integers: Triton makes a kernel for each type of a number it gets."""
    low, high = bits & 0xFFFFFFFF, (bits >> 32) & 0xFFFFFFFF
    return low - (low >> 31 << 32), high - (high >> 31 << 32)


def _bits(x: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


@cache
def _kernels(name: str) -> Any:
    """A module of kernels, which needs Triton."""
    try:
        return import_module(f"pycouple.torch.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"pycouple.torch needs {error.name}: pip install 'pycouple[torch]'", name=error.name
        ) from error
