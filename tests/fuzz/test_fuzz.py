"""The fuzzer at a small size, on the build that is installed; and that it finds what it is there to find."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest

import pycouple
from tests.fuzz import bulk, check, command, job, stress, table
from tests.support import ROOT

ROUNDS = {"calls": 4, "bulk": 1, "stress": 3}


def test_every_public_function_has_a_generator():
    assert table.public().keys() == table.GENERATORS.keys()


@pytest.mark.parametrize("mode", ROUNDS)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_nothing_is_found(mode, monkeypatch):
    monkeypatch.setitem(job.BULK, "bulk", 20_000)
    monkeypatch.setattr(stress, "WRITING", 0.1)
    said = []
    work = job.Job(1, mode, True, lambda line: None, said.append)
    work.run(time.monotonic() + 600, ROUNDS[mode])
    assert [line for line in said if "finding" in line] == []
    assert said[-1] == {"calls": work.calls, "rows": work.rows}
    assert work.rows > work.calls > 0


def test_a_call_is_a_function_of_its_numbers():
    for name in table.GENERATORS:
        first, again = (check.make(name, 5, 6)[0] for _ in range(2))
        if name != "speculative.generate":  # whose arguments are functions
            assert check.bits(first.args) == check.bits(again.args), name


@pytest.mark.parametrize(
    ("result", "wrong"),
    [
        (lambda x: pycouple.sample_logits(x.copy() + 0, 1), None),
        (lambda x: pycouple.sample_logits(x, 1) + (not x.flags.c_contiguous), r"gives np.int64\(\d+\), plain"),
        (lambda x: np.float64(-0.0 if x.strides[0] < 0 else 0.0), "gives np.float64"),
        (lambda x: {}[3], "an error of type KeyError: '3'"),
        (lambda x: pycouple.sample_logits([np.nan], 1), "names no argument"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(result, wrong):
    x = np.random.default_rng(1).normal(size=20)[::-1]
    found = check.check(table.Call(result, (x,)), np.random.default_rng(1))
    assert found is None if wrong is None else re.search(wrong, found)


def test_a_wrong_kernel_is_found(monkeypatch):
    monkeypatch.setattr(bulk.Batch, "wide", lambda self: -self.x if self.logits else self.x[:, ::-1])
    assert any(bulk.check(3, number, 1000)[2] is not None for number in range(20))


def test_the_command():
    run = subprocess.run(
        [sys.executable, "tests/fuzz/run", "--minutes", "0.05", "--seed", "9", "--jobs", "2", "--mode", "calls"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    last = run.stdout.splitlines()[-1]
    assert re.fullmatch(r"fuzz: [\d,]+ calls, [\d,]+ rows, .* 0 findings, .* seeds 9 to 10, mode calls, .*: none", last)


def test_a_crash_is_a_finding(capsys, monkeypatch):
    """A job that dies, as by a segmentation fault, is told of with the line that repeats its last call."""
    script = "import os, sys; open(sys.argv[5], 'w').write('the last call'); os.kill(os.getpid(), 11)"
    monkeypatch.setattr(command, "JOB", ("-c", script))
    assert command.main(["--minutes", "0.1", "--seed", "1"]) == 1
    printed = capsys.readouterr().out
    assert "FINDING: the process ended with signal SIGSEGV" in printed
    assert "python -c 'the last call'" in printed
    assert "1 findings" in printed.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--minutes", "-1"], ["--seed", "-1"], ["--mode", "x"]])
def test_bad_arguments(arguments):
    with pytest.raises(SystemExit) as error:
        command.main(arguments)
    assert error.value.code == 2
