"""Params of the transformers plugin, one per row: each row draws what it draws alone, on the host and on a device."""

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, draft

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
import pycouple.plugins.transformers as plugin  # noqa: E402
from pycouple.plugins.transformers import CoupledLogitsProcessor, coupled_generate  # noqa: E402
from pycouple.speculative import device  # noqa: E402
from tests.support.smollm2 import text_of  # noqa: E402

IDS = torch.tensor([[1, 3, 4], [4, 2, 3], [2, 2, 1]])
SEVERAL = [SamplingParams(0.8, top_p=0.9), SamplingParams(0.0), SamplingParams(1.5, 3, min_p=0.05)]


def texts(model, ids, params, **options):
    out = coupled_generate(model, ids, attention_mask=torch.ones_like(ids), params=params, max_new_tokens=8, **options)
    return out[:, ids.shape[1] :].tolist()


def test_rows_with_params_of_their_own(tiny):
    want = [
        text_of(tiny, ids.tolist(), 5 + i, one, new=8) for i, (ids, one) in enumerate(zip(IDS, SEVERAL, strict=True))
    ]
    assert texts(tiny, IDS, SEVERAL, seed=[5, 6, 7]) == want
    assert texts(tiny, IDS, iter(SEVERAL), seed=[5, 6, 7]) == want
    assert len({tuple(text) for text in texts(tiny, IDS, None, seed=[5, 6, 7])} & set(map(tuple, want))) < 3


def test_several_texts_of_a_row(tiny):
    """One per row, or one per text."""
    ids, count = IDS[:2], {"seed": [5, 9], "num_return_sequences": 2}
    of_rows = texts(tiny, ids, SEVERAL[:2], **count)
    want = [
        text_of(tiny, ids[row].tolist(), seed, SEVERAL[row], new=8) for row, seed in ((0, 5), (0, 6), (1, 9), (1, 10))
    ]
    assert of_rows == want
    of_texts = texts(tiny, ids, [*SEVERAL, SEVERAL[0]], **count)
    assert of_texts[1] == text_of(tiny, ids[0].tolist(), 6, SEVERAL[1], new=8)
    with pytest.raises(ValueError, match=r"^params must be one SamplingParams, or 2 \(one per row\) or 4 .*; got 3$"):
        texts(tiny, ids, SEVERAL, **count)
    with pytest.raises(TypeError, match=r"^params\[1\] must be pycouple.speculative.SamplingParams, got dict$"):
        texts(tiny, ids, [SEVERAL[0], {"top_p": 0.9}], **count)


def test_a_row_too_few(tiny):
    with pytest.raises(ValueError, match=r"^params must be one SamplingParams or 3, one per row of logits; got 2$"):
        texts(tiny, IDS, SEVERAL[:2], seed=5)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("moved", [False, True])
def test_scores_of_the_processor(monkeypatch, kind, moved):
    """Scores are read where they are; those that are taken for scores on a device go to pycouple.torch."""
    scores = torch.from_numpy(np.random.default_rng(2).normal(0, 2, (3, 500))).to(kind)
    scores[:, ::7] = -torch.inf
    scores[1, 3] = torch.finfo(kind).min
    before = scores.clone()
    if moved:
        for module in (device, plugin):
            monkeypatch.setattr(module, "on_device", lambda x: isinstance(x, torch.Tensor))
    mask = torch.tensor([[1, 1, 1], [0, 1, 1], [0, 0, 1]])
    found = CoupledLogitsProcessor([5, 6, 7], SEVERAL, attention_mask=mask)(IDS, scores)
    want = [draft(row, 5 + i, 3 - i, SEVERAL[i]) for i, row in enumerate(scores.float().numpy())]
    assert found.argmax(dim=1).tolist() == want
    assert found.dtype == torch.float32
    assert torch.equal(found == -torch.inf, before == -torch.inf)
    rest = found.scatter(1, torch.tensor(want)[:, None], -1e4)
    assert (rest <= -1e4).all()
    assert torch.equal(scores, before)
    scores[1, 2] = torch.nan
    with pytest.raises(ValueError, match="logit of item 2 is nan at row 1"):
        CoupledLogitsProcessor(5, SEVERAL)(IDS, scores)
