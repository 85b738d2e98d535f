"""Rows that every benchmark shares."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from pycouple import _core

os.environ.setdefault("OMP_NUM_THREADS", "1")  # peers run on one thread too


@pytest.fixture(scope="session")
def normal_logits():
    """float32 normal(0, 3) logits of a shape, the same for every benchmark of that shape."""
    rows = {}

    def make(*shape):
        if shape not in rows:
            rows[shape] = np.random.default_rng(0).normal(0, 3, shape).astype(np.float32)
        return rows[shape]

    return make


@pytest.fixture(scope="session")
def real_row():
    """A real row of 49,152 SmolLM2 logits, float32."""
    with np.load(Path(__file__).parents[1] / "tests" / "data" / "smollm2_logits.npz") as file:
        return file["logits"].astype(np.float32)


@pytest.fixture
def step():
    """A new step for every draw: nothing is found in a cache twice."""
    return itertools.count().__next__


@pytest.fixture(params=[name for name, runs in _core.levels().items() if runs])
def level(request):
    """Runs the benchmark on every ISA level that this machine has."""
    before = _core.current_level()
    yield _core.use_level(request.param)
    _core.use_level(before)
