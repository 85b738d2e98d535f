"""Clean virtual environments, of interpreters that may have no pip of their own."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PIP = "pip>=25"  # an older one installs wheels for the GIL into free-threaded Pythons


class CommandError(Exception):
    """A command failed; what it was and what it printed."""


def run(command: Sequence[str | Path], **options: Any) -> str:
    """What a command prints, without the blanks around it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise CommandError(f"{shlex.join(map(str, command))}\n{done.stdout}")
    return done.stdout.strip()


class Environments:
    """A folder of virtual environments; one of them has the pip that installs into all."""

    def __init__(self, work: Path) -> None:
        self.work = work = work.resolve()
        work.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", work / "pip"])
        self._pip = [work / "pip" / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
        self.pip("install", PIP)

    def pip(self, *arguments: str | Path) -> None:
        """Run pip."""
        run([*self._pip, *arguments])

    def make(self, python: Sequence[str | Path], name: str, *packages: str | Path) -> Path:
        """The interpreter of a new environment with these packages."""
        folder = self.work / name
        run([*python, "-m", "venv", "--clear", "--without-pip", folder])
        inside = folder / "bin" / "python"
        self.pip("--python", inside, "install", "--prefer-binary", *packages)
        return inside
