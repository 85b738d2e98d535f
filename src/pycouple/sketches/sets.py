"""Weighted sets in the forms that callers have, as the C core reads them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import doubles, native, real_rows, rounded_error, unsigned
from pycouple._errors import bad_value, row_text
from pycouple._labels import check_labels, labels_of
from pycouple.sketches.recipe import Recipe
from pycouple.sketches.registers import Registers

Ids = npt.NDArray[np.uint64]

_RAGGED = "; sets of different items go into a list of dicts, into a SciPy sparse matrix, or one at a time with ids="


def sketch_sets(weights: Any, ids: Any, recipe: Recipe, workers: int) -> Registers:
    """The whole registers, or their bits as uint64, of dense rows, a SciPy sparse matrix, or mappings."""
    if hasattr(weights, "tocsr"):
        return _sketch_sparse(weights, ids, recipe, workers)
    if isinstance(weights, Mapping):
        one: Registers = _sketch_mappings({"weights": weights}, ids, recipe, workers)[0]
        return one
    weights = list(weights) if isinstance(weights, Iterator) else weights
    if isinstance(weights, list | tuple) and weights and all(isinstance(part, Mapping) for part in weights):
        named = {f"weights[{i}]": part for i, part in enumerate(weights)}
        return _sketch_mappings(named, ids, recipe, workers)
    return _sketch_dense(_dense_rows(weights, ids), ids, recipe, workers)


def one_set(ids: Any, weights: Any) -> tuple[Ids, npt.NDArray[Any]]:
    """The items of one set, each id once, with its largest weight."""
    check_labels({"ids": ids, "weights": weights})
    values = native(real_rows(weights, "weights"))
    if values.ndim != 1:
        raise ValueError(f"weights must have one axis, the items of one set; got shape {values.shape}")
    return _each_once(_read_ids(ids, values.shape), values, in_order=False)


def set_error(
    status: int, values: npt.NDArray[Any], ids: Any, at: str = "", name: str = "weights"
) -> ValueError | MemoryError:
    """The error for a set that the core could not sketch."""
    if status == _core.BAD_VALUE:
        return ValueError(f"{name}: {bad_value('weight', values, ids, at)}")
    return MemoryError(f"no memory for the sketch of {len(values)} items")


def _core_options(recipe: Recipe, workers: int) -> tuple[bool, int, int, bool, int, int]:
    return recipe.minhash, recipe.k, recipe.seed, recipe.normalize, recipe.bits or 0, workers


def _dense_rows(weights: Any, ids: Any) -> npt.NDArray[Any]:
    check_labels({"weights": weights, "ids": ids})
    given = labels_of(weights)
    index = given[-1][1] if given and ids is None else None
    if index is not None and not np.array_equal(index, np.arange(len(index))):
        raise ValueError(
            "weights has labels for its items, which are numbered from 0 here: "
            "pass integer labels as ids=, or weights without labels, by to_numpy()"
        )
    return native(real_rows(weights, "weights", _RAGGED))


def _sketch_mappings(sets: dict[str, Mapping[Any, Any]], ids: Any, recipe: Recipe, workers: int) -> Registers:
    """Of mappings from ids to weights, by the caller's names."""
    if ids is not None:
        raise TypeError("ids must be None for weights in a dict, whose keys are the ids")
    keys, values = [np.zeros(0, np.uint64)], [np.zeros(0, np.float16)]
    for name, one in sets.items():
        if any(isinstance(key, str) for key in one):
            raise TypeError(f"the keys of {name} must be integers, got str: pycouple.seed_from makes one of a word")
        other = next((key for key in one if isinstance(key, tuple)), None)
        if other is not None:
            raise TypeError(f"the keys of {name} must be integers, got tuple: pycouple.seed_from(*key) makes one of it")
        row = native(real_rows(one.values(), f"the values of {name}"))
        if row.ndim != 1:
            raise ValueError(f"the values of {name} must be numbers, got shape {row.shape}")
        each, row = _each_once(unsigned(list(one), f"the keys of {name}"), row, recipe.normalize)
        keys.append(each)
        values.append(row)
    names, weights = np.concatenate(keys), np.concatenate(values)
    starts = np.cumsum([0, *map(len, keys[1:])], dtype=np.int64)
    out, failed, status = _core.sketch_rows(weights, names, starts, *_core_options(recipe, workers))
    if failed >= 0:
        row = weights[starts[failed] : starts[failed + 1]]
        raise set_error(status, row, keys[failed + 1], name=list(sets)[failed])
    registers: Registers = out
    return registers


def _sketch_dense(x: npt.NDArray[Any], ids: Any, recipe: Recipe, workers: int) -> Registers:
    names = None
    if ids is not None:
        names, x = _each_once(_read_ids(ids, x.shape), x, recipe.normalize)
    rows = x.reshape(-1, x.shape[-1]) if x.size else np.zeros((int(np.prod(x.shape[:-1])), x.shape[-1]))
    out, failed, status = _core.sketch_rows(rows, names, None, *_core_options(recipe, workers))
    if failed >= 0:
        where = np.array(np.unravel_index(failed, x.shape[:-1]), np.intp) if x.ndim > 1 else np.array([], np.intp)
        raise set_error(status, rows[failed], names, row_text(where))
    shaped: Registers = out.reshape(*x.shape[:-1], out.shape[-1])
    return shaped


def _sketch_sparse(matrix: Any, ids: Any, recipe: Recipe, workers: int) -> Registers:
    data, columns, starts = _rows(matrix)
    values = native(real_rows(data, "weights"))
    if columns.dtype not in (np.int32, np.int64):
        columns = columns.astype(np.int64)
    names = columns
    if ids is not None:
        names, values, starts = _renamed(_read_ids(ids, matrix.shape), columns, values, starts, recipe.normalize)
    out, failed, status = _core.sketch_rows(
        values, np.ascontiguousarray(names), starts.astype(np.int64), *_core_options(recipe, workers)
    )
    if failed >= 0:
        row = slice(starts[failed], starts[failed + 1])
        raise set_error(status, values[row], names[row], row_text(np.array([failed])) if matrix.ndim > 1 else "")
    return out[0] if matrix.ndim == 1 else out


def _read_ids(ids: Any, shape: tuple[int, ...]) -> Ids:
    """The ids of the items of weights of this shape."""
    keys: Ids = unsigned(ids, "ids")
    if keys.shape != shape[-1:]:
        raise ValueError(
            f"ids must have one id per item, shape {shape[-1:]} for weights of shape {shape}; got shape {keys.shape}"
        )
    return np.ascontiguousarray(keys)


def _increasing(ids: Ids) -> bool:
    return bool((ids[1:] > ids[:-1]).all())


def _usable(ids: Ids, in_order: bool) -> bool:
    """Are all ids different, and increasing if they have to be `in_order`?"""
    return _increasing(ids) or (not in_order and _increasing(np.sort(ids)))


def _each_once(ids: Ids, x: npt.NDArray[Any], in_order: bool) -> tuple[Ids, npt.NDArray[Any]]:
    """The items of dense rows, each id once, with its largest weight; `in_order` of the ids if that is asked."""
    if _usable(ids, in_order):
        return ids, x
    order = np.argsort(ids)
    ids, x = ids[order], x[..., order]
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    return ids[first], _largest(x, first)


def _renamed(
    ids: Ids, columns: npt.NDArray[Any], values: npt.NDArray[Any], starts: npt.NDArray[Any], in_order: bool
) -> tuple[Ids, npt.NDArray[Any], npt.NDArray[Any]]:
    """The items of sparse rows likewise: ids in the place of columns, weights and starts."""
    if _usable(ids, in_order):
        return ids[columns], values, starts
    rows, keys = _row_numbers(starts), ids[columns]
    order, first = _places(rows, keys)
    return keys[order][first], _largest(values[order], first), _starts(rows[order][first], len(starts) - 1)


def _largest(x: npt.NDArray[Any], first: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """The largest weight of each group of the last axis, or a bad one, which the core then finds.

    Groups begin at `first`.
    """
    least, most = (f.reduceat(x, first, axis=-1) for f in (np.minimum, np.maximum))
    largest: npt.NDArray[Any] = np.where(least < 0, least, most)  # NaN is both
    return largest


def _rows(matrix: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Data, indices and indptr of a SciPy matrix as CSR, each column once per row and in order."""
    if matrix.ndim > 2:
        raise ValueError(f"weights as a sparse array must have 1 or 2 axes, got {matrix.ndim}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"weights must be real numbers, got dtype {matrix.dtype}")
    if matrix.ndim == 1:
        matrix = matrix.reshape(1, -1)
    if matrix.dtype.kind in "iu" or matrix.dtype.itemsize > 8:
        entries = matrix.tocoo()
        rounded = doubles(entries.data)[1]
        if rounded is not None:
            at = row_text([entries.row[rounded]])
            raise rounded_error("weights", entries.data[rounded], entries.col[rounded], at)
    csr = matrix if matrix.format == "csr" else matrix.astype(np.float64).tocsr()
    data, ids = csr.data, csr.indices
    starts = np.array(csr.indptr)  # a copy: what is checked here is what the core reads, whoever writes to the matrix
    for name, array in (("indices", ids), ("indptr", starts)):
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"weights: {name} of the sparse matrix must be integers, got dtype {array.dtype}")
    if len(starts) != csr.shape[0] + 1 or starts[0] < 0 or (starts[1:] < starts[:-1]).any():
        raise ValueError("weights: the indptr of the sparse matrix is not a row of increasing numbers")
    if starts[-1] > min(len(ids), len(data)):
        counts = f"{len(ids)} indices and {len(data)} numbers"
        raise ValueError(f"weights: the sparse matrix has {counts}, and indptr ends at {starts[-1]}")
    if len(ids) and not 0 <= ids.min() <= ids.max() < csr.shape[1]:
        raise ValueError(f"weights: an index of the sparse matrix is not in 0..{csr.shape[1] - 1}")
    if matrix.format == "coo" and csr.nnz < matrix.nnz:  # SciPy has summed duplicates, in an order of its own
        return _summed(matrix.row, matrix.col, matrix.data, csr.shape[0])
    used = slice(starts[0], starts[-1])
    data, ids, starts = data[used], ids[used], starts - starts[0]
    if not _in_order(ids, starts):
        return _summed(_row_numbers(starts), ids, data, csr.shape[0])
    return data, ids, starts


def _in_order(ids: npt.NDArray[Any], starts: npt.NDArray[Any]) -> bool:
    """Are the ids of each row increasing? (SciPy's own flag for it may be out of date.)"""
    rises = ids[1:] > ids[:-1]
    first = starts[(starts > 0) & (starts < len(ids))]  # the first of a row may be anything
    rises[first - 1] = True
    return bool(rises.all())


def _summed(
    rows: npt.NDArray[Any], columns: npt.NDArray[Any], data: npt.NDArray[Any], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Data, indices and indptr of `count` rows. Duplicates are summed in double, in the order in which they come."""
    order, first = _places(rows, columns)
    total = np.zeros(len(first))
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows))))
    np.add.at(total, group, data[order].astype(np.float64))
    at = order[first]
    return total, columns[at], _starts(rows[at], count)


def _places(rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """A stable order of entries by row and column, and where in it each place, which may hold several, begins."""
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    new = np.ones(len(order), bool)
    new[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return order, np.flatnonzero(new)


def _row_numbers(starts: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The row of each entry, where `starts` says where rows begin and the last one ends."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _starts(rows: npt.NDArray[Any], count: int) -> npt.NDArray[np.intp]:
    """The inverse of `_row_numbers`, for `count` rows."""
    return np.searchsorted(rows, np.arange(count + 1))
