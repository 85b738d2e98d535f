"""The `Sketch`: the registers of weighted sets, and what made them."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import native
from pycouple._arrays import array_of
from pycouple._errors import row_text
from pycouple.sketches.recipe import VERSIONS, Recipe, check_alike, check_recipe

Registers = npt.NDArray[np.unsignedinteger[Any]]

EMPTY = 2**64 - 1
"""What every register of an empty set holds (with `bits`, bits hashed from it)."""

_WRAP = "pycouple.Sketch(registers, seed=..., method=...)"
_JOIN = "pycouple.Sketch.concatenate(sketches)"


class Sketch:
    """Registers of one weighted set, or of a batch of sets, with what made them.

    `sketch` and `Sketcher.sketch` return these. Call the class only to wrap registers that were kept as a raw array, in
    a file or a database: it takes the caller's word for what made them.

    Parameters
    ----------
    registers : array_like of unsigned integers, shape (..., k)
        The leading axes are the batch. uint64, or with `bits` the smallest of uint8, uint16 and uint32 that holds them.
        A read-only array is used as it is, so ``np.load(file, mmap_mode="r")`` stays on disk; others are copied.
    seed : int
        In 0..2**64 - 1.
    method : {"gumbel", "minhash"}
        As for `sketch`.
    normalize : bool, default False
        As for `sketch`.
    bits : int, optional
        As for `sketch`.
    version : int, default 1
        The version of the contract (``docs/minhash.md``) that the registers follow.

    Attributes
    ----------
    registers : ndarray, shape (..., k), read-only
    batch_shape : tuple of int
        The shape of the batch; () for one set.
    k, seed, method, normalize, bits, version
        What made the registers.

    Raises
    ------
    ValueError
        k, seed, method, bits or version is out of range; a register has more than `bits` bits; ``normalize=True`` with
        method "gumbel".
    TypeError
        An argument is of the wrong type.

    See Also
    --------
    similarity, similarity_matrix : what two sketches say.

    Notes
    -----
    A sketch cannot be changed. Two are equal if all registers are equal and the same recipe made them; sketches are
    hashable, and can be pickled and copied. An index chooses sets, as it does in NumPy, and gives a sketch: ``s[0]``,
    ``s[mask]``, ``s[:, np.newaxis]``. `len` and iteration go over the first axis of the batch. To NumPy a sketch is its
    registers: ``np.asarray(s)``, ``np.save(file, s)``, and ``s == array``, which compares register by register.

    Examples
    --------
    >>> s = pycouple.sketch([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]], k=4, seed=7)
    >>> s
    Sketch(batch_shape=(2,), k=4, seed=7, method='gumbel')
    >>> s[0].registers
    array([2, 0, 2, 0], dtype=uint64)
    >>> raw = np.asarray(s)  # to a file and back
    >>> pycouple.Sketch(raw, seed=7, method="gumbel") == s
    True
    """

    __slots__ = ("_recipe", "_registers")

    def __init__(
        self,
        registers: npt.ArrayLike,
        *,
        seed: int,
        method: str,
        normalize: bool = False,
        bits: int | None = None,
        version: int = VERSIONS[0],
    ) -> None:
        if isinstance(registers, Sketch):
            raise TypeError("registers must be an array, got a Sketch, which already says what made it")
        x = native(array_of(registers, "registers"))
        if x.ndim == 0 or not 1 <= x.shape[-1] <= _core.REGISTERS:
            raise ValueError(
                f"registers must have the k registers of a set, 1..{_core.REGISTERS}, in the last axis; "
                f"got shape {x.shape}"
            )
        self._recipe = check_recipe(x.shape[-1], seed, method, normalize, bits, version)
        wanted = np.dtype(self._recipe.register_type)
        if x.dtype != wanted:
            got = "no plain numbers" if x.dtype.kind in "OV" else f"dtype {x.dtype}"
            raise TypeError(f"registers must be of dtype {wanted} with bits={self.bits}, got {got}")
        kept = self.bits
        if kept not in (None, 8, 16, 32) and x.size and int(x.max()) >> kept:
            where = np.argwhere(x >> kept)[0]
            got = f"{x[tuple(where)]}{row_text(where, 'index')}"
            raise ValueError(f"registers must be below 2**{kept} with bits={kept}, got {got}")
        self._registers: Registers = x.copy() if x.flags.writeable else x
        self._registers.setflags(write=False)

    @property
    def registers(self) -> Registers:
        """The registers, shape (..., k), read-only."""
        return self._registers

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch; () for one set."""
        return self._registers.shape[:-1]

    @property
    def k(self) -> int:
        """The number of registers of a set."""
        return self._recipe.k

    @property
    def seed(self) -> int:
        """The seed."""
        return self._recipe.seed

    @property
    def method(self) -> str:
        """The method, "gumbel" or "minhash"."""
        return self._recipe.method

    @property
    def normalize(self) -> bool:
        """Whether each set's weights were divided by their sum first."""
        return self._recipe.normalize

    @property
    def bits(self) -> int | None:
        """The number of bits per register; None for whole registers."""
        return self._recipe.bits

    @property
    def version(self) -> int:
        """The version of the contract of sketches."""
        return self._recipe.version

    @staticmethod
    def concatenate(sketches: Iterable["Sketch"]) -> "Sketch":
        """Join sketches of one recipe along the first axis of their batches.

        Parameters
        ----------
        sketches : iterable of Sketch
            At least one. A sketch of one set counts as a batch of one.

        Returns
        -------
        Sketch

        Raises
        ------
        ValueError
            There is none, or two differ in what made them, or in the shape of their batches behind the first axis.
        TypeError
            One is not a Sketch.

        Examples
        --------
        >>> chunks = [pycouple.sketch(rows, k=64, seed=7) for rows in (np.eye(3), np.ones((2, 3)), [0.5, 0.3, 0.2])]
        >>> pycouple.Sketch.concatenate(chunks)
        Sketch(batch_shape=(6,), k=64, seed=7, method='gumbel')
        """
        if not isinstance(sketches, Iterable):
            raise TypeError(f"sketches must be an iterable of Sketch, got {type(sketches).__name__}")
        parts = list(sketches)
        if not parts:
            raise ValueError("sketches must hold at least one Sketch")
        check_sketches("joined", {f"sketches[{i}]": part for i, part in enumerate(parts)})
        for i, part in enumerate(parts):
            if part.batch_shape[1:] != parts[0].batch_shape[1:]:
                raise ValueError(
                    "sketches may differ in the first axis of their batches only: "
                    f"sketches[0] has batch shape {parts[0].batch_shape}, sketches[{i}] has {part.batch_shape}"
                )
        return new_sketch(np.concatenate([np.atleast_2d(part.registers) for part in parts]), parts[0]._recipe)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self._registers, dtype=dtype, copy=copy)

    def __getitem__(self, index: Any) -> "Sketch":
        at = index if isinstance(index, tuple) else (index,)
        rest = (slice(None),) if any(i is Ellipsis for i in at) else (Ellipsis, slice(None))
        try:
            registers = self._registers[(*at, *rest)]
        except IndexError as error:
            raise IndexError(
                f"index {index} does not fit a Sketch of batch shape {self.batch_shape}; "
                "the registers of a set are in .registers"
            ) from error
        return new_sketch(registers, self._recipe)

    def __len__(self) -> int:
        if not self.batch_shape:
            raise TypeError("a Sketch of one set has no len(); its registers are in .registers")
        return self.batch_shape[0]

    def __iter__(self) -> Iterator["Sketch"]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sketch):
            return NotImplemented
        return self._recipe == other._recipe and np.array_equal(self._registers, other._registers)

    def __hash__(self) -> int:
        return hash((self._recipe, self._registers.shape, self._registers.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        _, *rest = self._recipe._fields
        return partial(Sketch, **{name: getattr(self._recipe, name) for name in rest}), (self._registers,)

    def __setstate__(self, state: object) -> None:
        raise TypeError("a Sketch has no state to set: its class checks what it is made of")

    def __repr__(self) -> str:
        options = f"{', normalize=True' if self.normalize else ''}{'' if self.bits is None else f', bits={self.bits}'}"
        return f"Sketch(batch_shape={self.batch_shape}, k={self.k}, seed={self.seed}, method={self.method!r}{options})"


def new_sketch(registers: Registers, recipe: Recipe) -> Sketch:
    """A sketch of registers that are known to be right and that nobody else writes to; bits may still be uint64."""
    if recipe.bits is not None:
        registers = registers.astype(recipe.register_type, copy=False)
    registers.setflags(write=False)
    sketch = object.__new__(Sketch)
    sketch._registers, sketch._recipe = registers, recipe
    return sketch


def check_sketches(verb: str, sketches: dict[str, Any]) -> None:
    """Raise an error unless all of these, by the caller's names, are sketches that one recipe made."""
    first = next(iter(sketches))
    for name, given in sketches.items():
        if not isinstance(given, Sketch):
            if isinstance(given, list | tuple):
                raise TypeError(f"{name} must be a Sketch, got {type(given).__name__}; join sketches by {_JOIN}")
            what = f"an array of dtype {given.dtype}" if isinstance(given, np.ndarray) else type(given).__name__
            raise TypeError(f"{name} must be a Sketch, got {what}; wrap raw registers by {_WRAP}")
        check_alike(verb, first, sketches[first]._recipe, name, given._recipe)
