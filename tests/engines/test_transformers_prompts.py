"""Ids, masks and seeds of coupled_generate: rows that draw what each draws alone, or an error that names the row."""

import numpy as np
import pytest

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import CoupledLogitsProcessor, coupled_generate  # noqa: E402
from tests.support.smollm2 import text_of  # noqa: E402

LONG, SHORT = [1, 3, 4, 2, 3, 1], [4, 2, 3]
LEFT = torch.tensor([LONG, [0, 0, 0, *SHORT]])
MASK = torch.tensor([[1] * 6, [0, 0, 0, 1, 1, 1]])
SMALL = {"vocab_size": 12, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
ENCODER_DECODER = {
    **SMALL,
    **{f"{side}_{name}": 2 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")},
    "d_model": 16,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "decoder_start_token_id": 1,
    "init_std": 0.7,
}


@pytest.fixture(scope="module")
def bart(one_thread):
    torch.manual_seed(1)
    config = transformers.BartConfig(**ENCODER_DECODER, max_position_embeddings=64, forced_eos_token_id=None)
    return transformers.BartForConditionalGeneration(config).eval()


@pytest.fixture(scope="module")
def whisper(one_thread):
    torch.manual_seed(1)
    audio = {"num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 64, "begin_suppress_tokens": [3]}
    config = transformers.WhisperConfig(**ENCODER_DECODER, **audio)
    return transformers.WhisperForConditionalGeneration(config).eval()


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.bool, torch.float32, torch.bfloat16])
def test_a_mask_of_any_type_is_left_padding(kind, tiny):
    out = coupled_generate(tiny, LEFT, attention_mask=MASK.to(kind), seed=[5, 6], max_new_tokens=8)
    assert out[0, 6:].tolist() == text_of(tiny, LONG, 5, new=8)
    assert out[1, 6:].tolist() == text_of(tiny, SHORT, 6, new=8)


MASKS = [
    (
        [[1, 1, 1], [1, 1, 0]],
        "attention_mask has a 0 behind a 1, in row 1, index 2: pad on the left, tokenizer.padding",
    ),
    ([[1, 0, 1], [1, 1, 1]], "attention_mask has a 0 behind a 1, in row 0, index 1"),
    ([[1, 1, 1], [0, 0, 0]], "attention_mask has no 1 in row 1: each row must have a token"),
    ([[1, 1, 1], [0, 2, 1]], "attention_mask must be zeros and ones, got 2 in row 1, index 1"),
    ([[0.0, -np.inf, 0.0], [0, 0, 0]], "attention_mask must be zeros and ones, got -inf in row 0, index 1"),
    ([[[[1, 1, 1]]]], r"attention_mask must have two axes, rows and tokens; got shape \(1, 1, 1, 3\)"),
]


@pytest.mark.parametrize(("mask", "message"), MASKS)
def test_masks_that_are_not_left_padding(mask, message, tiny):
    with pytest.raises(ValueError, match=message):
        CoupledLogitsProcessor(1, attention_mask=np.array(mask))
    with pytest.raises(ValueError, match=message):
        coupled_generate(tiny, torch.ones(2, 3, dtype=torch.long), attention_mask=torch.tensor(mask), seed=1)


@pytest.mark.parametrize("columns", [2, 9])
def test_a_mask_of_another_length(columns, tiny):
    with pytest.raises(ValueError, match=rf"of the shape of attention_mask; got \(1, 3\) and \(1, {columns}\)"):
        coupled_generate(tiny, torch.tensor([SHORT]), attention_mask=torch.ones(1, columns), seed=1)


def test_a_mask_that_is_longer_than_the_text_of_a_processor():
    process = CoupledLogitsProcessor(1, attention_mask=[[0, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
    with pytest.raises(
        ValueError, match="attention_mask must be that of the prompt: it is for 10 tokens, the text has 4"
    ):
        process(torch.tensor([[1, 2, 3, 4]]), torch.zeros(1, 5))


def test_padding_without_a_mask_is_not_guessed(tiny):
    given = {"seed": 1, "pad_token_id": 0, "max_new_tokens": 2}
    with pytest.raises(ValueError, match="attention_mask must be given: row 1 of inputs is padded with 0"):
        coupled_generate(tiny, LEFT, **given)
    with pytest.raises(ValueError, match="attention_mask must be given: row 0 of input_ids is padded with 0"):
        coupled_generate(tiny, input_ids=LEFT.flip(0), **given)
    coupled_generate(tiny, LEFT, **given | {"pad_token_id": None})
    coupled_generate(tiny, LEFT, **given, eos_token_id=torch.tensor([0, 4]))  # as it may be a token of the text


def test_models_that_do_not_read_the_mask(one_thread):
    torch.manual_seed(1)
    config = transformers.RwkvConfig(vocab_size=5, hidden_size=16, num_hidden_layers=2, attention_hidden_size=16)
    model = transformers.RwkvForCausalLM(config).eval()
    with pytest.raises(ValueError, match="attention_mask has zeros on the left in row 1, with which RwkvForCausalLM"):
        coupled_generate(model, LEFT, attention_mask=MASK, seed=1)
    assert coupled_generate(model, LEFT[:1], seed=1, max_new_tokens=3).shape == (1, 9)


def test_an_encoder_is_padded_on_the_right(bart):
    right, mask = LEFT.clone(), MASK.flip(1)
    right[1] = torch.tensor([*SHORT, 0, 0, 0])
    given = {"max_new_tokens": 6, "eos_token_id": None}
    out = coupled_generate(bart, right, attention_mask=mask, seed=[5, 6], **given)
    for i, (row, seed) in enumerate(((LONG, 5), (SHORT, 6))):
        assert out[i].tolist() == coupled_generate(bart, torch.tensor([row]), seed=seed, **given)[0].tolist()
    with pytest.raises(ValueError, match="attention_mask has zeros on the left in row 1, with which Bart"):
        coupled_generate(bart, LEFT, attention_mask=MASK, seed=1)
    with pytest.raises(ValueError, match="attention_mask must be given: row 1 of inputs is padded with 0"):
        coupled_generate(bart, right, seed=1)
    with pytest.raises(ValueError, match="decoder_attention_mask has a 0 in row 0, index 0"):
        coupled_generate(bart, right[:1], seed=1, decoder_attention_mask=torch.tensor([[0, 1]]))


def test_positions_of_an_encoder_decoder_are_those_of_its_decoder(bart):
    given = {"output_logits": True, "return_dict_in_generate": True, "max_new_tokens": 5}
    ids = torch.tensor([LONG])
    for start in ([1], [1, 7, 8]):
        out = coupled_generate(bart, ids, seed=3, decoder_input_ids=torch.tensor([start]), **given)
        for i, row in enumerate(out.logits):
            text = out.sequences[:, : len(start) + i]
            assert int(CoupledLogitsProcessor(3)(text, row).argmax()) == int(out.sequences[0, len(start) + i])


def test_whisper(whisper):
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 8, 40)).astype(np.float32))
    rows = [coupled_generate(whisper, input_features=features[i : i + 1], seed=i, max_new_tokens=6) for i in range(2)]
    assert rows[0].tolist() != rows[1].tolist()
    assert coupled_generate(whisper, features, seed=[0, 1], max_new_tokens=6).tolist() == torch.cat(rows).tolist()
    config = transformers.GenerationConfig(max_new_tokens=6)
    assert coupled_generate(whisper, features[:1], seed=0, generation_config=config).tolist() == rows[0].tolist()
    with pytest.raises(TypeError, match="inputs must be a tensor, input_features of the model; got list"):
        coupled_generate(whisper, [0.5, 0.25], seed=1)
    with pytest.raises(
        ValueError, match="model must be without a drafter: WhisperForConditionalGeneration has a gener"
    ):
        coupled_generate(whisper, features[:1], seed=1, assistant_model=whisper)


@pytest.mark.parametrize("where", ["option", "config", "model"])
def test_several_texts_per_prompt(where, tiny):
    ids, config = torch.tensor([LONG, LONG[::-1]]), None
    options = {"num_return_sequences": 3} if where == "option" else {}
    if where == "config":
        config = transformers.GenerationConfig(num_beams=1, max_new_tokens=6)
        config.num_return_sequences = 3  # transformers refuses it in the constructor without sampling
    if where == "model":
        tiny.generation_config.num_return_sequences, tiny.generation_config.do_sample = 3, True
    try:
        out = coupled_generate(tiny, ids, seed=[1, 2**64 - 1], max_new_tokens=6, generation_config=config, **options)
        own = coupled_generate(tiny, ids, seed=range(10, 16), max_new_tokens=6, generation_config=config, **options)
        one = coupled_generate(tiny, ids, seed=7, max_new_tokens=6, generation_config=config, **options)
    finally:
        tiny.generation_config.num_return_sequences = tiny.generation_config.do_sample = None
    for i, (row, seed) in enumerate((r, s) for r, of_row in enumerate(([1, 2, 3], [2**64 - 1, 0, 1])) for s in of_row):
        assert out[i].tolist() == [*ids[row].tolist(), *text_of(tiny, ids[row].tolist(), seed, new=6)]
        assert own[i, 6:].tolist() == text_of(tiny, ids[row].tolist(), 10 + i, new=6)
        assert one[i, 6:].tolist() == text_of(tiny, ids[row].tolist(), 7 + i % 3, new=6)


def test_several_texts_of_padded_rows(tiny):
    out = coupled_generate(tiny, LEFT, attention_mask=MASK, seed=4, max_new_tokens=6, num_return_sequences=2)
    assert [row[6:] for row in out.tolist()] == [text_of(tiny, t, s, new=6) for t in (LONG, SHORT) for s in (4, 5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": [1, 2]}, r"seed must be one integer, or 1 \(one per row\) or 3 \(one per text\); got shape \(2,\)"),
        ({"prompt_lookup_num_tokens": 2}, "num_return_sequences must be 1 with a drafter"),
        (
            {"position_ids": torch.arange(6)[None]},
            "num_return_sequences must be 1 with position_ids: repeat the prompt",
        ),
        ({"do_sample": True}, "do_sample must be False"),
    ],
)
def test_several_texts_that_are_refused(options, message, tiny):
    with pytest.raises(ValueError, match=message):
        coupled_generate(tiny, torch.tensor([LONG]), **{"seed": 1, "num_return_sequences": 3} | options)


class Own(transformers.PreTrainedModel, transformers.GenerationMixin):
    """A model of the user's own, whose embedding transformers does not find."""

    config_class = transformers.LlamaConfig

    def __init__(self, config):
        super().__init__(config)
        self.table = torch.nn.Embedding(config.vocab_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids=None, **kwargs):
        return transformers.modeling_outputs.CausalLMOutput(logits=self.table(input_ids))


def test_a_model_of_the_users_own(one_thread):
    model = Own(
        transformers.LlamaConfig(vocab_size=5, num_hidden_layers=1, bos_token_id=None, eos_token_id=None)
    ).eval()
    out = coupled_generate(model, torch.tensor([LONG]), seed=3, max_new_tokens=5)
    for position in range(len(LONG), len(LONG) + 5):
        logits = model(out[:, position - 1 : position]).logits[0]
        assert int(CoupledLogitsProcessor(3)(out[:, :position], logits).argmax()) == int(out[0, position])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": 5}, "inputs must be a tensor of token ids, got int"),
        ({"past_key_values": ((1,),)}, "past_key_values must be a cache of transformers, as DynamicCache.., got tuple"),
    ],
)
@pytest.mark.parametrize("way", [{}, {"prompt_lookup_num_tokens": 3}])
def test_types_that_are_refused(given, message, way, tiny):
    with pytest.raises(TypeError, match=message):
        coupled_generate(tiny, **{"inputs": torch.tensor([LONG]), "seed": 1} | given, **way)
