"""Build the conformance driver for many machines, and run it: every hash and every vector must be right on each."""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from targets import TARGETS, Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LONGEST = 1800  # seconds after which a step counts as one that hangs
EXAMPLES = """\
examples:
  run                      all targets; as root of a Debian machine it installs what is missing
  run --quick              those that .ci/run runs
  run s390x aarch64-clang  these two
  run --list               the targets, and what each needs
  run --no-install -j 4    four targets at a time, and nothing is installed

exit status: 0 all passed; 1 one failed; 2 none failed, but something that is missing kept one from being built or run
"""


class Result(NamedTuple):
    """What became of a target: "ok", "FAILED", "missing", or "compiled" for one that nothing here runs."""

    target: Target
    state: str
    compiler: str = ""
    levels: str = ""
    why: str = ""
    seconds: float = 0


class Needs(NamedTuple):
    """Packages that are missing: of Debian, and of PyPI."""

    apt: list[str]
    pip: list[str]


class Workshop:
    """The folder that all is built in, with the private environment of what comes from PyPI."""

    def __init__(self, folder: Path, parallel: int) -> None:
        self.folder, self.parallel = folder, parallel
        self.python = folder / "venv" / "bin" / "python"

    def has(self, package: str) -> bool:
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
        return self.python.exists() and not subprocess.run([self.python, "-c", code], check=False).returncode

    def pip_line(self, packages: Sequence[str]) -> str:
        return f"python3 -m venv {self.folder / 'venv'} && {self.python} -m pip install {' '.join(packages)}"

    def pip_install(self, packages: Sequence[str]) -> None:
        print(self.pip_line(packages), flush=True)
        try:
            if not self.python.exists():
                venv.create(self.folder / "venv", with_pip=True)
            subprocess.run([self.python, "-m", "pip", "install", "-q", *packages], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"  it did not work: {error}", flush=True)

    def zig(self, triple: str) -> Path:
        """A compiler command for a target of zig."""
        script = self.folder / f"zig-{triple}"
        script.write_text(f'#!/bin/sh\nexec "{self.python}" -m ziglang cc -target {triple} "$@"\n')
        script.chmod(0o755)
        return script


def for_building(target: Target, shop: Workshop) -> Needs:
    apt = [] if shutil.which("cmake") else ["cmake"]
    if not shutil.which("ninja") and not shutil.which("make"):
        apt.append("make")
    if target.zig:
        return Needs(apt, [] if shop.has("ziglang") else ["ziglang"])
    there = all(map(shutil.which, filter(None, (target.compiler, target.sysroot_of))))
    return Needs(apt + ([] if there else list(target.packages)), [])


def for_running(target: Target, shop: Workshop) -> Needs:
    if target.runner == "wasm":
        return Needs([], [] if shop.has("wasmtime") else ["wasmtime"])
    return Needs(list(target.packages) if target.runner and not shutil.which(target.runner) else [], [])


def lacking(targets: Sequence[Target], shop: Workshop) -> Needs:
    """What all these targets need and this machine has not."""
    needs = [of(target, shop) for target in targets for of in (for_building, for_running)]
    apt = dict.fromkeys(package for need in needs for package in need.apt)
    pip = dict.fromkeys(package for need in needs for package in need.pip)
    if pip and not shop.python.exists() and not importlib.util.find_spec("ensurepip"):
        apt["python3-venv"] = None
    return Needs(list(apt), list(pip))


def install(targets: Sequence[Target], shop: Workshop) -> None:
    """Install what is missing, as far as this user may, and say how first."""
    apt, pip = lacking(targets, shop)
    if apt and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"apt-get update && apt-get install -y {' '.join(apt)}", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL, check=False)
        for package in apt:  # one by one, so that one that is not to be had leaves the others
            command = ["apt-get", "install", "-y", "-qq", package]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
                print(f"  {package} could not be installed", flush=True)
    if pip:
        shop.pip_install(pip)


def build_and_run(target: Target, shop: Workshop) -> Result:
    start = monotonic()
    missing = for_building(target, shop)
    if missing.apt or missing.pip:
        return Result(target, "missing", why=f"needs {', '.join(missing.apt + missing.pip)}")
    runner_missing = for_running(target, shop)
    unable = ", ".join(runner_missing.apt + runner_missing.pip)
    folder = shop.folder / target.name
    folder.mkdir(parents=True, exist_ok=True)
    compiler = str(shop.zig(target.compiler)) if target.zig else target.compiler
    configure = ["cmake", "-S", str(ROOT), "-B", str(folder), "-DPYCOUPLE_PYTHON=OFF", "-DPYCOUPLE_CONFORMANCE=ON"]
    configure += [f"-DCMAKE_C_COMPILER={compiler}", f"-DCMAKE_C_FLAGS={target.flags}"]
    configure += [f"-DCMAKE_EXE_LINKER_FLAGS={target.linker_flags}", f"-DCMAKE_BUILD_TYPE={target.build}"]
    configure += [f"-DCMAKE_SYSTEM_NAME={target.system}"] * bool(target.system)
    configure += ["-G", "Ninja"] * bool(shutil.which("ninja"))
    program = folder / "tests" / "conformance" / ("conformance" + ".exe" * (target.system == "Windows"))
    runner = [str(shop.python), str(HERE / "wasm.py")] if target.runner == "wasm" else [target.runner or ""]
    steps = [configure, ["cmake", "--build", str(folder), "--parallel", str(shop.parallel)]]
    if target.runner is not None and not unable:
        steps.append([*filter(None, runner), str(program), "."])
    printed = ""
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        for step in steps:
            print("$", *step, file=log, flush=True)
            try:
                done = subprocess.run(step, cwd=ROOT, text=True, capture_output=True, timeout=LONGEST, check=False)
            except subprocess.TimeoutExpired:
                why = f"  {' '.join(step)}\n  did not end in {LONGEST} seconds"
                return Result(target, "FAILED", _version(compiler), _levels(printed), why, monotonic() - start)
            printed = done.stdout
            log.write(done.stdout + done.stderr)
            if done.returncode:
                why = _reasons(done.stdout + done.stderr) + f"\n  all of it: {folder / 'log.txt'}"
                return Result(target, "FAILED", _version(compiler), _levels(printed), why, monotonic() - start)
    state, why = "ok", ""
    if unable:
        state, why = "missing", f"compiled, not run: needs {unable}"
    elif target.runner is None:
        state, why = "compiled", "which nothing here can run"
    return Result(target, state, _version(compiler), _levels(printed), why, monotonic() - start)


def _reasons(output: str) -> str:
    lines = output.splitlines()
    named = [line for line in lines if "FAILED" in line and not line.startswith("FAILED: ")]
    named = named or [line for line in lines if "error" in line.lower()] or lines[-5:]
    return "\n".join(f"  {line}" for line in named[:30])


def _levels(printed: str) -> str:
    """The levels that ran, and in brackets those that were compiled only."""
    found = re.findall(r"^level (\w+): (run|compiled)", printed, re.MULTILINE)
    return " ".join(name if how == "run" else f"({name}: compiled, not run)" for name, how in found)


def _version(compiler: str) -> str:
    out = subprocess.run([compiler, "--version"], text=True, capture_output=True, check=False).stdout
    number = re.search(r"\d+\.\d+\.\d+", out)
    name = "zig's clang" if Path(compiler).name.startswith("zig-") else Path(compiler).name
    return f"{name} {number[0]}" if number else name


def report(result: Result) -> None:
    words = [result.target.name.ljust(19), result.compiler, result.levels, result.state]
    print("  ".join(filter(None, words)), f" {result.seconds:.0f} s" if result.seconds else "", flush=True)
    if result.why:
        print(result.why if "\n" in result.why else f"  {result.why}", flush=True)


def summarize(results: Sequence[Result], shop: Workshop) -> int:
    states = [result.state for result in results]
    unable = [result for result in results if result.state == "missing"]
    print(f"\n{states.count('ok')} passed, {states.count('FAILED')} failed")
    for result in results:
        if result.state == "compiled":
            print(f"compiled, not run: {result.target.name}, {result.why}")
    levels = sorted({level for result in results for level in re.findall(r"\((\w+): compiled", result.levels)})
    if levels:
        print(f"compiled, not run: level {', '.join(levels)}, which this CPU lacks")
    if unable:
        print("not built or not run:", ", ".join(result.target.name for result in unable))
        apt, pip = lacking([result.target for result in unable], shop)
        lines = [f"apt-get install -y {' '.join(apt)}"] if apt else []
        lines += [shop.pip_line(pip)] if pip else []
        print("this would supply what is missing:", " && ".join(lines))
    return 1 if "FAILED" in states else 2 if unable else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="run", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pycouple-conformance"
    names = [target.name for target in TARGETS]
    parser.add_argument("targets", nargs="*", metavar="target", help="all by default")
    parser.add_argument("--list", action="store_true", help="list the targets, and do nothing else")
    parser.add_argument("--quick", action="store_true", help="a subset of the targets, for CI")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, metavar="N", help="how many targets at a time")
    parser.add_argument("--build", type=Path, default=cache, metavar="DIR", help="where to build; default: %(default)s")
    parser.add_argument("--no-install", action="store_true", help="install nothing")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in names]
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}; the targets are {', '.join(names)}")
    if options.j < 1:
        parser.error(f"-j must be at least 1, got {options.j}")
    here = Path(sys.executable).parent  # where a virtual environment has cmake and ninja
    os.environ["PATH"] = f"{here}:{os.environ['PATH']}"
    chosen = [t for t in TARGETS if t.name in options.targets] or [t for t in TARGETS if t.quick or not options.quick]
    folder = options.build.resolve()
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = str(folder / "zig-cache")
    shop = Workshop(folder, max(1, options.j // len(chosen)))
    if options.list:
        for target in chosen:
            apt, pip = lacking([target], shop)
            needs = ["needs", *apt, *pip] if apt or pip else []
            print(target.name.ljust(19), "quick" if target.quick else "     ", *needs)
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    if not options.no_install:
        install(chosen, shop)

    def one(target: Target) -> Result:
        result = build_and_run(target, shop)
        report(result)
        return result

    with ThreadPoolExecutor(options.j) as pool:
        results = list(pool.map(one, chosen))
    return summarize(results, shop)


if __name__ == "__main__":
    sys.exit(main())
