"""The integer terms that top-p adds up, for slices of a vocabulary and for whoever wants to check a kept set.

`docs/kept.md` fixes them to the bit; sums of integers do not depend on their order, nor on how a row is cut.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import core_rows, reals, threads
from pycouple._arrays import widened
from pycouple._draws import kernel_of, sampling_parameter
from pycouple._errors import bad_value, row_text
from pycouple._shapes import check_shapes

Terms = npt.NDArray[np.int64]


def kept_terms(
    logits: npt.ArrayLike,
    temperature: npt.ArrayLike | None = 1.0,
    *,
    top: npt.ArrayLike | None = None,
    axis: int = -1,
) -> Terms:
    """The terms of logits: ``exp((logits - top) / temperature)`` as integers, 2**28 for a logit equal to `top`.

    Top-p keeps the items before which, in the order of logits, the terms are less than p times their total.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Finite numbers or -inf, in nats. Types and layouts as for `pycouple.sample`.
    temperature : array_like of float, default 1.0
        Finite and not negative, one value or one per row; at 0 the terms are 2**28 for the largest logits, else 0.
        None is the default.
    top : array_like of float, optional
        The largest logit of the whole row, finite, one value or one per row, where `logits` are slices of rows. By
        default that of `logits`.
    axis : int, default -1
        The axis of `logits` that holds the items.

    Returns
    -------
    ndarray of int64, shape (..., n)
        In 0..2**28, along the last axis. A row's sum is below 2**63, so slices may be added up in any order.

    Raises
    ------
    ValueError
        A logit is NaN, +inf or above `top`; without `top`, a row has no finite logit; a temperature or `top` is out of
        range; batch shapes do not broadcast.
    TypeError
        As for `pycouple.sample`.

    See Also
    --------
    pycouple.torch.kept_terms : the same on the device of a tensor.
    pycouple.speculative.warp : the row without what is removed.

    Notes
    -----
    Terms are made by single-precision operations in the order that `docs/kept.md` writes down, and rounded to integers:
    they are bit-identical on every machine. Relative errors are below 4.2e-6, and half a unit is added by the rounding.

    Examples
    --------
    >>> pycouple.kept_terms([2.0, 1.0, 0.0, -1.0], temperature=0.5)
    array([268435456,  36328776,   4916566,    665385])
    >>> pycouple.kept_terms([0.0, -1.0], temperature=0.5, top=2.0)  # the second half of that row
    array([4916566,  665385])
    """
    x = core_rows(logits, "logits", axis)
    t = sampling_parameter("temperature", temperature)
    if top is None:
        with np.errstate(invalid="ignore"):  # signalling NaNs, which are refused below
            tops = widened(x).max(axis=-1, initial=-np.inf).astype(np.float64)
        check_shapes("logits", x, {"temperature": t})
    else:
        tops = reals(top, "top")
        check_shapes("logits", x, {"temperature": t, "top": tops})
    ufunc, rows = kernel_of(_core.kept_terms, x, {})
    terms, marked = _core.call(ufunc, threads(1), (rows, t, tops), {})
    if marked:
        raise _wrong(terms, widened(x), t, tops, top is None)
    found: Terms = terms
    return found


def _wrong(terms: Terms, x: npt.NDArray[Any], t: Any, tops: Any, own: bool) -> ValueError:
    """The error for the first row that has an item without a term."""
    where = tuple(int(i) for i in np.argwhere(terms < 0)[0])
    at, item = where[:-1], where[-1]
    row, of_row = row_text(at), np.broadcast_to(x, terms.shape)[at]
    temperature, largest = np.broadcast_to(t, terms.shape[:-1])[at], np.broadcast_to(tops, terms.shape[:-1])[at]
    if not 0 <= temperature < np.inf:
        return ValueError(f"temperature must be finite and at least 0, got {temperature}{row}")
    if own and (of_row == -np.inf).all():
        return ValueError(f"logits: every logit is -inf{row}: give the top of the whole row")
    if np.isnan(of_row).any() or (of_row == np.inf).any():
        return ValueError(f"logits: {bad_value('logit', of_row, at=row)}")
    if not np.isfinite(largest):
        return ValueError(f"top must be finite, got {largest}{row}")
    return ValueError(f"top must not be below a logit, got {largest}{row}, where item {item} has {of_row[item]}")
