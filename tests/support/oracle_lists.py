"""A slow reading of what docs/contract.md says of several drafts: the oracle of list targets."""

import math

import numpy as np

from tests.support import oracle


def list_weights(weights, seed, step, streams):
    """The smallest key over all items and streams, as docs/contract.md says it; the lowest item among equals."""
    w = np.asarray(weights).astype(np.float64)
    shift = 1 - math.frexp(float(w.max()))[1]
    scaled = np.array([math.ldexp(v, shift) for v in w.tolist()])
    with np.errstate(divide="ignore", over="ignore"):
        keys = [np.where(w > 0, oracle.clocks(seed, step, s, 0, len(w)) / scaled, np.inf) for s in streams]
    return int(np.argmin(np.min(keys, axis=0)))


def list_logits(logits, seed, step, streams, temperature):
    """The largest score over all items and streams; the lowest item among equals."""
    x = np.asarray(logits).astype(np.float64)
    if temperature == 0:
        return int(np.argmax(x))
    scores = [x / temperature - oracle.ln_array(oracle.clocks(seed, step, s, 0, len(x))) for s in streams]
    return int(np.argmax(np.max(scores, axis=0)))
