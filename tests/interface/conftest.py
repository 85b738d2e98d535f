"""The C interface, built and installed both ways as docs/guides/c.md says."""

import shutil

import pytest

from pycouple import _core
from tests.support import ROOT
from tests.support.c_library import CLibrary, run

BUILD = ("-DPYCOUPLE_PYTHON=OFF", "-DPYCOUPLE_C_INTERFACE=ON", "-DPYCOUPLE_WERROR=ON", "-DCMAKE_BUILD_TYPE=Debug")
LEVELS = [name for name, runs in _core.levels().items() if runs]  # of the same sources, so of the library too


@pytest.fixture(scope="session")
def prefixes(tmp_path_factory):
    """Where the static and the shared library are installed. Debug compiles in a fifth of the time."""
    for program in ("cmake", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, to build the C interface")
    folder = tmp_path_factory.mktemp("interface")
    for kind, shared in (("static", "OFF"), ("shared", "ON")):
        run("cmake", "-S", ROOT, "-B", folder / "build", *BUILD, f"-DBUILD_SHARED_LIBS={shared}")
        run("cmake", "--build", folder / "build", "--parallel", 2)
        run("cmake", "--install", folder / "build", "--prefix", folder / kind)
    return {kind: folder / kind for kind in ("static", "shared")}


@pytest.fixture(scope="session")
def library(prefixes):
    """The shared library, as a program in another language loads it."""
    return CLibrary(prefixes["shared"])


@pytest.fixture(params=LEVELS)
def c_level(request, library):
    """Each ISA level that this machine runs, in turn, in the shared library."""
    assert library.use_level(request.param.encode()) == 0
    yield request.param
    assert library.use_level(None) == 0
