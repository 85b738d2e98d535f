"""pycouple.torch on CPU tensors, where it is the C core."""

import doctest
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import pycouple  # noqa: E402
from pycouple import torch as coupled  # noqa: E402
from tests.support import torch_cases as cases  # noqa: E402

DTYPES = (*cases.DTYPES, torch.float64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 64, 65, 3000])
def test_rows_of_every_kind(n, dtype):
    rng = np.random.default_rng(n)
    x = cases.tensor(cases.logit_rows(rng, n, 60), dtype)
    each = cases.row_parameters(rng, 60)
    cases.check_both(x, **each)
    cases.check_both(x, **each, **cases.truncation(rng, 60))
    del each["temperature"]
    cases.check_weights(torch.from_numpy(cases.weight_rows(rng, n, 60)).to(dtype), **each)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_layouts(dtype):
    x = cases.tensor(np.random.default_rng(1).normal(0, 3, (5, 700)).astype(np.float32), dtype)
    for other in cases.layouts(x):
        cases.check_both(other, 4, torch.arange(5), item_offset=640)
        cases.check_race(other, 4, torch.arange(5), top_k=50, top_p=0.9, min_p=0.01)
        cases.check_weights(other.abs(), 4, torch.arange(5), stream=torch.arange(5))


def test_messages():
    cases.check_messages("cpu")


def test_out():
    x = torch.randn(5, 700)
    out = torch.empty(5, dtype=torch.int64), *torch.empty(3, 5, dtype=torch.float64)
    for kept in ({}, {"top_p": 0.5}):
        race = coupled.race_logits(x, 1, 2, **kept, out=out)
        assert all(a.data_ptr() == b.data_ptr() for a, b in zip(race, out, strict=True))
        cases.check_race(x, 1, 2, race, **kept)


def test_shapes():
    assert coupled.sample_logits(torch.zeros(7), 1).shape == ()
    assert coupled.sample(torch.ones(0, 7), 1).shape == (0,)
    assert [part.shape for part in coupled.race_logits(torch.ones(0, 7), 1)] == [(0,)] * 4


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled(dynamic):
    def decode(x, step):
        race = coupled.race_logits(x * 2, 5, step, temperature=1, check=False)
        items = coupled.sample_logits(x * 2, 5, step, top_k=7, top_p=0.9, check=False)
        return race, coupled.sample_logits(x * 2, 5, step, check=False) + 1, items

    compiled = torch.compile(decode, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for rows, n in ((4, 100), (7, 100), (7, 30)):
        x, steps = torch.randn(rows, n), torch.arange(rows)
        race, more, items = compiled(x, steps)
        cases.check_race(x * 2, 5, steps, race)
        assert torch.equal(more, race.item + 1)
        cases.same_items(items, cases.want_race(x * 2, 5, steps, top_k=7, top_p=0.9)[0])


@pytest.mark.filterwarnings("default")
def test_the_op_is_a_good_citizen():
    x, steps, none = torch.randn(4, 500), torch.arange(4), torch.empty(0, 0, dtype=torch.int64)
    item, numbers = torch.empty(4, dtype=torch.int64), torch.empty(3, 4, dtype=torch.float64).unbind()
    for seeds, ks, results in ((None, None, (item, None, None, None)), (steps, steps, (item, *numbers))):
        draw = (x, False, seeds, 1, steps, 0, None, 3, None, 0.5)
        arguments = (*draw, ks is not None, ks, 0, None, 0.5, None, 0.0, 64, none, *results)
        torch.library.opcheck(torch.ops.pycouple.race_out.default, arguments)


def test_truncated_rows_are_those_of_the_slow_reading():
    rng = np.random.default_rng(7)
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        x = cases.tensor(cases.logit_rows(rng, 200, 40), dtype)
        x[:, 0] = 0.5  # no row is bad
        each = cases.row_parameters(rng, 40, temperatures=(1.0, 0.3, 5.0)) | cases.truncation(rng, 40)
        cases.same_race(coupled.race_logits(x, **each), cases.slow_race(x, **each))


def test_truncations_as_the_numpy_api_takes_them():
    x = torch.randn(3, 70, generator=torch.Generator().manual_seed(1))
    want = coupled.race_logits(x, 1, 5, top_k=torch.tensor([0, 5, 70]), top_p=torch.tensor([0.5, 1.0, 0.25]))
    of_64_bits = np.array([0, 5, 2**64 - 1], np.uint64)
    for k in ([0, 5, 70], (0, 5, 10**30), np.array([-1, 5, 70], np.int8), iter([0, 5, 70]), of_64_bits):
        race = coupled.race_logits(x, 1, 5, top_k=k, top_p=np.array([0.5, 1, 0.25], np.float16), min_p=None)
        assert all(map(torch.equal, race, want))
    plain = coupled.race_logits(x, 1, 5)
    none = dict.fromkeys(("temperature", "top_k", "top_p", "min_p"))
    for kept in ({"top_k": 0}, {"top_k": -1}, none, {"top_p": 1, "min_p": 0}):
        race = coupled.race_logits(x, 1, 5, **kept)
        assert all(map(torch.equal, race, plain))
    assert plain.edge.isinf().all()
    assert torch.equal(coupled.sample_logits(x, 1, 5, top_k=10**30), plain.item)


def test_nothing_is_copied():
    x = torch.randn(2, 1 << 22)
    coupled.sample_logits(x[:, :100], 1, torch.arange(2))  # the first call imports
    for rows in (x, x.to(torch.bfloat16), x.T.contiguous().T):
        tracemalloc.start()
        coupled.sample_logits(rows, 1, torch.arange(2), check=False)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


@pytest.mark.parametrize("name", ["sample", "sample_logits", "race_logits", "kept_terms", "workspace"])
def test_docstrings(name):
    assert name in coupled.__all__
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    names = {"torch": torch, "pycouple": pycouple}
    results = [runner.run(test) for test in finder.find(getattr(coupled, name), name, globs=names)]
    assert sum(result.attempted for result in results)
    assert sum(result.failed for result in results) == 0


def test_a_default_device_changes_nothing():
    x = torch.randn(2, 300)
    want = coupled.sample_logits(x, 1)
    with torch.device("meta"):
        out = torch.zeros(2, dtype=torch.int64, device="cpu")
        assert torch.equal(coupled.sample_logits(x, 1, out=out), want)
        assert torch.equal(coupled.sample_logits(x, 1), want)


def test_numbers_as_the_numpy_api_takes_them():
    x = torch.randn(4, 300)
    each = [0, 5, 2**63, cases.LARGEST]
    want = cases.check_race(x, np.array(each, np.uint64), 6, stream=np.arange(4))
    for several in (each, tuple(each), torch.from_numpy(np.array(each, np.uint64))):
        assert torch.equal(coupled.sample_logits(x, several, np.int32(6), stream=range(4)), want)
    for several in ([0, 0.5, 1, 2.0], np.array([0.0, 0.5, 1.0, 2.0], np.float32)):
        cases.check_race(x, np.array(1), np.array([2]), temperature=several)
    cases.check_race(x, 1, 2, temperature=np.array(0.5))
    calls = {
        r"seed must be in 0..2\*\*64 - 1, got -1 at index 2": lambda: coupled.sample_logits(x, [1, 1, -1, 1]),
        "stream must be in 0..255, got 256 at index 1": lambda: coupled.sample_logits(x, 1, stream=[0, 256, 0, 0]),
        "temperature must be finite.*, got nan at row 3": lambda: coupled.sample_logits(
            x, 1, temperature=[1, 1, 1, cases.NAN]
        ),
        r"step must be one number or one per row, 4 of them; got shape \(3,\)": lambda: coupled.sample_logits(
            x, 1, np.arange(3)
        ),
    }
    for message, call in calls.items():
        cases.raises(message, call)
    for options in ({"seed": [1.5] * 4}, {"seed": 1, "step": np.ones(4)}, {"seed": 1, "temperature": ["hot"] * 4}):
        cases.raises("must be", lambda o=options: coupled.sample_logits(x, **o), TypeError)


def test_arguments_that_do_not_fit():
    x, item, score = torch.randn(4, 300), torch.zeros(4, dtype=torch.int64), torch.zeros(4).double()
    calls = {
        "out must have a place for each row": lambda: coupled.sample_logits(x, 1, out=item[:1].expand(4)),
        "out must be different tensors": lambda: coupled.race_logits(x, 1, out=(item, score, score, score)),
        "out must be on the device": lambda: coupled.sample_logits(x, 1, out=item.to("meta")),
        "seed must be on the device": lambda: coupled.sample_logits(x, item.to("meta")),
        "seed must be one number or one per row, 4": lambda: coupled.sample_logits(x, item[:3]),
        "temperature must be finite": lambda: coupled.sample_logits(x, 1, temperature=10**400),
        "item_offset must be a multiple of 64": lambda: coupled.sample_logits(x, 1, item_offset=7),
        r"flatten the batch: logits.flatten\(0, -2\)": lambda: coupled.sample_logits(x[None], 1),
    }
    for message, call in calls.items():
        cases.raises(message, call)
    calls = {
        "workspace must come from pycouple.torch.workspace": lambda: coupled.sample_logits(x, 1, workspace="here"),
        "temperature must be a tensor of floats, got torch.float8": lambda: coupled.sample_logits(
            x, 1, temperature=torch.ones(4).to(torch.float8_e4m3fn)
        ),
        r"out must be a tuple of 4 tensors \(.*\), got 3 in a tuple": lambda: coupled.race_logits(
            x, 1, out=(item, score, score)
        ),
        "logits must be a torch tensor, got ndarray; pycouple.sample_logits takes arrays": lambda: (
            coupled.sample_logits(x.numpy(), 1)
        ),
        "weights must be a torch tensor, got list; pycouple.sample takes arrays": lambda: coupled.sample([1.0], 1),
        "logits must be float32.*, got torch.int64 on cpu": lambda: coupled.sample_logits(x.long(), 1),
    }
    for message, call in calls.items():
        cases.raises(message, call, TypeError)


def test_missing_package():
    code = "import sys; sys.modules['torch'] = None; import pycouple.torch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: pycouple.torch needs torch: pip install 'pycouple[torch]'" in run.stderr


def test_host_numbers_of_every_kind():
    """What is no tensor is read as `pycouple.sample_logits` reads it."""
    x, steps = torch.randn(3, 70, generator=torch.Generator().manual_seed(1)), [4, 5, 6]
    want = coupled.sample_logits(x, 1, steps, temperature=[0.5, 0.5, 0.5])
    for once in (iter, lambda x: map(type(x[0]), x), lambda x: dict(enumerate(x)).values()):
        got = coupled.sample_logits(x, once([1, 1, 1]), once(steps), temperature=once([0.5] * 3), stream=once([0] * 3))
        assert torch.equal(got, want)
    for half in (Fraction(1, 2), Decimal("0.5"), np.float32(0.5), np.array(0.5), [Fraction(1, 2)] * 3):
        assert torch.equal(coupled.sample_logits(x, 1, steps, temperature=half), want)
    high = coupled.sample_logits(x, 1, temperature=2**70)
    assert torch.equal(high, coupled.sample_logits(x, 1, temperature=2.0**70))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"top_k": 2.5}, TypeError, "top_k must be an integer, got float"),
        ({"top_k": torch.ones(3)}, TypeError, "top_k must be integers, got torch.float32"),
        ({"top_k": [1, 2, -2]}, ValueError, "top_k must be positive, or 0 or -1 to keep all; got -2 at index 2"),
        ({"top_k": [1, 2, True]}, TypeError, "top_k must be integers, got bool at index 2"),
        ({"top_p": "1"}, TypeError, "top_p must be a real number, got str"),
        ({"top_p": torch.ones(3, dtype=torch.int64)}, TypeError, "top_p must be a tensor of floats, got torch.int64"),
        ({"min_p": [0, 2, 0.5]}, ValueError, r"min_p must be in \[0, 1\], got 2.0 at row 1"),
        ({"temperature": [1, None, 1]}, TypeError, "temperature must be real numbers, got NoneType at index 1"),
        ({"temperature": 10**400}, ValueError, "temperature must be finite and at least 0, got inf"),
        ({"temperature": torch.ones(3).to_sparse()}, TypeError, "temperature must be a dense tensor, got layout .*"),
        ({"step": "12"}, TypeError, "step must be an integer, got str"),
        ({"step": {1: 2}}, TypeError, "step must be an array of numbers, got dict: .*"),
        ({"step": [1, 2.5, 3]}, TypeError, "step must be integers, got float"),
        ({"step": 10**5000}, ValueError, "step is out of range: an integer of 16610 bits"),
        ({"check": None}, TypeError, "check must be True or False, got NoneType"),
        ({"out": [1, 2, 3]}, TypeError, r"out must be a tensor \(torch.int64\), got 3 in a list"),
    ],
)
def test_arguments_that_are_wrong(options, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        coupled.sample_logits(torch.zeros(3, 4), **({"seed": 1} | options))


def test_workspaces_that_cannot_be():
    for device, n in (("nowhere", 5), ("cpu", 2**60)) + ((("cuda", 5),) if not torch.cuda.is_available() else ()):
        with pytest.raises(
            ValueError, match=f"^workspace: no 2 x .* integers on device '{device}': .* need no workspace$"
        ):
            coupled.workspace(2, n, device)
