"""Memory for calls that are to allocate none."""

from typing import Any

import torch

from pycouple._arguments import integer
from pycouple.torch._op import words_of


def workspace(batch: int, n: int, device: Any = "cuda") -> Any:
    """Memory for calls of up to `batch` rows of up to `n` items, to be passed to them as `workspace`.

    A workspace serves one call at a time: calls that may run at the same time on the device need one each, or rows of
    their own of one. It holds zeros where calls expect them, and calls leave it so.

    Parameters
    ----------
    batch, n : int
        Not negative. The workspace takes 32 bytes per row, 40 bytes per 1,024 items of a row and 24 bytes per 64 items.
    device : torch.device, default "cuda"
        Where the rows are.

    Returns
    -------
    torch.Tensor of int64
        Of shape (batch, words).

    Raises
    ------
    ValueError
        batch or n is negative; there is no such device here, or it cannot hold so much.
    TypeError
        batch or n is no integer.

    Examples
    --------
    >>> tuple(pycouple.torch.workspace(256, 131_072, device="cpu").shape)
    (256, 6788)
    """
    shape = integer(batch, "batch"), integer(n, "n")
    if min(shape) < 0:
        raise ValueError(f"batch and n must not be negative, got {batch} and {n}")
    words = words_of(*shape, truncated=True)
    try:
        return torch.zeros(words, dtype=torch.int64, device=device)
    except torch.OutOfMemoryError:
        raise
    except (AssertionError, RuntimeError, TypeError) as error:  # without CUDA torch fails by an assertion
        raise ValueError(
            f"workspace: no {words[0]} x {words[1]} integers on device {device!r}: {error}; "
            "tensors on a CPU need no workspace"
        ) from error
