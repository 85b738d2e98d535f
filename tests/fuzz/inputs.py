"""Random arguments: rows of every kind, type and memory layout, and numbers near every limit."""

from itertools import islice

import numpy as np

from pycouple._arrays import BFLOAT16
from tests.support.layouts import layouts
from tests.support.rows import hard_row, random_row, random_weights

TYPES = ("float16", "bfloat16", "float32", "float64")
SIZES = (1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 1000, 4095, 4097, 8192)
LARGE = (30_000, 49_152, 131_072, 131_073)  # of a few rows: threads share what has more than 32,768 numbers
TEMPERATURES = (1.0, 0.7, 0.01, 1e-3, 1e-30, 1e-300, 5e-324, 2.3e-308, 100.0, 1e30, 1e308, 1.7976931348623157e308, 0.0)
PROBABILITIES = (0.0, 5e-324, 1e-6, 0.1, 0.5, 0.9, 0.95, 1 - 2**-53, 1.0)
COUNTS = (0, -1, 1, 2, 5, 50, 10**6, 2**63 - 1)  # of top-k
MASKS = (-1e4, -1e9, -65504.0, -3.4028234663852886e38, -1.7976931348623157e308)
POISON = (np.nan, np.inf, -np.inf, -1.0, -0.0, 5e-324, 1.7976931348623157e308)
WRONG = (-1, -(2**63), 2**64, 2**200, 1.5, np.nan, True, None, "1", b"1", [[1], [2, 3]], {1}, 1j)
WORKERS = (*range(1, 9), 16, 31, 64, -1)
MOST_ITEMS = 2**34


def chance(rng, probability):
    return rng.random() < probability


def choice(rng, things):
    return things[int(rng.integers(len(things)))]


def wrong(rng):
    """What no number may be."""
    return choice(rng, WRONG)


def size_of_row(rng, most=8192):
    n = int(rng.integers(1, 200)) if chance(rng, 0.5) else int(choice(rng, SIZES))
    return min(n, most)


def batch_shape(rng, most=64):
    """Shapes of up to three axes, some of them of size 0 or 1."""
    shape = tuple(int(rng.integers(1, 6)) for _ in range(rng.integers(0, 4)))
    if shape and chance(rng, 0.03):
        shape = (*shape[:-1], 0)
    while np.prod(shape) > most:
        shape = shape[1:]
    return shape


def bfloat16(x):
    """The upper halves of float32 numbers, as the type that ml_dtypes has or else as pycouple's own."""
    bits = (np.asarray(x, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    try:
        from ml_dtypes import bfloat16 as kind
    except ModuleNotFoundError:
        kind = BFLOAT16
    return bits.view(kind)


def payloads(rng, x):
    """NaNs of every sign and payload in the place of some numbers."""
    x = x.copy()
    bits = x.view(f"u{x.dtype.itemsize}")
    mantissa = np.finfo(x.dtype).nmant
    exponent = ((1 << (8 * x.dtype.itemsize - 1 - mantissa)) - 1) << mantissa
    where = tuple(int(rng.integers(size)) for size in x.shape)
    sign = int(rng.integers(2)) << (8 * x.dtype.itemsize - 1)
    bits[where] = exponent | int(rng.integers(1, 1 << min(mantissa, 62))) | sign
    return x


def row(rng, n, dtype, weights):
    if n == 0:
        return np.empty(0, dtype)
    with np.errstate(all="ignore"):
        if weights:
            return random_weights(rng, n, dtype)
        kind = rng.integers(4)
        if kind == 0:
            return hard_row(rng, n, dtype)
        x = random_row(rng, n, dtype)
        if kind == 1:  # masked by finite numbers of every kind
            x = np.where(rng.random(n) < rng.random(), np.asarray(choice(rng, MASKS)).astype(dtype), x)
            x[np.isinf(x)] = np.finfo(dtype).min
        if kind == 2:  # near-ties
            at = rng.integers(n, size=min(n, 5))
            x[at] = x[at[0]]
            x[at[-1]] = np.nextafter(x[at[-1]], x.dtype.type(0))
        return x


def rows(rng, weights, shape=None, n=None, bad=0.03):
    """An array of shape (*shape, n) of weights or of logits, plain in memory; now and then with something wrong."""
    shape = batch_shape(rng) if shape is None else shape
    if n is None:
        n = size_of_row(rng, max(1, 40_000 // max(1, int(np.prod(shape)))))
        n = choice(rng, LARGE) if np.prod(shape) <= 4 and chance(rng, 0.05) else n
    kind = choice(rng, TYPES)
    dtype = "float32" if kind == "bfloat16" else kind
    x = np.empty((*shape, n), dtype)
    for where in np.ndindex(shape):
        x[where] = row(rng, n, dtype, weights)
    if x.size and chance(rng, bad):
        with np.errstate(over="ignore"):
            x = payloads(rng, x) if chance(rng, 0.3) else x
            x[tuple(int(rng.integers(size)) for size in x.shape)] = choice(rng, POISON)
    if x.size and chance(rng, bad):
        x[tuple(int(rng.integers(size)) for size in shape)] = 0 if weights else -np.inf
    if chance(rng, 0.01):
        x = x[..., :0]
    if kind == "bfloat16":
        return bfloat16(x)
    if chance(rng, 0.03):
        return other_type(rng, x)
    return x


def other_type(rng, x):
    """The rows as something that is cast, or refused."""
    with np.errstate(all="ignore"):
        kind = rng.integers(6)
        if kind == 0:
            return x.tolist()
        if kind == 1:
            return np.nan_to_num(x, posinf=3, neginf=0).clip(0, 100).astype(choice(rng, ("i1", "u2", "i4", "u8", "?")))
        if kind == 2:
            return x.astype(np.longdouble)
        if kind == 3:
            return x.astype(object)
        if kind == 4:
            return x.astype(complex)
        return x.astype("U8")


def laid_out(rng, x, shared=True):
    """The numbers in a memory layout of one of many kinds; in those that are `shared` one place is several elements."""
    if not isinstance(x, np.ndarray) or x.ndim == 0 or x.dtype.kind in "OUcb" or x.dtype.names or chance(rng, 0.3):
        return x
    if shared and x.ndim > 1 and x.shape[0] > 1 and chance(rng, 0.1):  # steps of zero bytes
        return np.broadcast_to(x[:1], x.shape)
    if shared and x.size and chance(rng, 0.1):  # rows that overlap
        step = min(int(rng.integers(1, 4)), x.shape[-1]) * x.itemsize
        flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        return np.lib.stride_tricks.as_strided(flat, flat.shape, (step, x.itemsize)).reshape(x.shape)
    if x.ndim == 3 and chance(rng, 0.3):
        return x.transpose(1, 0, 2).copy().transpose(1, 0, 2)
    if x.size == 0 or x.ndim != 2:
        flat = [y for _, y in islice(layouts(x.reshape(1, -1)), int(rng.integers(14)))][-1:]
        return flat[0].reshape(x.shape) if flat and x.ndim == 1 else x
    return next(islice((y for _, y in layouts(x)), int(rng.integers(13)), None))


def integers(rng, shape, limit, bad=0.01):
    """Numbers in 0..limit - 1 that broadcast to a batch: one, or an array of one of many shapes, types and layouts."""
    if chance(rng, bad):
        return wrong(rng)
    if chance(rng, 0.5):
        return choice(rng, (0, 1, limit - 1, int(rng.integers(limit, dtype=np.uint64, endpoint=False))))
    own = tuple(size if chance(rng, 0.7) else 1 for size in shape[int(rng.integers(len(shape) + 1)) :])
    numbers = rng.integers(limit, size=own, dtype=np.uint64, endpoint=False)
    kind = rng.integers(5)
    if kind == 0:
        return (numbers >> np.uint64(1)).astype(np.int64)
    if kind == 1 and numbers.size:
        return numbers.tolist()
    if kind == 2:
        return numbers.astype(numbers.dtype.newbyteorder())
    return laid_out(rng, numbers)


def temperature(rng, shape, bad=0.02):
    if chance(rng, bad):
        return choice(rng, (*WRONG, -0.0, -1e-300, np.inf))
    if chance(rng, 0.6):
        return choice(rng, TEMPERATURES)
    own = shape[int(rng.integers(len(shape) + 1)) :]
    values = np.array(TEMPERATURES)[rng.integers(len(TEMPERATURES), size=own)]
    return laid_out(rng, np.where(rng.random(own) < 0.5, values, 10.0 ** rng.uniform(-3, 3, own)))


def _one_a_row(rng, shape, values, bad, outside):
    """One of the values, None, or an array of them that broadcasts to a batch; now and then something wrong."""
    if chance(rng, bad):
        return choice(rng, (*WRONG, *outside))
    if chance(rng, 0.6):
        return choice(rng, (*values, None))
    own = shape[int(rng.integers(len(shape) + 1)) :]
    return laid_out(rng, np.array(values)[rng.integers(len(values), size=own)])


def top_k(rng, shape, bad=0.02):
    return _one_a_row(rng, shape, COUNTS, bad, (-2, 2.0, 2**63))


def probability(rng, shape, bad=0.02):
    """top-p or min-p."""
    return _one_a_row(rng, shape, (*PROBABILITIES, float(rng.random())), bad, (-1e-9, 1.1, np.inf))


def truncation(rng, shape, bad=0.02):
    """Keyword arguments of what is kept of each row of a batch of this shape; often none."""
    found = {}
    if chance(rng, 0.5):
        return found
    if chance(rng, 0.4):
        found["top_k"] = top_k(rng, shape, bad)
    if chance(rng, 0.6):
        found["top_p"] = probability(rng, shape, bad)
    if chance(rng, 0.3):
        found["min_p"] = probability(rng, shape, bad)
    return found


def offset(rng, shape, bad=0.02):
    if chance(rng, 0.6):
        return 0
    if chance(rng, bad):
        return choice(rng, (63, MOST_ITEMS, MOST_ITEMS - 64, 2**63, *WRONG))
    if chance(rng, 0.2):
        return MOST_ITEMS - 2**14
    return 64 * int(rng.integers(2**20)) * np.ones(shape[1:], np.uint64) if shape else 64 * int(rng.integers(2**25))


def workers(rng):
    return choice(rng, WORKERS) if chance(rng, 0.98) else choice(rng, (0, -2, 2**40, *WRONG))


def results(rng, shape, dtypes, inputs):
    """Arrays for `out`: of any layout, in the memory of an input too, and now and then wrong ones."""
    made = []
    for dtype in dtypes:
        if chance(rng, 0.02):
            shape = (*shape, 2)
        if chance(rng, 0.02):
            dtype = choice(rng, (np.float64, np.int64, np.int32))
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        base = next((x for x in inputs if isinstance(x, np.ndarray) and not x.dtype.hasobject), np.empty(0))
        if base.flags.c_contiguous and base.flags.writeable and base.nbytes > size and chance(rng, 0.3):
            raw = base.reshape(-1).view(np.uint8)
            at = int(rng.integers(raw.size - size))
            made.append(raw[at : at + size].view(dtype).reshape(shape))
        else:
            made.append(laid_out(rng, np.full(shape, -5, dtype), shared=False))
    return made[0] if len(made) == 1 else tuple(made)
