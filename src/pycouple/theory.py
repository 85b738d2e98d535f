"""Exact agreement probabilities and bounds, for distributions in the last axis, batched over the leading ones.

D is the total variation distance. For every pair (1 - D) / (1 + D) <= weighted MinHash <= Gumbel race <= 1 - D.
Formulas: Daliri, Musco and Suresh, arXiv 2408.07978, and Moulton and Jiang, arXiv 1809.04052 (the Gumbel race).
Results are right to about 1e-13; unlike draws they are not promised to the bit.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._arguments import check_choice, integer, real_rows, unsigned
from pycouple._arrays import array_of
from pycouple._errors import bad_value, row_text
from pycouple._labels import check_labels
from pycouple._shapes import check_pair, check_shapes

__all__ = [
    "agreement",
    "hard_pair",
    "list_agreement_bound",
    "lower_bound",
    "total_variation",
    "weighted_jaccard",
]

Reals = npt.NDArray[np.float64]


@np.errstate(over="ignore", under="ignore", divide="ignore")
def total_variation(p: npt.ArrayLike, q: npt.ArrayLike) -> Reals:
    """Total variation distance D = sum_i abs(p_i - q_i) / 2.

    Parameters
    ----------
    p, q : array_like, shape (..., n)
        Weights: non-negative, finite, some of them positive in each row. Each row is divided by its sum. Leading axes
        broadcast.

    Returns
    -------
    ndarray of float64
        In [0, 1], of the leading axes' broadcast shape.

    Raises
    ------
    ValueError
        A weight is negative, NaN or infinite, a row has none that is positive, or p and q differ in the number of
        items, or in labels of pandas or xarray.

    Examples
    --------
    >>> float(pycouple.theory.total_variation([0.5, 0.5, 0.0], [0.25, 0.5, 0.25]))
    0.25
    """
    left, right = _distributions(p, q)
    return _scalar(np.minimum(np.abs(left - right).sum(axis=-1) / 2, 1.0))


@np.errstate(over="ignore", under="ignore", divide="ignore")
def agreement(p: npt.ArrayLike, q: npt.ArrayLike, method: str = "gumbel") -> Reals:
    """Probability that two coupled draws, one from p and one from q, are the same item.

    Parameters
    ----------
    p, q
        As for `total_variation`.
    method : {"gumbel", "minhash", "optimal"}
        - "gumbel", the exponential race: sum over i with p_i, q_i > 0 of 1 / sum_j max(p_j / p_i, q_j / q_i);
        - "minhash", weighted MinHash, the first dart under p:
          sum_i min(p_i, q_i) (1 + abs(p_i - q_i)) / sum_j max(p_j, q_j);
        - "optimal", parties that may talk: sum_i min(p_i, q_i) = 1 - D.

    Returns
    -------
    ndarray of float64
        In [0, 1], of the leading axes' broadcast shape.

    Raises
    ------
    ValueError
        As for `total_variation`; the method is unknown.

    Notes
    -----
    The Gumbel sum costs O(n log n), not O(n**2): p_j / p_i >= q_j / q_i just when q_j / p_j <= q_i / p_i, so with items
    sorted by q / p the inner sum is (p_1 + ... + p_i) / p_i + (q_{i+1} + ... + q_n) / q_i. All terms are positive and
    the running sums are made in blocks, so the relative error stays near 1e-13 for n = 10**6.

    Examples
    --------
    >>> p, q = [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]
    >>> [round(float(pycouple.theory.agreement(p, q, method=m)), 4) for m in ("minhash", "gumbel", "optimal")]
    [0.5, 0.5429, 0.6]
    """
    check_choice("method", method, _AGREEMENT)
    return _scalar(np.minimum(_AGREEMENT[method](*_distributions(p, q)), 1.0))


@np.errstate(over="ignore", under="ignore", divide="ignore")
def list_agreement_bound(p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike) -> Reals:
    """Lower bound on the probability that the target's draw from q is among k drafts from p.

    The drafts are ``sample(p, ..., stream=s)``, one for each of k streams, and the target's draw is
    `pycouple.speculative.list_target` of q over the same streams.

    Parameters
    ----------
    p, q
        As for `total_variation`.
    k : int or array_like of int
        The number of drafts, at least 1; broadcasts against the leading axes of p and q, so that ``np.arange(1, 17)``
        gives a curve.

    Returns
    -------
    ndarray of float64
        In [0, 1], of the broadcast shape of k and the leading axes. It grows with k (but for rounding); at k = 1 it is
        exact: ``agreement(p, q, "gumbel")``. A curve takes ``8 * n`` bytes for each k, some three times over.

    Raises
    ------
    ValueError
        As for `total_variation`; k is below 1 or above 2**64 - 1; shapes do not broadcast.
    TypeError
        k is not of an integer type.

    Notes
    -----
    The sum over j with p_j, q_j > 0 of k / (sum_i max(q_i / q_j, p_i / p_j) + (k - 1) / q_j): the list matching lemma
    of Rowan, Phan and Khisti (arXiv 2506.05632). The inner sums are those of `agreement`, in O(n log n); then O(n) for
    each k.

    Examples
    --------
    >>> p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
    >>> pycouple.theory.list_agreement_bound(p, q, [1, 2, 4, 8]).round(4)
    array([0.6308, 0.7466, 0.8427, 0.9102])
    """
    left, right = _distributions(p, q)
    counts = _counts(k)
    check_shapes("p", left, {"k": counts})
    inner, q_of = _inner_sums(left, right)
    counts = counts[..., np.newaxis]
    # Where q_j is so small that the division overflows, the term is 0 to the last bit.
    return _scalar(np.minimum((counts / (inner + (counts - 1) / q_of)).sum(axis=-1), 1.0))


@np.errstate(over="ignore", under="ignore")
def weighted_jaccard(a: npt.ArrayLike, b: npt.ArrayLike) -> Reals:
    """Weighted Jaccard similarity sum_i min(a_i, b_i) / sum_i max(a_i, b_i), of weights as they are.

    It is the probability that two minhash sketches are equal in a register (`pycouple.sketch`); of distributions, with
    total variation distance D, it is (1 - D) / (1 + D).

    Parameters
    ----------
    a, b : array_like, shape (..., n)
        Weights: non-negative, finite. They are not divided by their sum. Leading axes broadcast.

    Returns
    -------
    ndarray of float64
        In [0, 1], of the leading axes' broadcast shape; 1 where both sets are empty.

    Raises
    ------
    ValueError
        As for `total_variation`, but a row may have no positive weight.

    Examples
    --------
    >>> float(pycouple.theory.weighted_jaccard([4.0, 1.0, 0.0], [4.0, 2.0, 2.0]))
    0.625
    """
    check_labels({"a": a, "b": b})
    left, right = _broadcast(_weights(a, "a"), _weights(b, "b"), "a", "b")
    top = np.maximum(left.max(axis=-1, keepdims=True), right.max(axis=-1, keepdims=True))
    empty = top == 0
    scale = np.where(empty, 1.0, top)  # so that the sums cannot overflow
    common, union = np.minimum(left, right) / scale + empty, np.maximum(left, right) / scale + empty
    return _scalar(common.sum(axis=-1) / union.sum(axis=-1))


def lower_bound(p: npt.ArrayLike, q: npt.ArrayLike) -> Reals:
    """(1 - D) / (1 + D): the Gumbel race and MinHash agree at least this often.

    No protocol without communication promises more for all pairs: see `hard_pair`.

    Parameters
    ----------
    p, q
        As for `total_variation`.

    Returns
    -------
    ndarray of float64
        In [0, 1], of the leading axes' broadcast shape.

    Raises
    ------
    ValueError
        As for `total_variation`.

    Examples
    --------
    >>> float(pycouple.theory.lower_bound([0.5, 0.5, 0.0], [0.25, 0.5, 0.25]))
    0.6
    """
    distance = total_variation(p, q)
    return _scalar((1 - distance) / (1 + distance))


def hard_pair(n: int) -> tuple[Reals, Reals]:
    """Two distributions on which (1 - D) / (1 + D) is sharp: each uniform on all items but one, D = 1 / (n - 1).

    Parameters
    ----------
    n : int
        The number of items, at least 2.

    Returns
    -------
    p, q : ndarray of float64, shape (n,)
        p leaves out item 0, q the last item.

    Raises
    ------
    ValueError
        n is below 2.
    TypeError
        n is not an integer.
    MemoryError
        There is none for so many items.

    Examples
    --------
    >>> p, q = pycouple.theory.hard_pair(4)
    >>> round(float(pycouple.theory.agreement(p, q)), 6), round(float(pycouple.theory.lower_bound(p, q)), 6)
    (0.5, 0.5)
    """
    count = integer(n, "n")
    if count < 2:
        raise ValueError(f"n must be at least 2, got {count}")
    try:
        p = np.full(count, 1 / (count - 1))
        q = p.copy()
    except (MemoryError, ValueError, OverflowError):
        raise MemoryError(f"no memory for two distributions over n = {count} items") from None
    p[0] = q[-1] = 0.0
    return p, q


def _optimal(p: Reals, q: Reals) -> Any:
    return np.minimum(p, q).sum(axis=-1)


def _minhash(p: Reals, q: Reals) -> Any:
    return (np.minimum(p, q) * (1 + np.abs(p - q))).sum(axis=-1) / np.maximum(p, q).sum(axis=-1)


def _gumbel(p: Reals, q: Reals) -> Any:
    return (1 / _inner_sums(p, q)[0]).sum(axis=-1)


def _inner_sums(p: Reals, q: Reals) -> tuple[Reals, Reals]:
    """sum_j max(p_j / p_i, q_j / q_i) of each item i, and q_i, in the same order, which is that of q / p.

    Where p_i or q_i is 0 the sum is infinite and the other number 1.
    """
    ratio = np.divide(q, p, out=np.zeros_like(p), where=(p > 0) | (q > 0))
    order = np.argsort(ratio, axis=-1)
    p, q = np.take_along_axis(p, order, axis=-1), np.take_along_axis(q, order, axis=-1)
    p_up_to = _running_sum(p)
    q_after = np.zeros_like(q)
    q_after[..., :-1] = np.flip(_running_sum(np.flip(q[..., 1:], axis=-1)), axis=-1)
    both = (p > 0) & (q > 0)
    inner = np.divide(p_up_to, p, out=np.full_like(p, np.inf), where=both)
    inner += np.divide(q_after, q, out=np.zeros_like(q), where=both)
    return inner, np.where(both, q, 1.0)


def _running_sum(x: Reals) -> Reals:
    """Cumulative sum along the last axis. Two levels, so that rounding grows with sqrt(n), not with n."""
    n = x.shape[-1]
    width = max(1, int(n**0.5))
    rows = -(-n // width)
    padded = np.zeros((*x.shape[:-1], rows * width))
    padded[..., :n] = x
    inside = padded.reshape(*x.shape[:-1], rows, width).cumsum(axis=-1)
    before = np.zeros(inside.shape[:-1])
    before[..., 1:] = inside[..., :-1, -1].cumsum(axis=-1)
    total: Reals = (inside + before[..., np.newaxis]).reshape(padded.shape)[..., :n]
    return total


_AGREEMENT = {"gumbel": _gumbel, "minhash": _minhash, "optimal": _optimal}


def _distributions(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[Reals, Reals]:
    check_labels({"p": p, "q": q})
    return _broadcast(_distribution(p, "p"), _distribution(q, "q"), "p", "q")


def _broadcast(x: Reals, y: Reals, left: str, right: str) -> tuple[Reals, Reals]:
    check_pair(x, y, left, right)
    return np.broadcast_arrays(x, y)  # type: ignore[return-value]


def _distribution(weights: npt.ArrayLike, name: str) -> Reals:
    w = _weights(weights, name)
    top = w.max(axis=-1, keepdims=True)
    if (top == 0).any():
        raise ValueError(f"{name}: no weight is positive{row_text(np.argwhere(top[..., 0] == 0)[0])}")
    w = w / top  # so that the sum cannot overflow
    scaled: Reals = w / w.sum(axis=-1, keepdims=True)
    return scaled


def _weights(weights: npt.ArrayLike, name: str) -> Reals:
    w = real_rows(weights, name)
    with np.errstate(invalid="ignore"):  # signalling NaNs, which are refused below
        w = w.astype(np.float64)
    if w.shape[-1] == 0:
        raise ValueError(f"{name}: there are no items (n = 0)")
    bad = ~((w >= 0) & (w < np.inf))
    if bad.any():
        row = np.argwhere(bad)[0][:-1]
        raise ValueError(f"{name}: {bad_value('weight', w[tuple(row)], at=row_text(row))}")
    return w


def _counts(k: npt.ArrayLike) -> Reals:
    k = list(k) if isinstance(k, Iterator) else k
    counts = array_of(k, "k")
    if counts.dtype.kind in "iu" and (counts < 1).any():
        where = np.argwhere(counts < 1)[0]
        raise ValueError(f"k must be at least 1, got {counts[tuple(where)]}{row_text(where, 'index')}")
    whole: Reals = unsigned(k, "k").astype(np.float64)
    return whole


def _scalar(x: Any) -> Reals:
    scalar: Reals = np.asarray(x)[()]
    return scalar
