"""Terms of kept sets for slices of a vocabulary, by torch's own operations.

Precision policy: single and double operations in the order of docs/kept.md. Each is a kernel of its own, since the
function is kept out of what `torch.compile` fuses; so each is rounded once.
"""

from typing import Any

import torch

from pycouple.torch._arguments import real_of, rows_of, temperature_of
from pycouple.torch._constants import LEAST, LOG2_E, POLYNOMIAL, SHIFT


@torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
def kept_terms(logits: Any, temperature: Any = 1.0, *, top: Any = None) -> Any:
    """The terms of logits that top-p adds up, as `pycouple.kept_terms` gives them, on the device of the logits.

    Parameters
    ----------
    logits : torch.Tensor, shape (batch, n) or (n,)
        As for `sample_logits`: finite numbers or -inf. They are not checked, nor are the numbers of tensors and arrays.
    temperature : float, floating tensor or array_like of float, default 1.0
        As for `sample_logits`, one value or one per row.
    top : float, floating tensor or array_like of float, optional
        The largest logit of the whole row, one value or one per row, where `logits` are slices of rows. By default that
        of `logits`.

    Returns
    -------
    torch.Tensor of int64
        Of the shape of the logits, in 0..2**28; what a NaN, a logit above `top` or a bad temperature gets is not said.
        Ranks may add sums of them in any order.

    Raises
    ------
    ValueError, TypeError
        As for `sample_logits`, but for what the logits are.

    Notes
    -----
    Bit-identical to `pycouple.kept_terms`. It takes some twenty kernels and some four times the memory of the logits,
    and it never waits for the device. `examples/split_vocabulary.py` draws with top-p from slices of a vocabulary.

    Examples
    --------
    >>> pycouple.torch.kept_terms(torch.tensor([2.0, 1.0, 0.0, -1.0]), temperature=0.5)
    tensor([268435456,  36328776,   4916566,    665385])
    """
    rows = rows_of(logits, "logits")
    temperatures, one = temperature_of(temperature, rows)
    t = _column(temperatures, one, rows)
    if top is not None:
        tops = _column(*real_of(top, "top", rows), rows)
    elif rows.shape[1]:
        tops = rows.amax(dim=1, keepdim=True).double()
    else:
        tops = t
    terms = _terms(rows, t, tops)
    return terms[0] if logits.ndim == 1 else terms


def _column(tensor: Any, value: float, rows: Any) -> Any:
    """One number per row, float64, of shape (batch, 1)."""
    if tensor is None:
        return torch.full((len(rows), 1), value, dtype=torch.float64, device=rows.device)
    return tensor.double()[:, None]


def _terms(x: Any, temperature: Any, top: Any) -> Any:
    rate = (LOG2_E / temperature).clamp(max=2.0**127).float()
    t = (x.double() - top).float().mul_(rate)  # `top` may be no single where the logits are
    live = t > LEAST
    t = torch.where(live, t, LEAST)
    k = (t + SHIFT).sub_(SHIFT)
    f = t.sub_(k)
    q = torch.full_like(f, POLYNOMIAL[-1])
    for c in POLYNOMIAL[-2::-1]:
        q = q.mul_(f).add_(c)
    v = (q.view(torch.int32) + (k.to(torch.int32) << 23)).view(torch.float32)
    terms = torch.where(live, v.round_().to(torch.int64), 0)
    return torch.where(temperature == 0, (x == top) * 2**28, terms)
