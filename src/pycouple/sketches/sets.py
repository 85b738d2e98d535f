"""Weighted sets in the forms that callers have, as the C core reads them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import bad_value, native, real_rows, row_text, unsigned

Registers = npt.NDArray[np.unsignedinteger[Any]]
Options = tuple[bool, int, int, bool, int, int]  # minhash, k, seed, normalize, bits (0: whole registers), workers


def sketch_sets(weights: Any, options: Options) -> Registers:
    """The sketches of dense rows, of a SciPy sparse matrix, or of a tuple (ids, weights)."""
    if hasattr(weights, "tocsr"):
        return _sketch_sparse(weights, options)
    if isinstance(weights, tuple):
        return _sketch_pair(weights, options)
    return _sketch_dense(real_rows(weights, "weights"), options)


def pair(ids: Any, weights: Any, in_order: bool = False) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any]]:
    """The items, each id once, with its largest weight; `in_order` of the ids if that is asked."""
    if np.ndim(ids) != 1 or np.shape(ids) != np.shape(weights):
        shapes = f"{np.shape(ids)} and {np.shape(weights)}"
        raise ValueError(f"ids and weights must be two arrays of one length, got shapes {shapes}")
    keys, values = np.ascontiguousarray(unsigned(ids, "ids")), native(real_rows(weights, "weights"))
    if (keys[1:] > keys[:-1]).all():
        return keys, values
    if not in_order:
        ordered = np.sort(keys)  # quicker than to put the weights in order too
        if (ordered[1:] > ordered[:-1]).all():
            return keys, values
    order = np.lexsort((values, keys))  # NaN after all numbers, so it is kept, and found
    keys, values = keys[order], values[order]
    kept = np.append(keys[1:] != keys[:-1], True) | (values < 0)  # negative ones too, to be found
    return keys[kept], values[kept]


def set_error(status: int, values: npt.NDArray[Any], ids: Any, at: str = "") -> ValueError | MemoryError:
    """The error for a set that the core could not sketch."""
    if status == _core.BAD_VALUE:
        return ValueError(f"weights: {bad_value('weights', values, ids)}{at}")
    return MemoryError(f"no memory for the sketch of {len(values)} items")


def _sketch_dense(x: npt.NDArray[Any], options: Options) -> Registers:
    x = native(x)
    rows = x.reshape(-1, x.shape[-1]) if x.size else np.zeros((int(np.prod(x.shape[:-1])), x.shape[-1]))
    out, failed, status = _core.sketch_rows(rows, None, None, *options)
    if failed >= 0:
        where = np.array(np.unravel_index(failed, x.shape[:-1]), np.intp) if x.ndim > 1 else np.array([], np.intp)
        raise set_error(status, rows[failed], None, row_text(where))
    shaped: Registers = out.reshape(*x.shape[:-1], out.shape[-1])
    return shaped


def _sketch_pair(given: tuple[Any, ...], options: Options) -> Registers:
    if len(given) != 2:
        raise ValueError(f"weights as a tuple must be (ids, weights), got {len(given)} things; dense rows go in a list")
    *_, normalize, _, _ = options
    ids, values = pair(*given, in_order=normalize)
    out, failed, status = _core.sketch_rows(values, ids, np.array([0, len(ids)], np.int64), *options)
    if failed >= 0:
        raise set_error(status, values, ids)
    registers: Registers = out[0]
    return registers


def _sketch_sparse(matrix: Any, options: Options) -> Registers:
    data, ids, starts = _rows(matrix)
    values = native(real_rows(data, "weights"))
    if ids.dtype not in (np.int32, np.int64):
        ids = ids.astype(np.int64)
    out, failed, status = _core.sketch_rows(values, np.ascontiguousarray(ids), starts.astype(np.int64), *options)
    if failed >= 0:
        row = slice(starts[failed], starts[failed + 1])
        raise set_error(status, values[row], ids[row], row_text(np.array([failed])) if matrix.ndim > 1 else "")
    return out[0] if matrix.ndim == 1 else out


def _rows(matrix: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Data, indices and indptr of a SciPy matrix as CSR, each column once a row and in order."""
    if matrix.ndim > 2:
        raise ValueError(f"weights as a sparse array must have one or two axes, got {matrix.ndim}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"weights must be real numbers, got dtype {matrix.dtype}")
    if matrix.ndim == 1:
        matrix = matrix.reshape(1, -1)
    csr = matrix if matrix.format == "csr" else matrix.astype(np.float64).tocsr()
    data, ids, starts = csr.data, csr.indices, csr.indptr
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
        return _summed(np.repeat(np.arange(csr.shape[0]), np.diff(starts)), ids, data, csr.shape[0])
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
    order = np.lexsort((columns, rows))  # stable
    rows, columns = rows[order], columns[order]
    new = np.append(True, (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1]))
    total = np.zeros(int(new.sum()))
    np.add.at(total, np.cumsum(new) - 1, data[order].astype(np.float64))
    return total, columns[new], np.searchsorted(rows[new], np.arange(count + 1))
