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


def hard_row(rng, n, dtype):
    """A row of logits whose scores are hard to bound: far apart, equal but for rounding, or at an end of the range."""
    limits = np.finfo(dtype)
    largest = min(float(limits.max), 1e300)
    scale = min(10.0 ** rng.integers(9, 40), largest / 4)
    kind = rng.integers(7)
    if kind == 0:  # few live ones, the others masked by a finite number
        x = np.full(n, rng.choice([-1e4, -scale, -largest]))
        live = rng.permutation(n)[: rng.integers(0, 4)]
        x[live] = rng.normal(0, 3, len(live))
    elif kind == 1:  # neighbours in the type: a score is often the same for many
        x = rng.choice([-scale, scale]) * (1 + rng.integers(-2, 3, n) * float(limits.eps))
    elif kind == 2:
        x = rng.choice([-scale, scale]) + rng.normal(0, 3, n)
    elif kind == 3:  # near a power of two, where the distance between doubles changes
        x = rng.choice([-1, 1]) * 2.0 ** rng.integers(30, 70) + rng.integers(-200, 200, n)
    elif kind == 4:
        x = rng.integers(-4, 5, n) * float(limits.smallest_subnormal)
        x[rng.integers(n)] = rng.choice([0, 1, 128, 1e4])
    elif kind == 5:  # a runner-up at a distance near that from which a winner is known at once
        x = np.full(n, -scale)
        x[rng.integers(n)] = -128 + rng.integers(-2, 3)
        x[rng.integers(n)] = 0
    else:
        x = np.sort(rng.normal(0, 3, n)) * rng.choice([-1, 1])
    return np.clip(x, -largest, largest).astype(dtype)


def random_weights(rng, n, dtype):
    """A row of weights: the exponentials of such logits, at any scale that the type holds, and rows with many zeros."""
    x = random_row(rng, n, np.float64)
    with np.errstate(over="ignore", under="ignore"):
        w = np.exp(x - x.max()) * 10.0 ** rng.uniform(-40, 4)
        w = w.astype(dtype)
    if not (w > 0).any():
        w[rng.integers(n)] = np.finfo(dtype).smallest_subnormal
    return w
