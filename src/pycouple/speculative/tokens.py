"""Tokens in the forms that callers have: drafts, stop tokens, prompts and the ids of a reduced vocabulary."""

from collections.abc import Callable, Iterable, KeysView, Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from pycouple._arguments import unsigned
from pycouple._arrays import Array, array_of, on_device, widened
from pycouple._errors import Caller
from pycouple.sampling.results import Items

ITEMS = 2**34  # that have a clock


def token_numbers(tokens: Any, name: str) -> Items:
    """`tokens` as an array of one axis."""
    ids = unsigned(tokens, name, ITEMS)
    if ids.ndim != 1:
        raise ValueError(f"{name} must be a sequence of integers, got shape {ids.shape}")
    signed: Items = ids.astype(np.int64)
    return signed


def stops_of(tokens: Any) -> frozenset[int]:
    """The tokens after which a text ends: none for None, or one, or those of any collection or iterator."""
    if tokens is None:
        return frozenset()
    if isinstance(tokens, Mapping):
        raise TypeError(f"stop_tokens must be integers, got {type(tokens).__name__}")
    if isinstance(tokens, Set):
        tokens = list(tokens)
    ids = unsigned(tokens, "stop_tokens", ITEMS)
    if ids.ndim > 1:
        raise ValueError(f"stop_tokens must be one integer or a collection of integers, got shape {ids.shape}")
    return frozenset(ids.reshape(-1).tolist())


def sequences(tokens: Any, read: Callable[[Any, str], Any] = token_numbers) -> tuple[list[Any], bool]:
    """The drafts of each sequence as `read` gives them, and whether there is one sequence only, given as such."""
    wanted = "a sequence of integers or of such sequences"
    given = elements(tokens, "draft_tokens", wanted)
    if getattr(given, "ndim", 1) == 1 and not any(_is_sequence(token) for token in given):
        return [read(given, "draft_tokens")], True
    return [read(t, f"draft_tokens[{i}]") for i, t in enumerate(given)], False


def elements(x: Any, name: str, wanted: str) -> Any:
    """What a sequence or an iterator holds, one after the other: a list, or the array or CUDA tensor that `x` is."""
    one = isinstance(x, str | bytes) or getattr(x, "ndim", 1) == 0
    unordered = isinstance(x, Mapping | Set) and not isinstance(x, KeysView)
    if one or unordered or not isinstance(x, Iterable):
        raise TypeError(f"{name} must be {wanted}, got {type(x).__name__}")
    if on_device(x):
        return x
    return array_of(x, name) if hasattr(x, "ndim") else list(x)


def _is_sequence(token: Any) -> bool:
    return token.ndim > 0 if hasattr(token, "ndim") else isinstance(token, Iterable)


def column_ids(token_ids: npt.ArrayLike, n: int, caller: Caller) -> Items:
    """The ids of the `n` columns of a reduced vocabulary."""
    ids = token_numbers(token_ids, "token_ids")
    if len(ids) != n:
        raise ValueError(f"token_ids must have {n} numbers, one per token of {caller.rows}; got {len(ids)}")
    ordered = np.sort(ids)
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(again):
        raise ValueError(f"token_ids must not repeat an id, got {ordered[again[0]]} twice")
    return ids


def spread(x: Array, token_ids: npt.ArrayLike, caller: Caller) -> Array:
    """Logits of a reduced vocabulary in their places, with -inf for the tokens that it has not."""
    ids = column_ids(token_ids, x.shape[-1], caller)
    if len(ids) == 0:
        return x
    x = widened(x)
    count = int(ids.max()) + 1
    try:
        whole = np.full((*x.shape[:-1], count), -np.inf, x.dtype)
    except MemoryError:
        raise MemoryError(f"token_ids: no memory for {caller.rows} of {count} tokens, up to the largest id") from None
    whole[..., ids] = x
    return whole
