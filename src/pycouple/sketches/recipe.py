"""The `Recipe`: what made a sketch."""

from typing import Any, NamedTuple

import numpy as np

from pycouple import _core
from pycouple._arguments import METHODS, check_choice, flag, integer, one_unsigned

VERSIONS = (1,)
"""The versions of the contract of sketches that this release knows."""


class Recipe(NamedTuple):
    """What made a sketch. Registers compare only where all of it is equal."""

    k: int
    seed: int
    method: str
    normalize: bool
    bits: int | None
    version: int

    @property
    def minhash(self) -> bool:
        return self.method == "minhash"

    @property
    def register_type(self) -> type[np.unsignedinteger[Any]]:
        """uint64 for whole registers, else the smallest type that holds the bits."""
        if self.bits is None:
            return np.uint64
        return np.uint8 if self.bits <= 8 else np.uint16 if self.bits <= 16 else np.uint32


def check_recipe(
    k: Any, seed: Any, method: Any, normalize: Any = False, bits: Any = None, version: Any = VERSIONS[0]
) -> Recipe:
    """The recipe of these arguments, or an error that names the one that is wrong."""
    check_choice("method", method, METHODS)
    count = integer(k, "k")
    if not 1 <= count <= _core.REGISTERS:
        raise ValueError(f"k must be in 1..{_core.REGISTERS}, got {count}")
    number = one_unsigned(seed, "seed")
    normalized = flag(normalize, "normalize")
    if normalized and method == "gumbel":
        raise ValueError(
            'normalize=True is for method="minhash" only: gumbel sketches are of the distributions weights / sum anyway'
        )
    contract = integer(version, "version")
    if contract not in VERSIONS:
        raise ValueError(f"version must be {' or '.join(map(str, VERSIONS))}, which this release knows; got {contract}")
    return Recipe(count, number, method, normalized, check_bits(bits), contract)


def check_bits(bits: Any) -> int | None:
    """The number of bits per register, or an error."""
    if bits is None:
        return None
    count = integer(bits, "bits")
    if not 1 <= count <= 32:
        raise ValueError(f"bits must be in 1..32, got {count}")
    return count


def check_alike(verb: str, left: str, a: Recipe, right: str, b: Recipe) -> None:
    """Raise an error that says what differs unless one recipe made both."""
    if a != b:
        differ = [i for i in range(len(a)) if a[i] != b[i]]
        has = [", ".join(f"{recipe._fields[i]}={recipe[i]!r}" for i in differ) for recipe in (a, b)]
        raise ValueError(f"{left} and {right} cannot be {verb}: {left} has {has[0]}, {right} has {has[1]}")
