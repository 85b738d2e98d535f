"""Shared fixtures: ISA levels and real rows."""

import numpy as np
import pytest

from pycouple import _core
from tests.support import ROOT

LEVELS = [name for name, runs in _core.levels().items() if runs]


@pytest.fixture(params=LEVELS)
def level(request):
    """Each ISA level that this machine runs, in turn."""
    before = _core.current_level()
    _core.use_level(request.param)
    yield request.param
    _core.use_level(before)


@pytest.fixture(scope="session")
def real_logits():
    """A real row of 49,152 logits at temperatures 2, 1, 1/2 and 1/16, nearly flat to peaked: float32 [4, 49152]."""
    with np.load(ROOT / "tests" / "data" / "smollm2_logits.npz") as file:
        row = file["logits"].astype(np.float32)
    return row / np.float32([[2], [1], [0.5], [0.0625]])


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """One run of all experiments of `pycouple reproduce`."""
    from tests.support.reproduced import run_all

    return run_all(tmp_path_factory.mktemp("all") / "made" / "folder")
