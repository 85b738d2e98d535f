"""tests/conformance/run says what it knows, what it lacks and what it was asked wrongly; it is never silent."""

import importlib
import os
import subprocess
import sys

import pytest

from tests.support import ROOT

RUN = ROOT / "tests" / "conformance" / "run"


def run(*arguments, **environment):
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, check=False, **environment)


def test_targets_are_listed_with_what_they_need(tmp_path):
    listed = run("--list", "--build", tmp_path)
    assert listed.returncode == 0, listed.stderr
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert {"x86-64-gcc", "aarch64-clang", "armv7", "s390x", "wasm32-wasi", "windows-x86-64", "macos-arm64"} <= set(
        names
    )
    quick = run("--list", "--quick", "--build", tmp_path).stdout.splitlines()
    assert 0 < len(quick) < len(names)
    assert all(line.split()[1] == "quick" for line in quick)


def test_an_unknown_target_is_an_error():
    asked = run("s390")
    assert asked.returncode == 2
    assert "unknown target 's390'; the targets are x86-64-gcc" in asked.stderr


@pytest.fixture
def command(monkeypatch):
    """run.py and targets.py, as they import one another."""
    monkeypatch.syspath_prepend(RUN.parent)
    module = importlib.import_module("run")
    yield module
    for name in ("run", "targets"):
        del sys.modules[name]


def test_what_is_missing_is_said(command, monkeypatch, tmp_path, capsys):
    """On a machine that has neither cmake nor compilers nor emulators."""
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    shop = command.Workshop(tmp_path, 1)
    results = [command.build_and_run(target, shop) for target in command.TARGETS]
    assert {result.state for result in results} == {"missing"}
    assert command.summarize(results, shop) == 2
    said = capsys.readouterr().out
    assert said.startswith("\n0 passed, 0 failed\nnot built or not run: x86-64-gcc, x86-64-gcc-O0, ")
    assert "apt-get install -y cmake make gcc libc6-dev clang musl-tools" in said
    assert said.rstrip().endswith("pip install ziglang wasmtime")


def test_clang_needs_the_libraries_of_the_other_machine(command, monkeypatch, tmp_path):
    """Clang compiles for AArch64 with what GCC's cross compiler brings: without it the target is missing, not wrong."""
    monkeypatch.setattr(command.shutil, "which", lambda name: None if name == "aarch64-linux-gnu-gcc" else name)
    target = next(target for target in command.TARGETS if target.name == "aarch64-clang")
    result = command.build_and_run(target, command.Workshop(tmp_path, 1))
    assert (result.state, "gcc-aarch64-linux-gnu" in result.why) == ("missing", True)


def test_a_step_that_hangs_fails(command, monkeypatch, tmp_path):
    """Such as an emulator that never ends."""
    monkeypatch.setattr(command, "LONGEST", 0.3)
    slow = tmp_path / "cmake"
    slow.write_text("#!/bin/sh\n[ $1 = --version ] || exec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    target = command.TARGETS[0]._replace(compiler=str(slow))
    result = command.build_and_run(target, command.Workshop(tmp_path, 1))
    assert (result.state, result.why.splitlines()[-1]) == ("FAILED", "  did not end in 0.3 seconds")


@pytest.mark.parametrize(
    ("states", "status"),
    [(["ok"], 0), (["ok", "compiled"], 0), (["ok", "missing"], 2), (["missing", "FAILED", "ok"], 1)],
)
def test_exit_statuses(command, tmp_path, states, status):
    results = [command.Result(command.TARGETS[0], state) for state in states]
    assert command.summarize(results, command.Workshop(tmp_path, 1)) == status


def test_levels_that_did_not_run_are_said(command, tmp_path, capsys):
    printed = "level baseline: run\nlevel avx512: compiled, not run: this CPU lacks it\nln 0123456789abcdef\n"
    levels = command._levels(printed)
    assert levels == "baseline (avx512: compiled, not run)"
    command.summarize([command.Result(command.TARGETS[0], "ok", levels=levels)], command.Workshop(tmp_path, 1))
    assert "compiled, not run: level avx512, which this CPU lacks" in capsys.readouterr().out
