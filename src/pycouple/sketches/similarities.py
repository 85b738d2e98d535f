"""How similar two sets are, from their sketches."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import _core, ufuncs
from pycouple._arguments import threads
from pycouple._shapes import broadcast_shape
from pycouple.sketches.registers import Sketch, check_sketches

Reals = npt.NDArray[np.float64]


class Similarity(NamedTuple):
    """What `similarity` returns: arrays of the shape to which the batches broadcast, or NumPy scalars for two sets.

    Attributes
    ----------
    value : ndarray of float64
        The estimated similarity.
    standard_error : ndarray of float64
        Of the estimate.
    """

    value: Reals
    standard_error: Reals


def similarity(a: Sketch, b: Sketch) -> Similarity:
    """Estimate the similarity of sets from their sketches.

    Parameters
    ----------
    a, b : Sketch
        Of the same k, seed, method, `normalize`, `bits` and version. Their batches broadcast.

    Returns
    -------
    value : ndarray of float64
        The fraction of equal registers, an unbiased estimate of the similarity. With `bits` it is corrected for
        registers that are equal by chance, ``(fraction - 2**-bits) / (1 - 2**-bits)``, which is unbiased too, and now
        and then below 0.
    standard_error : ndarray of float64
        ``sqrt(f (1 - f) / k)`` of the fraction f of equal registers, and with `bits` that divided by ``1 - 2**-bits``:
        the standard error of independent registers. Those of "gumbel" are not independent and mostly do better (see
        `sketch`). It is 0 where all registers agree, or none does: such sets are within some ``3 / k`` of similarity 1,
        or 0.

    Raises
    ------
    ValueError
        The sketches differ in what made them (the message says in what), or their batches do not broadcast.
    TypeError
        a or b is not a `Sketch`.

    Examples
    --------
    >>> a = pycouple.sketch([3.0, 1.0, 0.0], k=512, seed=1, method="minhash")
    >>> b = pycouple.sketch([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0]], k=512, seed=1, method="minhash")
    >>> pycouple.similarity(a, b).value.round(2)  # exactly 1 and 3 / 5
    array([1.  , 0.59])
    """
    check_sketches("compared", {"a": a, "b": b})
    try:
        counts, _ = _core.call(ufuncs.count_equal, 1, (a.registers, b.registers), {})  # Ctrl-C ends it
    except ValueError:
        broadcast_shape({"a": a.batch_shape, "b": b.batch_shape})
        raise
    fraction = np.asarray(counts, np.float64) / a.k
    error = np.sqrt(fraction * (1 - fraction) / a.k) / (1 - _by_chance(a))
    return Similarity(_corrected(fraction, a)[()], error[()])


def similarity_matrix(a: Sketch, b: Sketch | None = None, *, workers: int = 1) -> Reals:
    """Estimate the similarity of every set of one batch to every set of another.

    Parameters
    ----------
    a : Sketch of batch shape (n,)
    b : Sketch of batch shape (m,), optional
        Made as `a` was; `a` itself by default.
    workers : int, default 1
        How many threads share the work; -1 for all cores.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The `value` of `similarity` for each pair.

    Raises
    ------
    ValueError
        As for `similarity`, or the batch of a or b has not just one axis.
    TypeError
        As for `similarity`.

    Examples
    --------
    >>> rows = np.array([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    >>> pycouple.similarity_matrix(pycouple.sketch(rows, k=512, seed=1)).round(2)
    array([[1.  , 0.59, 0.  ],
           [0.59, 1.  , 0.25],
           [0.  , 0.25, 1.  ]])
    """
    b = a if b is None else b
    check_sketches("compared", {"a": a, "b": b})
    for name, sketch in (("a", a), ("b", b)):
        if len(sketch.batch_shape) != 1:
            raise ValueError(f"{name} must have a batch of one axis, its sets; got batch shape {sketch.batch_shape}")
    pairs = a.registers[:, np.newaxis], b.registers[np.newaxis]
    equal: Any
    equal, _ = _core.call(ufuncs.count_equal, threads(workers), pairs, {})
    return _corrected(equal / a.k, a)


def _by_chance(sketch: Sketch) -> float:
    """The fraction of registers that are equal by chance."""
    return 0.0 if sketch.bits is None else 2.0**-sketch.bits


def _corrected(fraction: Any, sketch: Sketch) -> Reals:
    """The similarity from the fraction of equal registers."""
    chance = _by_chance(sketch)
    value: Reals = (fraction - chance) / (1 - chance)
    return value
