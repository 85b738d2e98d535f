"""Several drafters: K draft sequences on K streams against one target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._arguments import check_choice, one_unsigned, real_rows
from pycouple.speculative.lists import list_target_logits
from pycouple.speculative.verification import Verified, token_numbers
from pycouple.speculative.warpers import SamplingParams, keep

INVARIANCES = ("strong", "conditional")


def verify_list(
    draft_tokens: Sequence[Sequence[int]] | npt.NDArray[np.integer],
    target_logits: Sequence[npt.ArrayLike] | npt.NDArray[Any],
    seed: int,
    position: int,
    params: SamplingParams | None = None,
    *,
    streams: Sequence[int] | None = None,
    invariance: str = "strong",
) -> Verified:
    """Accept what some draft has right: the target draws by the smallest clock over the drafts' streams.

    Parameters
    ----------
    draft_tokens : K sequences of int
        Draft k was drawn token by token with ``draft(..., stream=streams[k])``.
    target_logits : K arrays, shape (length + 1, n)
        For each draft the target's next-token logits before its first token, after it, and so on.
    seed, position : int
        As for `verify`: position is the absolute index of the token that the first rows predict.
    params : SamplingParams, optional
        The target's.
    streams : sequence of int, default range(K)
        The drafts' streams.
    invariance : {"strong", "conditional"}
        Over which streams the target draws:

        - "strong": always all of them. The text depends on the target, the seed and the streams alone, whatever the
          drafts are. It costs: a draft that is left alone still has K - 1 streams against it, so drafts of several
          tokens that part early are hardly better together than one (the README has a table).
        - "conditional": those of the drafts that are right so far (Algorithm 2 of the paper). The text also depends on
          which drafts those were, so on the drafters. Later tokens are accepted as often as one draft's are, or more.

    Returns
    -------
    Verified
        The target's draws while one draft has them all, and one more, as `verify` gives them.

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
    drafts = [token_numbers(tokens, "draft_tokens") for tokens in draft_tokens]
    lanes = list(range(len(drafts)) if streams is None else streams)
    rows = [real_rows(x, "target_logits") for x in target_logits]
    if not len(drafts) == len(rows) == len(lanes):
        raise ValueError(
            f"draft_tokens, target_logits and streams must be as many, got {len(drafts)}, {len(rows)} and {len(lanes)}"
        )
    for k, (tokens, x) in enumerate(zip(drafts, rows, strict=True)):
        if x.ndim != 2 or len(x) != len(tokens) + 1:
            raise ValueError(f"target_logits of draft {k} must have {len(tokens) + 1} rows, got shape {x.shape}")
    if not drafts:
        raise ValueError("draft_tokens must hold at least one draft")
    key, first = one_unsigned(seed, "seed"), one_unsigned(position, "position")
    params = SamplingParams() if params is None else params
    alive = list(range(len(drafts)))
    out: list[int] = []
    while True:
        j = len(out)
        row = keep(rows[alive[0]][j], params)
        listed = lanes if invariance == "strong" else [lanes[k] for k in alive]
        token = int(list_target_logits(row, key, first + j, listed, temperature=params.temperature))
        out.append(token)
        alive = [k for k in alive if j < len(drafts[k]) and drafts[k][j] == token]
        if not alive:
            return Verified(np.array(out, np.int64), j)
