"""Truncated draws of pycouple.torch on a GPU are the C core's, bit for bit: items, scores, margins and edges."""

from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
if find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)

from pycouple import torch as coupled  # noqa: E402
from tests.support import torch_cases as cases  # noqa: E402
from tests.support.torch_cases import DTYPES, INF, NAN, random_rows  # noqa: E402
from tests.support.torch_totals import check_totals  # noqa: E402

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")]

SIZES = (1, 2, 63, 64, 65, 1024, 1025, 4160, 50_257)
VOCABULARY = 131_072


def mixed(rng, count, **options):
    return cases.row_parameters(rng, count, "cuda", **options) | cases.truncation(rng, count, "cuda")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_real_rows(real_logits, dtype):
    rows = cases.real_rows(real_logits, 512, VOCABULARY, "cuda").to(dtype)
    each = mixed(np.random.default_rng(1), 512, temperatures=(1.0, 0.6, 0.8, 1.3, 0.0, 5.0))
    cases.check_race(rows, **each)
    cases.check_logits(rows, **each)
    cases.check_logits(rows, 7, torch.arange(512, device="cuda"), temperature=0.8, top_k=50, top_p=0.95)
    cases.check_logits(rows, 7, torch.arange(512, device="cuda"), temperature=0.8, top_p=0.95)
    cases.check_logits(rows, 7, torch.arange(512, device="cuda"), temperature=0.8, min_p=0.05)


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_every_kind(n):
    rng = np.random.default_rng(n)
    for dtype in DTYPES:
        rows = cases.tensor(cases.logit_rows(rng, n, 120 if n < 10_000 else 40), dtype, "cuda")
        each = mixed(rng, len(rows))
        each["temperature"] = each["temperature"][torch.randperm(len(rows), device="cuda")]
        cases.check_both(rows, **each)


def test_the_slow_reading():
    rng = np.random.default_rng(2)
    for dtype in DTYPES:
        rows = cases.tensor(cases.logit_rows(rng, 3000, 60), dtype, "cuda")
        rows[:, 0] = 0.5  # no row is bad
        each = mixed(rng, 60, temperatures=(1.0, 0.3, 5.0))
        cases.same_race(coupled.race_logits(rows, **each), cases.slow_race(rows, **each))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_ties(dtype):
    x = random_rows(256, 20_000)
    for rows in (x.round(), (x / 3).round(), x * 0, x * 0 - 0.0, x + 300):
        for temperature in (1.0, 0.2, 30.0):
            each = cases.truncation(np.random.default_rng(3), 256, "cuda")
            steps = torch.arange(256, device="cuda")
            cases.check_race(rows.to(dtype), 3, steps, temperature=temperature, **each)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_totals_within_their_bounds(dtype):
    for temperature in (1.0, 0.3, 30.0, 1e-30, 1e46):
        for n in (1, 65, 5000, VOCABULARY):
            x = random_rows(3, n, dtype)
            check_totals(torch.cat([x, x.round(), x * 0]), temperature)


def test_sums_between_the_bounds_of_a_limit():
    x, steps = torch.zeros(256, 20_000, device="cuda"), torch.arange(256, device="cuda")
    p = coupled.sample_logits(x, 3, steps).double() / 20_000  # the sum is the limit, but for rounding
    for share in (p, torch.nextafter(p, p * 0 + 1)):
        cases.check_logits(x, 3, steps, top_p=share)


def test_many_rounds():
    x, steps = random_rows(64, 100_000), torch.arange(64, device="cuda")
    for rows in (x * 0, x * 1e-3, x):
        for p in (0.01, 1e-4, 0.0):
            cases.check_race(rows, 3, steps, top_p=p)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_top_k(dtype):
    """Below, at and above the number of blocks, and of items."""
    for n in (5000, VOCABULARY):
        blocks = -(-n // 64)
        ks = [1, 2, blocks - 1, blocks, blocks + 1, 3 * blocks, n - 1, n, n + 1, 2**62]
        x, k = random_rows(len(ks), n, dtype), torch.tensor(ks, device="cuda")
        for rows in (x, x.round(), x * 0):
            cases.check_race(rows, 5, 6, top_k=k)
            cases.check_race(rows, 5, 6, top_k=k, top_p=0.9, min_p=0.001)


def test_masked_rows():
    x, steps = random_rows(500, 32_000, torch.bfloat16), torch.arange(500, device="cuda")
    each = cases.truncation(np.random.default_rng(4), 500, "cuda")
    for k in (1, 2, 50):
        kept = x.topk(k).indices
        for low in (-INF, torch.finfo(torch.bfloat16).min, -1e9):
            masked = torch.full_like(x, low).scatter(1, kept, x.gather(1, kept))
            cases.check_race(masked, 21, steps, **each)


@pytest.mark.parametrize("temperature", cases.TEMPERATURES)
def test_temperatures(temperature):
    rng = np.random.default_rng(5)
    x = cases.tensor(cases.logit_rows(rng, 5000, 120), torch.float32, "cuda")
    cases.check_race(x, 11, 3, temperature=temperature, **cases.truncation(rng, 120, "cuda"))
    cases.check_race(x * 1e-42, 11, 3, temperature=temperature, **cases.truncation(rng, 120, "cuda"))


def test_layouts_and_offsets():
    steps = torch.arange(33, device="cuda")
    each = cases.truncation(np.random.default_rng(6), 33, "cuda")
    for n in (65, 2048, 9999):
        for dtype in DTYPES[:2]:
            x = random_rows(33, n, dtype)
            for other in cases.layouts(x):
                cases.check_race(other, 4, steps, **each)
            cases.check_race(x, 4, steps, item_offset=2**34 - 10_048, **each)
    cases.check_both(x[0], 1, 2, top_k=20, top_p=0.9)
    assert all(part.shape == (0,) for part in coupled.race_logits(x[:0], 1, top_k=5))


def test_one_bad_value_anywhere():
    rng = np.random.default_rng(7)
    for n in (1, 64, 5000):
        at = torch.from_numpy(rng.integers(n, size=60)).cuda()
        bad = torch.tensor([NAN, INF, -INF], device="cuda").repeat(20)
        x = random_rows(60, n).scatter(1, at[:, None], bad[:, None])
        items = cases.check_race(x, 1, **cases.truncation(rng, 60, "cuda"))
        assert items.view(20, 3)[:, :2].lt(0).all()
        cases.raises(f"logit of item {at[0]} is nan.* at row 0", lambda rows=x: coupled.sample_logits(rows, 1, top_k=3))


def test_long_rows():
    x = random_rows(1, 5_000_000)
    for options in ({"top_p": 0.9}, {"top_k": 100_000}, {"top_k": 40, "top_p": 0.5}, {"min_p": 0.01}):
        cases.check_race(x, 1, 5, **options)
        cases.check_race(x * 0, 1, 5, temperature=2.0, **options)
