"""Rows that top-k, top-p and min-p truncate."""

import numpy as np
import torch
from triton import language as tl

from pycouple import torch as coupled
from pycouple.torch import _kept, _keys, _terms, _top_k
from tests.support import torch_cases as cases
from tests.support.interpreted.registry import case, tensor
from tests.support.torch_cases import DTYPES
from tests.support.torch_totals import check_totals


@case
def truncated_rows_of_every_kind():
    rng = np.random.default_rng(11)
    for n, dtype in ((1, torch.float32), (65, torch.bfloat16), (130, torch.float16), (300, torch.float32)):
        rows = tensor(cases.logit_rows(rng, n, 5), dtype)
        each = cases.row_parameters(rng, 5, temperatures=rng.permutation((1.0, 0.3, 0.0, 1e-30, 1e300)))
        cases.check_race(rows, **each, **cases.truncation(rng, 5))
    cases.check_logits(rows, 1, top_k=torch.tensor([0, 3, 50, 1, 2]), top_p=0.7)


@case
def truncated_rows_are_those_of_the_slow_reading():
    rng = np.random.default_rng(12)
    rows = tensor(rng.normal(0, 2, (6, 150)).astype(np.float32), torch.float32)
    each = cases.row_parameters(rng, 6, temperatures=(1.0, 0.3, 5.0)) | cases.truncation(rng, 6)
    cases.same_race(coupled.race_logits(rows, **each), cases.slow_race(rows, **each))


@case
def truncated_rows_of_several_steps():
    names = [(_kept, "WIDE"), (_kept, "READ"), (_kept, "RACED"), (_keys, "KEYS"), (_top_k, "WIDE"), (_top_k, "READ")]
    names += [(_top_k, "COUNTED"), (_terms, "CHUNKS")]
    steps = [getattr(*name) for name in names]
    for name, blocks in zip(names, (8, 4, 2, 8, 8, 4, 8, 1), strict=True):
        setattr(*name, tl.constexpr(blocks))
    rng = np.random.default_rng(13)
    rows = tensor(rng.normal(0, 3, (4, 1100)).astype(np.float32), torch.float32)
    each = {"top_k": torch.tensor([0, 10, 0, 60]), "top_p": torch.tensor([0.9, 0.7, 0.2, 1.0])}
    cases.check_race(rows, 7, torch.arange(4), **each, item_offset=64 * 12345)
    for name, step in zip(names, steps, strict=True):
        setattr(*name, step)


@case
def many_rounds():
    rng = np.random.default_rng(14)
    rows = tensor(rng.normal(0, 0.1, (2, 1100)).astype(np.float32), torch.float32)
    cases.check_race(rows, 7, torch.arange(2), top_p=0.01)
    cases.check_race(torch.zeros(2, 130), 7, torch.arange(2), top_p=torch.tensor([0.0, 0.1]))


@case
def totals_within_their_bounds():
    rng = np.random.default_rng(19)
    for temperature in (1.0, 0.3, 1e-30, 1e46):
        rows = tensor(rng.normal(0, 3, (2, 1100)).astype(np.float32), torch.float32)
        rows[1, 70:] = rows[1, :1030].round() * 1e38
        check_totals(rows.clamp(-3e38, 3e38), temperature)


@case
def sums_between_the_bounds_of_a_limit():
    rows = torch.zeros(6, 200)
    steps = torch.arange(6)
    p = coupled.sample_logits(rows, 3, steps) / 200.0  # the sum is the limit, but for rounding
    for share in (p.double(), torch.nextafter(p.double(), torch.tensor(1.0))):
        cases.check_logits(rows, 3, steps, top_p=share)


@case
def equal_logits_at_the_edges():
    rng = np.random.default_rng(15)
    rows = tensor(rng.integers(-3, 2, (6, 200)).astype(np.float32), torch.float32)
    each = {"top_k": torch.tensor([1, 5, 60, 0, 0, 100]), "top_p": torch.tensor([1.0, 1.0, 0.5, 0.3, 0.99, 0.0])}
    cases.check_race(rows, 8, torch.arange(6), **each)
    zeros = torch.from_numpy(np.where(rng.random((3, 200)) < 0.5, -0.0, 0.0).astype(np.float32))
    cases.check_race(zeros, 8, torch.arange(3), top_p=0.3, min_p=torch.tensor([0.0, 1.0, 0.5]))
    cases.check_race(zeros - torch.rand(3, 200).round() * 1e-45, 8, torch.arange(3), temperature=1e-40, top_p=0.9)


@case
def more_items_than_blocks_by_top_k():
    rng = np.random.default_rng(16)
    rows = tensor(rng.normal(0, 1, (3, 300)).astype(np.float32), torch.float32)  # 5 blocks
    cases.check_race(rows, 8, torch.arange(3), top_k=torch.tensor([5, 6, 250]), top_p=0.9)
    cases.check_race(rows * 0 + 1.5, 8, torch.arange(3), top_k=3)


@case
def truncated_layouts():
    rng = np.random.default_rng(17)
    for dtype in DTYPES[:2]:
        rows = tensor(rng.normal(0, 3, (2, 100)).astype(np.float32), dtype)
        for other in cases.layouts(rows):
            cases.check_race(other, 4, torch.arange(2), top_k=20, top_p=0.8, min_p=0.01)


@case
def types_of_the_truncation():
    rng = np.random.default_rng(18)
    rows = tensor(rng.normal(0, 3, (3, 100)).astype(np.float32), torch.float32)
    for dtype in (torch.uint8, torch.int8, torch.int32, torch.uint64):
        cases.check_race(rows, 3, top_k=torch.tensor([0, 3, 100]).to(dtype))
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        p = torch.tensor([0.3, 0.9, 1.0]).to(dtype)
        race = coupled.race_logits(rows, 3, top_p=p, min_p=p / 8)
        cases.check_race(rows, 3, race=race, top_p=p.double(), min_p=(p / 8).double())
    large = torch.tensor([2**64 - 1, 2**63, 2], dtype=torch.uint64)
    cases.check_race(rows, 3, race=coupled.race_logits(rows, 3, top_k=large), top_k=torch.tensor([0, 0, 2]))
