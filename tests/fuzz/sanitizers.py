"""Builds of the extension with sanitizers, in private folders, and what running them takes."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support import ROOT

UNDEFINED = "undefined,float-cast-overflow"  # gcc's "undefined" leaves conversions of floats out
FLAGS = {
    "address": f"-fsanitize=address,{UNDEFINED} -fno-sanitize-recover={UNDEFINED} -fno-omit-frame-pointer -g",
    "thread": "-fsanitize=thread -fno-omit-frame-pointer -g",
}
RUNTIME = {"address": "libasan.so", "thread": "libtsan.so"}
# Python frees little at its end, and its own leaks would hide ours: memory is watched by the tests of the suite.
OPTIONS = {
    "address": {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
    "thread": {"TSAN_OPTIONS": "halt_on_error=1:die_after_fork=0"},
}
NEEDED = ("scikit_build_core", "Cython", "cmake", "ninja")
COMPILER = """#!/bin/sh
# The kernels ask for -O3, with which the sanitizers' checks take minutes to compile.
exec gcc "$@" -O1
"""


class BuildError(Exception):
    """What stands in the way of a build, in one line."""


def build(name, folder):
    """Build and install pycouple with a sanitizer into a folder, which keeps what is compiled; returns its Python."""
    missing = [module for module in NEEDED if importlib.util.find_spec(module) is None]
    if missing:
        raise BuildError(f"a build needs {', '.join(missing)}: pip install scikit-build-core cython numpy cmake ninja")
    folder = Path(folder)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        inside = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        # The packages of this Python, but for its editable installs, which would hide the build.
        (Path(inside.strip()) / "parent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    compiler = folder / "cc"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    flags = FLAGS[name]
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation",
         f"-Cbuild-dir={folder / 'build'}", "-Cinstall.strip=false", ROOT],
        env=os.environ | {"CC": str(compiler), "CFLAGS": flags, "LDFLAGS": flags}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"the build with -fsanitize={name} failed:\n{done.stdout}{done.stderr}")
    return python


def environment(name):
    """The environment in which a Python runs that imports the build."""
    if name == "none":
        return dict(os.environ)
    library = subprocess.check_output(["gcc", f"-print-file-name={RUNTIME[name]}"], text=True).strip()
    return os.environ | OPTIONS[name] | {"LD_PRELOAD": os.path.realpath(library), "PYTHONMALLOC": "malloc"}
