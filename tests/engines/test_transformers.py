"""transformers and a real model: the text is the same whatever drafts."""

import collections
import copy
import itertools
import warnings

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, generate, race

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins import transformers as plugin  # noqa: E402
from pycouple.plugins.transformers import (  # noqa: E402
    CoupledLogitsProcessor,
    TransformersModel,
    coupled_generate,
    truncated,
)
from tests.support.smollm2 import DRAFTS, NEW, PROMPTS, text_of  # noqa: E402

SEEDS = (0, 7, 2**64 - 1)
SETTINGS = [SamplingParams(t, top_p=p) for t, p in itertools.product((1.0, 0.7), (1.0, 0.9))]


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
            f"{tokens / calls['target']:.2f} per call of the target"
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
    inputs = tokenizer(list(PROMPTS), return_tensors="pt", padding=True, padding_side="left")
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
