"""The `pycouple` command as a process: what it has open, its environment, and Ctrl-C."""

import os
import shlex
import signal
import subprocess
import sys

import pytest

SCRIPT = "import sys; sys.argv[0] = 'pycouple'; from pycouple.cli.main import command; sys.exit(command())"
RUN = [sys.executable, "-c", SCRIPT]
CLOSED = "pycouple: error: standard output is closed\n"
FULL = "pycouple: error: standard output: No space left on device\n"


def shell(line, cwd=None, **environment):
    """A line of bash, which opens and closes what a process has; `pycouple` is the command of these tests."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | environment
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # a cache that is cut at the largest size of a file would be trusted later
    script = f'pycouple() {{ {shlex.join(RUN)} "$@"; }}\n{line}'
    return subprocess.run(["bash", "-c", script], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        ("pycouple config >&-", 2, CLOSED),
        ("pycouple config > /dev/full", 2, FULL),
        ("pycouple --version > /dev/full", 2, FULL),
        ("pycouple generate --help > /dev/full", 2, FULL),
        ("PYTHONUNBUFFERED=1 pycouple config > /dev/full", 2, FULL),
        ("pycouple config 1< /dev/null", 2, "pycouple: error: standard output: Bad file descriptor\n"),
        ("pycouple x 2>&-", 2, ""),
        ("pycouple x 2> /dev/full", 2, ""),
        ("pycouple config <&- | grep -c ISA > /dev/null", 0, ""),
        ("pycouple --help | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("pycouple config | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("pycouple x 2>&1 | true; exit ${PIPESTATUS[0]}", 2, ""),
    ],
)
def test_streams(line, status, error):
    run = shell(line)
    assert (run.stdout, run.stderr, run.returncode) == ("", error, status)


def test_pictures_are_written_with_everything_closed(tmp_path):
    """What is closed is the number of the next file opened: no message may get into the picture."""
    pytest.importorskip("matplotlib")
    run = shell("pycouple demo --draws 1 --output x.svg <&- 2>&- | cat", tmp_path)
    assert "picture: x.svg" in run.stdout
    picture = (tmp_path / "x.svg").read_text()
    assert picture.startswith("<?xml")
    assert picture.endswith("</svg>\n")
    run = shell("pycouple demo --draws 1 --output y.png >&-", tmp_path)
    assert (run.stdout, run.stderr, run.returncode) == ("", CLOSED, 2)
    assert os.listdir(tmp_path) == ["x.svg"]


@pytest.mark.parametrize("command", ["demo --output x.pdf", "reproduce pareto --output x"])
def test_pictures_that_cannot_be_written(command, tmp_path):
    """As on a disk that is full by then: the error names option and file."""
    pytest.importorskip("matplotlib")
    run = shell(f"ulimit -f 10; pycouple {command} --draws 1", tmp_path)
    file = "x.pdf" if command.startswith("demo") else "x/pareto.png"
    assert (run.returncode, run.stderr) == (2, f"pycouple: error: --output {file!r}: File too large\n")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "NO_COLOR": "1", "TERM": "dumb"},
        {"PYTHONIOENCODING": "ascii", "COLUMNS": "1", "FORCE_COLOR": "1", "HOME": "/no/home"},
        {"MPLBACKEND": "no such backend", "MPLCONFIGDIR": "/dev/null/x", "PYTHONWARNINGS": "error", "COLUMNS": "none"},
        {"MATPLOTLIBRC": "own", "TERM": "", "LINES": "0", "PYTHONOPTIMIZE": "2"},
    ],
    ids=" ".join,
)
def test_environment(environment, tmp_path):
    """None of it is a reason to fail, or to write to stderr; own settings of matplotlib do not change the picture."""
    pytest.importorskip("matplotlib")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "matplotlibrc").write_text("text.usetex: true\nsavefig.dpi: 10\nno such key: 1\n")
    run = shell("unset HOME; pycouple demo --draws 1 --output x.png", tmp_path, **environment)
    assert (run.returncode, run.stderr) == (0, "")
    assert "optimum" in run.stdout
    assert len((tmp_path / "x.png").read_bytes()) > 20_000


def test_wrong_level():
    """The package cannot be imported then, and the command says why in one line."""
    error = "pycouple: error: PYCOUPLE_ISA: ISA level 'AVX9' is unknown here: this build has baseline"
    python = shlex.quote(sys.executable)
    for line in ("pycouple config", f"{python} -m pycouple config", f"{python} -mpycouple config"):
        run = shell(line, PYCOUPLE_ISA="AVX9")
        assert (run.stdout, run.returncode) == ("", 2)
        assert run.stderr.startswith(error)
        assert run.stderr.count("\n") == 1
    assert (
        shell("pycouple config", PYCOUPLE_ISA=" Baseline ").stdout.splitlines()[1].startswith("  ISA level   baseline ")
    )


def test_a_program_with_the_words_of_the_command_is_not_the_command():
    """An import that fails is an error there, which it can catch."""
    code = "try: import pycouple\nexcept ImportError: print('caught')"
    run = shell(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} -m pycouple", PYCOUPLE_ISA="AVX9")
    assert (run.stdout, run.stderr, run.returncode) == ("caught\n", "", 0)


def interrupted(code, *arguments):
    """The command, after code that says "ready" where Ctrl-C is to come."""
    command = [sys.executable, "-c", f"{code}\n{SCRIPT}"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    return process.returncode, out, error


WAIT = "print('ready', flush=True); import time; time.sleep(50)"
IN_AN_IMPORT = f"""
import sys, importlib.abc
wanted = sys.argv.pop(1)
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            try:
                {WAIT}
            except KeyboardInterrupt:
                raise ImportError("Ctrl-C came, as NumPy has it")
sys.meta_path.insert(0, Finder())
"""


def test_interrupt_in_an_import():
    assert interrupted(IN_AN_IMPORT, "rich", "demo") == (130, "", "")


AT_WORK = f"""
import pycouple.cli.main
def work(argv):
    try:
        {WAIT}
    finally:
        print("cleared up", flush=True)
        {{}}
pycouple.cli.main._run = work
"""


def test_interrupt_at_work():
    assert interrupted(AT_WORK.format("pass")) == (130, "cleared up\n", "")


def test_second_interrupt():
    """It ends the process at once, whatever is being cleared up."""
    again = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('went on')"
    assert interrupted(AT_WORK.format(again)) == (130, "cleared up\n", "")


def test_interrupt_that_is_ignored():
    """As in the background of a script."""
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True)"
    status, out, error = interrupted(ignored, "config")
    assert (status, error) == (0, "")
    assert "ISA level" in out
