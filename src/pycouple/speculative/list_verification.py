"""Several drafts: the target's draws over a list of streams accept or replace them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple import _core
from pycouple._arguments import UINT64_LIMIT, check_choice, core_rows, one_unsigned
from pycouple._arrays import on_device
from pycouple._draws import draw, logits_parameters
from pycouple.speculative import device
from pycouple.speculative.batches import no_room
from pycouple.speculative.lists import best_draw, streams_of
from pycouple.speculative.tokens import elements, spread, token_numbers
from pycouple.speculative.verification import Verified
from pycouple.speculative.warpers import LOGITS, Params, chosen

INVARIANCES = ("strong", "conditional")

_LISTED = "a sequence with one element per draft"


def verify_list(
    draft_tokens: Iterable[Iterable[int]] | npt.NDArray[np.integer],
    target_logits: Iterable[npt.ArrayLike] | npt.NDArray[Any],
    seed: int,
    position: int,
    params: Params = None,
    *,
    temperature: npt.ArrayLike | None = None,
    top_k: npt.ArrayLike | None = None,
    top_p: npt.ArrayLike | None = None,
    min_p: npt.ArrayLike | None = None,
    streams: npt.ArrayLike | None = None,
    invariance: str = "strong",
    axis: int = -1,
    token_ids: npt.ArrayLike | None = None,
    workers: int = 1,
) -> Verified:
    """Accept what some draft has right: the target draws by the smallest clock over the drafts' streams.

    Parameters
    ----------
    draft_tokens : K sequences of int
        Draft k was drawn token by token with ``draft(..., stream=streams[k])``. An iterator over the drafts will do.
    target_logits : K arrays, shape (length + 1, n)
        For each draft the target's next-token logits before its first token, after it, and so on. Iterators likewise.
    seed, position : int
        As for `verify`: position is the absolute index of the token that the first rows predict.
    params : SamplingParams, or sequence of SamplingParams, optional
        The target's: one, or one per position, as many as the longest of the `target_logits` has rows.
    temperature, top_k, top_p, min_p : array_like, optional
        The same in the place of `params`, each one number, or one per position.
    streams : sequence of int, default range(K)
        The drafts' streams, as for `list_target`.
    invariance : {"strong", "conditional"}
        Over which streams the target draws:

        - "strong": always all of them. The text depends on the target, the seed and the streams alone, whatever the
          drafts are. It costs: a draft that is left alone still has K - 1 streams against it, so drafts of several
          tokens that part early are hardly better together than one.
        - "conditional": those of the drafts that are right so far (Algorithm 2 of the paper). The text also depends on
          which drafts those were, so on the drafters. Later tokens are accepted as often as one draft's are, or more.
    axis, token_ids
        As for `draft`, of each of the `target_logits`.
    workers : int, default 1
        How many threads share the streams of a row; -1 for all cores.

    Returns
    -------
    Verified
        The target's draws while one draft has them all, and one more, as `verify` gives them. For CUDA logits the
        tokens are a tensor on the device, of one more token than the longest draft has, padded with -1; the call does
        not wait for the device, and draws as often as there may be tokens.

    Raises
    ------
    ValueError, TypeError
        As for `verify` and `list_target_logits`; the drafts, their rows and the streams differ in number.

    Notes
    -----
    Source: Rowan, Phan and Khisti, arXiv 2506.05632. The first token is accepted with probability
    ``pycouple.theory.list_agreement_bound(p, q, K)`` or more.

    Use "strong" when a text has to be repeatable: another drafter, or none (`list_target_logits` over the same
    streams), gives the same one. Use "conditional" when only its law counts, which is the target's in both.

    Examples
    --------
    >>> from pycouple.speculative import draft, verify_list
    >>> logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])  # here the target's logits do not depend on the text
    >>> drafts = [draft([[0.0, 0.1, 0.0]], seed=7, position=[3], stream=k) for k in range(4)]
    >>> verify_list(drafts, [logits] * 4, seed=7, position=3)
    Verified(tokens=array([2, 1]), accepted=1)
    """
    check_choice("invariance", invariance, INVARIANCES)
    caller, values = chosen(LOGITS, params, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    given = elements(draft_tokens, "draft_tokens", _LISTED)
    logits = list(elements(target_logits, "target_logits", _LISTED))
    on = next(filter(on_device, logits), None)
    if on is None:
        drafts = [token_numbers(x, f"draft_tokens[{k}]") for k, x in enumerate(given)]
        rows = [core_rows(x, f"target_logits[{k}]", axis) for k, x in enumerate(logits)]
    else:
        drafts = [device.sequence(x, f"draft_tokens[{k}]", on) for k, x in enumerate(given)]
        rows = [device.rows_of(caller._replace(rows=f"target_logits[{k}]"), x, axis) for k, x in enumerate(logits)]
    if not drafts:
        raise ValueError("draft_tokens must hold at least one draft")
    lanes = streams_of(range(len(drafts)) if streams is None else streams)
    if not len(drafts) == len(rows) == len(lanes):
        counts = f"{len(drafts)}, {len(rows)} and {len(lanes)}"
        raise ValueError(f"draft_tokens, target_logits and streams must be equally many, got {counts}")
    for k, (tokens, x) in enumerate(zip(drafts, rows, strict=True)):
        if x.ndim != 2 or len(x) != len(tokens) + 1 or x.shape[1] != rows[0].shape[1]:
            wanted = f"({len(tokens) + 1}, {rows[0].shape[-1]}), a row per draft token and one more"
            raise ValueError(f"target_logits[{k}] must have shape {wanted}; got {tuple(x.shape)}")
    key, first = one_unsigned(seed, "seed"), one_unsigned(position, "position")
    most = max(map(len, rows))
    if first + most > UINT64_LIMIT:
        raise no_room(first)
    values = {
        name: _per_position(caller.name(name), device.checked(value, name, caller), most)
        for name, value in values.items()
    }
    if on is not None:
        strong = invariance == "strong"
        return Verified(*device.verified_list(caller, drafts, rows, key, first, values, lanes, strong, token_ids))
    for k, x in enumerate(rows):  # what is wrong with one that is not reached is said too
        t = values["temperature"][: len(x)] if values["temperature"].ndim else values["temperature"]
        parameters = logits_parameters(caller, key, first, t, 0, 0)
        draw(_core.sample_logits, caller._replace(rows=f"target_logits[{k}]"), x, parameters)
    alive = np.arange(len(drafts))
    out: list[int] = []
    while True:
        j, k = len(out), int(alive[0])
        at_row = caller._replace(rows=f"target_logits[{k}]", place=_at_row(j))
        own = {name: value[j] if value.ndim else value for name, value in values.items()}
        parameters = logits_parameters(at_row, key, first + j, stream=0, item_offset=0, **own)
        listed = lanes if invariance == "strong" else lanes[alive]
        row = rows[k][j]
        read = None if token_ids is None else spread(row, token_ids, at_row)
        out.append(int(best_draw(_core.score_logits, at_row, row, parameters, listed, None, workers, read)))
        alive = np.array([k for k in alive if j < len(drafts[k]) and drafts[k][j] == out[-1]], np.intp)
        if not len(alive):
            return Verified(np.array(out, np.int64), j)


def _per_position(name: str, x: Any, count: int) -> Any:
    """`x`, which is one number, or one for each position."""
    if x.ndim and tuple(x.shape) != (count,):
        raise ValueError(f"{name} must be one, or {count}, one per position; got shape {tuple(x.shape)}")
    return x


def _at_row(j: int) -> Callable[[tuple[int, ...]], str]:
    return lambda _: f" at row {j}"
