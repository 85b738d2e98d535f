"""Run the benchmarks and write the table of ratios to bench/RESULTS.md:

    python bench/report.py

Every ratio compares medians of one run of pytest on one machine; the spread is the interquartile range of the two
timings over their medians, added. Peers that are not installed are left out.
"""

import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pycouple
from pycouple import _core

HERE = Path(__file__).parent


def one(name, n=131_072):
    return f"test_one_draw.py::TestOneDraw::test_{name}[{n}]"


def batch(name):
    return f"test_batches.py::Test{name}"


def level(name):
    return f"test_one_draw.py::test_level[{name}]"


REAL = "test_one_draw.py::TestRealRow::test_"
SMALL = "test_one_draw.py::TestSmallCall::test_"

# What, the first timing, the second, draws in the first, and the largest ratio wanted.
TABLE = [
    ("`sample_logits`, n = 4,096", one("sample_logits", 4096), one("argmax", 4096), 1, None),
    ("`sample_logits`, n = 49,152", one("sample_logits", 49152), one("argmax", 49152), 1, None),
    ("`sample_logits`, real row of 49,152", f"{REAL}sample_logits", f"{REAL}argmax", 1, 2.5),
    ("`sample_logits`, n = 131,072", one("sample_logits"), one("argmax"), 1, 2.0),
    ("`sample_logits`, n = 262,144", one("sample_logits", 262144), one("argmax", 262144), 1, None),
    ("`race_logits`, n = 131,072", one("race_logits"), one("argmax"), 1, None),
    ("`sample_logits` at temperature 0", one("greedy"), one("argmax"), 1, None),
    ("64 rows of 131,072", batch("Rows64::test_sample_logits"), batch("Rows64::test_argmax"), 1, 1.8),
    ("16 rows of 131,072", batch("Rows16::test_workers[1]"), batch("Rows16::test_argmax"), 1, None),
    ("16 rows, 2 workers / 1", batch("Rows16::test_workers[2]"), batch("Rows16::test_workers[1]"), 1, 0.625),
    (
        "1,024 steps of one row of 131,072, a draw",
        batch("Steps1024::test_sample_logits"),
        batch("Steps1024::test_argmax"),
        1024,
        1.0,
    ),
    ("100,000 rows of 8", batch("SmallRows::test_sample_logits"), batch("SmallRows::test_argmax"), 1, None),
    (
        "100,000 rows of 8 / argmax(logits + gumbel)",
        batch("SmallRows::test_sample_logits"),
        batch("SmallRows::test_numpy_gumbel"),
        1,
        None,
    ),
    ("`sample` / `sample_logits`, n = 49,152", one("sample", 49152), one("sample_logits", 49152), 1, 1.2),
    ("`sample` / `sample_logits`, real row", f"{REAL}sample", f"{REAL}sample_logits", 1, 1.2),
    ("`sample` / `sample_logits`, n = 131,072", one("sample"), one("sample_logits"), 1, 1.2),
    ("`sample` / `sample_logits`, 64 rows", batch("Rows64::test_sample"), batch("Rows64::test_sample_logits"), 1, 1.2),
    (
        "`sample` / `sample_logits`, 1,024 steps",
        batch("Steps1024::test_sample"),
        batch("Steps1024::test_sample_logits"),
        1,
        1.2,
    ),
    ("NumPy argmax(logits + gumbel) / ours", one("numpy_gumbel"), one("sample_logits"), 1, None),
    ("NumPy argmin(exponential / p) / ours", one("numpy_exponential"), one("sample"), 1, None),
    ("numba hash, log, divide, argmin / ours", one("numba_two_stage"), one("sample"), 1, None),
    ("torch, one thread / ours", one("torch"), one("sample_logits"), 1, None),
    ("jax.random.categorical, jitted / ours", one("jax"), one("sample_logits"), 1, None),
    ("AVX2 / AVX-512, n = 131,072", level("avx2"), level("avx512"), 1, 1.6),
    ("baseline / AVX-512, n = 131,072", level("baseline"), level("avx512"), 1, 6.0),
    ("131,072 `clocks` / exponentials", batch("Clocks::test_clocks"), batch("Clocks::test_numpy_exponential"), 1, None),
]
CALLS = [
    ("`np.argmax`", f"{SMALL}argmax", None),
    ("gufunc `sample_weights`", f"{SMALL}gufunc", 2.0),
    ("`sample`", f"{SMALL}sample", 5.0),
]


def run():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        options = ["--benchmark-warmup=on", "--benchmark-disable-gc", "--benchmark-min-rounds=50"]
        command = [sys.executable, "-m", "pytest", "-q", str(HERE), f"--benchmark-json={path}", *options]
        subprocess.run(command, cwd=HERE.parent, check=True)
        data = json.loads(path.read_text())
    stats = {b["fullname"].split("bench/")[-1]: b["stats"] for b in data["benchmarks"]}
    return stats, data["machine_info"]["cpu"].get("brand_raw", platform.processor())


def seconds(x):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if x * scale >= 1:
            return f"{x * scale:.3g} {unit}"
    return f"{x * 1e9:.3g} ns"


def rows(stats):
    for what, ours, peer, draws, bound in TABLE:
        if ours not in stats or peer not in stats:
            continue
        a, b = stats[ours], stats[peer]
        mine = a["median"] / draws
        spread = a["iqr"] / a["median"] + b["iqr"] / b["median"]
        limit = "" if bound is None else f"{bound:g}"
        ratio = mine / b["median"]
        yield f"| {what} | {seconds(mine)} | {seconds(b['median'])} | {ratio:.2f} | {spread:.0%} | {limit} |"


def main():
    stats, cpu = run()
    versions = [f"pycouple {pycouple.__version__} ({_core.current_level()})", f"Python {platform.python_version()}"]
    versions += [f"{name} {version(name)}" for name in ("numpy", "numba", "torch", "jax") if find_spec(name)]
    lines = [
        "# Benchmarks",
        "",
        "Written by `python bench/report.py`: ratios of medians in one run, one thread unless said, `np.argmax` second",
        "unless said. Spread: the interquartile ranges of both timings over their medians, added.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {cpu}, {platform.system()} {platform.machine()}, {', '.join(versions)}.",
        "",
        "| first / second | first | second | ratio | spread | wanted at most |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows(stats),
        "",
        "| one call, n = 8 | median | wanted at most |",
        "| --- | --- | --- |",
        *(
            f"| {what} | {stats[name]['median'] * 1e6:.2f} us | {'' if bound is None else f'{bound:g} us'} |"
            for what, name, bound in CALLS
        ),
        "",
    ]
    text = "\n".join(lines)
    (HERE / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
