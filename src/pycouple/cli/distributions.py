"""Next-token distributions of a target model and its drafters: the shipped file, or one in the same format."""

import zipfile
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

SHIPPED = "smollm2_next_token.npz"
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
        An array is missing or wrong; the message says which.
    OSError
        The file cannot be read.
    """
    source = path if path is not None else resources.files("pycouple").joinpath("cli", "data", SHIPPED)
    with source.open("rb") as file:
        try:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise ValueError("one array, not an archive of arrays")
            arrays = {name: loaded[name] for name in loaded.files if name.endswith(("_ids", "_p", "_rest"))}
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{source} is not an .npz file of plain arrays: {error}") from error
    try:
        target = _party(arrays, "target")
        stems = [name.rpartition("_")[0] for name in arrays]  # two of the three arrays: the third was forgotten
        names = [name for name in dict.fromkeys(stems) if name != "target" and stems.count(name) >= 2]
        if not names:
            raise ValueError("no drafter: it needs X_ids, X_p and X_rest for some name X besides target")
        drafters = {name: _party(arrays, name) for name in names}
        for name, drafter in drafters.items():
            if len(drafter.rest) != len(target.rest):
                raise ValueError(f"{name} has {len(drafter.rest)} positions, target has {len(target.rest)}")
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    return target, drafters


def _party(arrays: dict[str, npt.NDArray[Any]], name: str) -> Distributions:
    for part in ("ids", "p", "rest"):
        if f"{name}_{part}" not in arrays:
            raise ValueError(f"array {name}_{part} is missing")
    ids, p, rest = (arrays[f"{name}_{part}"] for part in ("ids", "p", "rest"))
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"{name}_ids must be integers [positions, tokens], got {ids.dtype} {list(ids.shape)}")
    if p.shape != ids.shape or p.dtype.kind != "f":
        raise ValueError(f"{name}_p must be floats {list(ids.shape)} as {name}_ids, got {p.dtype} {list(p.shape)}")
    if rest.shape != ids.shape[:1] or rest.dtype.kind != "f":
        raise ValueError(f"{name}_rest must be floats [{len(ids)}], got {rest.dtype} {list(rest.shape)}")
    if len(ids) == 0:
        raise ValueError(f"{name} has no positions")
    p, rest = p.astype(np.float64), rest.astype(np.float64)
    rest = np.where((rest < 0) & (rest > -MASS_TOLERANCE), 0.0, rest)  # 1 - sum(p), rounded below 0
    for wrong, what in (
        (~(np.isfinite(p) & (p >= 0)).all(axis=1), f"{name}_p must be finite and not negative"),
        (~(np.isfinite(rest) & (rest >= 0)), f"{name}_rest must be finite and not negative"),
        (np.abs(p.sum(axis=1) + rest - 1) > MASS_TOLERANCE, f"{name}_p and {name}_rest must sum to 1"),
        ((np.diff(np.sort(ids, axis=1), axis=1) == 0).any(axis=1), f"{name}_ids must not repeat a token"),
    ):
        if wrong.any():
            raise ValueError(f"{what}: wrong at position {int(np.argmax(wrong))}")
    return Distributions(ids.astype(np.int64), p, rest)


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
