"""One array in every memory layout that NumPy has."""

import numpy as np


def misaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    y = raw[1:].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


def shifted(x, by):
    """The same rows, `by` elements past where the allocator put them."""
    raw = np.empty(x.size + by, x.dtype)
    y = raw[by:].reshape(x.shape)
    y[...] = x
    return y


def layouts(x):
    yield "fortran", np.asfortranarray(x)
    wide = -np.ones((x.shape[0], 3 * x.shape[1]), x.dtype)
    wide[:, ::3] = x
    yield "strided", wide[:, ::3]
    yield "negative strides", x[:, ::-1].copy()[:, ::-1]
    yield "rows backwards", x[::-1].copy()[::-1]
    yield "misaligned", misaligned(x)
    yield "byte order", x.astype(x.dtype.newbyteorder())
    frozen = x.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    for by in (1, 3, 4, 7, 8, 15):
        yield f"shifted by {by}", shifted(x, by)
