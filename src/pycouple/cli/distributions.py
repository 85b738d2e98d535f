"""Next-token distributions of a target model and its drafters: the shipped file, or one in the same format."""

import zipfile
from importlib import resources
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple.cli.errors import naming

Reals = npt.NDArray[np.float64]

SHIPPED = "smollm2_next_token.npz"
PARTS = ("_ids", "_p", "_rest")
MASS_TOLERANCE = 1e-2  # a float16 file may be off by several 1e-3
MAX_BYTES = 2**30  # of arrays: a small archive can hold more than any memory does
FORMAT = "(see pycouple demo --help)"


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
            return _parties(_arrays(file))
    with naming("--input", path):
        if path.exists() and not path.is_file():
            raise ValueError(f"--input {str(path)!r}: {'it is a folder' if path.is_dir() else 'it is no regular file'}")
        with path.open("rb") as file:
            try:
                return _parties(_arrays(file))
            except ValueError as error:
                raise ValueError(f"--input {str(path)!r}: {error}") from None


def _arrays(file: IO[bytes]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file, whatever somebody has put into it."""
    if not zipfile.is_zipfile(file):
        raise ValueError(f"it is no .npz file, an archive as numpy.savez writes it, or only a part of one {FORMAT}")
    try:
        archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
        members = [(m.filename.removesuffix(".npy"), m.file_size) for m in zipfile.ZipFile(file).infolist()]
    except Exception as error:  # a damaged archive may raise anything
        raise ValueError("the archive is damaged") from error
    members = [(name, size) for name, size in members if name.endswith(PARTS)]
    if sum(size for _, size in members) > MAX_BYTES:
        raise ValueError(f"its arrays have more than {MAX_BYTES} bytes")
    arrays = {}
    for name, _ in members:
        try:
            arrays[name] = np.asarray(archive[name])
        except Exception as error:  # and so may a damaged array
            raise ValueError(f"array {name} is damaged, or does not hold plain numbers {FORMAT}") from error
    return arrays


def _parties(arrays: dict[str, npt.NDArray[Any]]) -> tuple[Distributions, dict[str, Distributions]]:
    target = _party(arrays, "target")
    stems = [name.rpartition("_")[0] for name in arrays]  # two of the three arrays: the third was forgotten
    names = [name for name in dict.fromkeys(stems) if name not in ("", "target") and stems.count(name) >= 2]
    if not names:
        raise ValueError(f"no drafter: it needs X_ids, X_p and X_rest for some name X besides target {FORMAT}")
    drafters = {name: _party(arrays, name) for name in names}
    for name, drafter in drafters.items():
        if len(drafter.rest) != len(target.rest):
            raise ValueError(f"{name} has {len(drafter.rest)} positions, target has {len(target.rest)}")
    return target, drafters


def _party(arrays: dict[str, npt.NDArray[Any]], name: str) -> Distributions:
    for part in ("ids", "p", "rest"):
        if f"{name}_{part}" not in arrays:
            raise ValueError(f"array {name}_{part} is missing {FORMAT}")
    ids, p, rest = (arrays[f"{name}_{part}"] for part in ("ids", "p", "rest"))
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"{name}_ids must be integers [positions, tokens], got {ids.dtype} {list(ids.shape)}")
    if p.shape != ids.shape or p.dtype.kind != "f":
        raise ValueError(f"{name}_p must be floats {list(ids.shape)} as {name}_ids, got {p.dtype} {list(p.shape)}")
    if rest.shape != ids.shape[:1] or rest.dtype.kind != "f":
        raise ValueError(f"{name}_rest must be floats [{len(ids)}], got {rest.dtype} {list(rest.shape)}")
    if len(ids) == 0:
        raise ValueError(f"{name} has no positions")
    with np.errstate(over="ignore", invalid="ignore"):  # the checks say what is wrong
        return _checked(name, ids.astype(np.int64), p.astype(np.float64), rest.astype(np.float64))


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
