"""The Triton kernel on CPU tensors, in Triton's interpreter, against the C core: run by test_interpreter.py.

    TRITON_INTERPRET=1 python -m tests.support.interpreted [part of a name ...]

Prints a line per case. A program (1,024 items) takes some 50 ms, and a round of a truncated row more, so rows are few.
"""

import os
import sys
import time
import traceback
import warnings

os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported

import numpy as np
import torch
from triton import language as tl
from triton.runtime import interpreter

from pycouple import torch as coupled
from pycouple.torch import _kept, _keys, _op, _terms, _top_k
from tests.support import torch_cases as cases
from tests.support.torch_cases import DTYPES, INF, LARGEST, NAN
from tests.support.torch_totals import check_totals

CASES = {}
TEMPERATURES = (1.0, 0.0, 0.3, 5.0, 1e-30, 1e-310)


def tensor(rows, dtype):
    """As cases.tensor, but 0 for subnormal bfloat16, which the interpreter of Triton 3.6 widens to other numbers."""
    x = cases.tensor(rows, dtype)
    return torch.where(x.abs() < torch.finfo(dtype).tiny, x * 0, x) if dtype == torch.bfloat16 else x


def case(function):
    CASES[function.__name__] = function
    return function


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


def main():
    warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of infinities that a GPU takes silently
    count = 0
    launch = interpreter.GridExecutor.__call__

    def counted(*args, **kwargs):
        nonlocal count
        count += 1
        return launch(*args, **kwargs)

    interpreter.GridExecutor.__call__ = counted
    failed = 0
    for name, function in CASES.items():
        if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
            continue
        start, before = time.perf_counter(), count
        try:
            function()
            assert count > before, "no kernel was launched"
            verdict = "ok"
        except Exception:
            traceback.print_exc(file=sys.stdout)
            verdict = "FAILED"
            failed += 1
        print(f"{name}: {verdict}, {count - before} launches, {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
