"""The standard ratio test of speculative decoding, for comparison only: its text depends on the drafter."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from pycouple._arguments import core_rows
from pycouple._labels import check_labels
from pycouple._shapes import check_pair
from pycouple.speculative.tokens import token_numbers
from pycouple.speculative.verification import Verified
from pycouple.speculative.warpers import LOGITS, SamplingParams, one_chosen, params_of, warped

Reals = npt.NDArray[np.float64]


def ratio_test(
    draft_tokens: Iterable[int] | npt.NDArray[np.integer],
    draft_logits: npt.ArrayLike,
    target_logits: npt.ArrayLike,
    rng: "np.random.Generator",
    params: SamplingParams | None = None,
) -> Verified:
    """Accept each draft with probability min(1, q / p), and draw from the rest of q where it is refused.

    Parameters
    ----------
    draft_tokens : sequence of int, length K
        Drawn from softmax(warp(draft_logits)) with randomness that `rng` knows nothing of.
    draft_logits, target_logits : array_like, shapes (K, n) and (K + 1, n)
    rng : numpy.random.Generator
        Fresh randomness.
    params : SamplingParams, optional
        Of both.

    Returns
    -------
    Verified
        As of `verify`.

    Raises
    ------
    ValueError
        The numbers of rows or of tokens do not fit; logits or the temperature are wrong, as for `warp`; a draft is a
        token that neither party could draw.
    TypeError
        As for `verify`; `rng` is no `numpy.random.Generator`.

    Notes
    -----
    Leviathan, Kalman and Matias (arXiv 2211.17192). A token is accepted with probability 1 - D, more often than by
    shared noise, and the text has the target's law. But another drafter gives another text.

    It must never be combined with shared noise: the text would not have the target's law. The documentation says why
    under "How it works", and tests/speculative/test_acceptance.py shows the bias.

    Examples
    --------
    >>> from pycouple.speculative import ratio_test
    >>> rng = np.random.default_rng(1)
    >>> p, q = np.log([[0.9, 0.1]]), np.log([[0.5, 0.5], [0.2, 0.8]])
    >>> drafts = rng.choice(2, size=2000, p=[0.9, 0.1])
    >>> accepted = [ratio_test([token], p, q, rng).accepted for token in drafts]
    >>> round(float(np.mean(accepted)), 1)  # 1 - D
    0.6
    """
    values, caller = one_chosen(params_of(params)), LOGITS._replace(params="params")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    tokens = token_numbers(draft_tokens, "draft_tokens")
    given = {"draft_logits": draft_logits, "target_logits": target_logits}
    check_labels(given)
    warp_of = {name: warped(core_rows(x, name), caller._replace(rows=name), values) for name, x in given.items()}
    for (name, x), count in zip(warp_of.items(), (len(tokens), len(tokens) + 1), strict=True):
        if x.ndim != 2 or len(x) != count:
            raise ValueError(f"{name} of {len(tokens)} drafts must have two axes and {count} rows, got shape {x.shape}")
    p, q = (_softmax(x) for x in warp_of.values())
    check_pair(p[:1], q[:1], *warp_of)
    if len(tokens) and tokens.max() >= p.shape[-1]:
        raise ValueError(f"draft_tokens must be below {p.shape[-1]}, the number of logits; got {tokens.max()}")
    for k, token in enumerate(tokens):
        if rng.random() * p[k, token] >= q[k, token]:
            rest = np.maximum(q[k] - p[k], 0)
            if not rest.any():
                raise ValueError(f"draft_tokens: draft_logits give token {token} at row {k} no probability")
            return Verified(np.append(tokens[:k], _choice(rest, rng)), k)
    return Verified(np.append(tokens, _choice(q[-1], rng)), len(tokens))


def _softmax(warped: npt.NDArray[np.floating]) -> Reals:
    with np.errstate(over="ignore"):  # to -inf, which has the term 0
        terms = np.exp(warped.astype(np.float64) - warped.max(axis=-1, keepdims=True))
    probabilities: Reals = terms / terms.sum(axis=-1, keepdims=True)
    return probabilities


def _choice(weights: Reals, rng: "np.random.Generator") -> int:
    return int(rng.choice(len(weights), p=weights / weights.sum()))
