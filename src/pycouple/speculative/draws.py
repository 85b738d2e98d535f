"""The token that a party draws at a position by shared noise: a drafter's draft, and the target's own draw."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import ufuncs
from pycouple._arguments import core_rows
from pycouple._arrays import Array, on_device
from pycouple._draws import draw, logits_parameters
from pycouple._errors import Caller
from pycouple.sampling.results import Items, Race, Reals
from pycouple.speculative import device
from pycouple.speculative.tokens import spread
from pycouple.speculative.warpers import LOGITS, Chosen, Params, chosen


def draft(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    out: Items | None = None,
    workers: int = 1,
) -> Items:
    """The token that a party with these logits draws at a position: the drafter's side, and the target's own draw.

    Parameters
    ----------
    logits : array_like, shape (..., n)
        Next-token logits; leading axes are a batch. Arrays and tensors as for `pycouple.sample`.
    seed : array_like of int
        In 0..2**64 - 1, the same for drafter and target.
    position : array_like of int
        In 0..2**64 - 1: the absolute index, in the whole sequence with its prompt, of the token being predicted. After
        a prompt of 5 tokens the first new one has position 5. `pycouple.sample` calls the same number `step`.
    params : SamplingParams, or sequence of SamplingParams, optional
        What of the logits the draw is made from: one for all rows, or one per row, which broadcast as `seed` does.
        Drafter and target best use the same; the text is the target's in any case.
    temperature, top_k, top_p, min_p : array_like, optional
        The same in the place of `params`, each one number or one per row, as for `pycouple.sample_logits`.
    stream : array_like of int, default 0
        Which draft this is, where there are several (`verify_list`).
    axis : int, default -1
        The axis of `logits` that holds the tokens.
    token_ids : array_like of int, shape (n,), optional
        The ids of the tokens, for a drafter with a reduced vocabulary; in any order, each once.
    out : ndarray of int64, optional
        Where to put the result.
    workers : int, default 1
        How many threads share the rows; -1 for all cores. The result does not depend on it.

    Returns
    -------
    ndarray of int64
        Tokens, of the batch's shape: ``sample_logits(logits, seed, step=position, temperature=..., top_k=..., ...)``.

    Raises
    ------
    ValueError, TypeError
        As for `pycouple.sample_logits`; params are no SamplingParams, or are given beside one of the keywords that
        stand in their place; token_ids repeat an id, or are of another length.

    Notes
    -----
    There is no `item_offset`: what params keep of a slice of the vocabulary is not a slice of what they keep of the
    whole. Slices are raced by `pycouple.race_logits`.

    A CUDA tensor stays where it is: the kernel of `pycouple.torch` draws from it, the result is a tensor there, and the
    call does not wait for it. So a bad row raises no error: its token is -1. `out` is a tensor too; `workers` has no
    meaning. Seeds, positions, streams and parameters may be tensors on the device; what is on the host is copied there.

    Examples
    --------
    >>> from pycouple.speculative import SamplingParams, draft
    >>> params = SamplingParams(temperature=0.8, top_k=3)
    >>> int(draft([1.0, 2.0, 0.5, 1.5], seed=7, position=5, params=params))
    1
    >>> draft([[1.0, 2.0, 0.5, 1.5]] * 2, seed=7, position=[5, 6], params=[params, SamplingParams(temperature=0)])
    array([1, 1])
    >>> int(draft([0.5, 1.5], seed=7, position=5, params=params, token_ids=[2, 3]))  # it knows two tokens only
    3
    """
    caller, values = chosen(LOGITS, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    if on_device(logits):
        own: Items = device.draws(caller, logits, seed, position, values, stream, axis, token_ids, out)
        return own
    x = core_rows(logits, "logits", axis)
    tokens: Items = own_draws(ufuncs.sample_logits, caller, x, seed, position, values, stream, token_ids, out, workers)
    return tokens


def race(
    logits: npt.ArrayLike,
    seed: npt.ArrayLike,
    position: npt.ArrayLike,
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
    stream: npt.ArrayLike = 0,
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    out: tuple[Items, Reals, Reals, Reals] | None = None,
    workers: int = 1,
) -> Race:
    """`draft` with the margin: how safe the token is.

    Parameters
    ----------
    logits, seed, position, params, temperature, top_k, top_p, min_p, stream, axis, token_ids, workers
        As for `draft`.
    out : tuple of ndarray (int64, float64, float64, float64), optional
        Where to put the results.

    Returns
    -------
    Race
        Token, score, margin and edge, as of `pycouple.race_logits`: while another machine's (or batch's) logits over
        temperature differ by less than half the margin, and keep the same tokens, it draws the same token. The edge
        says by how much of the probability top-p was from keeping tokens that change the draw. Tensors for CUDA logits,
        as for `draft`.

    Raises
    ------
    ValueError, TypeError
        As for `draft`.

    Examples
    --------
    >>> from pycouple.speculative import race
    >>> found = race([1.0, 2.0, 0.5, 1.5], seed=7, position=5)
    >>> int(found.item), round(float(found.margin), 3)
    (1, 0.031)
    """
    caller, values = chosen(LOGITS, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    if on_device(logits):
        found: Race = device.draws(caller, logits, seed, position, values, stream, axis, token_ids, out, scored=True)
        return found
    x = core_rows(logits, "logits", axis)
    return Race(*own_draws(ufuncs.race_logits, caller, x, seed, position, values, stream, token_ids, out, workers))


def own_draws(
    ufunc: np.ufunc,
    caller: Caller,
    x: Array,
    seed: Any,
    position: Any,
    values: Chosen,
    stream: Any = 0,
    token_ids: Any = None,
    out: Any = None,
    workers: Any = 1,
) -> Any:
    """What the ufunc draws from what is kept of the caller's rows."""
    parameters = logits_parameters(caller, seed, position, stream=stream, item_offset=0, **values)
    read = None if token_ids is None else spread(x, token_ids, caller)
    return draw(ufunc, caller, x, parameters, out, workers, read)
