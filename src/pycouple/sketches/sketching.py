"""Sketches of weighted sets: k registers that two sets share as often as they are similar.

`sketch` makes them from dense rows, sparse matrices and (ids, weights) pairs; a `Sketcher` from a set that comes in
pieces; `similarity` and `similarity_matrix` compare them. `docs/minhash.md` writes them down to the bit.
"""

import threading
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import _core, ufuncs
from pycouple._arguments import METHODS, check_choice, check_shapes, integer, native, one_unsigned, threads
from pycouple.sketches.sets import Registers, pair, set_error, sketch_sets

Reals = npt.NDArray[np.float64]

EMPTY = 2**64 - 1
"""What every register of an empty set holds (with `bits`, bits made from it)."""


class Similarity(NamedTuple):
    """What `similarity` returns. Arrays of one shape, or NumPy scalars."""

    value: Reals
    standard_error: Reals


def sketch(
    weights: Any,
    k: int,
    seed: int,
    *,
    method: str = "gumbel",
    normalize: bool = False,
    bits: int | None = None,
    workers: int = 1,
) -> Registers:
    """Sketch weighted sets: two sets have the same value in a register with the probability of their similarity.

    Parameters
    ----------
    weights : array_like, shape (..., n); sparse matrix or array of SciPy; or tuple (ids, weights)
        Sets of items with finite weights, not negative. Weight 0 is no item.

        - A dense array is one set a row, of the items 0..n - 1. float16, float32 and float64 are read in place, strided
          and read-only arrays too; other real types are cast to float64.
        - A SciPy matrix is one set a row, of its columns; CSR is read in place. Duplicates are summed, in double
          and in the order in which they are stored, before the weights are checked.
        - A tuple of two arrays, both of shape (n,), is one set of any ids in 0..2**64 - 1. Of an id that comes more
          than once the largest weight counts.

        The same set gives the same sketch in every form.
    k : int
        How many registers, 1..65536. The error of a similarity falls as ``1 / sqrt(k)``.
    seed : int
        In 0..2**64 - 1. Only sketches of the same k, seed and method compare.
    method : {"gumbel", "minhash"}
        Which similarity:

        - "gumbel": that of the distributions weights / sum, the probability Jaccard similarity
          ``sum_i 1 / sum_j max(p_j / p_i, q_j / q_i)``, which is `pycouple.theory.agreement`. A register holds the id
          of an item, drawn with probability weight / sum.
        - "minhash": the weighted Jaccard similarity ``sum_i min(v_i, w_i) / sum_i max(v_i, w_i)`` of the weights as
          they are, which is `pycouple.theory.weighted_jaccard`. A register holds 64 bits that name a dart.
    normalize : bool, default False
        Divide each set's weights by their sum first, for "minhash" ("gumbel" is of distributions anyway).
    bits : int, optional
        Keep only so many bits a register, 1..32, hashed from its value.
    workers : int, default 1
        How many threads share the rows; -1 for all cores. The result does not depend on it.

    Returns
    -------
    ndarray of uint64, shape (..., k)
        ``8 * k`` bytes a set. With `bits` the type is the smallest of uint8, uint16 and uint32 that holds them. All
        registers of a set without items hold `EMPTY`: its similarity with itself is 1, with others 0.

    Raises
    ------
    ValueError
        A weight is negative, NaN or infinite (the message names row and item); k, seed, bits or method is out of range;
        ids and weights differ in length.
    TypeError
        An argument is of the wrong type.

    See Also
    --------
    Sketcher : the same for sets that come in pieces.
    similarity, similarity_matrix : what two sketches say.

    Notes
    -----
    "gumbel" follows ProbMinHash (Ertl, arXiv 1911.00675; the similarity: Moulton and Jiang, arXiv 1809.04052): the
    clocks of an item come in increasing order at registers drawn without replacement, so a set of n items costs
    O(n + k log k). The clocks of one item are stratified over the registers. So registers are not independent. The
    variance of an estimate of J, next to the ``J (1 - J) / k`` of independent registers, is about a third of it for
    {x} against {x, y} of equal weights, about half of it for 20 of 40 such items, and close to it when there are many
    more items than registers; for k = 2 or 3 it can be above it, by up to a fifth where it was measured, and was not
    for more. The first gumbel sketch of a k makes a table of ``12 * k`` bytes that stays. "minhash" throws darts as
    DartMinHash does (Christiani, arXiv 2005.11547), at O(n + k log k) cost; its registers are independent, the variance
    is ``J (1 - J) / k``.

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
    >>> pycouple.sketch((np.array([2**63, 17], np.uint64), [2.0, 1.0]), k=3, seed=7)
    array([                 17,                  17, 9223372036854775808],
          dtype=uint64)
    """
    minhash, count, key = _kind(method, k, seed)
    kept = _kept_bits(bits)
    out = sketch_sets(weights, (minhash, count, key, bool(normalize) and minhash, kept, threads(workers)))
    return out if bits is None else out.astype(_bits_type(kept))


class Sketcher:
    """A sketch of one set that comes in pieces, on one machine or on many.

    Parameters
    ----------
    k, seed, method
        As for `sketch`.

    Notes
    -----
    The result does not depend on the order and the grouping of updates and merges: it is the sketch of the union, in
    which the largest weight of each id counts. (Weights of one id do not add up.) Takes ``24 * k`` bytes. Can be
    copied and pickled, and used from several threads.

    Examples
    --------
    >>> ids, weights = np.arange(6), np.array([3.0, 1.0, 2.0, 5.0, 1.0, 4.0])
    >>> left, right = pycouple.Sketcher(k=256, seed=7), pycouple.Sketcher(k=256, seed=7)
    >>> left.update(ids[:2], weights[:2])
    >>> right.update(ids[2:], weights[2:])
    >>> left.merge(right)
    >>> bool(np.array_equal(left.sketch(), pycouple.sketch(weights, k=256, seed=7)))
    True
    """

    def __init__(self, k: int, seed: int, *, method: str = "gumbel") -> None:
        self._minhash, self._k, self._seed = _kind(method, k, seed)
        nothing = np.full(self._k, EMPTY, np.uint64)
        self._registers = np.full(self._k, _core.NEVER, np.int64), nothing, nothing.copy()  # times, ids, darts
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[str, int, int, tuple[npt.NDArray[Any], ...]]:
        with self._lock:
            return self.method, self._k, self._seed, tuple(part.copy() for part in self._registers)

    def __setstate__(self, state: tuple[str, int, int, tuple[npt.NDArray[Any], ...]]) -> None:
        method, k, seed, registers = state
        Sketcher.__init__(self, k, seed, method=method)
        for mine, given in zip(self._registers, registers, strict=True):
            mine[:] = given

    @property
    def k(self) -> int:
        """The number of registers."""
        return self._k

    @property
    def seed(self) -> int:
        """The seed."""
        return self._seed

    @property
    def method(self) -> str:
        """The method."""
        return METHODS[self._minhash]

    def __repr__(self) -> str:
        return f"Sketcher(k={self.k}, seed={self.seed}, method={self.method!r})"

    def update(self, ids: npt.ArrayLike, weights: npt.ArrayLike) -> None:
        """Add items.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            In 0..2**64 - 1.
        weights : array_like, shape (n,)
            Finite, not negative.

        Raises
        ------
        ValueError, TypeError
            As for `sketch`; nothing is added then.
        """
        keys, values = pair(ids, weights)
        if not len(keys):
            return
        with self._lock:
            status = _core.sketch_update(self._minhash, self._k, self._seed, self._registers, values, keys)
        if status not in (_core.OK, _core.NO_ITEM):
            raise set_error(status, values, keys)

    def merge(self, other: "Sketcher") -> None:
        """Add the items of another sketcher of the same k, seed and method.

        Parameters
        ----------
        other : Sketcher
            Not changed.

        Raises
        ------
        ValueError
            k, seed or method differ.
        TypeError
            `other` is not a Sketcher.
        """
        if not isinstance(other, Sketcher):
            raise TypeError(f"other must be a Sketcher, got {type(other).__name__}")
        if (self._minhash, self._k, self._seed) != (other._minhash, other._k, other._seed):
            raise ValueError(f"sketchers differ: {self} cannot be merged with {other}")
        *_, registers = other.__getstate__()
        with self._lock:
            _core.sketch_merge(self._registers, registers)

    def sketch(self, *, bits: int | None = None) -> Registers:
        """The sketch of all items so far.

        Parameters
        ----------
        bits
            As for `pycouple.sketch`.

        Returns
        -------
        ndarray, shape (k,)
            As `pycouple.sketch` returns it.
        """
        kept = _kept_bits(bits)
        with self._lock:
            out, status = _core.sketch_finish(self._minhash, self._k, self._seed, kept, self._registers)
        if status != _core.OK:
            raise MemoryError(f"no memory for {self._k} registers")
        return out if bits is None else out.astype(_bits_type(kept))


def similarity(a: npt.ArrayLike, b: npt.ArrayLike, *, bits: int | None = None) -> Similarity:
    """Estimate the similarity of sets from their sketches.

    Parameters
    ----------
    a, b : array_like, shape (..., k)
        Sketches of one k, seed and method. Leading axes broadcast.
    bits : int, optional
        What `sketch` was given.

    Returns
    -------
    value : ndarray of float64
        The fraction of equal registers, an unbiased estimate of the similarity. With `bits`, corrected for registers
        that are equal by chance, ``(fraction - 2**-bits) / (1 - 2**-bits)``: unbiased too, and below 0 now and then.
    standard_error : ndarray of float64
        ``sqrt(f (1 - f) / k)`` of the fraction f of equal registers, and with `bits` that over ``1 - 2**-bits``: the
        standard error of independent registers ("gumbel" registers mostly do better: see `sketch`). It is 0 where
        all registers agree, or none does: such sets are then within some ``3 / k`` of similarity 1, or 0.

    Raises
    ------
    ValueError
        The numbers of registers differ, or the batch shapes do not broadcast; `bits` does not fit the sketches' type.
    TypeError
        A sketch is not of the type that `sketch` returns, or the two differ in it.

    Examples
    --------
    >>> a = pycouple.sketch([3.0, 1.0, 0.0], k=512, seed=1, method="minhash")
    >>> b = pycouple.sketch([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0]], k=512, seed=1, method="minhash")
    >>> pycouple.similarity(a, b).value.round(2)  # exactly 1 and 3 / 5
    array([1.  , 0.59])
    """
    left, right = _two_sketches(a, b, bits)
    check_shapes("a", left, -1, {"b": np.broadcast_to(0, right.shape[:-1])})
    equal = np.asarray(ufuncs.count_equal(left, right), np.float64)
    k = left.shape[-1]
    fraction = equal / k
    error = np.sqrt(fraction * (1 - fraction) / k)
    return Similarity(_corrected(fraction, bits)[()], (error / _span(bits))[()])


def similarity_matrix(
    a: npt.ArrayLike, b: npt.ArrayLike | None = None, *, bits: int | None = None, workers: int = 1
) -> Reals:
    """Estimate the similarity of every set of one batch to every set of another.

    Parameters
    ----------
    a : array_like, shape (n, k)
        Sketches.
    b : array_like, shape (m, k), optional
        Sketches of the same k, seed and method; `a` itself by default.
    bits
        As for `similarity`.
    workers : int, default 1
        How many threads share the work; -1 for all cores.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The `value` of `similarity` for each pair.

    Raises
    ------
    ValueError, TypeError
        As for `similarity`; a or b is not two-dimensional.

    Examples
    --------
    >>> rows = np.array([[3.0, 1.0, 0.0], [3.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    >>> pycouple.similarity_matrix(pycouple.sketch(rows, k=512, seed=1)).round(2)
    array([[1.  , 0.59, 0.  ],
           [0.59, 1.  , 0.25],
           [0.  , 0.25, 1.  ]])
    """
    left, right = _two_sketches(a, a if b is None else b, bits)
    for name, x in (("a", left), ("b", right)):
        if x.ndim != 2:
            raise ValueError(f"{name} must have two axes, sets and registers; got shape {x.shape}")
    equal: Any
    equal, _ = _core.call(ufuncs.count_equal, threads(workers), (left[:, np.newaxis], right[np.newaxis]), {})
    return _corrected(equal / left.shape[-1], bits)


def _kind(method: Any, k: Any, seed: Any) -> tuple[bool, int, int]:
    check_choice("method", method, METHODS)
    count = integer(k, "k")
    if not 1 <= count <= _core.REGISTERS:
        raise ValueError(f"k must be in 1..{_core.REGISTERS}, got {count}")
    return method == "minhash", count, one_unsigned(seed, "seed")


def _kept_bits(bits: Any) -> int:
    """`bits` as the core takes it: 0 for whole registers."""
    if bits is None:
        return 0
    count = integer(bits, "bits")
    if not 1 <= count <= 32:
        raise ValueError(f"bits must be in 1..32, got {count}")
    return count


def _bits_type(bits: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32


def _two_sketches(a: Any, b: Any, bits: Any) -> tuple[Registers, Registers]:
    kept = _kept_bits(bits)
    wanted = np.dtype(_bits_type(kept) if kept else np.uint64)
    arrays = []
    for name, given in (("a", a), ("b", b)):
        x = np.asarray(given)
        if x.dtype.kind != "u":
            raise TypeError(f"{name} must be a sketch, of unsigned integers; got dtype {x.dtype}")
        x = native(x)
        if x.dtype != wanted:
            how = "bits= is missing" if kept == 0 else f"bits={kept}"
            raise TypeError(f"{name} must be a sketch of dtype {wanted}, got {x.dtype} ({how})")
        if x.ndim == 0 or x.shape[-1] == 0:
            raise ValueError(f"{name} must have its registers in the last axis, got shape {x.shape}")
        if kept not in (0, 8, 16, 32) and x.size and int(x.max()) >> kept:
            raise ValueError(f"{name} has registers of more than {kept} bits")
        arrays.append(x)
    if arrays[0].shape[-1] != arrays[1].shape[-1]:
        counts = f"a has {arrays[0].shape[-1]}, b has {arrays[1].shape[-1]}"
        raise ValueError(f"a and b must have the same number of registers: {counts}")
    return arrays[0], arrays[1]


def _span(bits: int | None) -> float:
    return 1.0 if bits is None else 1.0 - 2.0**-bits


def _corrected(fraction: Any, bits: int | None) -> Reals:
    """The similarity from the fraction of equal registers, of which 2**-bits are equal by chance."""
    value: Reals = (fraction - (1.0 - _span(bits))) / _span(bits)
    return value
