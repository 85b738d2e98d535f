"""Run the whole suite on several Pythons, each in a clean environment:

    python -m tools.pythons python3.12 python3.13 /opt/python3.14t/bin/python3.14t
    python -m tools.pythons python3.14 -- -x tests/core      # what pytest shall do

For each interpreter it makes a virtual environment, installs `.[test]` from this checkout and runs pytest in it. One
line tells how that went; the last line sums up, and the exit status is 1 if any interpreter failed. The interpreters
need no pip. `docs/releasing.md` says where they come from.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import ROOT
from tools.environments import CommandError, Environments, run

ABOUT = """
import platform, sysconfig
print(platform.python_version() + "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
"""
GIL = """
import sys, pycouple
print("GIL on" if getattr(sys, "_is_gil_enabled", lambda: True)() else "GIL off")
"""


def suite(python: str, environments: Environments, arguments: list[str]) -> tuple[bool, str]:
    """Whether the suite passes on an interpreter, and what to say of it."""
    version = ""
    try:
        version = run([python, "-c", ABOUT])
        if not version:
            raise CommandError("it is no Python")
        inside = environments.make([python], version, f"{ROOT}[test]")
        gil = run([inside, "-c", GIL])
    except (OSError, CommandError) as error:
        return False, f"{version or python}, not installed: {error}"
    log = environments.work / f"{version}.log"
    with log.open("w") as file:
        tests = subprocess.run([inside, "-m", "pytest", "-p", "no:cacheprovider", *arguments], stdout=file, cwd=ROOT)
    return tests.returncode == 0, f"{version}, {gil}: {log.read_text().rstrip().splitlines()[-1].strip('= ')}"


def main() -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.pythons", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="an interpreter's path, or its name on PATH")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep the environments and pytest's output here")
    words, arguments = sys.argv[1:], []
    if "--" in words:
        words, arguments = words[: words.index("--")], words[words.index("--") + 1 :]
    options = parser.parse_args(words)
    for python in options.pythons:
        if shutil.which(python) is None:
            parser.error(f"there is no interpreter {python!r}")
    try:
        if options.work:
            options.work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--work: {error}")
    passed = 0
    with tempfile.TemporaryDirectory() as temporary:
        environments = Environments(options.work or Path(temporary))
        for python in options.pythons:
            good, line = suite(python, environments, arguments)
            passed += good
            print("passed" if good else "FAILED", line, flush=True)
    print(f"{passed} passed, {len(options.pythons) - passed} failed")
    return passed < len(options.pythons)


if __name__ == "__main__":
    sys.exit(main())
