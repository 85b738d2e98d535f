"""bfloat16 numbers as their bits in uint16 arrays."""

import numpy as np


def widened(bits):
    """The numbers as float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def truncated(x):
    """The bits of float32 numbers, rounded towards zero."""
    return (x.view(np.uint32) >> 16).astype(np.uint16)
