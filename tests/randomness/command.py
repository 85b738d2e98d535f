"""PractRand on every stream: one RNG_test per pair of what is tested and the way along which it is made."""

import argparse
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.support import ROOT

HERE = Path(__file__).resolve().parent
WHAT = ("words", "uniforms", "clocks")
ALONG = ("items", "steps", "streams", "seeds", "gray", "two-seeds", "two-streams")
LADDER = ("normal", "normalish", "unusual", "mildly suspicious", "suspicious", "very suspicious", "VERY SUSPICIOUS")
LENGTH = re.compile(r"^length= .*\(2\^([\d.]+) bytes\)", re.MULTILINE)
RESULT = re.compile(r"^ {2}(\S.*?) +R[=<>] *\S+ +(?:p ?[=~]+ *(\S+)|\"(?:pass|fail)\")? +(\S.*?) *$", re.MULTILINE)
EXAMPLES = """examples:
  run --program ./RNG_test                          every pair, 256 MB of each, one after the other
  run --program ./RNG_test --minutes 60 -j 16       16 pairs at a time, as far as an hour goes
  run --program ./RNG_test --size 1TB --what words --along seeds gray
  run --program ./RNG_test --size 16MB --what counter      what a failure looks like

The exit status is 1 if a test says FAIL, and 2 if something could not be run.
"""


class Result(NamedTuple):
    """A line of RNG_test: its name, how far its p-value is from the nearer end of (0, 1), the p-value and the verdict
    as they stand there, and the line."""

    test: str
    tail: float
    p: str
    verdict: str
    line: str

    @property
    def rank(self):
        return len(LADDER) if "FAIL" in self.verdict else LADDER.index(self.verdict)


class Outcome(NamedTuple):
    """What became of a pair: log2 of the bytes tested, the results at that length, and all lines that are at least
    unusual, at whatever length."""

    what: str
    along: str
    log_bytes: float
    last: list[Result]
    odd: list[Result]

    @property
    def failed(self):
        return any("FAIL" in result.verdict for result in self.odd)


class BatteryError(Exception):
    """A program did not do what it is there for."""


def read(what, along, printed):
    """Parse what RNG_test printed with -a: the results of every length, of which the last has most data."""
    lengths = list(LENGTH.finditer(printed))
    ends = [*(match.start() for match in lengths[1:]), len(printed)]
    checkpoints = [
        [result(match) for match in RESULT.finditer(printed, length.end(), end)]
        for length, end in zip(lengths, ends, strict=False)
    ]
    if not checkpoints or not all(checkpoints):
        raise BatteryError(f"{what} along {along}: RNG_test gave no results:\n{printed[-2000:]}")
    odd = [each for results in checkpoints for each in results if each.rank >= LADDER.index("unusual")]
    return Outcome(what, along, float(lengths[-1][1]), checkpoints[-1], odd)


def result(match):
    test, p, verdict = match.groups()
    tail = 0.5
    if p is not None:
        tail = float(p.removeprefix("1-"))
        tail = min(tail, 1 - tail)
    verdict = re.sub(r"\s*!+", "", verdict)
    if verdict not in (*LADDER, "FAIL"):
        raise BatteryError(f"RNG_test says {verdict!r}, which is none of its verdicts: {match[0]}")
    return Result(test, tail, p or "pass or fail", verdict, match[0].strip())


def run_pair(stream, what, along, given, limit):
    """Run one pair to its end; at lengths below 64 MB, RNG_test's own work would take most of the time."""
    options = ["stdin64", "-tf", "2", "-a", "-tlmin", "64MB", "-tlmax", limit, "-singlethreaded"]
    try:
        with subprocess.Popen([stream, what, along, str(given.seed)], stdout=subprocess.PIPE) as maker:
            done = subprocess.run(
                [given.program, *options],
                stdin=maker.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
    except OSError as error:
        raise BatteryError(f"{given.program} cannot be run: {error.strerror}") from None
    if maker.returncode or done.returncode:
        raise BatteryError(f"{what} along {along}: exit statuses {maker.returncode} and {done.returncode} of stream "
                           f"and RNG_test, which printed:\n{done.stdout[-2000:]}")  # fmt: skip
    return read(what, along, done.stdout)


def compile_stream(folder):
    program = Path(folder, "stream")
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O3", "-ffp-contract=off"]
    command += [f"-I{ROOT / 'src' / '_core'}", str(HERE / "stream.c"), "-o", str(program), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise BatteryError(f"no C compiler: {error}") from None
    if done.returncode:
        raise BatteryError(f"{' '.join(command)} does not work:\n{done.stderr}")
    return str(program)


HEAD = "| what | along | bytes | results | p-value nearest 0 or 1 | its test | worst verdict |\n" + "| --- " * 7 + "|"


def row(outcome):
    worst = min(outcome.last, key=lambda each: each.tail)
    verdict = max([*outcome.last, *outcome.odd], key=lambda each: each.rank).verdict
    size = f"2^{outcome.log_bytes:.1f}".removesuffix(".0")
    cells = outcome.what, outcome.along, size, str(len(outcome.last)), worst.p, f"`{worst.test}`", verdict
    return f"| {' | '.join(cells)} |"


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="run", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", required=True, help="PractRand's RNG_test")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--size", default="256MB", help="how much of each pair, as RNG_test reads it (default 256MB)")
    length.add_argument("--minutes", type=float, help="as much of each pair as these minutes allow for all")
    parser.add_argument("-j", type=int, default=1, metavar="N", help="how many pairs at a time (default 1)")
    parser.add_argument("--what", nargs="+", choices=(*WHAT, "counter"), default=WHAT, help="default: all but counter")
    parser.add_argument("--along", nargs="+", choices=ALONG, default=ALONG, help="default: all")
    parser.add_argument("--seed", type=int, default=1, help="where the seeds begin (default 1)")
    given = parser.parse_args(arguments)
    if given.j < 1 or (given.minutes is not None and not given.minutes > 0) or not 0 <= given.seed < 2**64:
        parser.error("-j and --minutes must be positive, and --seed in 0..2**64 - 1")
    if not re.fullmatch(r"[1-9]\d*[KMGT]B", given.size):
        parser.error(f"--size must be a whole number of KB, MB, GB or TB, such as 16GB, got {given.size!r}")
    if shutil.which(given.program) is None:
        parser.error(f"--program: {given.program} is no program that can be run")
    given.program = str(Path(shutil.which(given.program)).resolve())
    return given


def main(arguments=None):
    given = parse(arguments)
    pairs = [(what, along) for what in given.what for along in given.along]
    rounds = math.ceil(len(pairs) / given.j)
    limit = given.size if given.minutes is None else f"{60 * given.minutes / rounds:.1f}s"
    outcomes = []
    try:
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.j) as pool:
            stream = compile_stream(folder)
            print(HEAD, flush=True)
            for outcome in pool.map(lambda pair: run_pair(stream, *pair, given, limit), pairs):
                print(row(outcome), flush=True)
                outcomes.append(outcome)
    except BatteryError as error:
        print(f"run: error: {error}", file=sys.stderr)
        return 2
    print(f"\nseed {given.seed}; {sum(2**o.log_bytes for o in outcomes) / 2**30:,.1f} GiB and "
          f"{sum(len(o.last) for o in outcomes):,} results in all; {sum(o.failed for o in outcomes)} of "
          f"{len(pairs)} pairs FAIL")  # fmt: skip
    for outcome in outcomes:
        for each in outcome.odd:
            print(f"{outcome.what} along {outcome.along}: {each.line}")
    return 1 if any(outcome.failed for outcome in outcomes) else 0
