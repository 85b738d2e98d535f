"""Rotary positions that are others in longer texts: the text is that without a cache and without drafts, or refused."""

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, generate

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import TransformersModel, coupled_generate, truncated  # noqa: E402

EDGE = 24
SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
PARAMS = SamplingParams(1.5)


def made(name, **options):
    """A tiny model whose positions matter."""
    torch.manual_seed(2)
    model_class = getattr(transformers, name)
    model = model_class(model_class.config_class(**SIZES, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.5)
    return model


@pytest.fixture(scope="module")
def long_rope(one_thread):
    factors = {"short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 3.0, 4.0]}
    rope = {"rope_type": "longrope", "rope_theta": 100.0, "original_max_position_embeddings": EDGE, **factors}
    return made(
        "Phi3ForCausalLM", max_position_embeddings=96, original_max_position_embeddings=EDGE, rope_parameters=rope
    )


@pytest.fixture(scope="module")
def dynamic(one_thread):
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 100.0}
    return made("LlamaForCausalLM", max_position_embeddings=EDGE, rope_parameters=rope)


def prompt_of(length):
    return np.random.default_rng(length).integers(1, 40, length).tolist()


def whole_calls(model):
    def call(tokens):
        with torch.inference_mode():
            return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1:].numpy()

    return call


@pytest.mark.parametrize("length", [1, EDGE - 4, EDGE - 1, EDGE, EDGE + 1, EDGE + 9])
def test_long_rope_is_that_without_any_cache(length, long_rope):
    """Drafts before the switch, over it and behind it."""
    prompt = prompt_of(length)
    wanted = generate(whole_calls(long_rope), None, prompt, 3, PARAMS, max_new_tokens=30).tokens
    target, drafter = TransformersModel(long_rope), TransformersModel(truncated(long_rope, 1), rows=1)
    perfect = TransformersModel(long_rope, rows=1)
    for drafts in (None, drafter, perfect, lambda tokens: np.eye(40)[len(tokens) % 40] * 99):
        target.reset()
        assert generate(target, drafts, prompt, 3, PARAMS, max_new_tokens=30).tokens == wanted


def test_long_rope_in_rows_of_any_call(long_rope):
    """Each row is that of a pass over the tokens up to it, whatever was called before."""
    text, target = prompt_of(40), TransformersModel(long_rope, rows=8)
    for length in (40, 30, 24, 26, 25, 31, 10, 28):
        wanted = [whole_calls(long_rope)(text[:n])[0] for n in range(length - 7, length + 1)]
        np.testing.assert_allclose(target(text[:length]), wanted, atol=1e-3)


def test_drafts_of_transformers_do_not_cross_the_switch(long_rope):
    ways = [{"assistant_model": long_rope}, {"prompt_lookup_num_tokens": 5}]
    for length, new in ((EDGE - 14, 10), (EDGE + 1, 20)):
        given = {"inputs": torch.tensor([prompt_of(length)]), "seed": 4, "params": PARAMS, "max_new_tokens": new}
        plain = coupled_generate(long_rope, **given).tolist()
        assert all(coupled_generate(long_rope, **given, **way).tolist() == plain for way in ways)
    ids = torch.tensor([prompt_of(EDGE - 10)])
    with pytest.raises(ValueError, match="and up to 7 new ones, beyond which 4 drafts may go: there Phi3ForCausalLM"):
        coupled_generate(long_rope, ids, seed=4, max_new_tokens=7, prompt_lookup_num_tokens=5)
    ids = torch.tensor([prompt_of(EDGE)])
    assert coupled_generate(long_rope, ids, seed=4, max_new_tokens=20).shape == (1, EDGE + 20)
    for way in ways:
        for size in ({"max_new_tokens": 1}, {"max_length": EDGE + 1}, {}):
            with pytest.raises(ValueError, match="max_new_tokens must leave the text within 24 tokens with a drafter"):
                coupled_generate(long_rope, ids, seed=4, **size, **way)


def test_dynamic_positions_end_where_they_change(dynamic):
    """Beyond their end a text would depend on the longest one before."""
    target = TransformersModel(dynamic)
    assert target(prompt_of(EDGE)).shape == (17, 40)
    with pytest.raises(ValueError, match="tokens must be at most 24, got 25: in longer texts the dynamic rotary pos"):
        target(prompt_of(EDGE + 1))
    for length, new in ((EDGE - 4, 4), (4, EDGE - 4)):
        given = {"inputs": torch.tensor([prompt_of(length)]), "seed": 4, "params": PARAMS, "max_new_tokens": new}
        plain = coupled_generate(dynamic, **given).tolist()
        assert coupled_generate(dynamic, **given, assistant_model=dynamic).tolist() == plain
        with pytest.raises(ValueError, match=f"got {length} tokens of prompt and up to {new + 1} new ones: in longer"):
            coupled_generate(dynamic, **given | {"max_new_tokens": new + 1})


def test_positions_per_type_of_layer(one_thread):
    """Gemma 3 has rotary positions of two types."""
    ropes = {
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        "full_attention": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 100.0},
    }
    layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8, "head_dim": 8}
    model = made("Gemma3ForCausalLM", max_position_embeddings=EDGE, rope_parameters=ropes, **layers)
    with pytest.raises(ValueError, match="tokens must be at most 24, got 25"):
        TransformersModel(model)(prompt_of(EDGE + 1))
