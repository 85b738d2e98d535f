"""The draws: what is passed is checked, and handed to the operator."""

from typing import Any, NamedTuple

import torch

from pycouple._arguments import STREAM_LIMIT, UINT64_LIMIT, flag
from pycouple.torch._arguments import (
    number,
    offset_of,
    part_of,
    raise_for_marked,
    results,
    rows_of,
    temperature_of,
    top_k_of,
    workspace_of,
)
from pycouple.torch._op import race_out


class Race(NamedTuple):
    """What `race_logits` returns: tensors of shape (batch,), or () for a single row."""

    item: Any
    score: Any
    margin: Any
    edge: Any


def sample_logits(
    logits: Any,
    seed: Any,
    step: Any = 0,
    *,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
    stream: Any = 0,
    item_offset: int = 0,
    out: Any = None,
    workspace: Any = None,
    check: bool = True,
) -> Any:
    """Draw one item from softmax(logits / temperature) of each row, as `pycouple.sample_logits` does, bit for bit.

    Parameters
    ----------
    logits : torch.Tensor, shape (batch, n) or (n,)
        float32, bfloat16 or float16, on a CPU float64 too; any strides. Finite numbers or -inf, in nats, at least one
        of them finite in each row.
    seed, step : int, integer tensor or array_like of int; step 0 by default
        In 0..2**64 - 1, one number or one per row. A tensor must be on the device of the logits, so that no call copies
        from one to the other; a NumPy array or a list is on the host and goes with logits there. uint64 holds the whole
        range, signed types what is not negative. Iterators are read once. In text generation `step` is the absolute
        position of the token being predicted.
    temperature : float, floating tensor or array_like of float, default 1.0
        Finite and not negative, one number or one per row, as for `seed`; 0 takes the largest logit, the lowest item
        among equals. None is 1.
    top_k : int, integer tensor or array_like of int, default 0
        Keep the `top_k` largest logits and those equal to the last of them; 0, -1 and None keep all. One number or one
        per row, as for `seed`.
    top_p, min_p : float, floating tensor or array_like of float, default 1.0 and 0.0
        In 0..1, one number or one per row, as for `seed`. Of what `top_k` keeps, `top_p` keeps the most probable items
        until their probabilities sum to it, and `min_p` those that are at least `min_p` times as probable as the most
        probable one; 1.0 and 0.0, and None, keep all. docs/kept.md fixes to the bit what is kept. Temperature comes
        first, and at temperature 0 all three count for nothing.
    stream : int, integer tensor or array_like of int, default 0
        In 0..255: which copy of the randomness; one number or one per row, as for `seed`.
    item_offset : int, default 0
        The number of the row's first item, a multiple of 64: the logits are then a slice of a larger vocabulary. Items
        are below 2**34.
    out : torch.Tensor of int64, optional
        Where to put the result. It must not share memory with another argument.
    workspace : torch.Tensor, optional
        From `pycouple.torch.workspace`. Without it every call on a GPU allocates and clears one.
    check : bool, default True
        Wait for the result and raise an error for a bad row. With False the call does not wait, and bad rows are -1.

    Returns
    -------
    torch.Tensor of int64
        The drawn items, of shape (batch,) or (), numbered from `item_offset`; -1 for a bad row when `check` is False.

    Raises
    ------
    ValueError
        With `check`: a logit is NaN or +inf, a row has no finite logit, logit / temperature overflows, a tensor's seed,
        step, stream, temperature, top_k, top_p or min_p is out of range; the message names the row. Always: a number
        is out of range, shapes or devices do not fit, the workspace is too small.
    TypeError
        The logits are no tensor, or an argument is of another type.
    RuntimeError
        With `check`, while a CUDA graph is captured.

    See Also
    --------
    pycouple.sample_logits : the same for NumPy arrays, with the law of the draw.

    Notes
    -----
    Results equal those of the C core on the same numbers in every bit, for all dtypes, strides and batch shapes.
    bfloat16 and float16 logits are widened before the arithmetic, so the draw is that of their widened values; it may
    differ from that of the float32 logits they were rounded from.

    Examples
    --------
    >>> logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
    >>> steps = torch.arange(5)
    >>> pycouple.torch.sample_logits(logits.expand(5, 3), seed=7, step=steps)
    tensor([1, 0, 1, 0, 0])
    """
    truncation = top_k, top_p, min_p
    return _race("logits", logits, seed, step, stream, temperature, truncation, item_offset, out, workspace, check)[0]


def race_logits(
    logits: Any,
    seed: Any,
    step: Any = 0,
    *,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
    stream: Any = 0,
    item_offset: int = 0,
    out: Any = None,
    workspace: Any = None,
    check: bool = True,
) -> Race:
    """`sample_logits` with the winner's score and its margin over the runner-up, as `pycouple.race_logits`.

    Parameters
    ----------
    logits, seed, step, temperature, top_k, top_p, min_p, stream, item_offset, workspace, check
        As for `sample_logits`.
    out : tuple of torch.Tensor (int64, float64, float64, float64), optional
        Where to put the results.

    Returns
    -------
    item : torch.Tensor of int64
        As `sample_logits` returns it.
    score, margin : torch.Tensor of float64
        In nats, among the items that are kept; NaN for a bad row. Slices of one vocabulary, each raced with its
        `item_offset`, combine to the race of the whole: the best score wins, the lowest item among equals
        (examples/split_vocabulary.py).
    edge : torch.Tensor of float64
        How near the decisions of `top_p` were to being other ones, as a share of the mass, as `pycouple.race_logits`
        has it: infinity where `top_p` is 1 or the temperature 0, NaN for a bad row.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As for `sample_logits`.

    Examples
    --------
    >>> race = pycouple.torch.race_logits(torch.tensor([1.0, 2.0, 0.5]), seed=7)
    >>> int(race.item), round(float(race.score), 6), round(float(race.margin), 6)
    (1, 3.413852, 2.854151)
    """
    dtypes = (torch.int64, torch.float64, torch.float64, torch.float64)
    truncation = top_k, top_p, min_p
    return Race(
        *_race(
            "logits", logits, seed, step, stream, temperature, truncation, item_offset, out, workspace, check, dtypes
        )
    )


def sample(
    weights: Any,
    seed: Any,
    step: Any = 0,
    *,
    stream: Any = 0,
    item_offset: int = 0,
    out: Any = None,
    workspace: Any = None,
    check: bool = True,
) -> Any:
    """Draw one item from each row of weights, as `pycouple.sample` does, bit for bit.

    Parameters
    ----------
    weights : torch.Tensor, shape (batch, n) or (n,)
        Non-negative finite numbers, at least one of them positive in each row; types and strides as for
        `sample_logits`.
    seed, step, stream, item_offset, out, workspace, check
        As for `sample_logits`.

    Returns
    -------
    torch.Tensor of int64
        As for `sample_logits`.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As for `sample_logits`; with `check`, a weight is negative, NaN or infinite, or no weight of a row is positive.

    Examples
    --------
    >>> int(pycouple.torch.sample(torch.tensor([0.5, 0.3, 0.2]), seed=7))
    1
    """
    truncation = 0, 1.0, 0.0
    return _race("weights", weights, seed, step, stream, 1.0, truncation, item_offset, out, workspace, check)[0]


def _race(
    name: str, x: Any, seed: Any, step: Any, stream: Any, temperature: Any, truncation: tuple[Any, Any, Any],
    item_offset: Any, out: Any, workspace: Any, check: bool, dtypes: tuple[Any, ...] = (torch.int64,),
) -> list[Any]:  # fmt: skip
    rows, check = rows_of(x, name), flag(check, "check")
    single = x.ndim == 1
    if check and rows.is_cuda and torch.cuda.is_current_stream_capturing():
        raise RuntimeError("a CUDA graph cannot wait for a check of the rows: pass check=False and look for -1")
    seeds, seed_number = number(seed, "seed", UINT64_LIMIT, rows)
    steps, step_number = number(step, "step", UINT64_LIMIT, rows)
    streams, stream_number = number(stream, "stream", STREAM_LIMIT, rows)
    temperatures, one_temperature = temperature_of(temperature, rows)
    top_ks, one_top_k = top_k_of(truncation[0], rows)
    top_ps, one_top_p = part_of(truncation[1], "top_p", 1.0, rows)
    min_ps, one_min_p = part_of(truncation[2], "min_p", 0.0, rows)
    several = top_ks is not None or top_ps is not None or min_ps is not None
    truncated = several or (one_top_k, one_top_p, one_min_p) != (0, 1.0, 0.0)
    offset = offset_of(item_offset, rows.shape[1])
    found = results(out, rows, single, dtypes)
    item, score, margin, edge = (*found, None, None, None)[:4]
    if rows.shape[1] == 0:
        item.fill_(-1)
        for real in found[1:]:
            real.fill_(float("nan"))
    elif rows.shape[0]:
        race_out(
            rows, name == "weights", seeds, seed_number, steps, step_number, streams, stream_number,
            temperatures, one_temperature, truncated, top_ks, one_top_k, top_ps, one_top_p, min_ps, one_min_p, offset,
            workspace_of(workspace, rows, truncated), item, score, margin, edge,
        )  # fmt: skip
    if check:
        parameters = {
            "seed": seed if seeds is None else seeds,
            "step": step if steps is None else steps,
            "stream": stream if streams is None else streams,
            "temperature": one_temperature if temperatures is None else temperatures,
            "top_k": one_top_k if top_ks is None else top_ks,
            "top_p": one_top_p if top_ps is None else top_ps,
            "min_p": one_min_p if min_ps is None else min_ps,
        }
        raise_for_marked(item, rows, single, name, parameters)
    return [tensor[0] for tensor in found] if single else found
