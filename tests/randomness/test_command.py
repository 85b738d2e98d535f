"""The stream has pycouple's bits, and the command says of a battery what the battery says."""

import subprocess
import sys

import numpy as np
import pytest

from pycouple import _core
from tests.randomness import command
from tests.randomness.sequences import ALONG, integers, visit

LANES = 2  # the domain of the race's lanes
SEED = 2**64 - 100  # the seeds after it go round
CHECKPOINT = """
rng=RNG_stdin64, seed=unknown
length= 64 megabytes (2^26 bytes), time= 2.5 seconds
  Test Name                         Raw       Processed     Evaluation
  BCFN(2+0,13-5,T)                  R=  +1.0  p = 0.323     normal
  [Low1/8]mod3n(5):(6,9-6)          R= +10.5  p =  7.3e-5   normalish
  [Low8/32]BRank(12):256(2)         R=  -1.0  p~= 0.744     normal
  mod3n(5):(0,9-3)                  R=+71158  p =1-1.4e-6   unusual
"""
FAILURE = """
length= 80.000 megabytes (2^26.322 bytes), time= 3.1 seconds
  Test Name                         Raw       Processed     Evaluation
  BCFN(2+0,13-5,T)                  R>+99999  p = 0           FAIL !!!!!!!!
  BRank(12):128(4)                  R=  -0.2  "pass"      normal
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    try:
        return command.compile_stream(tmp_path_factory.mktemp("stream"))
    except command.BatteryError as error:
        pytest.skip(str(error).splitlines()[0])


def beginning(stream, *arguments, size=2**17):
    """The first words; the stream ends without a word when its reader has enough."""
    with subprocess.Popen([stream, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        data = process.stdout.read(size)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
    return np.frombuffer(data, np.uint64)


@pytest.mark.parametrize("along", ALONG)
def test_the_stream_is_the_public_randomness(stream, along):
    dealt = beginning(stream, "uniforms", along, str(SEED)).reshape(-1, 4)
    u = integers("uniforms", *visit(along, SEED, np.arange(5 * len(dealt)))).reshape(-1, 5)
    low = np.uint64(2**52 - 1)
    assert np.array_equal(dealt & low, u[:, :4])
    parts = (dealt >> np.uint64(52)) << np.arange(0, 48, 12, dtype=np.uint64)
    assert np.array_equal(parts.sum(axis=1, dtype=np.uint64), u[:, 4] >> np.uint64(4))

    halves = beginning(stream, "clocks", along, str(SEED)).view(np.uint32)
    if sys.byteorder == "big":
        halves = halves.reshape(-1, 2)[:, ::-1].ravel()
    assert np.array_equal(halves, integers("clocks", *visit(along, SEED, np.arange(len(halves)))))

    words = beginning(stream, "words", along, str(SEED)).tolist()[:400]
    points = np.broadcast_arrays(*visit(along, SEED, np.arange(200)))
    for n, (seed, step, copy, index) in enumerate(np.transpose(points).tolist()):
        c = _core.philox_words(seed, step, copy, index, LANES)
        assert words[2 * n : 2 * n + 2] == [c[0] | c[1] << 32, c[2] | c[3] << 32]


def test_the_counter_counts(stream):
    assert beginning(stream, "counter", "items", "5")[:3].tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    "line",
    ["", "words", "word items", "words item", "words items -1", "words items 1x",
     f"words items {2**64}", "words items 1 2"],
)  # fmt: skip
def test_the_stream_says_how_it_is_used(stream, line):
    run = subprocess.run([stream, *line.split()], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("usage: stream WHAT ALONG [SEED]")


def test_the_command_knows_all_routes():
    assert command.ALONG == ALONG


def test_results_are_read():
    outcome = command.read("words", "items", CHECKPOINT + FAILURE)
    assert outcome.log_bytes == 26.322
    assert [(each.test, each.p, each.verdict) for each in outcome.last] == [
        ("BCFN(2+0,13-5,T)", "0", "FAIL"), ("BRank(12):128(4)", "pass or fail", "normal")
    ]  # fmt: skip
    assert [each.verdict for each in outcome.odd] == ["unusual", "FAIL"]
    assert outcome.failed
    first = command.read("words", "items", CHECKPOINT)
    assert not first.failed
    assert [each.tail for each in first.last] == pytest.approx([0.323, 7.3e-5, 0.256, 1.4e-6])
    assert command.row(first) == "| words | items | 2^26 | 4 | 1-1.4e-6 | `mod3n(5):(0,9-3)` | unusual |"


def battery(folder, printed, status=0):
    """A program that takes a part of the stream and prints what RNG_test might."""
    program = folder / "battery"
    lines = f"import sys\nassert len(sys.stdin.buffer.read(2**20)) == 2**20\nprint({printed!r})\nsys.exit({status})\n"
    program.write_text(f"#!{sys.executable}\n{lines}")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("printed", "status", "says"),
    [
        (CHECKPOINT, 0, "8 results in all; 0 of 2 pairs FAIL"),
        (CHECKPOINT + FAILURE, 1, "4 results in all; 2 of 2 pairs FAIL"),
        ("error reading standard input", 2, "words along items: RNG_test gave no results:\nerror reading"),
        (CHECKPOINT.replace("normalish", "odd"), 2, "RNG_test says 'odd'"),
    ],
)
def test_the_command(stream, tmp_path, capsys, monkeypatch, printed, status, says):
    monkeypatch.setattr(command, "compile_stream", lambda folder: stream)
    arguments = ["--program", battery(tmp_path, printed), "--what", "words", "--along", "items", "seeds", "-j", "2"]
    assert command.main(arguments) == status
    out, errors = capsys.readouterr()
    assert says in (errors if status == 2 else out)
    if status < 2:
        assert [line.split(" | ")[1] for line in out.splitlines()[2:4]] == ["items", "seeds"]
        assert "words along seeds: mod3n(5):(0,9-3)" in out


def test_a_battery_that_cannot_be_run_is_told_of(stream, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "compile_stream", lambda folder: stream)
    program = tmp_path / "battery"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    assert command.main(["--program", str(program), "--what", "words", "--along", "items"]) == 2
    assert f"{program} cannot be run: " in capsys.readouterr().err


def test_a_battery_that_breaks_is_told_of(stream, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "compile_stream", lambda folder: stream)
    arguments = ["--program", battery(tmp_path, CHECKPOINT, 3), "--what", "clocks", "--along", "gray"]
    assert command.main(arguments) == 2
    assert "clocks along gray: exit statuses 0 and 3 of stream and RNG_test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-j", "0"], "-j and --minutes must be positive"),
        (["--minutes", "nan"], "-j and --minutes must be positive"),
        (["--seed", "-1"], "--seed in 0..2**64 - 1"),
        (["--size", "12"], "--size must be a whole number of KB, MB, GB or TB, such as 16GB, got '12'"),
        (["--size", "1GB", "--minutes", "1"], "not allowed with"),
        (["--program", "/nowhere/RNG_test"], "--program: /nowhere/RNG_test is no program that can be run"),
        (["--along", "rows"], "invalid choice: 'rows'"),
    ],
)
def test_bad_arguments(capsys, options, says):
    with pytest.raises(SystemExit) as error:
        command.main(["--program", sys.executable, *options])
    assert error.value.code == 2
    assert says in capsys.readouterr().err
