"""What `coupled_generate` is called with: options and masks, and errors for what cannot be right."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from pycouple._arrays import array_of
from pycouple.speculative import SamplingParams

# What only sampling reads, with the values at which transformers neither uses it nor warns.
NEUTRAL = {
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "min_p": None,
    "top_h": None,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}


def padding_of(attention_mask: Any) -> npt.NDArray[np.int64]:
    """How many zeros are before each row's first one."""
    if attention_mask is None:
        return np.zeros((), np.int64)
    mask = array_of(attention_mask, "attention_mask")
    if mask.ndim != 2:
        raise ValueError(f"attention_mask must have two axes, rows and tokens; got shape {mask.shape}")
    padding: npt.NDArray[np.int64] = (np.cumsum(mask != 0, axis=1) == 0).sum(axis=1)
    return padding


def option(name: str, model: Any, config: Any, options: dict[str, Any]) -> Any:
    """An option as ``model.generate`` will take it."""
    if name in options:
        return options[name]
    value = getattr(config, name, None)
    return getattr(model.generation_config, name, None) if value is None else value


def refuse(model: Any, config: Any, options: dict[str, Any]) -> None:
    """Raise an error for what draws tokens in another way."""
    if not (config is None or isinstance(config, transformers.GenerationConfig)):
        raise TypeError(f"generation_config must be a transformers.GenerationConfig, got {type(config).__name__}")
    if options.get("do_sample") or getattr(config, "do_sample", None):
        raise ValueError("do_sample must be False: coupled_generate draws by shared noise, as params say")
    for name in NEUTRAL:
        if options.get(name) is None:
            continue
        if hasattr(SamplingParams, name):
            raise ValueError(f"{name} belongs in params: params=SamplingParams({name}={options[name]!r})")
        raise ValueError(f"{name} must be left out: params have temperature, top_k, top_p and min_p")
    for name, why in (
        ("assistant_ensemble_weight", "it mixes the drafter into the text"),
        ("watermarking_config", "it acts on the scores after the draw"),
    ):
        if option(name, model, config, options) is not None:
            raise ValueError(f"{name} must be None: {why}")
    for name, why in (
        ("num_beams", "a beam search does not draw"),
        ("num_return_sequences", "repeat the prompt as rows, and give each row a seed of its own"),
    ):
        count = option(name, model, config, options)
        if count not in (None, 1):
            raise ValueError(f"{name} must be 1: {why}; got {count}")


def checked_mask(model: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """The mask of the ids that processors see; put in the options where the model would guess it."""
    if model.config.is_encoder_decoder:
        return options.get("decoder_attention_mask")
    ids = options.get("input_ids") if inputs is None else inputs
    if ids is None:
        if options.get("inputs_embeds") is not None:
            raise ValueError("inputs_embeds must come with input_ids: positions are counted in tokens")
        return None
    name = "input_ids" if inputs is None else "inputs"
    if not isinstance(ids, torch.Tensor) or ids.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"{name} must be a tensor of token ids, got {getattr(ids, 'dtype', type(ids).__name__)}: "
            "coupled_generate(model, **tokenizer(prompt, return_tensors='pt'), ...)"
        )
    if ids.ndim != 2:
        raise ValueError(f"{name} must have two axes, rows and tokens; got shape {tuple(ids.shape)}")
    mask = options.get("attention_mask")
    if mask is None:
        mask = options["attention_mask"] = torch.ones_like(ids)
    if not isinstance(mask, torch.Tensor):
        raise TypeError(f"attention_mask must be a tensor, got {type(mask).__name__}")
    cache = options.get("past_key_values")
    if mask.shape != ids.shape or (cache is not None and cache.get_seq_length() >= ids.shape[1]):
        raise ValueError(
            f"{name} must be the whole sequence, of the shape of attention_mask; got {tuple(ids.shape)} "
            f"and {tuple(mask.shape)}"
        )
    return mask
