"""Passes of a model over a text, and what they show: whether the model is causal, and how it goes on from a cache."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from pycouple._printable import words_of
from pycouple.plugins._rounding import difference, rounding

Rows = npt.NDArray[np.float32]
Cache = dict[str, Any]  # arguments for the next pass; without one, the model makes what it likes

_LENGTH = 12  # tokens of the text that is tried
_HEAD = 8  # of which so many come first, then one, then all that is left


class Passes:
    """The passes of a model over texts of one row.

    Parameters
    ----------
    model : transformers model
    name : str
        What errors call it.

    Raises
    ------
    ValueError
        It is an encoder with a decoder, or its configuration has no vocabulary. On a pass: it does not give logits from
        token ids alone.
    """

    def __init__(self, model: Any, name: str) -> None:
        self.model = model
        self.title = f"{name} ({type(model).__name__})"
        config = model.config.get_text_config(decoder=True)
        vocabulary = getattr(config, "vocab_size", None)
        limit = getattr(config, "max_position_embeddings", None) or 0
        self.limit: int | None = limit if limit > 0 else None  # XLNet says -1
        if getattr(model.config, "is_encoder_decoder", False):
            raise ValueError(f"{self.title} must be a decoder alone: it is an encoder and a decoder")
        if vocabulary is None:
            raise ValueError(f"{self.title} must be a language model: its configuration has no vocab_size")
        self.vocabulary = int(vocabulary)
        parameters = inspect.signature(model.forward).parameters
        self._named = parameters.keys()
        self._takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def whole(self, tokens: Sequence[int], rows: int) -> Rows:
        """Logits after each of the last tokens, without any cache."""
        return self._pass(tokens, rows, {"use_cache": False})[0]

    def after(self, cache: Cache, tokens: Sequence[int], rows: int) -> tuple[Rows, Cache]:
        """The same of tokens that come after those in the cache, and the cache with them. What was given is used up."""
        logits, output = self._pass(tokens, rows, {"use_cache": True, **cache})
        carried = {name: getattr(output, name, None) for name in self._named}
        return logits, cache | {name: value for name, value in carried.items() if value is not None}

    def empty_caches(self) -> Iterator[Callable[[], Cache]]:
        """What may serve as a cache: the usual one where it is taken, then what the model makes and gives back."""
        if "past_key_values" in self._named or self._takes_all:
            yield lambda: {"past_key_values": transformers.DynamicCache(config=self.model.config)}
        yield dict

    def epsilon(self) -> float:
        """Of the coarsest type of the weights."""
        types = {p.dtype for p in self.model.parameters() if p.is_floating_point()}
        return max((float(torch.finfo(dtype).eps) for dtype in types), default=float(torch.finfo(torch.float32).eps))

    def _pass(self, tokens: Sequence[int], rows: int, options: dict[str, Any]) -> tuple[Rows, Any]:
        if "logits_to_keep" in self._named:
            options["logits_to_keep"] = rows
        # weights that are offloaded are on "meta", and their hooks take ids from anywhere
        places = (p.device for p in self.model.parameters() if not p.is_meta)
        ids = torch.tensor([tokens], device=next(places, torch.device("cpu")))
        with torch.inference_mode():
            output = self.model(input_ids=ids, **options)
        logits = getattr(output, "logits", None)
        if not isinstance(logits, torch.Tensor) or logits.ndim != 3 or logits.shape[1] not in (rows, len(tokens)):
            raise ValueError(f"{self.title} must give logits of each token, as models named ...ForCausalLM do")
        array: Rows = logits[0, -rows:].to(torch.float32).cpu().numpy()
        return array, output


class Continuation(NamedTuple):
    """How a model goes on from a cache, as `measured`."""

    empty_cache: Callable[[], Cache] | None  # none if it does not
    several: bool  # whether it takes several tokens at once
    cut: bool  # whether its cache can be cut back


def cut(cache: Cache, tokens: int) -> None:
    """Take the last tokens out of a cache; an error if it has no such thing, or if it has dropped what is needed."""
    layers = cache["past_key_values"].layers
    if not all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        raise ValueError("only what keeps each token by itself can be cut")
    cache["past_key_values"].crop(-tokens)


class Trial:
    """A model's logits of a short text, which is the same each time, by a whole pass.

    Raises
    ------
    ValueError
        The model does not give logits from token ids alone, or they are NaN or random; or it is not causal: other later
        tokens move the logits of earlier ones.
    """

    def __init__(self, passes: Passes) -> None:
        self.passes = passes
        length = min(_LENGTH, passes.limit or _LENGTH)
        self.head = max(length - _LENGTH + _HEAD, 1)
        self.tokens = np.random.default_rng(0).integers(passes.vocabulary, size=length).tolist()
        same = (self.head + 1) // 2
        other = [(token + 1) % passes.vocabulary for token in self.tokens[same:]]
        try:
            self.logits = passes.whole(self.tokens, length)
            altered = passes.whole(self.tokens[:same] + other, length)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # models that want something else raise anything
            raise ValueError(f"{passes.title} does not give logits from token ids alone: {words_of(error)}") from error
        if np.isnan(self.logits).any():
            raise ValueError(f"{passes.title} gives logits that are NaN")
        if self.logits.shape[1] < passes.vocabulary:
            raise ValueError(
                f"{passes.title} must give a logit for each of {passes.vocabulary} tokens, got {self.logits.shape[1]}"
            )
        self.allowed = rounding(self.logits, passes.epsilon())
        # Two passes of one shape: only experts that get other tokens round otherwise, by up to 0.00004 of the standard
        # deviation in float32. Untrained BERTs, whose attention does little, move by 0.0009 of it or more.
        if not (moved := difference(altered[:same], self.logits[:same])) <= self.allowed:
            if difference(passes.whole(self.tokens, length), self.logits) > 0:
                raise ValueError(f"{passes.title} gives random logits: others in each pass over one text")
            raise ValueError(
                f"{passes.title} must be a causal decoder: another later token moves the logits of earlier ones by "
                f"{moved:.2g}, where rounding explains {self.allowed:.2g}"
            )

    def continuation(self) -> tuple[Continuation, str]:
        """How far the cache is to be trusted, and why not further; the first kind of cache that works at all."""
        reasons = []
        for empty in self.passes.empty_caches():
            found, reason = self._of_cache(empty)
            if found.empty_cache is not None:
                return found, reason
            reasons.append(reason)
        return Continuation(None, False, False), reasons[-1]

    def _of_cache(self, empty: Callable[[], Cache]) -> tuple[Continuation, str]:
        length, one = len(self.tokens), self.head + 1
        found = Continuation(None, False, False)
        try:
            logits, _ = self.passes.after(empty(), self.tokens[:1], 1)
            self._compare(logits, 0, "a pass of one token that fills a cache")
            logits, cache = self.passes.after(empty(), self.tokens[: self.head], 1)
            self._compare(logits, self.head - 1, "a pass of several tokens that fills a cache")
            self.passes.whole(self.tokens[::-1], 1)  # another text: some models keep a state elsewhere
            logits, cache = self.passes.after(cache, self.tokens[self.head : one], 1)
            self._compare(logits, self.head, "a pass of one token that goes on from the cache")
            found = found._replace(empty_cache=empty)
            rows = length - one - 1  # one less than there are tokens
            logits, cache = self.passes.after(cache, self.tokens[one:], rows)
            self._compare(logits, length - rows, "a pass of several tokens that goes on from the cache")
            found = found._replace(several=True)
            cut(cache, length - one)
            logits, cache = self.passes.after(cache, self.tokens[one : one + 1], 1)
            self._compare(logits, one, "a pass after a cut of the cache")
            return found._replace(cut=True), ""
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a cache that does not fit raises anything
            return found, words_of(error)

    def _compare(self, logits: Rows, first: int, what: str) -> None:
        moved = difference(logits, self.logits[first : first + len(logits)])
        if not moved <= self.allowed:
            raise ValueError(
                f"{what} gives logits that are off by {moved:.2g}, where rounding explains {self.allowed:.2g}"
            )
