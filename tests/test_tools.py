"""The commands of tools/ that make environments: one line for wrong arguments, before anything is made."""

import sys

import pytest

from tools import pythons, wheels


def refused(command, monkeypatch, capsys, *arguments):
    monkeypatch.setattr(command, "Environments", None)  # nothing is made
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["no-such-python"], "error: this is no Python that runs here: "),
        (["true"], "error: this is no Python that runs here: "),
        (["false"], "error: this is no Python that runs here: "),
        (["python 'x"], "error: this is no Python that runs here: No closing quotation"),
        ([sys.executable, "--run", "sparc", "python"], "error: --run: there is no target 'sparc'; there are x86_64-"),
        ([sys.executable, "--target", "sparc"], "error: argument --target: invalid choice: 'sparc'"),
        ([sys.executable, "--output", "/dev/null/x"], "error: --output: "),
    ],
)
def test_wheels_that_cannot_be_built(arguments, why, monkeypatch, capsys):
    assert why in refused(wheels, monkeypatch, capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["no-such-python"], "error: there is no interpreter 'no-such-python'"),
        ([sys.executable, "--work", "/dev/null/x"], "error: --work: "),
    ],
)
def test_suites_that_cannot_be_run(arguments, why, monkeypatch, capsys):
    assert why in refused(pythons, monkeypatch, capsys, *arguments)


@pytest.mark.parametrize("program", ["true", "false"])
def test_a_suite_on_what_is_no_python(program):
    good, line = pythons.suite(program, None, [])
    assert not good
    assert line.startswith(f"{program}, not installed: ")
