"""The programs of `examples/`, run as a user runs them, or imported."""

import importlib.util
import os
import subprocess
import sys

from tests.support import ROOT

EXAMPLES = ROOT / "examples"


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=180,
    )


def module(name):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def run_without(name, missing, cwd):
    """The example where a package is not installed."""
    code = "import runpy, sys; sys.modules[sys.argv[1]] = None; runpy.run_path(sys.argv[2], run_name='__main__')"
    return run("-c", code, missing, EXAMPLES / f"{name}.py", cwd=cwd)
