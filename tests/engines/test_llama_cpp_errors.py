"""Wrong calls of the llama.cpp plugin: each is refused by an error that names what the caller passed."""

import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.engines

llama_cpp = pytest.importorskip("llama_cpp")

from llama_cpp.llama_speculative import LlamaPromptLookupDecoding  # noqa: E402

from pycouple.plugins import llama_cpp as plugin  # noqa: E402
from tests.support.llama import PROMPTS, complete, load, tokens_of  # noqa: E402


def test_a_drafter_without_flash_attention_is_refused(small):
    llama = load(logits_all=True)
    with pytest.raises(ValueError, match=r"Llama\(\.\.\., flash_attn=True\)"):
        complete(llama, PROMPTS[0], drafter=small)
    assert complete(llama, PROMPTS[0], max_tokens=2)[0]
    llama.draft_model = LlamaPromptLookupDecoding()
    with pytest.raises(ValueError, match=r"Llama\(\.\.\., flash_attn=True\)"):
        complete(llama, PROMPTS[0])
    llama.close()


@pytest.mark.parametrize("options", [{}, {"draft_model": LlamaPromptLookupDecoding(), "n_batch": 64}])
def test_a_drafter_without_all_logits_is_refused(small, options):
    llama = load(flash_attn=True, **options)
    with pytest.raises(ValueError, match="logits_all=True"):
        complete(llama, PROMPTS[0], drafter=small)
    llama.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.7}, r"params=SamplingParams\(temperature=0.7\)"),
        ({"top_k": 40}, r"params=SamplingParams\(top_k=40\)"),
        ({"top_p": 0.9}, "belongs in params"),
        ({"min_p": 0.1}, "belongs in params"),
        ({"repeat_penalty": 1.1}, "repeat_penalty must be left at 1.0"),
        ({"presence_penalty": 0.5}, "presence_penalty must be left at 0.0"),
        ({"mirostat_mode": 2}, "mirostat_mode must be left at 0"),
        ({"logit_bias": {5: 1.0}}, "pass logits_processor"),
        ({"grammar": object()}, "grammar must be None"),
        ({"seed": -1}, r"seed must be in 0..2\*\*64 - 1, got -1"),
        ({"seed": [1, 2]}, r"seed must be one integer, got an array of shape \(2,\)"),
        ({"prompt": ""}, "prompt must not be empty: a text of this model does not begin with a BOS"),
        ({"prompt": []}, r"prompt must be the tokens of one text, at least one; got shape \(0,\)"),
        ({"prompt": [1, -2]}, "prompt must be in 0..49151, got -2 at index 1"),
        ({"prompt": np.ones((2, 3), int)}, r"prompt must be the tokens of one text, .*got shape \(2, 3\)"),
    ],
)
def test_values_that_are_refused(target, options, message):
    with pytest.raises(ValueError, match=message):
        plugin.coupled_completion(target, **{"prompt": PROMPTS[0], "seed": 7} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": None}, "seed must be an integer, got NoneType"),
        ({"seed": 1.5}, "seed must be an integer, got float"),
        ({"params": {"temperature": 0.7}}, r"params must be .*SamplingParams, got dict"),
        ({"prompt": ["Once", "upon"]}, "prompt must be one text, got several: complete one after the other"),
        ({"prompt": b"Once"}, "prompt must be integers, got bytes"),
        ({"llama": "model.gguf"}, r"llama must be a llama_cpp.Llama, got str: make it by Llama\(path, flash_attn=True"),
        ({"drafter": "small.gguf"}, "drafter must be a LlamaDraftModel or a llama_cpp.Llama, got str"),
        ({"stream": 2}, "stream must be True or False, llama.cpp's for text in chunks; got 2"),
        (
            {"logits_processor": lambda ids, scores: scores},
            "logits_processor must be a list of callables",
        ),
        ({"stopping_criteria": 7}, "stopping_criteria must be a list of callables, got int"),
        ({"on_token": "print"}, "on_token must be callable, got str"),
        ({"do_sample": True}, "unexpected keyword argument 'do_sample'"),
    ],
)
def test_types_that_are_refused(target, options, message):
    given = {"llama": target, "prompt": PROMPTS[0], "seed": 7}
    with pytest.raises(TypeError, match=message):
        plugin.coupled_completion(**given | options)
    assert target.draft_model is None


def test_a_seed_is_not_guessed(target):
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'seed'"):
        plugin.coupled_completion(target, PROMPTS[0])


def test_seeds_and_prompts_of_every_kind(target):
    tokens = tokens_of(target, PROMPTS[0])
    wanted = complete(target, PROMPTS[0], 7, max_tokens=4)
    for prompt in (tokens, tuple(tokens), np.array(tokens, np.intc)):
        for seed in (np.uint64(7), np.array(7)):
            assert complete(target, prompt, seed, max_tokens=4) == wanted


def test_neutral_options_are_not(target):
    options = {"repeat_penalty": 1.0, "grammar": None, "logit_bias": None, "mirostat_mode": 0}
    assert complete(target, PROMPTS[0], **options) == complete(target, PROMPTS[0])


def test_the_target_as_its_own_drafter_is_refused(target):
    with pytest.raises(ValueError, match="another Llama"):
        complete(target, PROMPTS[0], drafter=target)
    with pytest.raises(ValueError, match="another Llama"):
        complete(target, PROMPTS[0], drafter=plugin.CoupledDraftModel(target, 1))


def test_without_the_package_the_error_says_what_to_install():
    code = "import sys; sys.modules['llama_cpp'] = None; import pycouple.plugins.llama_cpp"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    line = "pycouple.plugins.llama_cpp needs llama-cpp-python: pip install 'pycouple[llama-cpp]'"
    assert f"ModuleNotFoundError: {line}" in run.stderr


def test_a_processor_that_gives_other_scores():
    text, logits = np.array([4, 2, 9], np.intc), np.zeros(50, np.single)
    own = plugin.CoupledCompletionProcessor(7, logits_processor=[lambda ids, scores: scores, lambda ids, scores: None])
    for _ in range(2):
        with pytest.raises(ValueError, match=r"logits_processor\[1\] must give shape \(50,\), it gave \(\)"):
            own(text, logits)
    with pytest.raises(ValueError, match=r"logits_processor\[1\]"):
        own.check(text, logits)


def test_parts_that_are_made_wrongly():
    with pytest.raises(ValueError, match="seed"):
        plugin.CoupledCompletionProcessor(-1)
    with pytest.raises(ValueError, match="seed"):
        plugin.CoupledDraftModel(None, 2**64)
    with pytest.raises(ValueError, match="stream must be one integer"):
        plugin.CoupledCompletionProcessor(1, stream=[0, 1])
    with pytest.raises(ValueError, match=r"stream must be in 0..255, got 256"):
        plugin.CoupledDraftModel(None, 1, stream=256)
    with pytest.raises(ValueError, match="draft_length"):
        plugin.CoupledDraftModel(None, 1, draft_length=-1)
    with pytest.raises(TypeError, match=r"llama must be a llama_cpp.Llama, got NoneType"):
        plugin.CoupledDraftModel(None, 1)
