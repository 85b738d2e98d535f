"""What people would do without pycouple: the peers of the benchmarks."""

import numpy as np

try:
    import datasketch
except ImportError:
    datasketch = None

try:
    import numba
except ImportError:
    numba = None

try:
    import torch
except ImportError:
    torch = None

try:
    import jax
except ImportError:
    jax = None


def gumbel_argmax(logits, rng):
    """The Gumbel-max trick in NumPy."""
    return np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)


def exponential_argmin(weights, rng):
    """The exponential race in NumPy."""
    return np.argmin(rng.standard_exponential(weights.shape) / weights, axis=-1)


def two_stage(weights):
    """The strongest peer without a C library: a counter hash filled by numba, then NumPy's log, divide and argmin.

    Returns a function of (seed, step). The hash is splitmix64 of the counter, one call per item, 53 bits per uniform.
    """
    u = np.empty(weights.size)
    inverse = 1.0 / weights.astype(np.float64)
    scratch = np.empty_like(u)

    @numba.njit(fastmath=True)
    def fill(key, out):
        for i in range(out.size):
            z = key + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            out[i] = (np.float64(z >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16

    def draw(seed, step):
        fill(np.uint64(seed * 0x10001 + step), u)
        np.log(u, out=scratch)
        np.multiply(scratch, inverse, out=scratch)
        return int(np.argmax(scratch))  # the largest ln(u) / weight is the smallest -ln(u) / weight

    draw(0, 0)
    return draw


def datasketch_minhash(n, k):
    """Ioffe's consistent weighted sampling in NumPy. Its tables, three of k x n float32, are made here."""
    return datasketch.WeightedMinHashGenerator(n, sample_size=k).minhash


def first_dart(weights, rng):
    """The first dart under p as the paper throws them: item uniform on n, height uniform on [0, 1], in pieces."""
    p = weights / weights.sum()
    piece = weights.size
    thrown = 0
    while True:
        items, heights = rng.integers(weights.size, size=piece), rng.random(piece)
        under = heights < p[items]
        first = int(np.argmax(under))
        if under[first]:
            return thrown + first, int(items[first])
        thrown += piece


def torch_gumbel(logits):
    x = torch.from_numpy(logits)
    noise = torch.empty_like(x)

    def draw():
        return int(torch.argmax(x - noise.exponential_().log_()))

    draw()
    return draw


def jax_categorical(logits):
    x = jax.numpy.asarray(logits)
    draw = jax.jit(lambda key: jax.random.categorical(key, x))
    keys = iter(range(1, 10**9))
    draw(jax.random.key(0)).block_until_ready()
    return lambda: draw(jax.random.key(next(keys))).block_until_ready()
