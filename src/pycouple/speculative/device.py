"""The calls of speculative decoding on CUDA tensors: they stay on the device, and none waits for it.

Which rows are bad is not known before the device has run, so their token is -1 instead of an error. What is on the host
(seeds, positions, drafts) is copied to the device.
"""

from typing import Any

import numpy as np

from pycouple._arguments import STREAM_LIMIT, UINT64_LIMIT, axis_of, unsigned
from pycouple._arrays import on_device
from pycouple._draws import sampling_parameter
from pycouple._errors import SAMPLING, Caller
from pycouple._shapes import broadcast_shape
from pycouple.speculative.batches import Rows, check_two_axes
from pycouple.speculative.tokens import ITEMS, column_ids, sequences, token_numbers
from pycouple.speculative.warpers import Chosen

NO_TOKEN = -1
_NO_DRAFT = -2
_FLOATING = ("temperature", "top_p", "min_p")


def draws(
    caller: Caller,
    x: Any,
    seed: Any,
    position: Any,
    values: Chosen,
    stream: Any = 0,
    axis: int = -1,
    token_ids: Any = None,
    out: Any = None,
    scored: bool = False,
    check: bool = False,
) -> Any:
    """What `pycouple.torch.sample_logits`, or `race_logits` if it is scored, draws from rows with any leading axes."""
    from pycouple import torch as own

    rows = rows_of(caller, x, axis, token_ids)
    given = {"seed": seed, "step": position, "stream": stream} | values
    parameters = {name: _on(rows, checked(value, name, caller)) for name, value in given.items()}
    shapes = {caller.name(name): tuple(value.shape) for name, value in parameters.items() if hasattr(value, "shape")}
    batch = broadcast_shape({caller.rows: tuple(rows.shape[:-1])} | shapes, f" ({caller.rows} without its items)")
    flat = rows.expand(*batch, rows.shape[-1]).reshape(-1, rows.shape[-1])
    for name, value in parameters.items():
        if hasattr(value, "shape"):
            parameters[name] = _of_kind(value, _signed(value).expand(batch).reshape(-1))
    call: Any = own.race_logits if scored else own.sample_logits
    found = call(flat, **parameters, out=None if out is None else _flat(out, batch), check=check)
    if out is not None:
        return own.Race(*out) if scored else out
    return own.Race(*(part.reshape(batch) for part in found)) if scored else found.reshape(batch)


def verified(
    caller: Caller,
    draft_tokens: Any,
    x: Any,
    seed: Any,
    position: Any,
    values: Chosen,
    stream: Any = 0,
    axis: int = -1,
    token_ids: Any = None,
) -> tuple[Any, Any]:
    """`verify`: tokens, padded with -1, and how many drafts are accepted."""
    import torch

    x = rows_of(caller, x, axis, token_ids)
    check_two_axes(caller.rows, tuple(x.shape))
    drafts, single = sequences(draft_tokens, lambda tokens, name: sequence(tokens, name, x))
    rows = _Rows(caller.rows, [len(tokens) for tokens in drafts], x)
    own = draws(
        caller,
        x,
        rows.of_sequences("seed", checked(seed, "seed", caller)),
        rows.positions(checked(position, "step", caller)),
        {name: rows.of_any(caller.name(name), checked(value, name, caller)) for name, value in values.items()},
        rows.of_sequences("stream", checked(stream, "stream", caller)),
    )
    most = int(rows.counts.max(initial=1))
    behind = np.arange(most)
    places = np.minimum(rows.starts[:, np.newaxis] + behind, (rows.starts + rows.counts - 1)[:, np.newaxis])
    tokens = own[_copied(places, x)]
    accepted = (_padded(drafts, most, x) == tokens).cumprod(dim=1).sum(dim=1)
    tokens = torch.where(_copied(behind, x) <= accepted[:, None], tokens, NO_TOKEN)
    return (tokens[0], accepted[0]) if single else (tokens, accepted)


def verified_list(
    caller: Caller,
    drafts: list[Any],
    logits: list[Any],
    seed: int,
    position: int,
    values: Chosen,
    streams: Any,
    strong: bool,
    token_ids: Any = None,
) -> tuple[Any, Any]:
    """`verify_list` of rows that have two axes: tokens, padded with -1, and how many drafts are accepted.

    It draws as many times as the longest draft has tokens and once more, whatever is accepted before.
    """
    import torch

    x = logits[0]
    most = max(map(len, drafts)) + 1
    rows = torch.cat(logits)
    counts = np.array([len(tokens) + 1 for tokens in drafts])
    starts, streams = _copied(counts.cumsum() - counts, x), _copied(streams, x)
    given = _padded(drafts, most, x)
    alive = torch.ones(len(drafts), dtype=torch.bool, device=x.device)
    tokens, right = [], []
    for j in range(most):
        first = alive.to(torch.int8).argmax(dim=0, keepdim=True)
        place = (starts.index_select(0, first) + j).clamp(max=len(rows) - 1)  # any row will do where none is alive
        own = {name: value[j] if np.ndim(value) else value for name, value in values.items()}
        race = draws(caller, rows.index_select(0, place), seed, position + j, own, streams, -1, token_ids, None, True)
        scores = race.score if strong else torch.where(alive, race.score, -torch.inf)
        best = torch.where(scores == scores.max(), race.item, ITEMS).min()
        token = torch.where(race.item.min() < 0, NO_TOKEN, best)
        tokens.append(torch.where(alive.any(), token, NO_TOKEN))
        alive = alive & (given[:, j] == token)
        right.append(alive.any())
    return torch.stack(tokens), torch.stack(right).sum()


class _Rows(Rows):
    """Rows whose parameters may be tensors on the device of `x` too."""

    def __init__(self, name: str, drafts: list[int], x: Any) -> None:
        super().__init__(name, drafts, len(x))
        self._x = x

    def take(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return super().take(x)
        return _of_kind(x, _signed(x)[_copied(self.sequence, self._x)])

    def positions(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return super().positions(x)
        return _of_kind(x, _signed(self.of_sequences("position", x)) + _copied(self.shift, self._x))


def rows_of(caller: Caller, x: Any, axis: Any = -1, token_ids: Any = None) -> Any:
    """A tensor as rows whose tokens are last, those of a reduced vocabulary in their places."""
    import torch

    if not on_device(x):
        raise TypeError(f"{caller.rows} must be on a CUDA device, as the others are")
    if x.dtype not in (torch.float32, torch.bfloat16, torch.float16):
        raise TypeError(f"{caller.rows} must be float32, bfloat16 or float16 on {x.device}, got {x.dtype}")
    x = x.detach().movedim(axis_of(axis, x.ndim, caller.rows), -1)
    if token_ids is None or x.shape[-1] == 0:
        return x
    ids = column_ids(token_ids, x.shape[-1], caller)
    whole = torch.full((*x.shape[:-1], int(ids.max()) + 1), -torch.inf, dtype=x.dtype, device=x.device)
    whole[..., _copied(ids, x)] = x
    return whole


def sequence(tokens: Any, name: str, x: Any) -> Any:
    """Drafts of one sequence as a tensor of one axis on the device of `x`: from a tensor, tensors or the host."""
    import torch

    if isinstance(tokens, list | tuple) and any(map(on_device, tokens)):
        tokens = torch.stack([torch.as_tensor(token, device=x.device) for token in tokens])
    if not on_device(tokens):
        return _copied(token_numbers(tokens, name), x)
    _check_kind(tokens, name, floating=False)
    if tokens.ndim != 1:
        raise ValueError(f"{name} must be a sequence of integers, got shape {tuple(tokens.shape)}")
    return tokens


def _padded(drafts: list[Any], width: int, x: Any) -> Any:
    """Drafts as rows of a tensor; what is no token, behind the end too, is no draw either."""
    import torch

    padded = torch.full((len(drafts), width), _NO_DRAFT, dtype=torch.int64, device=x.device)
    for row, tokens in zip(padded, drafts, strict=True):
        row[: len(tokens)] = tokens
    return torch.where(padded >= 0, padded, _NO_DRAFT)


def checked(x: Any, name: str, caller: Caller) -> Any:
    """A parameter as an array, or as the tensor on the device that it is."""
    called = caller.step if name == "step" else name
    if on_device(x):
        _check_kind(x, called, floating=name in _FLOATING)
        return x.detach()
    if name in SAMPLING:
        return sampling_parameter(name, x)
    return unsigned(x, called, STREAM_LIMIT if name == "stream" else UINT64_LIMIT)


def _on(rows: Any, x: Any) -> Any:
    """An array or a tensor as one number, or a tensor on the device of the rows."""
    if not isinstance(x, np.ndarray):
        return x.to(rows.device)
    return x.item() if x.ndim == 0 else _copied(x, rows)


def _check_kind(x: Any, name: str, floating: bool) -> None:
    """Raise an error unless a tensor holds integers, or floats."""
    import torch

    if x.dtype.is_floating_point != floating or x.dtype.is_complex or x.dtype == torch.bool:
        raise TypeError(f"{name} must be {'real numbers' if floating else 'integers'}, got {x.dtype}")


def _signed(x: Any) -> Any:
    """Numbers that torch can count with: uint64 as int64 of the same bits, and what is shorter widened."""
    import torch

    if x.dtype.is_floating_point:
        return x
    return x.view(torch.int64) if x.dtype == torch.uint64 else x.to(torch.int64)


def _of_kind(x: Any, signed: Any) -> Any:
    """Numbers that come from `_signed(x)`, as uint64 again if `x` is."""
    return signed.view(x.dtype) if x.dtype.itemsize == 8 else signed


def _flat(out: Any, batch: tuple[int, ...]) -> Any:
    """`out` with one axis, in the same memory."""
    if isinstance(out, tuple | list):
        return tuple(_flat(tensor, batch) for tensor in out)
    if not hasattr(out, "is_contiguous"):
        return out  # pycouple.torch says what it should be
    if tuple(out.shape) != batch:
        raise ValueError(f"out must have shape {batch}, that of the batch; got {tuple(out.shape)}")
    if not out.is_contiguous():
        raise ValueError("out must be contiguous")
    return out.view(-1)


def _copied(a: Any, x: Any) -> Any:
    """An array of NumPy on the device of `x`, from pinned memory, so that nothing waits for the copy."""
    import torch

    tensor = torch.from_numpy(a)
    return tensor.pin_memory().to(x.device, non_blocking=True) if x.is_cuda else tensor
