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
    from reproduced import run_all

    return run_all(tmp_path_factory.mktemp("all") / "made" / "folder")


def random_row(rng, n, dtype):
    """A row of logits of one of many kinds: peaked, flat, sparse, tied, tiny, huge."""
    kind = rng.integers(10)
    if kind == 0:
        x = rng.normal(0, 3, n)
    elif kind == 1:
        x = np.full(n, rng.normal())
    elif kind == 2:
        x = rng.normal(0, 1e-3, n)
    elif kind == 3:  # one-hot
        x = np.full(n, -np.inf)
        x[rng.integers(n)] = 3
    elif kind == 4:
        x = rng.normal(0, 30, n)
    elif kind == 5:  # ties
        x = rng.integers(0, 3, n).astype(float)
    elif kind == 6:  # mostly masked
        x = np.where(rng.random(n) < 0.9, -np.inf, rng.normal(0, 1, n))
        x[rng.integers(n)] = 0
    elif kind == 7:  # subnormal in float32
        x = rng.normal(0, 1e-40, n)
    elif kind == 8:  # masked with a very low finite number
        x = np.where(rng.random(n) < 0.5, max(float(np.finfo(dtype).min), -1e300), rng.normal(0, 3, n))
    else:
        x = rng.normal(0, 1, n) * 10.0 ** rng.uniform(-30, 30)
    limit = float(np.finfo(dtype).max)
    return np.where(np.isinf(x), x, np.clip(x, -limit, limit)).astype(dtype)


def random_weights(rng, n, dtype):
    """A row of weights: the exponentials of such logits, at any scale that the type holds, and rows with many zeros."""
    x = random_row(rng, n, np.float64)
    with np.errstate(over="ignore", under="ignore"):
        w = np.exp(x - x.max()) * 10.0 ** rng.uniform(-40, 4)
        w = w.astype(dtype)
    if not (w > 0).any():
        w[rng.integers(n)] = np.finfo(dtype).smallest_subnormal
    return w
