"""What `coupled_generate` is called with: its options, and errors for those that do not go with shared noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import transformers
from transformers.generation.configuration_utils import GenerationMode

from pycouple._arguments import integer, unsigned
from pycouple.plugins._rope import longest_text, switch
from pycouple.speculative import SamplingParams
from pycouple.speculative.warpers import several_params

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

# Other ways to choose tokens: the value at which each is not taken, and why it cannot be.
_OTHER_WAYS = {
    "num_beams": (1, "a beam search does not draw"),
    "num_beam_groups": (1, "a beam search does not draw"),
    "constraints": (None, "a constrained beam search does not draw"),
    "force_words_ids": (None, "a constrained beam search does not draw"),
    "penalty_alpha": (None, "contrastive search does not draw"),
    "dola_layers": (None, "DoLa takes logits of several layers, and then draws in its own way"),
    "custom_generate": (None, "it may choose tokens in another way"),
    "token_healing": (None, "it replaces the end of the prompt"),
    "assistant_ensemble_weight": (None, "it mixes the drafter into the text"),
    "assistant_tokenizer": (None, "a drafter with other tokens cannot draw them by the same noise"),
    "watermarking_config": (None, "it acts on the scores after the draw"),
}

_NEW = 20  # tokens are what transformers generates if nobody says how many
_ROWS = ("input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask")


def merged(model: Any, config: Any, options: dict[str, Any]) -> Any:
    """The options as ``model.generate`` will take them, in one generation config; None is what nobody set."""
    if not (config is None or isinstance(config, transformers.GenerationConfig)):
        raise TypeError(f"generation_config must be a transformers.GenerationConfig, got {type(config).__name__}")
    found: Any = transformers.GenerationConfig()  # type: ignore[no-untyped-call, unused-ignore]
    for name in {*vars(found), *_OTHER_WAYS}:
        value = options.get(name, getattr(config, name, None))
        if value is None and name not in options:
            value = getattr(getattr(model, "generation_config", None), name, None)
        setattr(found, name, value)
    return found


def refuse(model: Any, asked: Any, config: Any, options: dict[str, Any]) -> None:
    """Raise an error for what draws tokens in another way."""
    if getattr(model, "generation_config", None) is None or not hasattr(model, "generate"):
        raise ValueError(f"model must generate text: {type(model).__name__} has no language model head")
    writes = getattr(model, "output_modalities", ("text",))
    if tuple(writes) != ("text",):
        raise ValueError(f"model must write text alone: {type(model).__name__} writes {' and '.join(writes)}")
    if options.get("do_sample") or getattr(config, "do_sample", None):
        raise ValueError("do_sample must be False: coupled_generate draws by shared noise, as params say")
    for name, (unused, why) in _OTHER_WAYS.items():
        value = getattr(asked, name)
        if value and value != unused:
            got = f"; got {value}" if isinstance(value, int | float) else ""
            raise ValueError(f"{name} must be {unused}: {why}{got}")
    for name in NEUTRAL:
        if options.get(name) is None:
            continue
        if hasattr(SamplingParams, name):
            raise ValueError(f"{name} belongs in params: params=SamplingParams({name}={options[name]!r})")
        raise ValueError(f"{name} must be left out: params have temperature, top_k, top_p and min_p")
    if asked.cache_implementation == "paged":
        raise ValueError("cache_implementation must not be 'paged': that generates in another way, without processors")


def has_drafter(model: Any, asked: Any, assistant_model: Any) -> bool:
    """Whether ``model.generate`` will draft; an error if it cannot, or would choose tokens in an unknown way."""
    asked.do_sample, asked.top_k = False, None
    mode = asked.get_generation_mode(assistant_model)
    if mode == GenerationMode.GREEDY_SEARCH:
        return False
    if mode != GenerationMode.ASSISTED_GENERATION:
        raise ValueError(f"the options ask for {mode.value}, which does not draw from the logits of each position")
    if asked.guidance_scale not in (None, 1.0):
        raise ValueError("guidance_scale must be None with a drafter: its processor keeps a cache of earlier calls")
    if texts_per_prompt(asked) > 1:
        raise ValueError("num_return_sequences must be 1 with a drafter: transformers drafts for one text at a time")
    known = transformers.GenerationMixin
    if isinstance(model, known) and type(model).generate is not known.generate:
        raise ValueError(
            f"model must be without a drafter: {type(model).__name__} has a generate of its own, which may take other "
            "options with a drafter than without one"
        )
    return True


def texts_per_prompt(asked: Any) -> int:
    """How many texts are asked for per prompt."""
    given = asked.num_return_sequences
    count = 1 if given is None else integer(given, "num_return_sequences")
    if count < 1:
        raise ValueError(f"num_return_sequences must be positive, got {count}")
    return count


def repeated(model: Any, inputs: Any, options: dict[str, Any], asked: Any, count: int) -> Any:
    """Each row of the inputs `count` times, as transformers does it when it samples; the options' rows in place."""
    of_rows = (*_ROWS, getattr(model, "main_input_name", "input_ids"))
    for name, value in options.items():
        if isinstance(value, torch.Tensor) and name in of_rows:
            options[name] = value.repeat_interleave(count, dim=0)
        elif isinstance(value, torch.Tensor | Mapping | transformers.Cache) and not hasattr(asked, name):
            raise ValueError(
                f"num_return_sequences must be 1 with {name}: repeat the prompt as rows, and give each row a seed"
            )
    return None if inputs is None else inputs.repeat_interleave(count, dim=0)


def seeds_of_texts(seed: Any, rows: int, count: int) -> Any:
    """A seed for each of `count` texts per row: seeds are given for the texts, or for the first of each row."""
    seeds = unsigned(seed, "seed")
    if seeds.ndim > 1 or (seeds.ndim and len(seeds) not in (rows, rows * count)):
        wanted = f"{rows} (one per row) or {rows * count} (one per text)"
        raise ValueError(f"seed must be one integer, or {wanted}; got shape {seeds.shape}")
    if seeds.ndim and len(seeds) == rows * count:
        return seeds
    return (np.broadcast_to(seeds, rows)[:, np.newaxis] + np.arange(count, dtype=np.uint64)).reshape(-1)


def params_of_texts(params: Any, rows: int, count: int) -> Any:
    """The params of each of `count` texts per row, likewise; one for all stays one."""
    if params is None or isinstance(params, SamplingParams):
        return params
    several = several_params(params)
    if len(several) not in (rows, rows * count):
        wanted = f"{rows} (one per row) or {rows * count} (one per text)"
        raise ValueError(f"params must be one SamplingParams, or {wanted}; got {len(several)}")
    return several if len(several) == rows * count else [one for one in several for _ in range(count)]


def check_length(model: Any, asked: Any, length: int, drafted: bool) -> None:
    """ValueError if the text may grow so long that its rotary positions, and with them all logits, become others."""
    longest, switched = longest_text(model), switch(model)
    if longest is switched is None:
        return
    new = asked.max_new_tokens
    end = length + new if new is not None else asked.max_length or length + _NEW
    what, beyond = f"{length} tokens of prompt and up to {end - length} new ones", 0
    if drafted and asked.prompt_lookup_num_tokens:
        beyond = asked.prompt_lookup_num_tokens - 1  # drafts that transformers looks up may go beyond the end
        what += f", beyond which {beyond} drafts may go"
    if longest is not None and end + beyond > longest:
        raise ValueError(
            f"max_new_tokens must leave the text within {longest} tokens, got {what}: in longer texts the dynamic "
            f"rotary positions of {type(model).__name__} depend on earlier calls"
        )
    if drafted and switched is not None and length <= switched < end + beyond:
        raise ValueError(
            f"max_new_tokens must leave the text within {switched} tokens with a drafter, got {what}: there "
            f"{type(model).__name__} switches to other rotary positions, in the midst of a block of drafts"
        )
