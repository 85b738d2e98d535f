"""Arrays of other libraries: the draw of the same numbers in NumPy's arrays, from the same memory."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import pycouple
from pycouple._arguments import core_rows
from pycouple._arrays import BFLOAT16, widened

torch = pytest.importorskip("torch")
ml_dtypes = pytest.importorskip("ml_dtypes")


class OnlyDLPack:
    """An array of a library that NumPy knows nothing of."""

    def __init__(self, x):
        self._x = x

    def __dlpack__(self, **options):
        return self._x.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._x.__dlpack_device__()


class OnlyArray:
    def __init__(self, x):
        self._x = x

    def __array__(self, dtype=None, copy=None):
        return self._x if dtype is None else self._x.astype(dtype)


class BothButNoType(OnlyArray):
    """As JAX has bfloat16: DLPack has a type that NumPy does not take, ``__array__`` one of ml_dtypes."""

    def __dlpack__(self, **options):
        raise BufferError("unsupported dtype")

    def __dlpack_device__(self):
        return (1, 0)


def address(x):
    return x.__array_interface__["data"][0]


def wide(shape=(6, 300)):
    return np.random.default_rng(1).normal(0, 2, shape).astype(np.float32)


LAYOUTS = {
    "plain": lambda t: t,
    "every third": lambda t: t.repeat_interleave(3, dim=-1)[:, ::3],
    "transposed": lambda t: t.t().contiguous().t(),
    "expanded": lambda t: t[:1].expand(6, -1),
    "offset": lambda t: torch.cat([t[:1], t])[1:],
    "one row": lambda t: t[2],
    "no axis but one": lambda t: t[None].contiguous(),
    "grad": lambda t: t.clone().requires_grad_(),
    "grad of a graph": lambda t: t.clone().requires_grad_() * 1,
    "parameter": lambda t: torch.nn.Parameter(t.clone()),
}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_are_read_in_place(layout, dtype):
    t = LAYOUTS[layout](torch.from_numpy(wide()).to(getattr(torch, dtype)))
    rows = core_rows(t, "x")
    assert address(rows) == t.data_ptr()
    assert rows.shape == tuple(t.shape)
    assert rows.strides == tuple(t.element_size() * s for s in t.stride())
    same = t.detach().to(torch.float64).numpy()  # exactly
    same = same.astype(np.float32 if dtype == "bfloat16" else dtype)
    assert np.array_equal(widened(rows), same)
    step = np.arange(6) if t.ndim > 1 else 3
    positive = t.detach().abs()
    for got, want in (
        (pycouple.sample_logits(t, 5, step, temperature=0.7), pycouple.sample_logits(same, 5, step, temperature=0.7)),
        (pycouple.race_logits(t, 5, step), pycouple.race_logits(same, 5, step)),
        (pycouple.sample(positive, 5, step), pycouple.sample(np.abs(same), 5, step)),
        (pycouple.race_weights(positive, 5, step), pycouple.race_weights(np.abs(same), 5, step)),
        (
            pycouple.sample(positive, 5, step, method="minhash"),
            pycouple.sample(np.abs(same), 5, step, method="minhash"),
        ),
        (pycouple.couple(positive, np.abs(same), 5, step)[0], pycouple.couple(np.abs(same), positive, 5, step)[1]),
    ):
        assert type(got) is type(want)
        assert np.array_equal(got, want)


def test_views_of_complex_tensors():
    z = torch.from_numpy(wide() + 1j * wide((12, 300))[6:])
    assert z.conj().imag.is_neg()  # its memory holds the numbers with the other sign
    for view, want in ((z.conj().imag, -z.numpy().imag), (z.imag, z.numpy().imag), (z.conj().real, z.numpy().real)):
        assert np.array_equal(pycouple.sample_logits(view, 5, range(6)), pycouple.sample_logits(want, 5, range(6)))
    with pytest.raises(TypeError, match=r"^logits must be real numbers, got dtype complex64$"):
        pycouple.sample_logits(z.conj(), 5)


@pytest.mark.parametrize("strided", [False, True])
def test_ml_dtypes_are_read_in_place(strided):
    x = wide().astype(ml_dtypes.bfloat16)
    if strided:
        x = np.repeat(x, 2, axis=1)[::-1, ::2]
    rows = core_rows(x, "x")
    assert rows.dtype == BFLOAT16
    assert (address(rows), rows.strides) == (address(x), x.strides)
    same, steps = x.astype(np.float32), np.arange(6)
    assert np.array_equal(pycouple.sample_logits(x, 5, steps), pycouple.sample_logits(same, 5, steps))
    assert np.array_equal(pycouple.race_logits(x, 5, steps), pycouple.race_logits(same, 5, steps))
    for method in ("gumbel", "minhash"):
        got = pycouple.sample(np.abs(x), 5, steps, method=method)
        assert np.array_equal(got, pycouple.sample(np.abs(same), 5, steps, method=method))


def peak(call):
    """Bytes that NumPy and Python take during the call, apart from what a process loads once."""
    call()
    tracemalloc.start()
    call()
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return taken


@pytest.mark.parametrize("make", [torch.from_numpy, OnlyDLPack, OnlyArray])
def test_no_call_copies_rows(make):
    x = wide((8, 20_000))
    rows = make(x)
    for call in (
        lambda: pycouple.sample_logits(rows, 5, range(8)),
        lambda: pycouple.race_logits(rows, 5, range(8), axis=-1),
        lambda: pycouple.speculative.draft(rows, 5, range(8)),
        lambda: pycouple.speculative.verify([1] * 7, rows, 5, 8),
        lambda: pycouple.speculative.list_target_logits(rows, 5, range(8), range(3)),
    ):
        assert peak(call) < x.nbytes / 8


@pytest.mark.parametrize("of_torch", [True, False])
def test_no_call_copies_bfloat16_rows(of_torch):
    rows = torch.from_numpy(wide((8, 20_000))).to(torch.bfloat16)
    positive = rows.abs()
    if not of_torch:
        rows, positive = (x.view(torch.int16).numpy().view(ml_dtypes.bfloat16) for x in (rows, positive))
    for call in (
        lambda: pycouple.sample_logits(rows, 5, range(8)),
        lambda: pycouple.sample(positive, 5, range(8)),
        lambda: pycouple.sample(positive, 5, range(8), method="minhash"),
        lambda: pycouple.race_weights(positive, 5, range(8)),
        lambda: pycouple.speculative.race(rows, 5, range(8)),
        lambda: pycouple.speculative.list_target(positive, 5, range(8), range(3)),
        lambda: pycouple.speculative.list_target_logits(rows, 5, range(8), range(3)),
    ):
        assert peak(call) < 8 * 20_000 / 4


def test_other_libraries():
    x = wide()
    want = pycouple.sample_logits(x, 5, range(6))
    for make in (OnlyDLPack, OnlyArray):
        assert address(core_rows(make(x), "x")) == address(x)
        assert np.array_equal(pycouple.sample_logits(make(x), 5, range(6)), want)
    half = x.astype(ml_dtypes.bfloat16)
    assert address(core_rows(BothButNoType(half), "x")) == address(half)
    assert np.array_equal(core_rows(OnlyArray(x.astype(int)), "x"), x.astype(int))
    with pytest.raises(TypeError, match=r"^weights must be an array of numbers: "):
        pycouple.sample(OnlyDLPack(half), 5)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_float8(name):
    t = torch.from_numpy(wide()).to(getattr(torch, name))
    want = pycouple.sample_logits(t.float().numpy(), 5, range(6))
    assert np.array_equal(pycouple.sample_logits(t, 5, range(6)), want)
    assert np.array_equal(pycouple.sample_logits(t.float().numpy().astype(getattr(ml_dtypes, name)), 5, range(6)), want)


def test_integer_tensors():
    x = wide()
    seeds = torch.tensor([2**64 - 1, 2**63, 7, 0, 1, 2], dtype=torch.uint64)
    steps, streams = torch.arange(6, dtype=torch.int32), torch.tensor([255, 0, 1, 2, 3, 4], dtype=torch.uint8)
    want = pycouple.sample_logits(x, seeds.numpy(), range(6), stream=streams.numpy(), item_offset=64)
    got = pycouple.sample_logits(x, seeds, steps, stream=streams, item_offset=torch.tensor(64))
    assert np.array_equal(got, want)
    assert pycouple.sample_logits(x[0], torch.tensor(3), torch.tensor([4]))[0] == pycouple.sample_logits(x[0], 3, 4)
    assert np.array_equal(pycouple.clocks(torch.tensor(3), 4, steps), pycouple.clocks(3, 4, range(6)))
    with pytest.raises(ValueError, match=r"^step must be in 0..2\*\*64 - 1, got -1 at index 1$"):
        pycouple.sample(x, 1, torch.tensor([0, -1, 0, 0, 0, 0]))
    for bad, kind in ((torch.tensor(1.0), "float32"), (torch.tensor([1], dtype=torch.bfloat16), "bfloat16")):
        with pytest.raises(TypeError, match=f"^seed must be integers, got dtype {kind}$"):
            pycouple.sample([1.0], bad)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_temperatures(dtype):
    x, t = wide(), torch.tensor([0.5, 1.0, 0.0, 2.0, 0.25, 8.0], dtype=getattr(torch, dtype))
    got = pycouple.race_logits(x, 5, temperature=t)
    assert np.array_equal(got, pycouple.race_logits(x, 5, temperature=t.double().numpy()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_errors_of_tensors(dtype):
    t = torch.zeros(2, 3, dtype=dtype)
    t[1, 2] = float("nan")
    with pytest.raises(ValueError, match=r"^logits: logit of item 2 is nan at row 1; it must be finite or -inf$"):
        pycouple.sample_logits(t, 1)
    with pytest.raises(ValueError, match=r"^weights: no weight is positive at row 0, so there is nothing to draw$"):
        pycouple.sample(t, 1)
    with pytest.raises(ValueError, match=r"^q: weight of item 2 is nan at row 1; .*"):
        pycouple.couple(torch.ones(2, 3), t + 1, 1)
    t[1, 2] = -3e38
    with pytest.raises(ValueError, match=r"^temperature 1e-280 is so small .* for item 2, logit -.* at row 1;"):
        pycouple.sample_logits(t, 1, temperature=1e-280)


def test_tensors_that_numpy_cannot_read():
    for t, reason in (
        (torch.eye(3).to_sparse(), r"got layout torch.sparse_coo: use to_dense\(\)"),
        (torch.zeros(3, device="meta"), "got a meta tensor, which holds no numbers"),
        (
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
            "got a nested tensor: pad its rows",
        ),
    ):
        with pytest.raises(TypeError, match=f"^weights must be an array of numbers: {reason}$"):
            pycouple.sample(t, 1)


def test_torch_is_not_imported():
    code = "import pycouple, sys; pycouple.sample([1.0, 2.0], [1, 2]); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_on_a_device():
    for dtype in (torch.float32, torch.bfloat16):
        t = torch.from_numpy(wide()).to(dtype)
        steps = torch.arange(6, device="cuda")
        want = pycouple.sample_logits(t, 5, range(6))
        assert np.array_equal(pycouple.sample_logits(t.cuda(), torch.tensor(5, device="cuda"), steps), want)
