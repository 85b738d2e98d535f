"""Next-token distributions of a target model and its drafters: the shipped file, or one in the same format."""

from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple.cli.archives import FORMAT, Archive, Header
from pycouple.cli.errors import naming

Reals = npt.NDArray[np.float64]

SHIPPED = "smollm2_next_token.npz"
PARTS = ("ids", "p", "rest")
MASS_TOLERANCE = 1e-2  # a float16 file may be off by several 1e-3


class Distributions(NamedTuple):
    """One party's next-token distributions: n positions, k kept tokens, and the mass of all other tokens."""

    ids: npt.NDArray[np.int64]
    p: Reals
    rest: Reals


def load(path: Path | None = None) -> tuple[Distributions, dict[str, Distributions]]:
    """Read next-token distributions.

    Parameters
    ----------
    path : Path, optional
        An .npz file with ``X_ids``, ``X_p`` (n positions, k kept tokens) and ``X_rest`` (n) for X = target and for each
        drafter; k may differ between them. The shipped file by default.

    Returns
    -------
    target : Distributions
    drafters : dict of str to Distributions

    Raises
    ------
    ValueError
        The file cannot be read, or an array is missing or wrong; the message says which.
    """
    if path is None:
        with resources.files("pycouple").joinpath("cli", "data", SHIPPED).open("rb") as file:
            return _parties(Archive(file))
    with naming("--input", path):
        if path.exists() and not path.is_file():
            raise ValueError(f"--input {str(path)!r}: {'it is a folder' if path.is_dir() else 'it is no regular file'}")
        with path.open("rb") as file:
            try:
                return _parties(Archive(file))
            except ValueError as error:
                raise ValueError(f"--input {str(path)!r}: {error}") from None


def _parties(archive: Archive) -> tuple[Distributions, dict[str, Distributions]]:
    """The parties of an archive, of which all is checked before an array is read, and other arrays are left alone."""
    names = ["target", *_drafters(archive.names)]
    wanted = [f"{name}_{part}" for name in names for part in PARTS]
    present = set(archive.names)
    for array in wanted:
        if array not in present:
            raise ValueError(f"array {array} is missing {FORMAT}")
    headers = archive.headers(wanted)
    positions = [_check_headers(name, *(headers[f"{name}_{part}"] for part in PARTS)) for name in names]
    for name, count in zip(names, positions, strict=True):
        if count != positions[0]:
            raise ValueError(f"{name} has {count} positions, target has {positions[0]}")
    target, *others = (_party(archive, name) for name in names)
    return target, dict(zip(names[1:], others, strict=True))


def _drafters(arrays: list[str]) -> list[str]:
    """The names of which there are two of the three arrays at least: the third was forgotten."""
    stems = Counter(stem for stem, _, part in (array.rpartition("_") for array in arrays) if part in PARTS)
    names = [name for name, count in stems.items() if count >= 2 and name not in ("", "target")]
    if not names:
        raise ValueError(f"no drafter: it needs X_ids, X_p and X_rest for some name X besides target {FORMAT}")
    return names


def _check_headers(name: str, ids: Header, p: Header, rest: Header) -> int:
    """The number of positions, or an error for arrays of a wrong type or shape."""
    if len(ids.shape) != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"{name}_ids must be integers [positions, tokens], got {ids}")
    if p.shape != ids.shape or p.dtype.kind != "f":
        raise ValueError(f"{name}_p must be floats {list(ids.shape)} as {name}_ids, got {p}")
    if rest.shape != ids.shape[:1] or rest.dtype.kind != "f":
        raise ValueError(f"{name}_rest must be floats [{ids.shape[0]}], got {rest}")
    if ids.shape[0] == 0:
        raise ValueError(f"{name} has no positions")
    return ids.shape[0]


def _party(archive: Archive, name: str) -> Distributions:
    def read(part: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        return archive.read(f"{name}_{part}").astype(dtype, copy=False)  # a second array would double the memory

    with np.errstate(over="ignore", invalid="ignore"):  # the checks say what is wrong
        return _checked(name, read("ids", np.int64), read("p", np.float64), read("rest", np.float64))


def _checked(name: str, ids: npt.NDArray[np.int64], p: Reals, rest: Reals) -> Distributions:
    rest = np.where((rest < 0) & (rest > -MASS_TOLERANCE), 0.0, rest)  # 1 - sum(p), rounded below 0
    for wrong, what in (
        ((ids < 0).any(axis=1), f"{name}_ids must be in 0..2**63 - 1"),
        (~(np.isfinite(p) & (p >= 0)).all(axis=1), f"{name}_p must be finite and not negative"),
        (~(np.isfinite(rest) & (rest >= 0)), f"{name}_rest must be finite and not negative"),
        (np.abs(p.sum(axis=1) + rest - 1) > MASS_TOLERANCE, f"{name}_p and {name}_rest must sum to 1"),
        ((np.diff(np.sort(ids, axis=1), axis=1) == 0).any(axis=1), f"{name}_ids must not repeat a token"),
    ):
        if wrong.any():
            raise ValueError(f"{what}: wrong at position {int(np.argmax(wrong))}")
    return Distributions(ids, p, rest)


def pair(target: Distributions, drafter: Distributions, row: int) -> tuple[Reals, Reals]:
    """The target's and the drafter's distribution at one position, over the same items.

    The items are the tokens that either of them keeps, in order of their ids, and last one item for the rest. A token
    that only one party keeps has weight 0 for the other, whose probability of it stays in its rest. These are the
    files' distributions coarsened to the kept tokens, not those over the whole vocabulary.

    Parameters
    ----------
    target, drafter : Distributions
    row : int
        The position.

    Returns
    -------
    p, q : ndarray of float64
        Sums are 1 but for the file's rounding.
    """
    items = np.union1d(target.ids[row], drafter.ids[row])
    p, q = np.zeros((2, items.size + 1))
    for weights, party in ((p, target), (q, drafter)):
        weights[np.searchsorted(items, party.ids[row])] = party.p[row]
        weights[-1] = party.rest[row]
    return p, q


def over_vocabulary(party: Distributions, vocabulary: int) -> Reals:
    """A party's distributions over a whole vocabulary, with the rest spread evenly on the tokens that are not kept.

    Parameters
    ----------
    party : Distributions
    vocabulary : int
        How many tokens there are, more than the party keeps.

    Returns
    -------
    ndarray of float64, shape (positions, vocabulary)
    """
    rows = np.repeat(party.rest[:, np.newaxis] / (vocabulary - party.ids.shape[1]), vocabulary, axis=1)
    np.put_along_axis(rows, party.ids, party.p, axis=1)
    return rows
