"""The generalized ufuncs under `pycouple`, for `dask.array.apply_gufunc`, `xarray.apply_ufunc` and the like.

========================  ==================================================================================
`sample_weights`          (n),(),(),(),()->()        weights, seed, step, stream, item_offset -> item
`sample_minhash`          the same, by weighted MinHash
`sample_logits`           (n),(),(),(),(),()->()     logits, seed, step, temperature, stream, item_offset -> item
`sample_kept_weights`     (n),(),(),(),(),(),(),()->()    weights, seed, step, top_k, top_p, min_p, stream, item_offset
                          -> item
`sample_kept_logits`      (n),(),(),(),(),(),(),(),()->()    logits, seed, step, temperature, top_k, top_p, min_p,
                          stream, item_offset -> item
`race_weights`            (n),(),(),(),()->(),()     weights, seed, step, stream, item_offset -> item, score
`race_logits`             (n),(),(),(),(),()->(),(),()    the same -> item, score, margin
`race_kept_logits`        the same as of `sample_kept_logits` -> item, score, margin, edge
`last_kept_weights`       (n),(),(),()->()         weights, top_k, top_p, min_p -> the last item that is kept
`last_kept_logits`        (n),(),(),(),()->()      logits, temperature, top_k, top_p, min_p -> the same
`clock` `gumbel`          (),(),(),()->()            seed, step, stream, item -> float64
`uniform`                 (),(),(),()->()            seed, step, stream, item -> float64
`count_equal`             (k),(k)->()                two sketches -> in how many registers they are equal
========================  ==================================================================================

All inputs are positional. Seeds, steps, streams, offsets and items are uint64 (NumPy does not cast int64 arrays to it);
top_k is int64, where 0 and -1 keep all; weights and logits are float16, float32 or float64 arrays of NumPy.

Items are ordered: larger weights or logits first, and of equal ones the lower item. What top_k, top_p and min_p keep is
the beginning of this order, up to the last item kept.

A ufunc cannot say which row is wrong. Where `pycouple.sample` and its kin raise, these give an item below 0 (so far
below that indexing with it fails) or NaN, and raise the floating-point "invalid" flag: a RuntimeWarning, or what
`numpy.errstate(invalid=...)` makes of it.

Examples
--------
>>> from pycouple import ufuncs
>>> seed, steps = np.uint64(7), np.arange(5, dtype=np.uint64)
>>> ufuncs.sample_weights([0.5, 0.3, 0.2], seed, steps, np.uint64(0), np.uint64(0))
array([1, 0, 1, 0, 0])
"""

from pycouple._core import (
    clock,
    count_equal,
    gumbel,
    last_kept_logits,
    last_kept_weights,
    race_kept_logits,
    race_logits,
    race_weights,
    sample_kept_logits,
    sample_kept_weights,
    sample_logits,
    sample_minhash,
    sample_weights,
    uniform,
)

__all__ = [
    "clock",
    "count_equal",
    "gumbel",
    "last_kept_logits",
    "last_kept_weights",
    "race_kept_logits",
    "race_logits",
    "race_weights",
    "sample_kept_logits",
    "sample_kept_weights",
    "sample_logits",
    "sample_minhash",
    "sample_weights",
    "uniform",
]
