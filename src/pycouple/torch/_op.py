"""The operator `pycouple::race_out` of torch: the race of rows into given tensors, on the device that holds them."""

import os
import struct
from functools import cache
from typing import Any

import numpy as np
import torch

from pycouple import _core
from pycouple._arrays import BFLOAT16, array_of
from pycouple._draws import of_bfloat16

# How many blocks of 64 items a program takes: few for few rows, so that there are programs enough; 32: one per thread.
FEW, MANY = 16, 32
ENOUGH_PROGRAMS = 2048
HEAD = 4  # words of the workspace per row, and then as many per program (_kernel.py)
REGISTERS = 80


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernel on the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def _chunks(n: int, blocks: int) -> int:
    return -(-n // (64 * blocks))


def chunks_of(rows: int, n: int) -> tuple[int, int]:
    """How many programs a row takes, and how many blocks each of them."""
    blocks = MANY if rows * _chunks(n, MANY) >= ENOUGH_PROGRAMS else FEW
    return _chunks(n, blocks), blocks


def words_of(rows: int, n: int) -> tuple[int, int]:
    """Shape of a workspace that is large enough for so many rows or fewer."""
    return rows, HEAD * (1 + _chunks(n, FEW))


def _launch(
    rows: Any, weights: bool, seeds: Any, seed: int, steps: Any, step: int, streams: Any, stream: int,
    temperatures: Any, temperature: float, item_offset: int, workspace: Any, item: Any, score: Any, margin: Any,
) -> None:  # fmt: skip
    """The race by the kernel."""
    batch, n = rows.shape
    chunks, blocks = chunks_of(batch, n)
    arguments = (
        rows, rows.stride(0), rows.stride(1), n, chunks, workspace, workspace.stride(0), item_offset // 64,
        seeds, _stride(seeds), *_halves(seed), steps, _stride(steps), *_halves(step), streams, _stride(streams), stream,
        temperatures, _stride(temperatures), *_halves(_bits(temperature)),
        item, item.stride(0), score, _stride(score), margin, _stride(margin),
    )  # fmt: skip
    options = {"WEIGHTS": weights, "BLOCKS": blocks, "ALONE": chunks == 1, "num_warps": 1, "enable_fp_fusion": False}
    if rows.is_cuda:
        with torch.cuda.device(rows.device):
            _kernel()[(batch * chunks,)](*arguments, **options, maxnreg=REGISTERS)
    else:
        _kernel()[(batch * chunks,)](*arguments, **options)


def _core_race(
    rows: Any, weights: bool, seeds: Any, seed: int, steps: Any, step: int, streams: Any, stream: int,
    temperatures: Any, temperature: float, item_offset: int, workspace: Any, item: Any, score: Any, margin: Any,
) -> None:  # fmt: skip
    """The race by the C core."""
    ufunc = _core.sample_weights if weights else _core.sample_logits if score is None else _core.race_logits
    x = array_of(rows, "rows")
    if x.dtype == BFLOAT16:
        ufunc, x = of_bfloat16(ufunc, x)
    bad = np.zeros(rows.shape[0], bool)
    numbers = []
    for tensor, value in ((seeds, seed), (steps, step), (streams, stream)):
        array = np.array(value) if tensor is None else tensor.numpy()
        if tensor is not None and array.dtype.kind == "i":
            bad |= array < 0
        numbers.append(array.astype(np.uint64))
    t = np.array(temperature) if temperatures is None else temperatures.to(torch.float64).numpy()
    parameters = (*numbers[:2], *(() if weights else (t,)), numbers[2], np.array(item_offset, np.uint64))
    out = (item.numpy(),) if score is None else (item.numpy(), score.numpy(), margin.numpy())
    _core.call(ufunc, torch.get_num_threads(), (x, *parameters), {"out": out})
    bad |= out[0] < 0
    out[0][bad] = -1
    for real in out[1:]:
        real[bad] = np.nan


# Races rows of shape (batch, n) into item, score and margin, of shape (batch,). Seeds and steps above 2**63 - 1 come as
# the negative numbers of the same bits.
race_out = torch.library.custom_op(
    "pycouple::race_out",
    _launch,
    mutates_args=("workspace", "item", "score", "margin"),
    schema=(
        "(Tensor rows, bool weights, Tensor? seeds, SymInt seed, Tensor? steps, SymInt step, Tensor? streams,"
        " SymInt stream, Tensor? temperatures, float temperature, SymInt item_offset, Tensor(a!) workspace,"
        " Tensor(b!) item, Tensor(c!)? score, Tensor(d!)? margin) -> ()"
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
def _kernel() -> Any:
    try:
        from pycouple.torch._kernel import race
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"pycouple.torch needs {error.name}: pip install 'pycouple[torch]'", name=error.name
        ) from error
    return race
