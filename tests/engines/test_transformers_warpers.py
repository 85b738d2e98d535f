"""What transformers' own warpers keep of real rows: the same, but for ties and rounding at the edge of a nucleus."""

from collections import Counter

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, warp

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

ROUNDING = 1e-5  # of the probability: float32 sums of theirs, terms of ours that are rounded to integers
CASES = [
    SamplingParams(0.8, top_p=0.95),
    SamplingParams(1.0, top_p=0.9),
    SamplingParams(1.3, top_p=0.99),
    SamplingParams(1.0, top_p=0.999),
    SamplingParams(0.7, 50, 0.9),
    SamplingParams(1.0, 50),
    SamplingParams(1.0, min_p=0.05),
    SamplingParams(1.3, min_p=0.01),
    SamplingParams(0.8, 40, 0.95, 0.02),
]


def theirs(row, params):
    """Which tokens transformers keeps, by what `generate` puts together for these parameters."""
    x = torch.from_numpy(row[np.newaxis])
    warpers = [transformers.TemperatureLogitsWarper(params.temperature)]
    warpers += [transformers.TopKLogitsWarper(params.top_k)] if params.top_k else []
    warpers += [transformers.TopPLogitsWarper(params.top_p)] if params.top_p < 1 else []
    warpers += [transformers.MinPLogitsWarper(params.min_p)] if params.min_p else []
    for warper in warpers:
        x = warper(None, x)
    return (x[0] > -torch.inf).numpy()


def before(row, params):
    """The probability of what comes before each token, of what top-k keeps, in doubles."""
    order = np.argsort(-row, kind="stable")
    terms = np.exp((row[order].astype(float) - row.max()) / params.temperature)
    if params.top_k:
        terms[row[order] < row[order][params.top_k - 1]] = 0
    share = np.empty(len(row))
    share[order] = (terms.cumsum() - terms) / terms.sum()
    return share


@pytest.mark.parametrize("params", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_real_rows(real_logits, params, dtype):
    for row in real_logits:
        row = torch.from_numpy(row).to(getattr(torch, dtype)).float().numpy()
        ours, other = warp(row, params) > -np.inf, theirs(row, params)
        mine, yours = np.flatnonzero(ours & ~other), np.flatnonzero(other & ~ours)
        if params.top_p == 1:
            assert len(mine) == len(yours) == 0
            continue
        # Of equal logits at the edge we keep the lowest tokens, and they the highest.
        swapped = Counter(row[mine].tolist()) & Counter(row[yours].tolist())
        near = np.abs(before(row, params) - params.top_p) < ROUNDING
        ties = row == row[ours].min()
        for token in np.concatenate([mine, yours]):
            assert row[token] in swapped or near[token] or (ties[token] and near[ties].any()), token
        assert len(mine) + len(yours) <= 2 * swapped.total() + max(1, 0.002 * ours.sum())
