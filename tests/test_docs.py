"""Every example in docstrings and in the README runs and prints what it says; the levels are named."""

import doctest
import importlib
import importlib.metadata
import os
import pkgutil
import re
import subprocess
import sys

import numpy as np
import pytest

import pycouple
from pycouple import _core
from tests.support import ROOT

NOT_HERE = ("pycouple._core", "pycouple.plugins.", "pycouple.torch")  # made by Cython; tested where the engines are
MODULES = [
    "pycouple",
    *(m.name for m in pkgutil.walk_packages(pycouple.__path__, "pycouple.") if not m.name.startswith(NOT_HERE)),
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np, "pycouple": pycouple}, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_every_public_function_has_an_example():
    for name in pycouple.__all__:
        thing = getattr(pycouple, name)
        if callable(thing) and not isinstance(thing, type):
            assert ">>>" in thing.__doc__, name
    for module in (pycouple.protocol, pycouple.speculative, pycouple.theory):
        public = [name for name in getattr(module, "__all__", vars(module)) if name[0] != "_"]
        for name in public:
            thing = getattr(module, name)
            ours = getattr(thing, "__module__", "").startswith(module.__name__)
            if ours and callable(thing) and not isinstance(thing, type):
                assert ">>>" in thing.__doc__, name


def test_readme_examples():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("level", [*_core.levels(), f" {_core.current_level().upper()} "])
def test_level_can_be_forced(level):
    run = python("import pycouple; pycouple.show_config()", PYCOUPLE_ISA=level)
    name = level.strip().lower()
    if _core.levels()[name]:
        assert f"ISA level   {name} " in run.stdout
    else:
        assert f"ISA level '{level}' is not supported by this CPU, which runs baseline" in run.stderr


def test_no_level_is_forced_by_blanks():
    run = python("import pycouple; pycouple.show_config()", PYCOUPLE_ISA=" ")
    best = [name for name, runs in _core.levels().items() if runs][-1]
    assert f"ISA level   {best} " in run.stdout


@pytest.mark.parametrize("level", ["avx1024", "AVX 2", "\x1b[31m", "\udcff"])
def test_unknown_level_is_an_error(level):
    """One error that names variable, value and known levels."""
    error = f"ImportError: PYCOUPLE_ISA: ISA level {level!r} is unknown here: this build has baseline"
    run = python("import pycouple", PYCOUPLE_ISA=level)
    assert run.returncode == 1
    assert run.stderr.count("Error") == run.stderr.count(error) == 1


def test_versions_agree():
    assert pycouple.__version__ == importlib.metadata.version("pycouple")


def test_import_is_light():
    heavy = ("dask", "matplotlib", "rich", "scipy", "hashlib", "concurrent.futures", "argparse", "numpy.random")
    code = "import numpy, sys; before = set(sys.modules); import pycouple; print(*sorted(set(sys.modules) - before))"
    added = python(code).stdout.split()
    assert "pycouple" in added
    assert not [name for name in added if name.startswith(heavy)]
