"""Random rows of many kinds: what the fast code is held against the oracles on."""

import numpy as np


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
