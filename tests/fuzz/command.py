"""The driver: it builds if it has to, starts the jobs, watches them, and adds up what they say."""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.fuzz.job import MODES
from tests.fuzz.sanitizers import FLAGS, BuildError, build, environment
from tests.support import ROOT

REPORTS = ("ERROR: ", "WARNING: ThreadSanitizer", "runtime error: ", "Fatal Python error")  # how they begin
JOB = ("-m", "tests.fuzz.job")
SILENCE = 300  # seconds without a word from a job until it counts as one that hangs
EXAMPLES = """examples:
  tests/fuzz/run --minutes 10                      every public function, on the pycouple that is installed
  tests/fuzz/run --minutes 60 --jobs 16 --mode bulk   mostly tiny rows: some 10^6 rows per second and core
  tests/fuzz/run --minutes 2 --sanitize address    with a build under ASan and UBSan, which it makes itself
  tests/fuzz/run --sanitize thread --exec -m pytest tests/core    that Python, with a command of one's own

The exit status is 1 if there is a finding: a different result, an error of a wrong kind, a crash, a sanitizer's report
or a call without an end. Each is printed with the line of Python that repeats it in a checkout.
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/fuzz/run",
        description="Make random calls of every public function, and compare each with another way to its result.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long, without the build (default 1)")
    parser.add_argument("--seed", type=int, help="of the first job; the next have the next numbers (default: random)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes (default 1)")
    parser.add_argument("--mode", choices=MODES, default="mixed", help="what to make (default mixed, some of each)")
    parser.add_argument(
        "--sanitize", choices=("none", *FLAGS), default="none", help="address is ASan and UBSan (default none)"
    )
    parser.add_argument("--build", help="a folder to keep the sanitized build in (default: a temporary one)")
    parser.add_argument(
        "--exec", nargs=argparse.REMAINDER, help="run that Python with these arguments instead of fuzzing"
    )
    given = parser.parse_args(arguments)
    if given.jobs < 1 or not given.minutes > 0 or (given.seed is not None and given.seed < 0):
        parser.error("--jobs and --minutes must be positive, and --seed not negative")
    return given


class Running:
    """A job that runs: its process, what it said last, and when."""

    def __init__(self, python, seed, given, folder, lines):
        self.seed, self.calls, self.rows, self.heard = seed, 0, 0, time.monotonic()
        self.note, self.errors = Path(folder, f"note-{seed}"), Path(folder, f"errors-{seed}")
        self.note.touch()
        writers = "no" if given.sanitize == "thread" else "yes"  # what they do is a data race
        arguments = [str(seed), given.mode, str(60 * given.minutes), writers, str(self.note)]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [python, *JOB, *arguments],
                stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment(given.sanitize),
            )  # fmt: skip
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def _listen(self, lines):
        with self.process.stdout as said:
            for line in said:
                lines.put((self, json.loads(line)))
        self.process.wait()
        lines.put((self, None))

    def end(self):
        """What was wrong with the end of the process, in words, or None."""
        code = self.process.returncode
        if code == 0:
            return None
        name = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return f"the process ended with {name}\n{_report(self.errors.read_text(errors='replace'))}"


def _report(text, lines=40):
    """The part of a process's last words that says most: from a sanitizer's first line on, or the end."""
    every = text.splitlines()
    first = next((i for i, line in enumerate(every) if any(mark in line for mark in REPORTS)), len(every) - lines)
    return "\n".join(every[max(first, 0) :][:lines])


def fuzz(python, seed, given):
    """Run all jobs to their end; returns the exit status."""
    lines, findings, start = queue.Queue(), 0, time.monotonic()
    show = Progress(seed, given)
    with tempfile.TemporaryDirectory() as folder:
        jobs = [Running(python, seed + i, given, folder, lines) for i in range(given.jobs)]
        alive = set(jobs)
        try:
            while alive:
                job, said = _next(lines)
                if job is not None:
                    job.heard = time.monotonic()
                if job is not None and said is None:
                    alive.discard(job)
                    wrong = job.end()
                    if wrong is not None:
                        findings += 1
                        show.finding(wrong, job.note.read_text().strip())
                elif said is not None and "finding" in said:
                    findings += 1
                    show.finding(said["finding"], said["line"])
                elif said is not None:
                    job.calls, job.rows = said["calls"], said["rows"]
                for other in alive:
                    if time.monotonic() > other.heard + SILENCE:
                        os.kill(other.process.pid, signal.SIGABRT)  # faulthandler says where it is
                        other.heard = time.monotonic()
                show.progress(jobs, time.monotonic() - start, findings)
        except KeyboardInterrupt:
            for job in alive:
                job.process.kill()
    show.total(jobs, time.monotonic() - start, findings)
    return 1 if findings else 0


def _next(lines):
    try:
        return lines.get(timeout=1)
    except queue.Empty:
        return None, None


class Progress:
    """What is printed: a line of progress, on a terminal always the same; findings; the last line."""

    def __init__(self, seed, given):
        last = seed + given.jobs - 1
        self.seeds = f"seed {seed}" if last == seed else f"seeds {seed} to {last}"
        self.what = f"mode {given.mode}, sanitizers: {given.sanitize}"
        self.terminal = sys.stdout.isatty()
        self.next = 0.0

    def figures(self, jobs, seconds):
        calls, rows = (sum(getattr(job, name) for job in jobs) for name in ("calls", "rows"))
        return f"{calls:,} calls, {rows:,} rows, {rows / max(seconds, 1e-9):,.0f} rows per second"

    def progress(self, jobs, seconds, findings):
        if seconds < self.next:
            return
        self.next = seconds + (1 if self.terminal else 30)
        line = f"{seconds:6.0f} s: {self.figures(jobs, seconds)}, {findings} findings, {self.seeds}"
        print(f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n", flush=True)

    def finding(self, wrong, line):
        print(f"{chr(10) if self.terminal else ''}FINDING: {wrong}\n  python -c {line!r}", flush=True)

    def total(self, jobs, seconds, findings):
        print(f"{chr(10) if self.terminal else ''}fuzz: {self.figures(jobs, seconds)}, {findings} findings, "
              f"{seconds / 60:.1f} minutes, {self.seeds}, {self.what}")  # fmt: skip


def main(arguments=None):
    given = parse(arguments)
    seed = int.from_bytes(os.urandom(4)) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory() as temporary:
        python = sys.executable
        if given.sanitize != "none":
            print(f"building pycouple with -fsanitize={given.sanitize}", flush=True)
            try:
                python = build(given.sanitize, given.build or temporary)
            except BuildError as error:
                print(f"tests/fuzz/run: error: {error}", file=sys.stderr)
                return 2
        if given.exec:
            return subprocess.run([python, *given.exec], cwd=ROOT, env=environment(given.sanitize)).returncode
        return fuzz(python, seed, given)
