"""Rows, parameters and what the C core draws from them, for the tests of pycouple.torch."""

import numpy as np
import pytest
import torch

from pycouple import _config, _core
from pycouple import torch as coupled
from tests.support import oracle_kept
from tests.support.rows import random_row, random_weights

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
TEMPERATURES = (0.0, 1e-310, 1e-30, 1e-3, 0.3, 1.0, 5.0, 1e30, 1e300)  # logits / 1e-310 overflow
LARGEST = 2**64 - 1
NAN, INF = float("nan"), float("inf")

BAD_LOGITS = [
    ([1.0, INF], "logit of item 1 is inf"),
    ([NAN, 1.0], "logit of item 0 is nan"),
    ([-INF, -INF], "every logit is -inf"),
]
BAD_WEIGHTS = [
    ([1.0, -1.0], "weight of item 1 is -1.0"),
    ([NAN, 1.0], "weight of item 0 is nan"),
    ([1.0, INF], "weight of item 1 is inf"),
    ([-INF, 1.0], "weight of item 0 is -inf"),
    ([0.0, -0.0], "no weight is positive"),
]
BAD_TRUNCATIONS = [
    ("top_k", -2, "top_k must be positive, or 0 or -1 to keep all; got -2"),
    ("top_p", 1.5, r"top_p must be in \[0, 1\], got 1.5"),
    ("top_p", -0.1, r"top_p must be in \[0, 1\], got -0.1"),
    ("top_p", NAN, r"top_p must be in \[0, 1\], got nan"),
    ("min_p", 1.5, r"min_p must be in \[0, 1\], got 1.5"),
    ("min_p", NAN, r"min_p must be in \[0, 1\], got nan"),
]
BAD_TEMPERATURES = [
    (-1.0, "temperature must be finite and at least 0, got -1.0"),
    (NAN, "temperature must be finite and at least 0, got nan"),
    (INF, "temperature must be finite and at least 0, got inf"),
    (1e-310, "temperature 1e-310 is so small that logit / temperature overflows for item 0, logit 1.0"),
]
OUT_OF_RANGE = [
    ({"seed": -1}, r"seed must be in 0..2\*\*64 - 1, got -1"),
    ({"seed": 2**64}, "seed must be in"),
    ({"step": -1}, "step must be in"),
    ({"step": 2**64}, "step must be in"),
    ({"stream": 256}, "stream must be in 0..255, got 256"),
    ({"stream": -1}, "stream must be in"),
    ({"item_offset": 63}, "item_offset must be a multiple of 64"),
    ({"item_offset": -64}, "item_offset must be"),
    ({"item_offset": 2**34}, "item_offset must be"),
]


def top_k(x, k):
    return np.where(x >= np.sort(x)[-min(k, len(x))], x, -np.inf)


def top_p(x, p):
    order = np.argsort(-x)
    terms = np.exp(x[order] - x[order[0]])
    keep = np.cumsum(terms) - terms < p * terms.sum()
    masked = np.full_like(x, -np.inf)
    masked[order[keep]] = x[order[keep]]
    return masked


def special_rows(rng, n):
    """Rows as samplers leave them, and rows at the ends of float32."""
    x = rng.normal(0, 3, n)
    peak = np.where(np.arange(n) == rng.integers(n), 0.0, -np.inf)
    return [
        top_k(x, 50),
        top_k(x, 1),
        top_p(x, 0.95),
        np.where(top_p(x, 0.9) > -np.inf, x, np.finfo(np.float32).min),
        peak,
        np.where(peak == 0, x, np.finfo(np.float32).min),
        np.zeros(n),
        np.full(n, -0.7),
        rng.integers(0, 2, n).astype(float),
        np.round(x / 4),  # ties, zeros of both signs
        np.where(rng.random(n) < 0.5, -0.0, 0.0),
        x * 1e38 / 20,
        rng.choice([-1e38, 1e38, 0.0], n),
        rng.normal(0, 1e-40, n),
        -np.abs(rng.normal(0, 1e-44, n)),
        x - 1e4,
        np.where(rng.random(n) < 0.999, -np.inf, x) if n > 1 else x,  # may leave nothing: a bad row
    ]


def logit_rows(rng, n, count):
    """[count, n] float32: rows of all kinds, in a random order."""
    rows = special_rows(rng, n) + [random_row(rng, n, np.float32) for _ in range(count // 2)]
    while len(rows) < count:
        rows.append(random_row(rng, n, np.float32))
    return np.stack(rows).astype(np.float32)[rng.permutation(len(rows))[:count]]


def weight_rows(rng, n, count):
    """[count, n] float32: exponentials at every scale, zeros, subnormal weights alone and among others."""
    rows = [
        np.full(n, 1e-41),
        np.where(rng.random(n) < 0.5, 1e-41, 3e-45),
        rng.exponential(size=n) * 1e-38,
        np.where(rng.random(n) < 0.9, 0.0, rng.exponential(size=n)),
        np.where(rng.random(n) < 0.5, -0.0, 1e30),
        np.where(np.arange(n) == rng.integers(n), 1e-45, 0.0),
        rng.integers(0, 3, n).astype(float),
        np.where(rng.random(n) < 0.5, 63 * 2.0**-149, 0.0),
    ]
    rows += [random_weights(rng, n, np.float32) for _ in range(max(count // 2, count - len(rows)))]
    return np.stack(rows).astype(np.float32)[rng.permutation(len(rows))[:count]]


def tensor(rows, dtype, device="cpu"):
    """Rows in a dtype; finite values stay finite."""
    x = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
    if dtype == torch.float64:
        return x.double()
    limit = torch.finfo(dtype).max
    return torch.where(x.isinf(), x, x.clamp(-limit, limit)).to(dtype)


def random_rows(rows, n, dtype=torch.float32, seed=0):
    """normal(0, 3) logits made on the GPU."""
    generator = torch.Generator("cuda").manual_seed(seed)
    return (torch.randn(rows, n, device="cuda", generator=generator) * 3).to(dtype)


def row_parameters(rng, count, device="cpu", temperatures=TEMPERATURES, wide=torch.uint64):
    """Seed, step, stream and temperature of each row, as tensors; seeds and steps over all of 64 bits, or of 63."""
    top = LARGEST if wide == torch.uint64 else 2**63 - 1
    draws = rng.integers(top, size=(2, count), dtype=np.uint64, endpoint=True)
    draws[:, 0] = top
    seed, step = (torch.from_numpy(v).view(torch.int64) for v in draws)
    values = {
        "seed": seed.view(wide),
        "step": step.view(wide),
        "stream": torch.from_numpy(rng.integers(256, size=count)),
        "temperature": torch.from_numpy(np.resize(temperatures, count)),
    }
    return {name: value.to(device) for name, value in values.items()}


TOP_KS = (0, 1, 2, 50, -1, 3, 1000, 0, 17, 10**12)
TOP_PS = (0.95, 1.0, 0.5, 0.0, 1 - 2.0**-53, 0.999, 0.01, 5e-324, 0.8, 0.05, 1.0)
MIN_PS = (0.0, 0.05, 0.0, 1e-310, 1.0, 0.0, 1e-6)


def truncation(rng, count, device="cpu", top_ks=TOP_KS, top_ps=TOP_PS, min_ps=MIN_PS):
    """Top-k, top-p and min-p of each row, as tensors of all kinds, mixed."""
    values = {"top_k": top_ks, "top_p": top_ps, "min_p": min_ps}
    mixed = {name: torch.from_numpy(rng.permutation(np.resize(value, count))) for name, value in values.items()}
    return {name: value.to(device) for name, value in mixed.items()}


def number(x, dtype):
    """A parameter as the core takes it, float64 or uint64."""
    return np.asarray(x.cpu().numpy() if isinstance(x, torch.Tensor) else x).astype(dtype)


def rows_of(x):
    """Rows as the core takes them."""
    return (x.float() if x.dtype == torch.bfloat16 else x).cpu().numpy()


def want_race(logits, seed, step=0, *, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, stream=0, item_offset=0):
    """What the C core says, item, score, margin and edge; item -1 for a bad row."""
    truncation = (number(top_k, np.int64), number(top_p, np.float64), number(min_p, np.float64))
    draw = (number(seed, np.uint64), number(step, np.uint64), number(temperature, np.float64), *truncation)
    args = (rows_of(logits), *draw, number(stream, np.uint64), number(item_offset, np.uint64))
    (item, *numbers), _ = _core.call(_core.race_kept_logits, _config.cores(), args, {})
    return np.maximum(item, -1), *numbers


def slow_race(logits, seed, step, temperature, top_k, top_p, min_p, stream, item_offset=0):
    """What the slow reading of docs/kept.md says, likewise; each parameter has one number per row."""
    given = (seed, step, stream, temperature, top_k, top_p, min_p)
    draws = zip(rows_of(logits), *(x.tolist() for x in given), strict=True)
    each = [oracle_kept.draw(*draw, item_offset) for draw in draws]
    return tuple(np.array(column) for column in zip(*each, strict=True))


def want_items(weights, seed, step=0, *, stream=0, item_offset=0):
    args = (rows_of(weights), *(number(v, np.uint64) for v in (seed, step, stream, item_offset)))
    item, _ = _core.call(_core.sample_weights, _config.cores(), args, {})
    return np.maximum(item, -1)


def same_items(got, want):
    assert got.dtype == torch.int64
    got = got.cpu().numpy()
    assert got.shape == want.shape
    wrong = np.flatnonzero(got != want)
    assert wrong.size == 0, f"{wrong.size} of {want.size} items, rows {wrong[:5]}: {got[wrong[:5]]}, {want[wrong[:5]]}"


def same_numbers(what, got, want, good):
    assert got.dtype == torch.float64
    got = got.cpu().numpy()
    assert np.isnan(got[~good]).all(), f"{what} of bad rows"
    wrong = np.flatnonzero(good & (got.view(np.int64) != np.asarray(want).view(np.int64)))
    assert wrong.size == 0, f"{wrong.size} {what}s, rows {wrong[:5]}: {got[wrong[:5]]}, {want[wrong[:5]]}"


def same_race(got, want):
    same_items(got.item, want[0])
    for what, mine, wanted in zip(("score", "margin", "edge"), got[1:], want[1:], strict=True):
        same_numbers(what, mine, wanted, want[0] >= 0)


def check_race(logits, seed, step=0, race=None, **options):
    """race_logits (or the race that is given), bit for bit; gives the items."""
    got = coupled.race_logits(logits, seed, step, check=False, **options) if race is None else race
    same_race(got, want_race(logits, seed, step, **options))
    return got.item


def check_logits(logits, seed, step=0, **options):
    same_items(
        coupled.sample_logits(logits, seed, step, check=False, **options), want_race(logits, seed, step, **options)[0]
    )


def check_weights(weights, seed, step=0, **options):
    same_items(coupled.sample(weights, seed, step, check=False, **options), want_items(weights, seed, step, **options))


def check_both(logits, seed, step=0, **options):
    items = check_race(logits, seed, step, **options)
    assert torch.equal(coupled.sample_logits(logits, seed, step, check=False, **options), items)


def real_rows(rows, count, n, device):
    """Real rows tiled to n items and perturbed, float32."""
    noise = torch.Generator(device).manual_seed(1)
    rows = torch.from_numpy(rows).to(device)
    tiled = rows.repeat(-(-count // len(rows)), -(-n // rows.shape[1]))[:count, :n]
    return tiled + torch.randn(count, n, generator=noise, device=device)


def layouts(x):
    """The same rows, elsewhere in memory."""
    rows, n = x.shape
    wide = torch.full((rows, 3 * n + 5), NAN, dtype=x.dtype, device=x.device)
    wide[:, 5::3] = x
    yield wide[:, 5::3]
    apart = torch.full((rows, n + 7), NAN, dtype=x.dtype, device=x.device)
    apart[:, 3 : 3 + n] = x
    yield apart[:, 3 : 3 + n]  # off every alignment but that of an element
    yield x.t().contiguous().t()
    yield x[:1].expand(rows, n)


def raises(pattern, call, kind=ValueError):
    with pytest.raises(kind, match=pattern):
        call()


def check_messages(device):
    """Bad rows, alone and in a batch, and arguments out of range: the messages of the CPU functions."""
    for function, name, table in (
        (coupled.sample_logits, "logits", BAD_LOGITS),
        (coupled.race_logits, "logits", BAD_LOGITS),
        (coupled.sample, "weights", BAD_WEIGHTS),
    ):
        for row, message in table:
            row = torch.tensor(row, device=device)
            raises(rf"^{name}: {message}(?!.* at row)", lambda f=function, x=row: f(x, 1))
            batch = torch.stack([torch.ones_like(row), row, row])
            raises(rf"^{name}: {message}.* at row 1", lambda f=function, x=batch: f(x, 1))
            result = function(batch, 1, check=False)
            item = result if isinstance(result, torch.Tensor) else result.item
            assert item.tolist()[1:] == [-1, -1], message
            assert item.tolist()[0] >= 0, message
    x = torch.tensor([1.0, 2.0], device=device)
    for temperature, message in BAD_TEMPERATURES:
        raises(f"^{message}$|^{message};", lambda t=temperature: coupled.sample_logits(x, 1, temperature=t))
        several = torch.tensor([1.0, temperature], dtype=torch.float64, device=device)
        raises(f"{message}.* at row 1", lambda t=several: coupled.race_logits(x.expand(2, 2), 1, temperature=t))
    for name, value, message in BAD_TRUNCATIONS:
        raises(f"^{message}$", lambda n=name, v=value: coupled.sample_logits(x, 1, **{n: v}))
        several = {name: torch.tensor([value] * 2, device=device)}
        several[name][0] = 1
        raises(f"{message}.* at .* 1", lambda o=several: coupled.race_logits(x.expand(2, 2), 1, **o))
        assert coupled.sample_logits(x.expand(2, 2), 1, check=False, **several).lt(0).tolist() == [False, True]
    for options, message in OUT_OF_RANGE:
        for function in (coupled.sample, coupled.sample_logits, coupled.race_logits):
            for check in (True, False):
                raises(message, lambda f=function, o=options, c=check: f(x, **({"seed": 1, "check": c} | o)))
    for bad in (x.long(), torch.ones(2, dtype=torch.complex64, device=device), [1.0, 2.0]):
        raises("must be", lambda b=bad: coupled.sample_logits(b, 1), TypeError)
    for options in ({"seed": 1.5}, {"seed": 1, "step": "a"}, {"seed": 1, "stream": x}, {"seed": True}):
        raises("must be", lambda o=options: coupled.sample_logits(x, **o), TypeError)
