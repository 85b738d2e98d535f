"""What `_terms.total_between` makes of the masses in a workspace, against the sum of all terms by the oracle."""

import torch
import triton
from triton import language as tl

from pycouple import torch as coupled
from pycouple.torch import _op
from pycouple.torch._terms import rate_of, top_of, total_between
from tests.support import oracle_kept
from tests.support.torch_cases import rows_of


@triton.jit
def totals(masses_ptr, chunks, n, temperature_ptr, out_ptr):
    rate = rate_of(tl.load(temperature_ptr))
    least, most = total_between(masses_ptr, chunks, n, top_of(masses_ptr, chunks), rate)
    tl.store(out_ptr, least)
    tl.store(out_ptr + 1, most)


def check_totals(rows, temperature):
    """The sums of the terms of rows are within their bounds, which are near."""
    batch, n = rows.shape
    chunks, _ = _op.chunks_of(batch, n)
    space = coupled.workspace(batch, n, rows.device)
    coupled.sample_logits(rows, 1, temperature=temperature, top_p=0.9, workspace=space)
    t = torch.tensor([temperature], dtype=torch.float64, device=rows.device)
    for x, place in zip(rows_of(rows), space, strict=True):
        out = torch.zeros(2, dtype=torch.int64, device=rows.device)
        totals[(1,)](place[_op.HEAD + _op.TAIL * chunks :], chunks, n, t, out, enable_fp_fusion=False)
        least, most = out.tolist()
        total = sum(oracle_kept.terms(x, float(x.max()), temperature).tolist())
        assert max(least, 0) <= total <= most, (temperature, n, least, total, most)
        assert most - least <= total * 2**-12 + 3 * n
