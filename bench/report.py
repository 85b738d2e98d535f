"""Run the benchmarks and write the table of ratios to bench/RESULTS.md:

    python bench/report.py [--kept] [another file than bench/RESULTS.md]

Every ratio compares medians of one run of pytest on one machine; the spread is the interquartile range of the two
timings over their medians, added. Peers that are not installed are left out. The section of bench_gpu.py is kept. With
--kept only the section about top-k, top-p and min-p is measured and written.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tables import CALLS, KEPT_TABLE, PEERS, TABLE

import pycouple
from pycouple import _core

HERE = Path(__file__).parent


KEPT_PART = "## Top-k, top-p and min-p"  # the heading of a section that is written alone, too
GPU = "## GPU"  # the heading of the section of bench_gpu.py, the last one
LIBRARIES = ("numpy", "numba", "datasketch", "torch", "transformers", "jax")


def run(*files):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        options = ["--benchmark-warmup=on", "--benchmark-disable-gc", "--benchmark-min-rounds=50"]
        paths = [str(HERE / file) for file in files] or [str(HERE)]
        command = [sys.executable, "-m", "pytest", "-q", *paths, f"--benchmark-json={path}", *options]
        subprocess.run(command, cwd=HERE.parent, check=True)
        data = json.loads(path.read_text())
    stats = {b["fullname"].split("bench/")[-1]: b["stats"] for b in data["benchmarks"]}
    return stats, data["machine_info"]["cpu"].get("brand_raw", platform.processor())


def seconds(x):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if x * scale >= 1:
            return f"{x * scale:.3g} {unit}"
    return f"{x * 1e9:.3g} ns"


def spread(stat):
    return stat["iqr"] / stat["median"]


def ratios(stats, table, wanted):
    for what, first, second, draws, bound in table:
        if first not in stats or second not in stats:
            continue
        a, b = stats[first], stats[second]
        mine = a["median"] / draws
        ratio = mine / b["median"]
        digits = 2 if ratio >= 0.1 else 4
        times = f"{seconds(mine)} | {seconds(b['median'])} | {ratio:.{digits}f} | {spread(a) + spread(b):.0%}"
        yield f"| {what} | {times} | {'' if bound is None else f'{wanted} {bound:g}'} |"


def calls(stats):
    for what, name, bound in CALLS:
        limit = "" if bound is None else f"at most {seconds(bound)}"
        yield f"| {what} | {seconds(stats[name]['median'])} | {spread(stats[name]):.0%} | {limit} |"


def machine(cpu):
    versions = [f"pycouple {pycouple.__version__} ({_core.current_level()})", f"Python {platform.python_version()}"]
    versions += [f"{name} {version(name)}" for name in LIBRARIES if find_spec(name)]
    return f"{datetime.now(UTC):%Y-%m-%d}, {cpu}, {platform.system()} {platform.machine()}, {', '.join(versions)}."


def table(lines):
    return [
        "| first / second | first | second | ratio | spread | wanted |",
        "| --- | --- | --- | --- | --- | --- |",
        *lines,
    ]


def main_part(stats, cpu):
    return [
        "# Benchmarks",
        "",
        "Written by `python bench/report.py`: ratios of medians in one run, one thread unless said, `np.argmax` second",
        "unless said. Spread: the interquartile ranges of both timings over their medians, added. Every draw and every",
        "sketch has a new step or seed; MinHash draws are from float32 weights, sketches from float64. The tables of",
        "datasketch, 384 MiB, are made before it is timed.",
        "",
        machine(cpu),
        "",
        *table(ratios(stats, TABLE, "at most")),
        *ratios(stats, PEERS, "at least"),
        "",
        "| one call | median | spread | wanted |",
        "| --- | --- | --- | --- |",
        *calls(stats),
        "",
    ]


def kept_part(stats, cpu):
    return [
        KEPT_PART,
        "",
        "Written by `python bench/report.py`, alone with `--kept`: float32 rows, of 131,072 normal(0, 3) logits at",
        "temperature 1, or a real one of 49,152. `np.argmax` of the same rows is second unless said.",
        "",
        machine(cpu),
        "",
        *table(ratios(stats, KEPT_TABLE, "at most")),
        "",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, default=HERE / "RESULTS.md", help="the file that is written")
    parser.add_argument("--kept", action="store_true", help="measure and write the section on truncated draws alone")
    options = parser.parse_args()
    before = options.path.read_text() if options.path.exists() else ""
    first, heading, gpu = before.partition(f"\n{GPU}\n")
    if options.kept:
        own = kept_part(*run("bench_kept.py", "bench_speculative.py"))
        text = "\n".join([first.partition(f"\n{KEPT_PART}\n")[0].rstrip("\n") + "\n", *own])
    else:
        measured = run()
        text = "\n".join([*main_part(*measured), *kept_part(*measured)])
    options.path.write_text(text + heading + gpu)
    print(text)


if __name__ == "__main__":
    main()
