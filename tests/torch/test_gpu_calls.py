"""How pycouple.torch is called on a GPU: given tensors, CUDA graphs, torch.compile, two queues, no synchronisation."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from tests.support import ROOT

torch = pytest.importorskip("torch", reason="torch is not installed")
if find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)

from pycouple import torch as coupled  # noqa: E402
from tests.support import torch_cases as cases  # noqa: E402
from tests.support.torch_cases import DTYPES, NAN, random_rows  # noqa: E402

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")]


def race_out(rows):
    return torch.empty(rows, dtype=torch.int64, device="cuda"), *torch.empty(
        3, rows, dtype=torch.float64, device="cuda"
    )


def truncation(rows):
    """Tensors of all kinds of parameters, one per row."""
    return cases.truncation(np.random.default_rng(rows), rows, "cuda")


def allocations():
    return torch.cuda.memory_stats()["allocation.all.allocated"]


def test_no_allocation():
    x, w, steps = random_rows(16, 9000), random_rows(16, 9000).exp(), torch.arange(16, device="cuda")
    out, space, kept = race_out(16), coupled.workspace(16, 9000), truncation(16)
    calls = (
        lambda: coupled.sample_logits(x, 1, steps, out=out[0], workspace=space, check=False),
        lambda: coupled.sample_logits(x[0], 1, 2, out=out[0][0], workspace=space, check=False),
        lambda: coupled.race_logits(x, 1, steps, temperature=0.5, out=out, workspace=space, check=False),
        lambda: coupled.sample(w, 1, steps, out=out[0], workspace=space, check=False),
        lambda: coupled.sample_logits(x, 1, steps, **kept, out=out[0], workspace=space, check=False),
        lambda: coupled.race_logits(x, 1, steps, top_p=0.9, out=out, workspace=space, check=False),
    )
    for call in calls:
        call()
        before = allocations()
        call()
        assert allocations() == before


def test_out_is_returned():
    x, out, space = random_rows(5, 3000), race_out(5), coupled.workspace(5, 3000)
    race = coupled.race_logits(x, 1, 2, out=out, workspace=space)
    assert all(a.data_ptr() == b.data_ptr() for a, b in zip(race, out, strict=True))
    cases.check_race(x, 1, 2, race)
    apart = torch.full((5, 3), -7, device="cuda")
    assert coupled.sample_logits(x, 1, 2, out=apart[:, 1]).data_ptr() == apart[:, 1].data_ptr()
    assert torch.equal(apart[:, 1], race.item)
    assert apart[:, ::2].eq(-7).all()


@pytest.mark.parametrize("wrong", ["type", "shape", "device", "tuple"])
def test_wrong_out(wrong):
    x = random_rows(5, 300)
    out = {
        "type": torch.empty(5, dtype=torch.int32, device="cuda"),
        "shape": torch.empty(4, dtype=torch.int64, device="cuda"),
        "device": torch.empty(5, dtype=torch.int64),
        "tuple": race_out(5)[:2],
    }[wrong]
    with pytest.raises((TypeError, ValueError), match="out"):
        coupled.sample_logits(x, 1, out=out)
    with pytest.raises((TypeError, ValueError), match="out"):
        coupled.race_logits(x, 1, out=out)


def test_workspace_is_reused():
    space = coupled.workspace(64, 20_000)
    for turn in range(3):
        for rows, n in ((64, 20_000), (1, 20_000), (64, 100), (7, 4097), (64, 20_000), (2, 64)):
            x = random_rows(rows, n, DTYPES[turn], seed=turn)
            x[rows // 2, n // 2] = NAN  # a bad row leaves it clean too
            steps = torch.arange(rows, device="cuda")
            cases.check_race(x, turn, steps, coupled.race_logits(x, turn, steps, workspace=space, check=False))
            items = coupled.sample(x.abs(), turn, steps, workspace=space, check=False)
            cases.same_items(items, cases.want_items(x.abs(), turn, steps))
            race = coupled.race_logits(x, turn, steps, top_p=0.5, workspace=space, check=False)
            cases.check_race(x, turn, steps, race, top_p=0.5)
    with pytest.raises(ValueError, match="workspace"):
        coupled.sample_logits(random_rows(65, 20_000), 1, workspace=space)


@pytest.mark.filterwarnings("default")  # the mode warns that it is a prototype
def test_no_synchronisation():
    x, steps = random_rows(16, 9000), torch.arange(16, device="cuda")
    x[3, 4] = NAN
    temperatures = torch.full((16,), 0.5, device="cuda", dtype=torch.float64)
    kept = truncation(16)
    coupled.race_logits(x, 1, steps, check=False)
    torch.cuda.set_sync_debug_mode("error")
    try:
        race = coupled.race_logits(x, 1, steps, stream=steps, temperature=temperatures, check=False)
        item = coupled.sample(x.exp(), 1, 5, check=False)
        greedy = coupled.sample_logits(x, 1, 5, temperature=0, check=False)
        truncated = coupled.race_logits(x, 1, steps, temperature=temperatures, **kept, check=False)
        torch.empty(3, device="cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    cases.check_race(x, 1, steps, race, stream=steps, temperature=temperatures)
    cases.check_race(x, 1, steps, truncated, temperature=temperatures, **kept)
    assert item[3] == greedy[3] == truncated.item[3] == -1


def test_cuda_graph():
    x, step = random_rows(32, 50_000, torch.bfloat16), torch.zeros(32, dtype=torch.int64, device="cuda")
    temperatures = torch.ones(32, dtype=torch.float64, device="cuda")
    out, space = race_out(32), coupled.workspace(32, 50_000)
    items = torch.empty(32, dtype=torch.int64, device="cuda")
    coupled.race_logits(x, 9, step, temperature=temperatures, out=out, workspace=space, check=False)
    coupled.sample_logits(x, 9, step, out=items, workspace=space, check=False)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        coupled.race_logits(x, 9, step, temperature=temperatures, out=out, workspace=space, check=False)
        coupled.sample_logits(x, 9, step, out=items, workspace=space, check=False)
        own = coupled.sample_logits(x, 9, step, check=False)  # out and workspace from the graph's pool
        step.add_(1)
    for turn in range(20):
        x.copy_(random_rows(32, 50_000, torch.bfloat16, seed=turn))
        temperatures.fill_(0.1 * turn)
        before = step.clone()
        graph.replay()
        torch.cuda.synchronize()
        cases.check_race(x, 9, before, coupled.Race(*out), temperature=temperatures)
        want, *_ = cases.want_race(x, 9, before)
        cases.same_items(items, want)
        cases.same_items(own, want)


def test_cuda_graph_of_truncated_rows():
    """A replay reads the parameters anew: it may keep more or less of a row, or nothing but the largest logit."""
    x, step = random_rows(40, 50_000, torch.bfloat16), torch.zeros(40, dtype=torch.int64, device="cuda")
    kept, temperatures = truncation(40), torch.ones(40, device="cuda")
    out, space = race_out(40), coupled.workspace(40, 50_000)
    options = {"temperature": temperatures, **kept, "out": out, "workspace": space, "check": False}
    coupled.race_logits(x, 9, step, **options)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        coupled.race_logits(x, 9, step, **options)
    for turn in range(20):
        x.copy_(random_rows(40, 50_000, torch.bfloat16, seed=turn))
        temperatures.fill_(0.1 * turn)
        step.add_(1)
        for value in kept.values():
            value.copy_(value.roll(1))
        graph.replay()
        torch.cuda.synchronize()
        cases.check_race(x, 9, step, coupled.Race(*out), temperature=temperatures.double(), **kept)


def test_a_check_in_a_graph_says_what_to_do():
    x = random_rows(4, 3000)
    coupled.sample_logits(x, 1)
    graph = torch.cuda.CUDAGraph()
    kept = torch.zeros(1, device="cuda")
    with torch.cuda.graph(graph):
        kept.add_(1)
        for function in (coupled.sample_logits, coupled.race_logits, coupled.sample):
            with pytest.raises(RuntimeError, match="check=False"):
                function(x, 1)
    torch.cuda.synchronize()
    cases.check_race(x, 1)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_compiled(dtype):
    def decode(x, step, temperature, k):
        logits = x * 2.0 + 1.0
        race = coupled.race_logits(logits, 5, step, temperature=temperature, check=False)
        return (
            logits,
            race,
            coupled.sample_logits(logits, 5, step, check=False) + 1,
            coupled.sample(x.abs(), 5, 3, check=False),
            coupled.race_logits(logits, 5, step, top_k=k, top_p=0.8, min_p=0.01, check=False),
        )

    compiled = torch.compile(decode, fullgraph=True)
    for seed in range(3):
        x, steps = random_rows(8, 6000, dtype, seed), torch.arange(8, device="cuda") + seed
        temperatures = torch.linspace(0, 2, 8, device="cuda", dtype=torch.float64)
        logits, race, more, items, truncated = compiled(x, steps, temperatures, steps * 9)
        cases.check_race(logits, 5, steps, truncated, top_k=steps * 9, top_p=0.8, min_p=0.01)
        cases.check_race(logits, 5, steps, race, temperature=temperatures)
        cases.same_items(more - 1, cases.want_race(logits, 5, steps)[0])
        cases.same_items(items, cases.want_items(x.abs(), 5, 3))


@pytest.mark.filterwarnings("default")
def test_compiled_for_any_batch():
    compiled = torch.compile(
        lambda x, step: coupled.sample_logits(x, 5, step, check=False), fullgraph=True, dynamic=True
    )
    for rows, n in ((3, 1000), (8, 5000), (17, 5000), (4, 131_072)):
        x, steps = random_rows(rows, n), torch.arange(rows, device="cuda")
        cases.same_items(compiled(x, steps), cases.want_race(x, 5, steps)[0])


def recorded(call):
    """The arguments that a call hands to torch.ops.pycouple.race_out."""
    from torch.utils._python_dispatch import TorchDispatchMode

    found = []

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if "race_out" in str(function):
                found.append((args, kwargs or {}))
            return function(*args, **(kwargs or {}))

    with Recorder():
        call()
    return found


@pytest.mark.filterwarnings("default")
def test_the_op_is_a_good_citizen():
    x, steps = random_rows(4, 5000), torch.arange(4, device="cuda")
    calls = (
        lambda: coupled.sample_logits(x, 1, 2, check=False),
        lambda: coupled.race_logits(x, steps, steps, stream=steps, temperature=0.5, check=False),
        lambda: coupled.sample(x.exp(), 1, steps, check=False),
        lambda: coupled.race_logits(x, 1, steps, top_k=steps, top_p=0.9, check=False),
    )
    for call in calls:
        found = recorded(call)
        assert len(found) == 1
        for args, kwargs in found:
            torch.library.opcheck(torch.ops.pycouple.race_out.default, args, kwargs)


def test_two_queues_of_the_device():
    x, y = random_rows(64, 100_000), random_rows(64, 100_000, seed=1)
    queues = torch.cuda.Stream(), torch.cuda.Stream()
    spaces = [coupled.workspace(64, 100_000) for _ in queues]
    torch.cuda.synchronize()
    found = []
    for step in range(30):
        for rows, queue, space in zip((x, y), queues, spaces, strict=True):
            with torch.cuda.stream(queue):
                found.append((rows, step, coupled.race_logits(rows, 6, step, workspace=space, check=False)))
                own = coupled.race_logits(rows, 7, step, check=False)  # a workspace of its own
                found.append((rows, step, own))
    torch.cuda.synchronize()
    for i, (rows, step, race) in enumerate(found):
        cases.check_race(rows, 6 + i % 2, step, race)


def test_workspaces_come_and_go():
    """A workspace that is made in a call is not handed to another call while its kernel runs."""
    x = random_rows(128, 50_000)
    want, *_ = cases.want_race(x, 1, 1)
    for _ in range(50):
        items = coupled.sample_logits(x, 1, 1, check=False)
        torch.randn(1 << 20, device="cuda")
    cases.same_items(items, want)


def test_ranks_share_a_vocabulary():
    if torch.cuda.device_count() < 2:
        pytest.skip("fewer than 2 GPUs here")
    script = ROOT / "examples/split_vocabulary.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 ranks over nccl" in run.stdout
