"""Draws from weights: the race, weighted MinHash, and two parties' draws at once."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core, ufuncs
from pycouple._arguments import METHODS, check_choice, core_rows
from pycouple._arrays import Array, widened
from pycouple._draws import Parameters, draw, kept, weights_parameters
from pycouple._errors import SAMPLING, Caller
from pycouple._labels import check_labels
from pycouple._shapes import check_out, check_pair
from pycouple.sampling.results import Items, Reals, Winner

WEIGHTS = Caller("weights")


def sample(
    weights: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    *,
    top_k: npt.ArrayLike | None = 0,
    top_p: npt.ArrayLike | None = 1.0,
    min_p: npt.ArrayLike | None = 0.0,
    stream: npt.ArrayLike = 0,
    method: str = "gumbel",
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """Draw one item from each row of weights, coupled with every other draw of the same seed, step and stream.

    Parameters
    ----------
    weights : array_like, shape (..., n)
        Non-negative finite numbers, at least one of them positive in each row; they need not sum to 1. float16,
        bfloat16, float32 and float64 are read in place, strided and read-only arrays and torch tensors too; other real
        types are cast (see `pycouple.sampling`).
    seed : array_like of int
        In 0..2**64 - 1: all the randomness the parties share. `seed_from` makes one from names.
    step : array_like of int, default 0
        In 0..2**64 - 1: which draw of the seed this is. Draws of different steps are independent. In text it is the
        position of the token being predicted: `pycouple.speculative` and the plugins call the same number `position`.
    top_k, top_p, min_p : array_like, optional
        What of the weights the draw is made from, as for `sample_logits` with the weights as probabilities.
    stream : array_like of int, default 0
        In 0..255: independent copies of the randomness at one step.
    method : {"gumbel", "minhash"}
        The coupling, the same for all parties: the exponential race, which is the Gumbel-max trick; or weighted
        MinHash, the first dart under p. "gumbel" agrees at least as often, always.
    axis : int, default -1
        The axis of `weights` that holds the items.
    item_offset : array_like of int, default 0
        The number of the row's first item, a multiple of 64: `weights` is then a slice of a larger set of items.
        Items are below 2**34, with "minhash" below 2**32. `race_weights` combines slices.
    out : ndarray of int64, optional
        Where to put the result, of its shape.
    workers : int, default 1
        How many threads share the rows; -1 for all cores. The result does not depend on it.

    Returns
    -------
    ndarray of int64
        The drawn items, numbered from `item_offset`. The shape is that of `weights` without `axis`, broadcast against
        all parameters that are arrays; a single row gives a NumPy scalar. A row that is broadcast along a batch of
        steps is read once, not once per draw, if nothing is removed from it.

    Raises
    ------
    ValueError
        A weight is negative, NaN or infinite, or no double equals it; a row has no positive weight or no item; a seed,
        step, stream, item_offset, top_k, top_p or min_p is out of range; batch shapes do not broadcast; `out` has not
        the shape of the result, or cannot be written. The message names the argument and the row.
    TypeError
        An argument is not of a real (weights) or integer type, or a masked array, a set, a dict or a sparse matrix;
        `out` is not an array of int64.

    See Also
    --------
    sample_logits : the same from logits, without a softmax.
    race_weights : the winner of the race with its score.
    pycouple.theory.agreement : how often two parties agree, exactly.

    Notes
    -----
    Item i is drawn with probability ``weights[i] / sum(weights)``. In the race each item has a clock E_i, an Exp(1)
    variable made from (seed, step, stream, i) alone, and the smallest ``E_i / weights[i]`` wins. With "minhash" the
    draw is the item of the first of a sequence of random darts (item, height) with ``height < p[item]``. How often two
    parties agree, exactly, is `pycouple.theory.agreement`; it is at least (1 - D) / (1 + D), where D is the total
    variation distance of their distributions (Daliri, Musco and Suresh, arXiv 2408.07978).

    The result is bit-identical on every CPU, ISA level, memory layout, batch shape and thread count, and for all
    releases that implement race version 1 and MinHash version 1. Scaling a row by a power of two does not change it
    (unless a weight is rounded by that).

    Examples
    --------
    >>> p = [0.5, 0.3, 0.2]
    >>> pycouple.sample(p, seed=7, step=[0, 1, 2, 3, 4])
    array([1, 0, 1, 0, 0])
    >>> pycouple.sample(p, seed=7, step=[0, 1, 2, 3, 4], method="minhash")
    array([2, 0, 0, 1, 0])
    """
    x = core_rows(weights, "weights", axis)
    check_choice("method", method, METHODS)
    parameters = weights_parameters(WEIGHTS, seed, step, stream, item_offset, top_k, top_p, min_p)
    return _coupled(method, WEIGHTS, x, parameters, out, workers)


def race_weights(
    weights: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    *,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: tuple[Items, Reals] | None = None,
    workers: int = 1,
) -> Winner:
    """`sample` by the race, with the winner's score: what slices of one set of weights need to find their winner.

    Parameters
    ----------
    weights, seed, step, stream, axis, item_offset, workers
        As for `sample`.
    out : tuple of ndarray (int64, float64), optional
        Where to put the results.

    Returns
    -------
    item : ndarray of int64
        As `sample` returns it.
    score : ndarray of float64
        Minus the winner's time of arrival, ``-(E_i / weights[i])``, below 0, in units of 1 / weight. Slices of one set
        of weights, each raced with its `item_offset`, combine to the race of the whole: the best score wins, the lowest
        item among equals.

    Raises
    ------
    ValueError, TypeError
        As for `sample`. Also a ValueError where the winner's time of arrival is not a normal double, which takes a row
        whose largest weight is below 2**-1019 or above 2**962.

    See Also
    --------
    race_logits : the same from logits, with a margin.

    Notes
    -----
    Weights of slices must have one scale: those of the whole, not each slice's own probabilities. A slice without a
    positive weight has no winner and raises: leave it out. Both results are bit-identical as in `sample`.

    Examples
    --------
    >>> weights = np.arange(1.0, 1001.0)
    >>> slices = [pycouple.race_weights(weights[at : at + 512], seed=7, item_offset=at) for at in (0, 512)]
    >>> best = max(slices, key=lambda found: (found.score, -found.item))
    >>> int(best.item), int(pycouple.sample(weights, seed=7))
    (649, 649)
    """
    x = core_rows(weights, "weights", axis)
    parameters = weights_parameters(WEIGHTS, seed, step, stream, item_offset)
    return Winner(*draw(ufuncs.race_weights, WEIGHTS, x, parameters, out, workers))


def couple(
    p: npt.ArrayLike,
    q: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    *,
    top_k: npt.ArrayLike | None = 0,
    top_p: npt.ArrayLike | None = 1.0,
    min_p: npt.ArrayLike | None = 0.0,
    stream: npt.ArrayLike = 0,
    method: str = "gumbel",
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: tuple[Items, Items] | None = None,
    workers: int = 1,
) -> tuple[Items, Items]:
    """Draw from p and from q as two parties would who share (seed, step, stream) and nothing else.

    Parameters
    ----------
    p, q : array_like, shape (..., n)
        Weights, as for `sample`, over the same n items.
    seed, step, top_k, top_p, min_p, stream, method, axis, item_offset, workers
        As for `sample`, the same for both parties.
    out : tuple of two ndarray of int64, optional
        Where to put the results.

    Returns
    -------
    a, b : ndarray of int64
        ``sample(p, seed, step, ...)`` and ``sample(q, seed, step, ...)``: each party could have drawn its own alone.

    Raises
    ------
    ValueError, TypeError
        As for `sample`; p and q differ in the number of items, or in labels of pandas or xarray; `out` shares memory
        with q.

    Examples
    --------
    >>> p, q = [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]
    >>> a, b = pycouple.couple(p, q, seed=7, step=np.arange(10_000))
    >>> float(np.mean(a == b)), round(float(pycouple.theory.agreement(p, q)), 4)
    (0.8844, 0.8818)
    """
    check_labels({"p": p, "q": q})
    left, right = (core_rows(x, name, axis) for x, name in ((p, "p"), (q, "q")))
    check_pair(left, right)
    check_choice("method", method, METHODS)
    parameters = weights_parameters(WEIGHTS, seed, step, stream, item_offset, top_k, top_p, min_p)
    if out is not None:
        check_out(out, (np.int64, np.int64))
        if np.shares_memory(out[0], right):
            raise ValueError("out must not share memory with q, which is read when out[0] is written")
    of_p, of_q = (None, None) if out is None else out
    return (
        _coupled(method, Caller("p"), left, parameters, of_p, workers),
        _coupled(method, Caller("q"), right, parameters, of_q, workers),
    )


def _coupled(method: str, caller: Caller, x: Array, parameters: Parameters, out: Items | None, workers: Any) -> Items:
    """The draw from rows of weights, by the race or by MinHash."""
    if method == "gumbel":
        items: Items = draw(ufuncs.sample_weights, caller, x, parameters, out, workers)
        return items
    if "top_k" in parameters:
        x = np.where(kept(_core.last_kept_weights, caller, x, parameters), widened(x), 0)
        parameters = {name: value for name, value in parameters.items() if name not in SAMPLING}
    darted: Items = draw(ufuncs.sample_minhash, caller, x, parameters, out, workers)
    return darted
