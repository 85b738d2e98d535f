"""Shared fixtures: ISA levels and real rows."""

import os
from pathlib import Path

import numpy as np
import pytest

from pycouple import _core

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
    """Whole logit rows of SmolLM2 from the workplace's shared data; rows of their kind where that is absent."""
    path = Path(os.environ.get("PYCOUPLE_SHARED", Path(__file__).parents[2] / "shared")) / "data/smollm2_logits.npy"
    if path.exists():
        return np.load(path)
    rng = np.random.default_rng(1)
    rows = rng.normal(0, 2.5, (16, 49152)) + rng.standard_t(3, (16, 49152))
    rows[np.arange(16), rng.integers(49152, size=16)] += 12
    return rows.astype(np.float32)


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """One run of all experiments of `pycouple reproduce`."""
    from tests.support.reproduced import run_all

    return run_all(tmp_path_factory.mktemp("all") / "made" / "folder")
