"""Architectures of transformers: the text is that of the model without any cache, or the model is refused."""

import warnings

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, generate

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import TransformersModel, truncated  # noqa: E402

VOCABULARY = 40
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
WINDOW = {**SIZES, "sliding_window": 8}
SWITCHED = {**SIZES, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
STATES = {"mamba_d_state": 4, "mamba_d_conv": 4, "mamba_expand": 2}
MANY, CUT, ONE, NONE = "several tokens", "several tokens, and cuts", "one token", "nothing"

# The class, the configuration, and how the model is seen to go on from its cache.
CASES = [
    ("GPT2LMHeadModel", {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128}, CUT),
    ("LlamaForCausalLM", SIZES, CUT),
    ("Qwen3ForCausalLM", {**SIZES, "head_dim": 8}, CUT),
    ("GPTNeoXForCausalLM", SIZES, CUT),
    ("BloomForCausalLM", {"vocab_size": VOCABULARY, "hidden_size": 16, "n_layer": 2, "n_head": 2}, CUT),
    ("MixtralForCausalLM", {**SIZES, "num_local_experts": 4}, CUT),
    ("BertLMHeadModel", {**SIZES, "pad_token_id": 0, "is_decoder": True}, CUT),
    ("MistralForCausalLM", WINDOW, MANY),
    ("Gemma2ForCausalLM", {**SWITCHED, "head_dim": 8}, MANY),
    ("Gemma3ForCausalLM", {**SWITCHED, "head_dim": 8}, MANY),
    ("GptOssForCausalLM", {**SWITCHED, "head_dim": 8, "num_local_experts": 4}, MANY),
    (
        "Qwen3NextForCausalLM",
        {
            **SIZES,
            **LINEAR,
            "head_dim": 8,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "layer_types": ["linear_attention", "full_attention"],
        },
        MANY,
    ),
    ("FalconH1ForCausalLM", {**SIZES, **STATES, "mamba_n_heads": 2, "mamba_d_head": 8, "mamba_d_ssm": 16}, MANY),
    ("MambaForCausalLM", {**SIZES, "state_size": 4}, ONE),
    ("FalconMambaForCausalLM", {**SIZES, "state_size": 4}, ONE),
    ("JambaForCausalLM", {**SIZES, **STATES, "attn_layer_period": 2, "attn_layer_offset": 1}, ONE),
    ("RecurrentGemmaForCausalLM", {**SIZES, "num_hidden_layers": 3, "lru_width": 16, "attention_window_size": 8}, NONE),
    ("OpenAIGPTLMHeadModel", {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2}, NONE),
    ("RwkvForCausalLM", {**SIZES, "attention_hidden_size": 16}, MANY),
]


def made(name, options):
    """A tiny model whose weights are lively enough for every token to matter."""
    model_class = getattr(transformers, name)
    torch.manual_seed(2)
    model = model_class(model_class.config_class(**options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.5)
    return model


def whole_calls(model):
    """The model as a callable that never uses a cache."""

    def call(tokens):
        with torch.inference_mode():
            return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1:].numpy()

    return call


def quietly(model, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TransformersModel(model, **options)


def sometimes_wrong(drafter):
    noise = np.random.default_rng(0)
    return lambda tokens: (
        drafter(tokens) if noise.random() < 0.7 else np.eye(VOCABULARY)[noise.integers(VOCABULARY)] * 99
    )


@pytest.mark.parametrize(("name", "options", "goes_on"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.filterwarnings("default")
def test_text_is_that_without_any_cache(one_thread, name, options, goes_on):
    """For a prompt of one token, and one that is longer than all windows; drafts are right, or wrong, or cut away."""
    model = made(name, options)
    target, drafter = quietly(model), quietly(model, rows=1)
    found = target._continuation
    assert goes_on == (CUT if found.cut else MANY if found.several else ONE if found.empty_cache else NONE)
    for prompt in ([7], np.random.default_rng(1).integers(1, VOCABULARY, 20).tolist()):
        wanted = generate(whole_calls(model), None, prompt, 3, SamplingParams(1.5), max_new_tokens=12).tokens
        for drafts in (None, drafter, sometimes_wrong(drafter)):
            target.reset()
            assert generate(target, drafts, prompt, 3, SamplingParams(1.5), max_new_tokens=12).tokens == wanted
    target.reset()
    full = generate(target, drafter, [7], 3, SamplingParams(1.5), max_new_tokens=12)
    assert full.target_calls == 3  # each draft of the model itself is right


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "BertLMHeadModel",
            {**SIZES, "pad_token_id": 0},
            r"must be a causal decoder: another later token moves the logits",
        ),
        ("BertForMaskedLM", {**SIZES, "pad_token_id": 0}, r"must be a causal decoder"),
        ("XLNetLMHeadModel", {"vocab_size": 40, "d_model": 16, "n_layer": 2, "n_head": 2}, r"must be a causal decoder"),
        (
            "T5ForConditionalGeneration",
            {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2},
            r"must be a decoder alone: it is an encoder and a decoder",
        ),
        ("LlamaModel", SIZES, r"must give logits of each token, as models named \.\.\.ForCausalLM do"),
        ("LlamaForSequenceClassification", {**SIZES, "pad_token_id": 0}, r"must give logits of each token"),
        ("LlamaForTokenClassification", SIZES, r"must give a logit for each of 40 tokens, got 2"),
        (
            "ViTForImageClassification",
            {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16},
            r"must be a language model: its configuration has no vocab_size",
        ),
    ],
)
@pytest.mark.filterwarnings("default")
def test_what_is_no_decoder_is_refused(one_thread, name, options, message):
    with pytest.raises(ValueError, match=rf"model \({name}\) .*{message}") as error:
        TransformersModel(made(name, options))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("name", "when", "reason"),
    [
        (
            "MambaForCausalLM",
            "drafts come",
            "a pass of several tokens that goes on from the cache gives logits that are off",
        ),
        (
            "OpenAIGPTLMHeadModel",
            "a token comes",
            "a pass of one token that goes on from the cache gives logits that are",
        ),
    ],
)
def test_a_slow_way_is_told(one_thread, name, when, reason):
    model = made(name, {case[0]: case[1] for case in CASES}[name])
    with pytest.warns(UserWarning, match=f"{name} computes the whole text anew when {when}, which is slow: {reason}"):
        TransformersModel(model)


def forgets_when_several_come(model, past, ids):
    return None if ids.shape[1] > 1 else past


def never_looks(model, past, ids):
    return None


def sees_the_last_token_twice(model, past, ids):
    """A cut that is not done: what was cut away stays in the cache."""
    past.crop = lambda tokens: None
    return past


@pytest.mark.parametrize(
    ("fault", "goes_on"), [(forgets_when_several_come, ONE), (never_looks, NONE), (sees_the_last_token_twice, MANY)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_faults_of_a_cache_are_found(one_thread, monkeypatch, fault, goes_on, dtype):
    """In 16 bits too, where rounding is let pass."""
    sound = made("LlamaForCausalLM", SIZES).to(dtype)
    assert quietly(sound)._continuation.cut
    forward = sound.forward

    def faulty(input_ids=None, past_key_values=None, use_cache=None, logits_to_keep=0):
        kept = past_key_values
        if kept is not None and kept.get_seq_length():
            kept = fault(sound, kept, input_ids)
        return forward(input_ids=input_ids, past_key_values=kept, use_cache=use_cache, logits_to_keep=logits_to_keep)

    monkeypatch.setattr(sound, "forward", faulty)
    found = quietly(sound)._continuation
    assert goes_on == (CUT if found.cut else MANY if found.several else ONE if found.empty_cache else NONE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_rounding_is_no_fault(one_thread, dtype):
    """A cache that works is used whatever the type of the weights."""
    for name in ("GPT2LMHeadModel", "LlamaForCausalLM", "BloomForCausalLM"):
        model = made(name, {case[0]: case[1] for case in CASES}[name]).to(dtype)
        assert TransformersModel(model)._continuation.cut


@pytest.mark.parametrize(
    ("name", "layers"), [("Gemma2ForCausalLM", [1]), ("Qwen3NextForCausalLM", [1, 0]), ("JambaForCausalLM", 1)]
)
def test_truncated_drafters(one_thread, name, layers):
    """Of layers of several kinds, in another order where the configuration lists the kinds."""
    model = made(name, {case[0]: case[1] for case in CASES}[name])
    drafter = truncated(model, layers)
    assert not any(t.is_meta for t in [*drafter.parameters(), *drafter.buffers()])
    target, drafts = quietly(model), quietly(drafter, rows=1)
    prompt = np.random.default_rng(1).integers(1, VOCABULARY, 20).tolist()
    wanted = generate(whole_calls(model), None, prompt, 3, SamplingParams(1.5), max_new_tokens=12).tokens
    assert generate(target, drafts, prompt, 3, SamplingParams(1.5), max_new_tokens=12).tokens == wanted
    for tokens in (prompt, prompt[:5]):
        np.testing.assert_allclose(drafts(tokens), whole_calls(drafter)(tokens), atol=1e-3)


@pytest.mark.parametrize(("name", "layers"), [("JambaForCausalLM", [1]), ("JambaForCausalLM", [1, 0])])
def test_a_layer_where_another_kind_is_wanted(one_thread, name, layers):
    model = made(name, {case[0]: case[1] for case in CASES}[name])
    with pytest.raises(ValueError, match="layers must not have layer 1 at index 0: the model has another kind"):
        truncated(model, layers)


class Noisy(transformers.LlamaForCausalLM):
    """Noise that is no dropout, in evaluation mode."""

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        output.logits = output.logits + torch.randn_like(output.logits)
        return output


def test_random_logits_are_refused(one_thread):
    with pytest.raises(ValueError, match=r"model \(Noisy\) gives random logits: others in each pass over one text"):
        TransformersModel(Noisy(transformers.LlamaConfig(**SIZES)).eval())


class Offloaded(torch.nn.Module):
    """A wrapper as others make them: without a device of its own, and with a weight that is not in memory."""

    def __init__(self, model):
        super().__init__()
        self.away = torch.nn.Linear(1, 1, device="meta")
        self.model, self.config = model, model.config

    def forward(self, input_ids, **kwargs):
        return self.model(input_ids, **kwargs)


def test_a_wrapper(one_thread):
    model = made("LlamaForCausalLM", SIZES)
    wrapper = Offloaded(model).eval()
    np.testing.assert_array_equal(TransformersModel(wrapper)([1, 2, 3]), TransformersModel(model)([1, 2, 3]))
    with pytest.raises(TypeError, match=r"model must be a transformers\.PreTrainedModel, not wrapped, got Offloaded"):
        truncated(wrapper, 1)
