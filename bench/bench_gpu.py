"""Time pycouple.torch beside torch on the GPU of this machine, and print a section of bench/RESULTS.md:

    python bench/bench_gpu.py [--output bench/RESULTS.md]

With --output the section "GPU" of that file is replaced. There are no tests here; without a GPU it says so and ends.
"""

import argparse
import itertools
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import report

import pycouple

SHAPES = [(256, 131_072), (8, 131_072), (1, 131_072), (256, 262_144)]
DTYPES = ("float32", "bfloat16")
STEPS = 8  # graphs of different draws that take turns, for how much of a row is opened depends on the draw
# The largest ratios wanted, by the peer, then by rows of 131,072.
WANTED = {"argmax": {256: 1.2, 8: 1.3, 1: 1.3}, "Philox": {256: 0.33}, "multinomial": {256: 0.1}}
# The same of truncated draws, 256 x 131,072; the peers after argmax and sort count where they are installed.
KEPT_WANTED = {"argmax": 2.2, "sort": 0.5, "vLLM": 0.5, "FlashInfer": 0.5}
READERS = ("sample_logits", "race_logits", "argmax", "Philox")
COPY = 2**32  # bytes
INTRODUCTION = """
Written by `python bench/bench_gpu.py`: each call is captured in a CUDA graph, whose replays
`triton.testing.do_bench` times with the L2 cache flushed before each; eight graphs with different steps take turns.
Logits are normal(0, 3); `sample_logits` has `check=False` and is given `out` and `workspace`. Philox is the Gumbel-max
trick with one Philox word per element, in two Triton kernels (`peers_gpu.py`); multinomial is `torch.multinomial` of a
softmax in float32. Spread: the interquartile ranges of both timings over their medians, added.

Truncated rows have each their own temperature in 0.6 to 1.2, top-k of 0 (all), 20, 50 or 1,000 and top-p in 0.8 to
0.99, all of them tensors. Sort is torch's sort, softmax, cumsum and multinomial; vLLM its Triton kernel for top-k and
top-p on rows divided by T, then its exponential race; FlashInfer `top_k_top_p_sampling_from_logits` on such rows.
""".strip()


def captured(call):
    """A call of a number, as graphs of 0..STEPS - 1 that take turns."""
    import torch

    graphs = []
    queue = torch.cuda.Stream()
    queue.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(queue):
        call(0)
    torch.cuda.current_stream().wait_stream(queue)
    for step in range(STEPS):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call(step)
        graphs.append(graph)
    turns = itertools.cycle(graphs)
    return lambda: next(turns).replay()


def time_of(function):
    """The median of a function's times in seconds, with their interquartile range."""
    from triton.testing import do_bench

    low, middle, high = (t / 1e3 for t in do_bench(function, warmup=25, rep=100, quantiles=[0.25, 0.5, 0.75]))
    return {"median": middle, "iqr": high - low}


def results(x):
    """Where results go: items and three kinds of reals, and what each call is given besides."""
    import torch

    from pycouple import torch as coupled

    item = torch.empty(len(x), dtype=torch.int64, device="cuda")
    reals = torch.empty(3, len(x), dtype=torch.float64, device="cuda")
    return item, reals, {"workspace": coupled.workspace(*x.shape), "check": False}


def calls(x):
    """What is timed on these logits, each a function of the step."""
    import torch
    from peers_gpu import philox_gumbel

    from pycouple import torch as coupled

    item, reals, given = results(x)
    return {
        "sample_logits": lambda step: coupled.sample_logits(x, 7, step, out=item, **given),
        "race_logits": lambda step: coupled.race_logits(x, 7, step, out=(item, *reals), **given),
        "temperature 0": lambda step: coupled.sample_logits(x, 7, step, temperature=0, out=item, **given),
        "argmax": lambda step: torch.argmax(x, dim=-1, out=item),
        "Philox": philox_gumbel(x),
        "multinomial": lambda step: torch.multinomial(x.softmax(-1, dtype=torch.float32), 1),
    }


def kept_calls(x):
    """What is timed on truncated rows, likewise."""
    import torch
    from peers_gpu import truncated

    from pycouple import torch as coupled

    item, reals, given = results(x)
    batch = len(x)
    t = torch.rand(batch, device="cuda") * 0.6 + 0.6
    k = torch.tensor([0, 20, 50, 1000], device="cuda")[torch.randint(4, (batch,), device="cuda")]
    p = torch.rand(batch, device="cuda") * 0.19 + 0.8
    every = {"top_k": k, "top_p": p}
    alone = {
        "top-p": every | {"top_k": k * 0},
        "top-k 50": {"top_k": k * 0 + 50, "top_p": p * 0 + 1},
        "top-k 1,000": {"top_k": k * 0 + 1000, "top_p": p * 0 + 1},
        "nothing": {"top_k": k * 0, "top_p": p * 0 + 1},
    }

    def sample(options):
        return lambda step: coupled.sample_logits(x, 7, step, temperature=t, **options, out=item, **given)

    return {
        "sample_logits": sample(every),
        "race_logits": lambda step: coupled.race_logits(
            x, 7, step, temperature=t, **every, out=(item, *reals), **given
        ),
        **{name: sample(options) for name, options in alone.items()},
        "argmax": lambda step: torch.argmax(x, dim=-1, out=item),
        **truncated(x, t, k, p),
    }


def copy_speed():
    """Bytes per second of a copy on the device, both ways."""
    import torch

    source, target = (torch.zeros(COPY, dtype=torch.uint8, device="cuda") for _ in range(2))
    return 2 * COPY / time_of(lambda: target.copy_(source))["median"]


def timings():
    """By shape and type, then by name; and the speed of a copy."""
    import torch

    speed = copy_speed()
    torch.manual_seed(0)
    found, kept = {}, {}
    for batch, n in SHAPES:
        for dtype in DTYPES if n == 131_072 else ("bfloat16",):
            x = (torch.randn(batch, n, device="cuda") * 3).to(getattr(torch, dtype))
            found[batch, n, dtype] = {name: time_of(captured(call)) for name, call in calls(x).items()}
            if n == 131_072:
                kept[batch, n, dtype] = {name: time_of(captured(call)) for name, call in kept_calls(x).items()}
    return found, kept, speed


def ratios(found):
    for (batch, n, dtype), stats in found.items():
        rows = f"{batch} x {n:,} {dtype}"
        table = [
            (f"{rows}: `sample_logits` / {peer}", "sample_logits", peer, 1, wanted.get(batch) if n == 131_072 else None)
            for peer, wanted in WANTED.items()
        ]
        table += [
            (f"{rows}: `race_logits` / argmax", "race_logits", "argmax", 1, None),
            (f"{rows}: temperature 0 / argmax", "temperature 0", "argmax", 1, None),
        ]
        yield from report.ratios(stats, table, "at most")


def kept_ratios(kept):
    for (batch, n, dtype), stats in kept.items():
        rows = f"{batch} x {n:,} {dtype}, truncated"
        table = [
            (f"{rows}: `sample_logits` / {peer}", "sample_logits", peer, 1, wanted if batch == 256 else None)
            for peer, wanted in KEPT_WANTED.items()
        ]
        names = ("race_logits", "top-p", "top-k 50", "top-k 1,000", "nothing")
        table += [(f"{rows}: {name} / argmax", name, "argmax", 1, None) for name in names]
        yield from report.ratios(stats, table, "at most")


def roofline(found, speed):
    for (batch, n, dtype), stats in found.items():
        least = batch * n * (4 if dtype == "float32" else 2) / speed
        parts = (f"{least / stats[name]['median']:.0%}" for name in READERS)
        yield f"| {batch} x {n:,} {dtype} | {report.seconds(least)} | {' | '.join(parts)} |"


def machine():
    import torch
    import triton

    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        driver = "unknown"
    versions = f"torch {torch.__version__}, triton {triton.__version__}, pycouple {pycouple.__version__}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {torch.cuda.get_device_name()}, driver {driver}, {versions}."


def section():
    found, kept, speed = timings()
    lines = [
        report.GPU,
        "",
        INTRODUCTION,
        "",
        machine(),
        "",
        "| first / second | first | second | ratio | spread | wanted |",
        "| --- | --- | --- | --- | --- | --- |",
        *ratios(found),
        *kept_ratios(kept),
        "",
        f"A copy on the device moves {speed / 1e12:.2f} TB/s, both ways counted. Reading the rows at that speed",
        "takes the time below; each column says what part of its own time that is.",
        "",
        "| rows | read | `sample_logits` | `race_logits` | argmax | Philox |",
        "| --- | --- | --- | --- | --- | --- |",
        *roofline(found, speed),
        "",
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="the file whose section is replaced")
    output = parser.parse_args().output
    try:
        import torch
    except ImportError:
        print("torch is not installed: nothing to time")
        return
    if not torch.cuda.is_available():
        print("no CUDA GPU here: nothing to time")
        return
    text = section()
    print(text)
    if output is not None:
        before = output.read_text().partition(f"\n{report.GPU}\n")[0] if output.exists() else ""
        output.write_text(f"{before.rstrip()}\n\n{text}".lstrip())


if __name__ == "__main__":
    main()
