"""The `pycouple` command: help, statuses and errors. What `demo` and `reproduce` do has tests of its own."""

import json
import os
import shlex
import subprocess
import sys

import pytest

import pycouple
from pycouple.cli.main import main
from pycouple.cli.parser import build_parser
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
def test_examples_of_the_help_are_commands(command, capsys):
    """Each is parsed; a remark follows four blanks, and a line with none ends them."""
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 120
    lines = out.partition("\nexamples:\n")[2].partition("\n\n")[0].splitlines()
    assert lines
    for line in lines:
        words = shlex.split(line.strip().partition("    ")[0].partition(" | ")[0])
        arguments = build_parser().parse_args(words[words.index("pycouple") + 1 :])
        found = [arguments.command, getattr(arguments, "name", None)]
        assert found[: len(command)] == command


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
        (["demo", "--workers", "0"], "--workers: must be in 1..1024, or -1 for all cores, got 0"),
        (["reproduce", "nothing"], "invalid choice: 'nothing'"),
        (["reproduce", "bits", "--draws", "0"], "--draws: must be in 1..1000000, got 0"),
        (["reproduce", "list", "--draws", "many"], "--draws: must be an integer, got 'many'"),
        (["reproduce", "all", "--seed", "-1"], "--seed: must be in 0..2**64 - 1, got -1"),
        (["reproduce", "pareto", "--workers", "0"], "--workers: must be in 1..1024, or -1 for all cores, got 0"),
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


def test_interrupt(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    demo = pytest.importorskip("pycouple.cli.demo")
    monkeypatch.setattr(demo, "run", interrupt)
    assert main(["demo"]) == 130


@pytest.mark.parametrize(
    ("missing", "extras"),
    [
        ("matplotlib", {"demo": "demo", "reproduce": "demo"}),
        ("rich", {"demo": "demo", "reproduce": "demo", "generate": "transformers"}),
        ("torch", {"generate": "transformers"}),
        ("transformers", {"generate": "transformers"}),
    ],
)
def test_missing_extra(missing, extras, tmp_path):
    """One line for each command that needs what is missing. A torch in name alone is there where another is."""
    options = {"demo": [], "reproduce": ["pareto"], "generate": ["--prompt", "a", "--model", str(tmp_path)]}
    code = (
        "import json, sys, types; sys.modules['torch'] = types.ModuleType('torch'); sys.modules[sys.argv[1]] = None; "
        "from pycouple.cli.main import main; print([main(command) for command in json.loads(sys.argv[2])])"
    )
    process = run_python(code, missing, json.dumps([[command, *options[command]] for command in extras]))
    assert process.stdout == f"{[2] * len(extras)}\n"
    assert process.stderr == "".join(
        f"pycouple {command} needs the extra \"{extra}\": pip install 'pycouple[{extra}]'\n"
        for command, extra in extras.items()
    )


def test_broken_extra():
    """What is installed cannot be imported: one line says so, and why."""
    code = (
        "import sys, types; sys.modules['rich.console'] = types.ModuleType('a'); "
        "from pycouple.cli.main import main; sys.exit(main(['demo']))"
    )
    process = run_python(code)
    assert (process.stdout, process.returncode) == ("", 2)
    needs = "pycouple demo needs the extra \"demo\": pip install 'pycouple[demo]' (what is installed fails: "
    assert process.stderr.startswith(needs)
    assert "cannot import name 'Console'" in process.stderr
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "there is not enough memory"),
        (OSError(28, "No space left on device"), "standard output: No space left on device"),
        (OSError(13, "Permission denied", "x\ny"), "'x\\ny': Permission denied"),
        (OSError("libx.so is not there"), "libx.so is not there"),
        (ValueError(), "ValueError"),
        (ValueError("one\n  two\x1b[31m"), "one two\ufffd[31m"),
    ],
)
def test_errors_are_one_line(error, message, capsys, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr("pycouple.cli.main.show_config", fail)
    assert main(["config"]) == 2
    assert capsys.readouterr() == ("", f"pycouple: error: {message}\n")


def test_imports_are_lazy():
    code = "import sys, pycouple.cli; print([name for name in ('rich', 'matplotlib') if name in sys.modules])"
    assert run_python(code).stdout == "[]\n"
