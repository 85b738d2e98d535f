"""The race on torch tensors where they are: the same draw as `pycouple.sample_logits`, bit for bit (extra `torch`).

Tensors on a CUDA device are raced there by a Triton kernel, tensors on the CPU by the C core, without a copy. Both give
the same item, score, margin and edge for the same numbers, seed, step, stream and parameters, so a drafter on a CPU and
a target on a GPU share their noise.

A call with ``check=False`` never waits for the device. With `out` and `workspace` given it allocates nothing either,
and may be captured in a CUDA graph; seeds, steps, streams, temperatures, top-k, top-p and min-p may be tensors, which a
replay reads anew. The first call of a kind (types, what is given, whether sizes are multiples of 16) compiles a kernel,
which takes some seconds: make it before a capture. The work is one operator, ``torch.ops.pycouple.race_out``, which
`torch.compile` keeps in its graph; a check of the rows breaks the graph.
"""

try:
    import torch  # noqa: F401 (here, so that its absence is told)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"pycouple.torch needs {error.name}: pip install 'pycouple[torch]'", name=error.name
    ) from error

from pycouple.torch._draws import Race, race_logits, sample, sample_logits
from pycouple.torch._slices import kept_terms
from pycouple.torch._workspace import workspace

__all__ = ["Race", "kept_terms", "race_logits", "sample", "sample_logits", "workspace"]
