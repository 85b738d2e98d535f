"""The `Sketcher`: a sketch of one set that comes in pieces."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple.sketches.recipe import check_alike, check_bits, check_recipe
from pycouple.sketches.registers import EMPTY, Sketch, new_sketch
from pycouple.sketches.sets import one_set, set_error


class Sketcher:
    """A sketch of one set that comes in pieces, on one machine or on many.

    Parameters
    ----------
    k, seed, method
        As for `sketch`.

    Raises
    ------
    ValueError, TypeError
        As for `sketch`.

    Notes
    -----
    The result does not depend on the order and the grouping of updates and merges: it is the sketch of the union, in
    which the largest weight of each id counts. (Weights of one id do not add up.) A sketcher takes ``24 * k`` bytes. It
    can be copied and pickled. Threads may share one, with or without a GIL: an update, a merge, a copy and a sketch are
    one step each, so every update counts, and what another thread sees holds whole updates only.

    Examples
    --------
    >>> ids, weights = np.arange(6), np.array([3.0, 1.0, 2.0, 5.0, 1.0, 4.0])
    >>> left, right = pycouple.Sketcher(k=256, seed=7), pycouple.Sketcher(k=256, seed=7)
    >>> left.update(ids[:2], weights[:2])
    >>> right.update(ids[2:], weights[2:])
    >>> left.merge(right)
    >>> left.sketch() == pycouple.sketch(weights, k=256, seed=7)
    True
    """

    def __init__(self, k: int, seed: int, *, method: str = "gumbel") -> None:
        self._recipe = check_recipe(k, seed, method)
        nothing = np.full(self.k, EMPTY, np.uint64)
        self._registers = np.full(self.k, _core.NEVER, np.int64), nothing, nothing.copy()  # times, ids, darts
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[str, int, int, tuple[npt.NDArray[Any], ...]]:
        with self._lock:
            return self.method, self.k, self.seed, tuple(part.copy() for part in self._registers)

    def __setstate__(self, state: tuple[str, int, int, tuple[npt.NDArray[Any], ...]]) -> None:
        if not isinstance(state, tuple) or len(state) != 4:
            raise TypeError("the state of a Sketcher must be a tuple of its method, k, seed and registers")
        method, k, seed, registers = state
        Sketcher.__init__(self, k, seed, method=method)
        if not isinstance(registers, tuple) or len(registers) != 3:
            raise TypeError("the registers of a Sketcher must be a tuple of three arrays: times, ids and darts")
        for name, mine, given in zip(("times", "ids", "darts"), self._registers, registers, strict=True):
            plain = isinstance(given, np.ndarray)
            if not plain or (given.dtype.newbyteorder("="), given.shape) != (mine.dtype, mine.shape):
                got = f"{given.dtype} of shape {given.shape}" if plain else type(given).__name__
                raise TypeError(f"the {name} of a Sketcher must be {mine.dtype} of shape {mine.shape}, got {got}")
            mine[:] = given
        times, *others = self._registers
        if wrong := np.flatnonzero((times == _core.NEVER) & (np.minimum(*others) != EMPTY)).tolist():
            raise ValueError(f"register {wrong[0]} of a Sketcher has an id or a dart, but no time")

    @property
    def k(self) -> int:
        """The number of registers."""
        return self._recipe.k

    @property
    def seed(self) -> int:
        """The seed."""
        return self._recipe.seed

    @property
    def method(self) -> str:
        """The method, "gumbel" or "minhash"."""
        return self._recipe.method

    def __repr__(self) -> str:
        return f"Sketcher(k={self.k}, seed={self.seed}, method={self.method!r})"

    def update(self, ids: npt.ArrayLike, weights: npt.ArrayLike) -> None:
        """Add items.

        Parameters
        ----------
        ids : array_like of int, shape (n,)
            In 0..2**64 - 1. Of an id that comes more than once, here or in another update, the largest weight counts.
        weights : array_like, shape (n,)
            Finite, not negative.

        Raises
        ------
        ValueError, TypeError
            As for `sketch`; nothing is added then.
        """
        keys, values = one_set(ids, weights)
        if not len(keys):
            return
        with self._lock:
            status = _core.sketch_update(self._recipe.minhash, self.k, self.seed, self._registers, values, keys)
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
        check_alike("merged", "this sketcher", self._recipe, "other", other._recipe)
        *_, registers = other.__getstate__()
        with self._lock:
            _core.sketch_merge(self._registers, registers)

    def sketch(self, *, bits: int | None = None) -> Sketch:
        """The sketch of all items so far, equal to what `pycouple.sketch` makes of them at once.

        Parameters
        ----------
        bits
            As for `pycouple.sketch`.

        Returns
        -------
        Sketch
            Of one set.

        Raises
        ------
        ValueError, TypeError
            `bits` is out of range, or no integer.
        """
        recipe = self._recipe._replace(bits=check_bits(bits))
        with self._lock:
            out, status = _core.sketch_finish(recipe.minhash, self.k, self.seed, recipe.bits or 0, self._registers)
        if status != _core.OK:
            raise MemoryError(f"no memory for {self.k} registers")
        return new_sketch(out, recipe)
