"""What `pycouple.plugins.llama_cpp` is called with: the prompt's tokens, and errors for what cannot be right."""

from typing import Any

import llama_cpp

from pycouple._arguments import unsigned

# Options of create_completion: those that params have, and those that change scores after the draw, with the values at
# which they do not.
_PARAMS = ("temperature", "top_k", "top_p", "min_p")
_NEUTRAL = {
    "typical_p": 1.0,
    "tfs_z": 1.0,
    "mirostat_mode": 0,
    "repeat_penalty": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
}


def checked_prompt(llama: Any, prompt: Any) -> str | list[int]:
    """A prompt as llama.cpp takes it: a text, or a list of tokens."""
    if isinstance(prompt, str):
        if not prompt and not llama._model.add_bos_token():
            raise ValueError("prompt must not be empty: a text of this model does not begin with a BOS")
        return prompt
    if isinstance(prompt, list | tuple) and any(isinstance(part, str) for part in prompt):
        raise TypeError("prompt must be one text, got several: complete one after the other")
    tokens = unsigned(prompt, "prompt", llama.n_vocab())
    if tokens.ndim != 1 or tokens.size == 0:
        raise ValueError(f"prompt must be the tokens of one text, at least one; got shape {tokens.shape}")
    found: list[int] = tokens.tolist()
    return found


def check_llama(llama: Any) -> None:
    if not isinstance(llama, llama_cpp.Llama):
        raise TypeError(
            f"llama must be a llama_cpp.Llama, got {type(llama).__name__}: "
            "make it by Llama(path, flash_attn=True, logits_all=True)"
        )


def check_options(options: dict[str, Any]) -> None:
    if not isinstance(options.get("stream", False), bool):
        raise TypeError(f"stream must be True or False, llama.cpp's for text in chunks; got {options['stream']!r}")
    for name in _PARAMS:
        if name in options:
            raise ValueError(f"{name} belongs in params: params=SamplingParams({name}={options[name]!r})")
    for name, neutral in _NEUTRAL.items():
        if options.get(name, neutral) != neutral:
            raise ValueError(f"{name} must be left at {neutral}: llama.cpp applies it when the token has been drawn")
    if options.get("grammar") is not None:
        raise ValueError("grammar must be None: llama.cpp applies it when the token has been drawn, and may forbid it")
    if options.get("logit_bias") is not None:
        raise ValueError(
            "logit_bias must be None: llama-cpp-python drops the processors for it; "
            "pass logits_processor=[one that adds to the logits], which comes before the draw"
        )


def check_draftable(llama: Any, drafter: Any) -> None:
    if not callable(drafter):
        raise TypeError(f"drafter must be a LlamaDraftModel or a llama_cpp.Llama, got {type(drafter).__name__}")
    other = getattr(drafter, "llama", None)  # that of a CoupledDraftModel
    if other is llama:
        raise ValueError("drafter must be another Llama than the target, which has its text in its cache")
    if llama.context_params.flash_attn_type != llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED:
        raise ValueError(
            "llama must be made by Llama(..., flash_attn=True) for a drafter: without it llama.cpp's logits of one "
            "token and of several at once differ, and drafts would change the text"
        )
    # llama-cpp-python keeps n_batch rows only, if the draft model is all that it was told
    if not llama._logits_all or len(llama.scores) < len(llama.input_ids):
        raise ValueError(
            "llama must be made by Llama(..., flash_attn=True, logits_all=True) for a drafter, which needs all logits"
        )
    if llama_cpp.llama_model_is_recurrent(llama.model) or llama_cpp.llama_model_is_hybrid(llama.model):
        raise ValueError(
            "llama is a recurrent model, which has no drafter: llama.cpp cannot take drafts back from its memory"
        )
    if isinstance(other, llama_cpp.Llama) and other.n_vocab() > llama.n_vocab():
        raise ValueError(f"drafter has {other.n_vocab()} tokens, more than the {llama.n_vocab()} of llama")
