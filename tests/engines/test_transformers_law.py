"""What transformers keeps and draws: its warpers, and the law of two tokens."""

import collections
import itertools

import numpy as np
import pytest
from scipy import stats

from pycouple.speculative import SamplingParams, generate, warp

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import (  # noqa: E402
    TransformersModel,
    coupled_generate,
    truncated,
)
from tests.support.smollm2 import text_of  # noqa: E402

ALPHA = 1e-3
WARPERS = [
    SamplingParams(0.7),
    SamplingParams(top_k=50),
    SamplingParams(top_p=0.9),
    SamplingParams(min_p=0.05),
    SamplingParams(1.3, top_k=200, top_p=0.95, min_p=0.01),
    SamplingParams(0.7, top_p=0.5),
    SamplingParams(1.5, top_p=0.999),
]


def test_params_keep_what_the_warpers_of_transformers_keep(real_logits, capsys):
    ids, edges, tokens = torch.zeros((1, 1), dtype=torch.long), 0, 0
    for params in WARPERS:
        chain = [transformers.TemperatureLogitsWarper(params.temperature)]
        chain += [transformers.TopKLogitsWarper(params.top_k)] if params.top_k else []
        nucleus = len(chain)
        chain += [transformers.TopPLogitsWarper(params.top_p)] if params.top_p < 1 else []
        chain += [transformers.MinPLogitsWarper(params.min_p)] if params.min_p else []
        for row in real_logits.astype(np.float32):
            scores = torch.from_numpy(row)[None]
            for i, process in enumerate(chain):
                if i == nucleus:
                    before = scores[0].numpy().astype(float)
                scores = process(ids, scores)
            found, wanted = warp(row, params), scores[0].numpy()
            both = np.isfinite(found) & np.isfinite(wanted)
            np.testing.assert_allclose(found[both], wanted[both], rtol=1e-6)
            other = np.flatnonzero(np.isfinite(found) != np.isfinite(wanted))
            tokens += int(np.isfinite(found).sum())
            if len(other):  # at the very edge of the nucleus: of equal logits other ones, or where float32 sums decide
                assert params.top_p < 1
                p = np.exp(before - before.max())
                p /= p.sum()
                order = np.argsort(-p, kind="stable")
                sums = p[order].cumsum()
                rank = np.argsort(order)[other]
                equal = p[other] == p[order[np.searchsorted(sums, params.top_p)]]
                assert (equal | (np.abs(sums[rank - 1] - params.top_p) <= 1e-5)).all()
                edges += len(other)
    with capsys.disabled():
        print(f"\nwarpers: {edges} of {tokens} kept tokens differ, all at the edge of a nucleus")
    assert edges <= tokens * 1e-3


def chi_square(counts, probabilities):
    """p-value; cells that expect less than 5 are taken together."""
    counts, expected = np.asarray(counts, float), np.asarray(probabilities) * np.sum(counts)
    few = expected < 5
    f = [*counts[~few], counts[few].sum()] if few.any() else counts
    e = [*expected[~few], expected[few].sum()] if few.any() else expected
    if e[-1] < 1e-9:
        assert f[-1] == 0
        f, e = f[:-1], e[:-1]
    return stats.chisquare(f, np.asarray(e) * (np.sum(f) / np.sum(e))).pvalue


def softmax(x):
    e = np.exp(np.asarray(x, float) - np.max(x))
    return e / e.sum()


def remembered(model):
    """A model's last row for each prefix, computed once."""
    one, known = TransformersModel(model, rows=1), {}

    def row(tokens):
        key = tuple(tokens)
        if key not in known:
            known[key] = one(list(tokens))[-1]
        return known[key]

    return row


def test_law_of_two_tokens_of_the_real_model(model, prompts):
    """4,000 seeds, top_k = 4, so 16 texts; two tests at alpha 1e-3 each."""
    prompt, params, seeds = prompts[0], SamplingParams(top_k=4), range(4000)
    row, rough = remembered(model), remembered(truncated(model, 26))
    target = lambda tokens: np.stack([row(tokens[:j]) for j in range(len(prompt), len(tokens) + 1)])  # noqa: E731
    law = {}
    first = softmax(warp(row(prompt), params))
    for a in np.flatnonzero(first):
        second = softmax(warp(row([*prompt, int(a)]), params))
        law |= {(int(a), int(b)): first[a] * second[b] for b in np.flatnonzero(second)}
    assert len(law) == 16
    texts = []
    for drafter in (None, rough):
        found = [generate(target, drafter, prompt, s, params, max_new_tokens=2, draft_length=1) for s in seeds]
        texts.append([tuple(g.tokens) for g in found])
        counts = collections.Counter(texts[-1])
        assert set(counts) <= set(law)
        assert chi_square([counts[t] for t in law], list(law.values())) > ALPHA
    assert texts[0] == texts[1]
    assert 0 < sum(g.accepted[0] for g in found) < len(found)


def test_law_of_two_tokens_of_a_tiny_model(tiny):
    """Through transformers: 20,000 rows of one batch, one seed each; the first 400 again with an assistant."""
    prompt, rows = [1, 4, 2], 20_000
    drafter = truncated(tiny, [0, 2])
    drafter.generation_config.num_assistant_tokens = 2
    row = remembered(tiny)
    law = {}
    for a, b in itertools.product(range(5), range(5)):
        law[a, b] = softmax(row(prompt))[a] * softmax(row([*prompt, a]))[b]
    ids = torch.tensor([prompt]).repeat(rows, 1)
    out = coupled_generate(tiny, ids, seed=np.arange(rows), max_new_tokens=2)[:, len(prompt) :].tolist()
    counts = collections.Counter(map(tuple, out))
    assert chi_square([counts[t] for t in law], list(law.values())) > ALPHA
    for seed in range(400):
        assert text_of(tiny, prompt, seed, new=2, assistant_model=drafter) == out[seed]
