"""Draws from logits, without a softmax: the race, with score, margin and edge."""

import numpy.typing as npt

from pycouple import ufuncs
from pycouple._arguments import core_rows
from pycouple._draws import draw, logits_parameters
from pycouple._errors import Caller
from pycouple.sampling.results import Items, Race, Reals

LOGITS = Caller("logits")


def sample_logits(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    *,
    temperature: npt.ArrayLike | None = 1.0,
    top_k: npt.ArrayLike | None = 0,
    top_p: npt.ArrayLike | None = 1.0,
    min_p: npt.ArrayLike | None = 0.0,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """Draw one item from softmax(logits / temperature) of each row, coupled as `sample` does.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Finite numbers or -inf, in nats, at least one of them finite in each row. Types and layouts as for `sample`.
    seed, step, stream, axis, item_offset, out, workers
        As for `sample`.
    temperature : array_like of float, default 1.0
        Finite and not negative, of any real type; 0 takes the largest logit, the lowest item among equals.
    top_k : array_like of int, default 0
        Keep the so many largest logits, and those equal to the last of them; 0 and -1 keep all.
    top_p : array_like of float, default 1.0
        In [0, 1]. Of what top-k keeps, keep the fewest largest logits whose probabilities sum to top_p or more, at
        least one, of equal logits the lowest items; 1 keeps all.
    min_p : array_like of float, default 0.0
        In [0, 1]. Keep what has at least min_p times the probability of the largest; 0 keeps all.

    Each is one number, or an array of numbers that broadcasts as `seed` does: one per row. None is the default.

    Returns
    -------
    ndarray of int64
        As for `sample`.

    Raises
    ------
    ValueError
        As for `sample`; a logit is NaN or +inf; a row has no finite logit; a temperature is negative, NaN, infinite, or
        so small that logit / temperature overflows.
    TypeError
        As for `sample`.

    See Also
    --------
    race_logits : the winner with its score and margin.

    Notes
    -----
    The largest ``logits[i] / temperature - ln(E_i)`` wins (Gumbel-max: -ln E_i is a Gumbel variable); one division, one
    logarithm and one subtraction in double, whatever the type of the logits. Results are bit-identical as in `sample`.
    `sample(softmax(logits / temperature))` is the same draw but for rounding: it may differ where two items are within
    some 1e-15 (float64) or 1e-7 (float32) of a tie.

    With top_k, top_p or min_p the draw is that of the kept items alone, as if all others had the logit -inf.
    `docs/kept.md` fixes to the bit what is kept: probabilities are rounded to integers, at most 2**28, so that sums do
    not depend on their order. What is kept is decided within the row that is given: of a slice of a vocabulary
    (`item_offset`) it is not a slice of what is kept of the whole.

    Examples
    --------
    >>> logits = np.log([0.5, 0.3, 0.2])
    >>> pycouple.sample_logits(logits, seed=7, step=[0, 1, 2, 3, 4])
    array([1, 0, 1, 0, 0])
    >>> pycouple.sample_logits(logits, seed=7, step=[0, 1, 2, 3, 4], top_p=[1.0, 0.8, 0.5, 0.8, 1.0])
    array([1, 0, 0, 0, 0])
    >>> int(pycouple.sample_logits(logits, seed=7, temperature=0))
    0
    """
    x = core_rows(logits, "logits", axis)
    parameters = logits_parameters(LOGITS, seed, step, temperature, stream, item_offset, top_k, top_p, min_p)
    items: Items = draw(ufuncs.sample_logits, LOGITS, x, parameters, out, workers)
    return items


def race_logits(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    step: npt.ArrayLike = 0,
    *,
    temperature: npt.ArrayLike | None = 1.0,
    top_k: npt.ArrayLike | None = 0,
    top_p: npt.ArrayLike | None = 1.0,
    min_p: npt.ArrayLike | None = 0.0,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    item_offset: npt.ArrayLike = 0,
    out: tuple[Items, Reals, Reals, Reals] | None = None,
    workers: int = 1,
) -> Race:
    """`sample_logits` with the winner's score and its margin over the runner-up.

    Parameters
    ----------
    logits, seed, step, temperature, top_k, top_p, min_p, stream, axis, item_offset, workers
        As for `sample_logits`.
    out : tuple of ndarray (int64, float64, float64, float64), optional
        Where to put the results.

    Returns
    -------
    item : ndarray of int64
        As `sample_logits` returns it.
    score : ndarray of float64
        The winner's score ``logits[i] / temperature - ln(E_i)``, in nats; the logit at temperature 0. Slices of one
        set of items, each raced with its `item_offset`, combine to the race of the whole: the best score wins, the
        lowest item among equals.
    margin : ndarray of float64
        The score minus the second-best score of what is kept, in nats; inf when nothing else is kept.
    edge : ndarray of float64
        How far top-p was from another decision, as a share of the probability of what top-k keeps, in 0..1: by how much
        the winner is inside, or the nearest item that would have won is outside, whichever is less. inf where top_p is
        1 or the temperature 0.

    Raises
    ------
    ValueError, TypeError
        As for `sample_logits`.

    Notes
    -----
    While every ``logits[i] / temperature`` changes by less than half the margin and the same items are kept, the winner
    stays the same. So the margin says how much two machines' logits may differ (another GPU, kernel, batch size or
    precision) before the token does. Scores are doubles: leave a few of their ulps (some 1e-14 for scores near 10) for
    their rounding.

    Where top-p removes items, another machine's logits may keep others. The edge says how much that takes: while the
    share of probability before each item of the row, the larger ones and equal ones with a lower number, changes by
    less than the edge, top-p keeps the winner, and none that would have won instead. (Top-k and min-p compare logits;
    the edge does not speak of them.)

    All four results are bit-identical as in `sample`.

    Examples
    --------
    >>> race = pycouple.race_logits([1.0, 2.0, 0.5], seed=7)
    >>> int(race.item), round(float(race.score), 6), round(float(race.margin), 6), float(race.edge)
    (1, 3.413852, 2.854151, inf)
    >>> race = pycouple.race_logits([1.0, 2.0, 0.5], seed=7, top_p=0.9)  # probabilities 0.231, 0.629, 0.140
    >>> int(race.item), round(float(race.edge), 3)
    (1, 0.9)
    """
    x = core_rows(logits, "logits", axis)
    parameters = logits_parameters(LOGITS, seed, step, temperature, stream, item_offset, top_k, top_p, min_p)
    return Race(*draw(ufuncs.race_logits, LOGITS, x, parameters, out, workers))
