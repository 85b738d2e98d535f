"""The points that stream.c visits, and what is made there, by Python's calls."""

import numpy as np

import pycouple

ALONG = ("items", "steps", "streams", "seeds", "gray", "two-seeds", "two-streams")
BITS = {"uniforms": 52, "clocks": 32}


def visit(along, seed, n):
    """Seed, step, stream and item of the points n, an array: one that is short of items or streams goes on by steps."""
    n = n.astype(np.uint64)
    gray = n ^ n >> np.uint64(1)
    seed, zero, half, odd = np.uint64(seed), np.uint64(0), n >> np.uint64(1), n & np.uint64(1)
    return {
        "items": (seed, zero, zero, n),
        "steps": (seed, n, zero, zero),
        "streams": (seed, n >> np.uint64(8), n & np.uint64(255), zero),
        "seeds": (seed + n, zero, zero, zero),
        "gray": (seed ^ (gray << np.uint64(48) | gray >> np.uint64(16)), zero, zero, zero),
        "two-seeds": (seed + odd, zero, zero, half),
        "two-streams": (seed, zero, np.uint64(1) + odd, half),
    }[along]


def integers(what, seed, step, stream, item):
    """The 52 bits of uniforms, or the top 32 bits of exp(-clock), as uint64."""
    if what == "uniforms":
        return (pycouple.uniforms(seed, step, item, stream=stream) * 2.0**52).astype(np.uint64)
    return (np.exp(-pycouple.clocks(seed, step, item, stream=stream)) * 2.0**32).astype(np.uint64)
