"""What makes a drafted generation of transformers give what it gives without drafts."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakSet

import torch
import transformers
from transformers.cache_utils import DynamicLayer
from transformers.generation.stopping_criteria import (
    EosTokenCriteria,
    MaxLengthCriteria,
    MaxTimeCriteria,
    StopStringCriteria,
)

from pycouple.plugins._passes import Passes, Trial


class TokenByToken(transformers.StoppingCriteria):  # type: ignore[misc, unused-ignore]
    """Stopping criteria and a streamer of one drafted generation, served as they are without a drafter.

    It is given to ``generate`` in the place of both. It asks the criteria about every token in order, each once, until
    one of them stops the text, and the streamer gets these tokens. What the last block has after them, `cut` removes.
    """

    def __init__(self, criteria: Sequence[Any], streamer: Any) -> None:
        self._criteria = transformers.StoppingCriteriaList(criteria)
        self._streamer = streamer
        self._prompt = self._length = 0

    def put(self, value: Any) -> None:
        """The prompt comes first; blocks of tokens are left to the call that follows."""
        if not self._length:
            self._prompt = self._length = value.shape[1]
            if self._streamer is not None:
                self._streamer.put(value)

    def end(self) -> None:
        if self._streamer is not None:
            self._streamer.end()

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether the text ends in the newest block."""
        for length in range(self._length + 1, input_ids.shape[1] + 1):
            before = None if scores is None else scores[: length - self._prompt]
            done = self._criteria(input_ids[:, :length], before, **kwargs)
            self._length = length
            if self._streamer is not None:
                self._streamer.put(input_ids[:, length - 1].cpu())
            if done.all():
                return done
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)

    def cut(self, result: Any) -> Any:
        """What ``generate`` returned, up to the stop."""
        sequences = getattr(result, "sequences", result)
        excess = sequences.shape[1] - self._length
        if excess == 0:
            return result
        if sequences is result:
            return result[:, :-excess]
        for name, value in result.items():
            if isinstance(value, tuple) and not name.startswith("encoder_"):
                result[name] = value[:-excess]
        result["sequences"] = sequences[:, :-excess]
        cache = result.get("past_key_values")
        if cache is not None and can_be_cut(cache):
            cache.crop(-excess)
        elif cache is not None:
            result["past_key_values"] = None
        return result


def can_be_cut(cache: Any) -> bool:
    """Whether a cache keeps all of its tokens, so that the last ones can be removed again."""
    cache = getattr(cache, "self_attention_cache", cache)
    return all(type(layer) is DynamicLayer for layer in cache.layers)


_causal: WeakSet[Any] = WeakSet()  # models that were seen to be


def check_drafted(model: Any, options: dict[str, Any]) -> None:
    """ValueError for a model or options with which transformers does not draft rightly.

    A decoder is tried once, by two short passes: drafts move the logits of a model that is not causal.
    """
    if not (model.config.is_encoder_decoder or model in _causal):
        Trial(Passes(model, "model with a drafter"))
        _causal.add(model)
    if options.get("inputs_embeds") is not None:
        raise ValueError("inputs_embeds must be left out with a drafter: transformers would take them for the drafts'")
    cache = options.get("past_key_values")
    if cache is not None and cache.get_seq_length():
        raise ValueError(
            "past_key_values must hold no token yet with a drafter: transformers would put the whole prompt behind "
            "what they hold"
        )


def stop_by_token(criteria: list[Any], options: dict[str, Any], stop_strings: Any) -> TokenByToken:
    """Put a `TokenByToken` into the options, in the place of what it serves."""
    for i, one in enumerate(criteria):
        if isinstance(one, MaxLengthCriteria):
            raise ValueError(
                f"stopping_criteria must not have a MaxLengthCriteria, as at index {i}, with a drafter: "
                "give max_new_tokens or max_length"
            )
    # generate leaves out its own criterion if it is given one of that type
    of_generate = [one for one in criteria if type(one) in (EosTokenCriteria, MaxTimeCriteria)]
    if stop_strings is not None and not any(type(one) is StopStringCriteria for one in criteria):
        if options.get("tokenizer") is None:
            raise ValueError("stop_strings need the model's tokenizer: coupled_generate(..., tokenizer=tokenizer)")
        criteria = [*criteria, StopStringCriteria(options["tokenizer"], stop_strings)]
    cache = options.get("past_key_values")
    if criteria and cache is not None and not can_be_cut(cache):
        raise ValueError(
            "past_key_values must be a cache that keeps all tokens, such as DynamicCache(), with a drafter and "
            "stopping criteria: drafts behind the stop are removed from it"
        )
    by_token = TokenByToken(criteria, options.get("streamer"))
    options |= {"streamer": by_token, "stopping_criteria": [by_token, *of_generate]}
    if stop_strings is not None:
        options["stop_strings"] = None  # generate would hand them to the assistant, without the tokenizer
    return by_token


@contextmanager
def prepared(model: Any, assistant: Any, early: bool) -> Iterator[None]:
    """The models as drafting needs them, and then as they were.

    The assistant drafts without a confidence threshold and without stop strings, for which it would want a tokenizer.
    An early exit sets the number of layers, and an exception would leave it so.
    """
    with ExitStack() as stack:
        if early:
            layers = model.config.get_text_config(decoder=True)
            stack.enter_context(_set(layers, num_hidden_layers=layers.num_hidden_layers))
        config = getattr(model if early else assistant, "generation_config", None)
        if config is not None:
            stack.enter_context(_set(config, assistant_confidence_threshold=0.0, stop_strings=None))
        yield


@contextmanager
def _set(owner: Any, **values: Any) -> Iterator[None]:
    """Attributes that have other values for a while."""
    before = {name: getattr(owner, name) for name in values}
    try:
        for name, value in values.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)
