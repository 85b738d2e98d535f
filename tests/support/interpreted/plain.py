"""Rows from which nothing is removed."""

import numpy as np
import torch

from pycouple import torch as coupled
from pycouple.torch import _op
from tests.support import torch_cases as cases
from tests.support.interpreted.registry import case, tensor
from tests.support.torch_cases import DTYPES, INF, LARGEST, NAN

TEMPERATURES = (1.0, 0.0, 0.3, 5.0, 1e-30, 1e-310)


@case
def small_rows():
    for n, dtype in zip((1, 2, 63, 64, 65), (*DTYPES, *DTYPES[:2]), strict=True):
        rng = np.random.default_rng(n)
        each = cases.row_parameters(rng, 8, temperatures=TEMPERATURES)
        cases.check_both(tensor(cases.logit_rows(rng, n, 8), dtype), **each)


@case
def sizes_around_a_chunk():
    for n, dtype in zip((1023, 1024, 1025, 2047, 2048, 2049), DTYPES * 2, strict=True):
        rng = np.random.default_rng(n)
        rows = tensor(cases.logit_rows(rng, n, 2), dtype)
        cases.check_race(rows, **cases.row_parameters(rng, 2, temperatures=(1.0, 0.3, 0.0)))


@case
def large_chunks():
    enough, _op.ENOUGH_PROGRAMS = _op.ENOUGH_PROGRAMS, 0
    for n, dtype in zip((100, 2047, 2049), DTYPES, strict=True):
        rng = np.random.default_rng(n)
        rows = tensor(cases.logit_rows(rng, n, 3), dtype)
        cases.check_race(rows, 7, torch.arange(3))
        cases.check_weights(tensor(cases.weight_rows(rng, n, 3), dtype), 7, torch.arange(3))
    _op.ENOUGH_PROGRAMS = enough


@case
def several_chunks():
    rng = np.random.default_rng(1)
    rows = tensor(rng.normal(0, 3, (2, 4097)).astype(np.float32), torch.float32)
    cases.check_race(rows, LARGEST, LARGEST, stream=255, item_offset=64 * 12345)
    cases.check_race(torch.zeros(1, 2100), 1, 2)  # equal logits: nothing is left out by its value
    last = torch.full((1, 2100), -INF)
    last[0, -1] = -5.0
    cases.check_race(last, 1, 2)  # alone: the margin is infinite
    last[0, 0] = -5.0
    cases.check_race(last, 1, 2, temperature=0)


@case
def every_kind_of_row():
    rng = np.random.default_rng(2)
    rows = np.stack(cases.special_rows(rng, 130)).astype(np.float32)
    for dtype in DTYPES:
        cases.check_race(tensor(rows, dtype), 5, 6, temperature=torch.tensor([0.0, 1.0] * 9)[: len(rows)])
    zeros = np.where(rng.random((6, 200)) < 0.5, -0.0, 0.0).astype(np.float32)
    cases.check_race(tensor(zeros, torch.float32), 5, 6, temperature=0)


@case
def temperatures():
    rng = np.random.default_rng(3)
    rows = tensor(rng.normal(0, 3, (9, 200)).astype(np.float32), torch.float32)
    for temperature in cases.TEMPERATURES:
        cases.check_race(rows[:2], 5, 6, temperature=temperature)
    each = torch.tensor([1.0, 0.0, 0.7, -1.0, NAN, INF, 3.0, 1e-40, 1e30])
    assert cases.check_race(rows, 5, 6, temperature=each).lt(0).tolist() == [i in (3, 4, 5) for i in range(9)]


@case
def margins_of_close_rows():
    rng = np.random.default_rng(4)
    rows = np.round(rng.normal(0, 1, (6, 500))).astype(np.float32)
    cases.check_race(tensor(rows, torch.bfloat16), 8, torch.arange(6))
    cases.check_race(tensor(rows * 1e-3, torch.float32), 8, torch.arange(6))


@case
def weights():
    for n, dtype in zip((1, 65, 200), DTYPES, strict=True):
        rng = np.random.default_rng(n)
        rows = cases.weight_rows(rng, n, 6)
        each = cases.row_parameters(rng, len(rows))
        del each["temperature"]
        cases.check_weights(tensor(rows, dtype), **each)
    tiny = torch.tensor([0.0, 1.4e-45, 6e-44, 8.8e-44, 9.1e-44, 1e-43])
    for k in (1, 3, 5):
        cases.check_weights(tiny[: k + 1], 3)
        cases.check_weights(torch.cat([torch.zeros(70), tiny[k : k + 1]]), 3)
    rng = np.random.default_rng(5)
    rows = tensor(cases.weight_rows(rng, 2049, 3), torch.float32)
    cases.check_weights(rows, 3, 4, stream=5, item_offset=640)


@case
def offsets():
    rng = np.random.default_rng(6)
    rows = tensor(rng.normal(0, 3, (2, 130)).astype(np.float32), torch.float32)
    for offset in (64, 2048, 2**31, 2**34 - 192):
        cases.check_both(rows, 9, 1, item_offset=offset)
        cases.check_weights(rows.exp(), 9, 1, item_offset=offset)


@case
def types_of_parameters():
    rng = np.random.default_rng(7)
    rows = tensor(rng.normal(0, 3, (4, 100)).astype(np.float32), torch.float32)
    for dtype in (torch.uint8, torch.int8, torch.int32, torch.int64, torch.uint64):
        draws = torch.arange(100, 104).to(dtype)
        cases.check_race(rows, draws, 3, stream=draws)
    cases.check_race(rows, 3, torch.arange(16)[::4])
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        cases.check_race(rows, 3, temperature=torch.tensor([0.3, 0.0, 1.0, 7.0]).to(dtype).double())


@case
def tensors_out_of_range():
    rows = torch.zeros(3, 70)
    for name in ("seed", "step", "stream"):
        options = {"seed": 1} | {name: torch.tensor([0, -2, 255])}
        items = coupled.sample_logits(rows, check=False, **options)
        assert items.lt(0).tolist() == [False, True, False], (name, items)
        cases.raises(f"{name} must be in .*got -2 at .* 1", lambda o=options: coupled.sample_logits(rows, **o))
    options = {"seed": 1, "stream": torch.tensor([0, 255, 256])}
    assert coupled.sample_logits(rows, check=False, **options).lt(0).tolist() == [False, False, True]
    cases.raises("stream must be in 0..255, got 256 at .* 2", lambda: coupled.sample_logits(rows, **options))


@case
def layouts():
    rng = np.random.default_rng(8)
    for dtype in DTYPES[:2]:
        rows = tensor(rng.normal(0, 3, (2, 100)).astype(np.float32), dtype)
        for other in cases.layouts(rows):
            cases.check_both(other, 4, torch.arange(2))
            cases.check_weights(other.exp(), 4, torch.arange(2))


@case
def shapes():
    x = torch.arange(70.0)
    item = coupled.sample_logits(x, 1)
    assert item.shape == ()
    cases.check_both(x, 1)
    cases.check_weights(x, 1)
    assert [part.shape for part in coupled.race_logits(torch.empty(0, 70), 1)] == [(0,)] * 4
    assert [part.shape for part in coupled.race_logits(torch.empty(0, 70), 1, top_k=5)] == [(0,)] * 4
    assert coupled.sample(torch.empty(0, 70), 1).shape == (0,)
    cases.raises(r"logits: there are no items \(n = 0\)", lambda: coupled.sample_logits(torch.empty(3, 0), 1))
    cases.raises(r"weights: there are no items \(n = 0\)", lambda: coupled.sample(torch.empty(0), 1))


@case
def given_tensors():
    rng = np.random.default_rng(9)
    space = coupled.workspace(3, 2100, "cpu")
    out = torch.empty(3, dtype=torch.int64), *torch.empty(3, 3, dtype=torch.float64)
    for n in (100, 2100, 1100, 64):
        rows = tensor(rng.normal(0, 3, (3 if n < 2000 else 1, n)).astype(np.float32), torch.float32)
        mine = tuple(o[: len(rows)] for o in out)
        race = coupled.race_logits(rows, 1, n, out=mine, workspace=space)
        assert all(a.data_ptr() == b.data_ptr() for a, b in zip(race, mine, strict=True))
        cases.check_race(rows, 1, n, race)
        race = coupled.race_logits(rows, 1, n, top_p=0.6, out=mine, workspace=space)
        cases.check_race(rows, 1, n, race, top_p=0.6)
        bad = rows.clone()
        bad[0, 5] = NAN
        coupled.sample_logits(bad, 1, n, out=mine[0], workspace=space, check=False)
        cases.same_items(mine[0], cases.want_race(bad, 1, n)[0])
        coupled.sample(rows.exp(), 1, n, out=mine[0], workspace=space)
        cases.same_items(mine[0], cases.want_items(rows.exp(), 1, n))


@case
def rows_of_a_workspace():
    x = torch.from_numpy(np.random.default_rng(10).normal(0, 3, (5, 2100)).astype(np.float32))
    space = coupled.workspace(5, 2100, "cpu")
    for rows, part in ((x[:2], space[:2]), (x[3:], space[3:]), (x[:1, :600], space[:1]), (x, space)):
        items = coupled.sample(rows.exp(), 1, 2, workspace=part)
        cases.same_items(items, cases.want_items(rows.exp(), 1, 2))
    cases.raises("workspace is too small", lambda: coupled.sample(x.exp(), 1, 2, workspace=space[:4]))


@case
def bad_rows():
    cases.check_messages("cpu")
    for at in (0, 63, 64, 1023, 1024):
        rows = torch.full((1, 1025), -INF)
        rows[0, 500] = 1.0
        rows[0, at] = NAN
        assert coupled.sample_logits(rows, 1, check=False).item() == -1
        cases.raises(f"logits: logit of item {at} is nan.* at row 0", lambda r=rows: coupled.race_logits(r, 1))
