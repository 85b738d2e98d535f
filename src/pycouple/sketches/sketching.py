"""`sketch`: sketches of sets that are at hand as a whole."""

from typing import Any

import numpy.typing as npt

from pycouple._arguments import threads
from pycouple.sketches.recipe import check_recipe
from pycouple.sketches.registers import Sketch, new_sketch
from pycouple.sketches.sets import sketch_sets


def sketch(
    weights: Any,
    k: int,
    seed: int,
    *,
    ids: npt.ArrayLike | None = None,
    method: str = "gumbel",
    normalize: bool = False,
    bits: int | None = None,
    workers: int = 1,
) -> Sketch:
    """Sketch weighted sets: two sets have the same value in a register with the probability of their similarity.

    Parameters
    ----------
    weights : array_like, shape (..., n); SciPy sparse matrix or array, shape (rows, n) or (n,); dict, or list of dict
        One set per row, of n items with finite weights, not negative. An item of weight 0 is not in the set.

        - Dense rows of float16, float32 and float64 are read in place, strided and read-only ones too; other real types
          are cast to float64, if that is exact. Labels of pandas and xarray are no ids: other labels than 0..n - 1 are
          refused, pass them as `ids`.
        - CSR matrices are read in place, other sparse forms are converted. Duplicate entries are summed, in double and
          in the order in which they are stored, before the weights are checked.
        - A dict, or a ``collections.Counter``, has the ids of the items as keys and their weights as values; a list of
          them is a batch of sets, each of its own items.

        The same set gives the same sketch in every form.
    k : int
        How many registers, 1..65536. The error of a similarity falls as ``1 / sqrt(k)``.
    seed : int
        In 0..2**64 - 1. Only sketches of the same k, seed, method, `normalize` and `bits` compare.
    ids : array_like of int, shape (n,), optional
        What names the items, in 0..2**64 - 1, such as hashes of words; 0..n - 1 by default. All rows share the ids.
        Where an id comes more than once, its largest weight in the row counts.
    method : {"gumbel", "minhash"}
        Which similarity:

        - "gumbel": that of the distributions weights / sum, the probability Jaccard similarity
          ``sum_i 1 / sum_j max(p_j / p_i, q_j / q_i)``, which is `pycouple.theory.agreement`. A register holds the id
          of an item, drawn with probability weight / sum.
        - "minhash": the weighted Jaccard similarity ``sum_i min(v_i, w_i) / sum_i max(v_i, w_i)`` of the weights as
          they are, which is `pycouple.theory.weighted_jaccard`. A register holds 64 bits that name a dart, a random
          point (item, height) below the item's weight.
    normalize : bool, default False
        For "minhash": divide each set's weights by their sum first.
    bits : int, optional
        Keep only so many bits per register, 1..32, hashed from its value.
    workers : int, default 1
        How many threads share the rows; -1 for all cores. The result does not depend on it.

    Returns
    -------
    Sketch
        Its batch shape is (...), that of the weights without their items; its `registers` are uint64, ``8 * k`` bytes
        per set, or with `bits` the smallest of uint8, uint16 and uint32 that holds them. All registers of a set without
        items hold `EMPTY`: its similarity is 1 with another empty set, and 0 with others.

    Raises
    ------
    ValueError
        A weight is negative, NaN or infinite (the message names row and item); k, seed, an id, bits or method is out of
        range; ids has not one id per item; ``normalize=True`` with method "gumbel", whose sketches are of distributions
        anyway.
    TypeError
        An argument is of the wrong type.

    See Also
    --------
    Sketcher : the same for one set that comes in pieces.
    similarity, similarity_matrix : what two sketches say.

    Notes
    -----
    Both methods cost O(n + k log k) for a set of n items. "gumbel" follows ProbMinHash (Ertl, arXiv 1911.00675; the
    similarity: Moulton and Jiang, arXiv 1809.04052), and "minhash" follows DartMinHash (Christiani, arXiv 2005.11547).
    The registers of "minhash" are independent, so an estimate of the similarity J has the variance ``J (1 - J) / k``.
    Those of "gumbel" are a Latin hypercube sample. Its variance is less for most sets (a third of that for {x} against
    {x, y} of equal weights), close to it when there are many more items than registers, and never above
    ``J (1 - J) / (k - 1)`` (proved for prime k; for other k it held where it was measured). The first gumbel sketch of
    a k makes a table of ``12 * k`` bytes that stays.

    The result is bit-identical on every CPU, ISA level, memory layout, form of the input and thread count, and for all
    releases that implement version 1 of the sketches.

    Examples
    --------
    >>> p, q = [0.5, 0.3, 0.2, 0.0], [0.4, 0.35, 0.15, 0.1]
    >>> a, b = pycouple.sketch([p, q], k=1024, seed=7)
    >>> pair = pycouple.similarity(a, b)
    >>> round(float(pair.value), 3), round(float(pair.standard_error), 3)
    (0.822, 0.012)
    >>> round(float(pycouple.theory.agreement(p, q)), 3)
    0.822
    >>> pycouple.sketch([2.0, 1.0], k=3, seed=7, ids=[2**63, 17]).registers
    array([                 17,                  17, 9223372036854775808],
          dtype=uint64)
    >>> pycouple.sketch({17: 1.0, 2**63: 2.0}, k=3, seed=7) == pycouple.sketch([2.0, 1.0], k=3, seed=7, ids=[2**63, 17])
    True
    """
    recipe = check_recipe(k, seed, method, normalize, bits)
    return new_sketch(sketch_sets(weights, ids, recipe, threads(workers)), recipe)
