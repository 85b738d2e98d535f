"""pycouple.torch on a GPU is the C core, bit for bit: items, scores and margins of thousands of rows."""

from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
if find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)

from pycouple import torch as coupled  # noqa: E402
from tests.support import torch_cases as cases  # noqa: E402
from tests.support.rows import hard_row  # noqa: E402
from tests.support.torch_cases import DTYPES, INF, LARGEST, NAN, TEMPERATURES, random_rows  # noqa: E402

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")]

SIZES = (1, 2, 63, 64, 65, 100, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 4160, 50_257)
VOCABULARY = 131_072


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_real_rows(real_logits, dtype):
    rows = cases.real_rows(real_logits, 1024, VOCABULARY, "cuda").to(dtype)
    each = cases.row_parameters(np.random.default_rng(1), 1024, "cuda")
    items = cases.check_race(rows, **each)
    assert items.lt(0).sum() == sum(TEMPERATURES[i % len(TEMPERATURES)] == 1e-310 for i in range(1024))
    each["temperature"] = 1.0
    cases.check_logits(rows, **each)
    cases.check_logits(rows, LARGEST, LARGEST, temperature=0.3, stream=255)
    each = {"seed": each["seed"], "step": each["step"]}
    cases.check_weights((rows - 10).exp(), **each)


def few_and_many(rows):
    """Few rows in float32 and many in bfloat16: programs of both sizes."""
    yield rows, torch.float32
    yield np.tile(rows, (min(2400, 20_000_000 // rows.shape[1]) // len(rows), 1)), torch.bfloat16


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_every_kind(n):
    rng = np.random.default_rng(n)
    for rows, dtype in few_and_many(cases.logit_rows(rng, n, 60 if n < 10_000 else 24)):
        x = cases.tensor(rows, dtype, "cuda")
        each = cases.row_parameters(rng, len(x), "cuda")
        each["temperature"] = each["temperature"][torch.randperm(len(x), device="cuda")]
        cases.check_race(x, **each)
        if dtype == torch.float32:
            cases.check_logits(x, **each)


@pytest.mark.parametrize("n", [1, 64, 65, 1024, 2049, 50_257])
def test_hard_rows(n):
    """Scores far apart, or equal but for rounding, where the C core and the kernel go different ways."""
    rng = np.random.default_rng(n)
    rows = np.stack([hard_row(rng, n, np.float32) for _ in range(60 if n < 10_000 else 24)])
    for x, dtype in few_and_many(rows):
        for temperature in (1.0, 0.7, 3.0):
            cases.check_race(cases.tensor(x, dtype, "cuda"), 5, int(rng.integers(2**40)), temperature=temperature)


@pytest.mark.parametrize("n", SIZES)
def test_weights_of_every_kind(n):
    rng = np.random.default_rng(n)
    for rows, dtype in few_and_many(cases.weight_rows(rng, n, 60 if n < 10_000 else 24)):
        w = torch.from_numpy(rows).to("cuda", dtype)
        each = cases.row_parameters(rng, len(w), "cuda")
        del each["temperature"]
        cases.check_weights(w, **each)


def test_tiny_weights():
    """All subnormal weights of few bits, alone in their row."""
    rng = np.random.default_rng(6)
    bits = np.zeros((2000, 300), np.int32)
    bits[np.arange(2000), rng.integers(300, size=2000)] = np.arange(1, 2001)
    for w in (torch.from_numpy(bits).view(torch.float32), torch.from_numpy(bits.astype(np.int16)).view(torch.bfloat16)):
        items = coupled.sample(w.cuda(), 1)
        cases.same_items(items, cases.want_items(w, 1))
        cases.check_weights(w.cuda().flip(0) + w.cuda(), 1)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_temperatures(temperature):
    rng = np.random.default_rng(3)
    x = cases.tensor(cases.logit_rows(rng, 5000, 60), torch.float32, "cuda")
    for step in range(4):
        cases.check_race(x, 11, step, temperature=temperature)
    cases.check_race(random_rows(64, 151_936), 11, 5, temperature=temperature)


def test_temperature_tensors():
    x = random_rows(500, 3000)
    temperatures = torch.tensor([1.0, 0.0, 0.7, -1.0, NAN, INF, -INF, 3.0, -0.0, 1e-39], device="cuda").repeat(50)
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        given = temperatures.to(dtype)
        assert cases.check_race(x, 5, 6, temperature=given.double()).lt(0).sum() == 200
        assert torch.equal(
            coupled.race_logits(x, 5, 6, temperature=given, check=False).item,
            coupled.race_logits(x, 5, 6, temperature=given.double(), check=False).item,
        )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_ties(dtype):
    """Integers, so that at temperature 0 and in bounds many are equal; coarse bfloat16; rows that are all equal."""
    x = random_rows(512, 20_000)
    for rows in (x.round(), (x / 3).round(), x * 0, x + 300):
        for temperature in (0.0, 1.0, 30.0):
            cases.check_race(rows.to(dtype), 3, torch.arange(512, device="cuda"), temperature=temperature)
    cases.check_weights((x.abs() / 3).round().to(dtype), 3, torch.arange(512, device="cuda"))


def test_masked_rows():
    x = random_rows(2000, 32_000, torch.bfloat16)
    steps = torch.arange(2000, device="cuda")
    for k in (1, 2, 50):
        kept = x.topk(k).indices
        for low in (-INF, torch.finfo(torch.bfloat16).min):
            masked = torch.full_like(x, low).scatter(1, kept, x.gather(1, kept))
            cases.check_race(masked, 21, steps)
    ordered, order = x.float().sort(descending=True)
    p = ordered.softmax(-1)
    ordered[p.cumsum(-1) - p > 0.95] = -INF
    cases.check_race(torch.empty_like(ordered).scatter(1, order, ordered), 21, steps, temperature=0.8)


@pytest.mark.parametrize("wide", [torch.uint64, torch.int64], ids=str)
def test_all_bits_of_the_parameters(wide):
    rng = np.random.default_rng(4)
    x = random_rows(3000, 5000)
    for temperatures in ([1.0], [0.3, 5.0]):
        cases.check_race(x, **cases.row_parameters(rng, 3000, "cuda", temperatures, wide))
    for seed, step, stream in ((0, LARGEST, 0), (2**63, 2**32, 255), (2**32 - 1, 2**63, 7), (LARGEST, LARGEST, 255)):
        cases.check_race(x[:300], seed, step, stream=stream)
        cases.check_weights(x[:300].exp(), seed, step, stream=stream)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64], ids=str)
def test_types_of_the_parameters(dtype):
    x, draws = random_rows(100, 3000), torch.arange(100, device="cuda").to(dtype)
    cases.check_race(x, draws, draws, stream=draws)
    cases.check_race(x, 5, draws)
    cases.check_race(x, draws, 5)
    cases.check_race(x, 5, 6, stream=draws)
    apart = torch.arange(400, device="cuda")[::4].clamp(max=127).to(dtype)
    cases.check_race(x, 5, apart)


def test_tensors_out_of_range():
    x = random_rows(3, 500)
    for name in ("seed", "step", "stream"):
        options = {"seed": 1} | {name: torch.tensor([0, -2, 255], device="cuda")}
        assert coupled.sample_logits(x, check=False, **options).lt(0).tolist() == [False, True, False]
        cases.raises(f"{name} must be in .*got -2 at .* 1", lambda o=options: coupled.sample_logits(x, **o))
    options = {"seed": 1, "stream": torch.tensor([0, 255, 256], device="cuda")}
    assert coupled.sample(x.exp(), check=False, **options).lt(0).tolist() == [False, False, True]
    cases.raises("stream must be in 0..255, got 256 at .* 2", lambda: coupled.sample(x.exp(), **options))


def test_numbers_on_the_host():
    """One number is passed on; several would have to be copied to the device first, which would wait for it."""
    x = random_rows(3, 500)
    for one in (np.uint64(LARGEST), np.array(LARGEST, np.uint64)):
        cases.check_race(x, one, one, stream=np.int8(5), temperature=np.array(0.5))
    for several in ([1, 2, 3], np.arange(3), torch.arange(3)):
        cases.raises(
            "step must be on the device of the rows, cuda:0; got cpu", lambda s=several: coupled.sample(x, 1, s)
        )
    cases.raises("temperature must be on the device", lambda: coupled.sample_logits(x, 1, temperature=[0.5, 1, 2]))


@pytest.mark.parametrize("offset", [64, 64 * 77, 2**31, 2**32, 2**34 - 10_048])
def test_item_offset(offset):
    x = random_rows(200, 10_000)
    steps = torch.arange(200, device="cuda")
    cases.check_race(x, 1, steps, item_offset=offset)
    cases.check_weights(x.exp(), 1, steps, item_offset=offset)


def test_slices_combine():
    x = random_rows(300, 50_000)
    steps = torch.arange(300, device="cuda")
    parts = [coupled.race_logits(x[:, a : a + 12_800], 2, steps, item_offset=a) for a in range(0, 50_000, 12_800)]
    scores = torch.stack([part.score for part in parts])
    best = torch.stack([part.item for part in parts]).gather(0, scores.argmax(0, keepdim=True))[0]
    assert torch.equal(best, coupled.sample_logits(x, 2, steps))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_layouts(dtype):
    for n in (65, 2048, 9999):
        x = random_rows(33, n, dtype)
        steps = torch.arange(33, device="cuda")
        for other in cases.layouts(x):
            cases.check_both(other, 4, steps)
            cases.check_weights(other.abs(), 4, steps)


def test_one_row_and_none():
    x = random_rows(1, 3000)[0]
    race = coupled.race_logits(x, 1, 2)
    assert race.item.shape == race.score.shape == race.margin.shape == ()
    cases.check_both(x, 1, 2)
    cases.check_weights(x.exp(), 1, 2)
    empty = torch.empty(0, 70, device="cuda")
    assert coupled.sample(empty, 1).shape == coupled.sample_logits(empty, 1).shape == (0,)
    assert all(part.shape == (0,) for part in coupled.race_logits(empty, 1))
    no_items = torch.empty(3, 0, device="cuda")
    cases.raises(r"logits: there are no items \(n = 0\)", lambda: coupled.sample_logits(no_items, 1))
    cases.raises(r"weights: there are no items \(n = 0\)", lambda: coupled.sample(no_items, 1))


def test_messages():
    cases.check_messages("cuda")
    cases.raises("float64", lambda: coupled.sample_logits(torch.ones(2, 3, device="cuda").double(), 1), TypeError)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_one_bad_value_anywhere(dtype):
    rng = np.random.default_rng(5)
    for n in (1, 64, 100, 5000):
        at = torch.from_numpy(rng.integers(n, size=256)).cuda()
        bad = torch.tensor([NAN, INF, -1.0, -INF], device="cuda").repeat(64).to(dtype)
        x = random_rows(256, n, dtype).abs().scatter(1, at[:, None], bad[:, None])
        for temperature in (1.0, 0.0):
            items = cases.check_race(x, 1, temperature=temperature)
            assert items[0::4].lt(0).all()
            assert items[1::4].lt(0).all()
        cases.check_weights(x, 1)
        cases.raises(f"logit of item {at[0]} is nan.* at row 0", lambda rows=x: coupled.sample_logits(rows, 1))
        negative = x[2::4]
        cases.raises(f"weight of item {at[2]} is -1.0.* at row 0", lambda rows=negative: coupled.sample(rows, 1))


def test_long_rows():
    x = random_rows(1, 5_000_000)
    for step in range(5):
        cases.check_race(x, 1, step)
        cases.check_race(x * 0, 1, step, temperature=2.0)
    generator = torch.Generator("cuda").manual_seed(1)
    w = torch.rand(1, 2**27, device="cuda", dtype=torch.float16, generator=generator)
    for step in range(5):
        cases.check_weights(w, 1, step)
    cases.check_both(w, 1, 2, temperature=0.01)
