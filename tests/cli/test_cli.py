"""The `pycouple` command: help, statuses and errors. What `demo` and `reproduce` do has tests of its own."""

import os
import subprocess
import sys

import pytest

import pycouple
from pycouple.cli.main import main
from pycouple.cli.reproduce.claims import CLAIMS


def run_python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"pycouple {pycouple.__version__}\n"


def test_python_m():
    process = subprocess.run(
        [sys.executable, "-m", "pycouple", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (process.returncode, process.stdout) == (0, f"pycouple {pycouple.__version__}\n")


REPRODUCE = [["reproduce", *name] for name in ([], *([name] for name in CLAIMS), ["all"])]


@pytest.mark.parametrize("command", [[], ["demo"], ["config"], ["generate"], *REPRODUCE])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert "examples:\n  pycouple " in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["reproduce"]])
def test_no_command_prints_help(command, capsys):
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(" ".join(["usage: pycouple", *command]))


def test_config(capsys):
    assert main(["config"]) == 0
    assert capsys.readouterr().out.startswith(f"pycouple {pycouple.__version__}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "invalid choice: 'nothing'"),
        (["demo", "--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["demo", "--draws", "0"], "--draws: must be in 1..1000000, got 0"),
        (["demo", "--draws", "many"], "--draws: must be an integer, got 'many'"),
        (["demo", "--seed", "-1"], "--seed: must be in 0..2**64 - 1, got -1"),
        (["demo", "--workers", "0"], "workers must be positive"),
        (["reproduce", "nothing"], "invalid choice: 'nothing'"),
        (["reproduce", "bits", "--draws", "0"], "--draws: must be in 1..1000000, got 0"),
        (["reproduce", "list", "--draws", "many"], "--draws: must be an integer, got 'many'"),
        (["reproduce", "all", "--seed", "-1"], "--seed: must be in 0..2**64 - 1, got -1"),
        (["reproduce", "pareto", "--workers", "0"], "workers must be positive"),
        (["reproduce", "pareto", "--output", "/dev/null"], "--output /dev/null is not a folder"),
        (["reproduce", "all", "--output", "/proc/no_such_folder"], "'/proc/no_such_folder'"),
    ],
)
def test_wrong_arguments(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pycouple: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_closed_pipe():
    """As in `pycouple config | true`: no traceback, no message, and the status of a process that SIGPIPE ended."""
    code = "import sys; from pycouple.cli.main import main; sys.exit(main())"
    command, pipe = [sys.executable, "-c", code, "config"], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == 141


def test_help_says_what_differs_between_runs(capsys):
    with pytest.raises(SystemExit):
        main(["reproduce", "--help"])
    assert "but for the date and the machine that report.html names" in capsys.readouterr().out


def test_interrupt(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    demo = pytest.importorskip("pycouple.cli.demo")
    monkeypatch.setattr(demo, "run", interrupt)
    assert main(["demo"]) == 130


@pytest.mark.parametrize("command", [["demo"], ["reproduce", "pareto"]])
@pytest.mark.parametrize("missing", ["matplotlib", "rich"])
def test_missing_extra(missing, command):
    code = (
        "import sys; sys.modules[sys.argv[1]] = None; from pycouple.cli.main import main; sys.exit(main(sys.argv[2:]))"
    )
    process = run_python(code, missing, *command)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr == f"pycouple {command[0]} needs the extra \"demo\": pip install 'pycouple[demo]'\n"


def test_imports_are_lazy():
    code = "import sys, pycouple.cli; print([name for name in ('rich', 'matplotlib') if name in sys.modules])"
    assert run_python(code).stdout == "[]\n"
