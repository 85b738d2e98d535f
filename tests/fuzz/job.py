"""One process of the fuzzer: it checks call after call, and tells the driver what it has done, in lines of JSON."""

import contextlib
import faulthandler
import json
import os
import sys
import time
import warnings

from tests.fuzz import bulk, check, stress
from tests.fuzz.table import GENERATORS

MODES = ("mixed", "calls", "bulk", "stress")
BULK = {"mixed": 20_000, "bulk": 10**6}  # rows of a batch
MOST_FINDINGS = 20


class Job:
    """What one seed has shown so far."""

    def __init__(self, seed, mode, writers, note, say):
        self.seed, self.mode, self.note, self.say = seed, mode, note, say
        self.stress = [kind for kind in stress.KINDS if writers or kind != "written"]
        self.calls = self.rows = self.findings = 0
        self.told = 0.0

    def run(self, until, rounds=None):
        """Make rounds until a time has come, or so many."""
        number = 0
        while time.monotonic() < until and number != rounds and self.findings < MOST_FINDINGS:
            for line, step in self.steps(number):
                self.note(line)
                try:
                    done = step()
                except Exception as error:  # of a generator or an oracle
                    done = 1, 0, f"the fuzzer itself fails with {type(error).__name__}: {error}"
                self.count(line, *done)
                if time.monotonic() >= until:
                    break
            number += 1
        self.tell()

    def steps(self, number):
        """The checks of a round, each with the line of Python that repeats it."""
        if self.mode in ("mixed", "calls"):
            for name in GENERATORS:
                line = f"from tests.fuzz import check; check.again({name!r}, {self.seed}, {number})"
                yield line, lambda name=name: self.call(name, number)
        if self.mode in BULK:
            most = BULK[self.mode]
            line = f"from tests.fuzz import bulk; print(bulk.check({self.seed}, {number}, {most}))"
            yield line, lambda: bulk.check(self.seed, number, most)
        if self.mode in ("mixed", "stress"):
            kind = self.stress[number % len(self.stress)]
            line = f"from tests.fuzz import stress; print(stress.check({kind!r}, {self.seed}, {number}))"
            yield line, lambda: stress.check(kind, self.seed, number)

    def call(self, name, number):
        call, rng = check.make(name, self.seed, number)
        return 1, call.rows, check.check(call, rng)

    def count(self, line, calls, rows, wrong):
        self.calls += calls
        self.rows += rows
        if wrong is not None:
            self.findings += 1
            self.say({"finding": wrong, "line": line})
        if time.monotonic() > self.told + 1:
            self.tell()

    def tell(self):
        self.told = time.monotonic()
        self.say({"calls": self.calls, "rows": self.rows})


def main():
    """The arguments are those with which the driver starts a job."""
    seed, mode, seconds, writers, note = sys.argv[1:]
    faulthandler.enable()
    warnings.simplefilter("ignore")
    file = os.open(note, os.O_WRONLY | os.O_CREAT)

    def say(line):
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(line), flush=True)

    def noted(line):
        os.pwrite(file, line.ljust(200).encode(), 0)

    Job(int(seed), mode, writers == "yes", noted, say).run(time.monotonic() + float(seconds))


if __name__ == "__main__":
    main()
