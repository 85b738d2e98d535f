"""llama.cpp on a real model: the text is the same whatever drafts."""

import doctest
import itertools
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, draft, generate, race

pytestmark = pytest.mark.engines

llama_cpp = pytest.importorskip("llama_cpp")

from llama_cpp.llama_speculative import LlamaDraftModel, LlamaPromptLookupDecoding  # noqa: E402

from pycouple.plugins import llama_cpp as plugin  # noqa: E402
from tests.support.llama import NEW, PROMPTS, complete, load, tokens_of  # noqa: E402

SEEDS = (1, 2, 2**64 - 1)
PARAMS = [SamplingParams(temperature=t, top_p=p) for t in (1.0, 0.7) for p in (1.0, 0.9)]
CASES = list(itertools.product(PROMPTS, SEEDS, PARAMS))


class RandomDrafts(LlamaDraftModel):
    """Proposes any tokens."""

    def __init__(self, n_vocab):
        self.n_vocab = n_vocab

    def __call__(self, input_ids, /, **kwargs):
        return np.random.default_rng(len(input_ids)).integers(self.n_vocab, size=3).astype(np.intc)


@contextmanager
def counted(llama):
    """The lengths of the target's calls."""
    lengths, real = [], llama.eval
    llama.eval = lambda tokens: (lengths.append(len(tokens)), real(tokens))[1]
    try:
        yield lengths
    finally:
        del llama.eval


def rows(llama, tokens):
    """Logits after each token, where what the cache has in common with the tokens is not computed again."""
    most = min(llama.n_tokens, len(tokens) - 1)
    same = llama.input_ids[:most] == np.array(tokens[:most])
    llama.n_tokens = most if same.all() else int(same.argmin())
    llama.eval(tokens[llama.n_tokens :])
    return llama.scores[: len(tokens)]


def explain(llama, prompt, seed, params, one, other):
    """How close the race was where two texts part."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    text = tokens_of(llama, prompt) + one[:at]
    margin = race(rows(llama, text)[-1], seed, len(text), params).margin
    return f"{prompt!r}, seed {seed}, {params}: token {at} differs, margin {margin:.3g}"


@pytest.fixture(scope="module")
def alone(target):
    return [complete(target, *case) for case in CASES]


@pytest.mark.parametrize("name", ["lookup", "second model", "random tokens"])
def test_the_text_is_the_same_whatever_drafts(target, small, alone, name):
    drafters = {
        "lookup": LlamaPromptLookupDecoding(max_ngram_size=2, num_pred_tokens=4),
        "second model": small,
        "random tokens": RandomDrafts(target.n_vocab()),
    }
    calls = tokens = 0
    wrong = []
    cases = list(zip(CASES, alone, strict=True))[:: {"lookup": 1, "second model": 3, "random tokens": 5}[name]]
    for case, (expected, _, text) in cases:
        with counted(target) as lengths:
            new, accepted, drafted_text = complete(target, *case, drafters[name])
        assert len(lengths) == accepted.count(False) + accepted[-1]  # each call ends with an own draw, but the last
        calls, tokens = calls + len(lengths), tokens + len(new)
        if (new, drafted_text) != (expected, text):
            wrong.append(explain(target, *case, expected, new))
    print(f"\n{name}: {len(wrong)} of {len(cases)} differ; {tokens / calls:.2f} tokens per call of the target")
    assert not wrong, "\n".join(wrong)
    assert tokens / calls >= {"lookup": 1.05, "second model": 1.5, "random tokens": 1.0}[name]


def test_plain_decoding_has_one_token_per_call(target, alone):
    assert not any(itertools.chain.from_iterable(accepted for _, accepted, _ in alone))
    assert len({text for _, _, text in alone}) > len(CASES) / 2  # seeds and params matter


def test_a_plain_llama_gives_the_same(alone):
    llama = load(flash_attn=True)  # keeps no logits
    for case, expected in list(zip(CASES, alone, strict=True))[::7]:
        assert complete(llama, *case) == expected
    llama.close()


def test_it_is_the_loop_of_the_pure_layer(target, small, alone):
    """The same positions, BOS or none, the same noise and the same end."""
    vocabulary = llama_cpp.llama_model_get_vocab(target.model)
    ends = [t for t in range(target.n_vocab()) if llama_cpp.llama_vocab_is_eog(vocabulary, t)]
    drafter = load(small.model_path, flash_attn=True, logits_all=True)
    for case, (expected, _, _) in list(zip(CASES, alone, strict=True))[::7]:
        prompt, seed, params = case
        tokens = tokens_of(target, prompt)
        for second in (None, lambda text: rows(drafter, text)[-1]):
            found = generate(
                lambda text: rows(target, text), second, tokens, seed, params, max_new_tokens=NEW, stop_tokens=ends
            )
            assert found.tokens == expected
        drafts = plugin.CoupledDraftModel(drafter, seed, params, draft_length=6)(np.array(tokens, np.intc)).tolist()
        logits = rows(drafter, tokens + drafts)[len(tokens) - 1 : -1]
        assert drafts == draft(logits, seed, len(tokens) + np.arange(len(drafts)), params).tolist()
        assert len(drafts) == 6 or drafts[-1] in ends
    drafter.close()


def test_at_temperature_0_it_is_greedy(target, small):
    for prompt in PROMPTS:
        greedy = target.create_completion(prompt, temperature=0, max_tokens=NEW)["choices"][0]["text"]
        for drafter in (None, small):
            assert complete(target, prompt, params=SamplingParams(temperature=0), drafter=drafter)[2] == greedy


def test_the_first_draw_has_the_position_of_the_prompts_length(target):
    tokens = tokens_of(target, PROMPTS[0])
    first = int(draft(rows(target, tokens)[-1], 7, len(tokens)))
    assert complete(target, PROMPTS[0], max_tokens=1)[0] == [first]
    assert complete(target, tokens, max_tokens=1)[0] == [first]


def test_chunks_stops_and_the_cache_change_nothing(target, small):
    drafter = plugin.CoupledDraftModel(small, 7, draft_length=3)
    whole = complete(target, PROMPTS[0], drafter=drafter)[2]
    chunks = plugin.coupled_completion(target, PROMPTS[0], seed=7, drafter=drafter, stream=True, max_tokens=NEW)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole
    assert target.draft_model is None
    word = whole.split()[3]
    assert complete(target, PROMPTS[0], drafter=drafter, stop=[word])[2] == whole[: whole.index(word)]
    target.reset()
    small.reset()
    assert complete(target, PROMPTS[0], drafter=drafter)[2] == whole
    target.reset()
    for token in tokens_of(target, PROMPTS[0]):  # one by one, where it was one batch
        target.eval([token])
    assert complete(target, PROMPTS[0])[2] == whole


def test_the_end_of_the_context(small):
    llama = load(flash_attn=True, logits_all=True, n_ctx=256)
    tokens = (tokens_of(llama, PROMPTS[1]) * 20)[:240]
    short = load(small.model_path, n_ctx=256)
    expected = complete(llama, tokens, max_tokens=None)[0]
    assert complete(llama, tokens, drafter=short, max_tokens=None)[0] == expected
    assert len(plugin.CoupledDraftModel(short, 7)(np.array(tokens + [1] * 16, np.intc))) == 1
    assert len(plugin.CoupledDraftModel(short, 7)(np.array(tokens + [1] * 17, np.intc))) == 0
    short.close()
    llama.close()


def test_other_processors_come_before_the_draw_and_see_no_drafts(target, small):
    banned = complete(target, PROMPTS[0])[0][0]
    seen = []

    def ban(input_ids, scores):
        seen.append(len(input_ids))
        return np.where(np.arange(len(scores)) == banned, -np.inf, scores)

    alone = complete(target, PROMPTS[0], logits_processor=[ban])
    lengths, seen[:] = list(seen), []
    drafted = complete(target, PROMPTS[0], drafter=small, logits_processor=[ban])
    assert drafted[0] == alone[0]
    assert banned not in alone[0]
    assert seen == lengths
    assert any(drafted[1])


def test_an_error_in_a_processor_is_raised(target, monkeypatch):
    def wrong(input_ids, scores):
        raise ZeroDivisionError

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # where llama-cpp-python's callback loses it
    with pytest.raises(ZeroDivisionError):
        complete(target, PROMPTS[0], logits_processor=[wrong])
    assert target.draft_model is None


def run(llama, own, prompt, **options):
    return llama.create_completion(
        prompt,
        max_tokens=4,
        temperature=0,
        logits_processor=llama_cpp.LogitsProcessorList([own]),
        stopping_criteria=llama_cpp.StoppingCriteriaList([own.check]),
        **options,
    )


@pytest.mark.parametrize("again", ["the same prompt", "another", "one that goes on", "one that goes on by one"])
@pytest.mark.parametrize("drafts", [False, True])
def test_a_reused_processor_raises(target, small, monkeypatch, again, drafts):
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    own = plugin.CoupledCompletionProcessor(7)
    tokens = tokens_of(target, PROMPTS[0])
    monkeypatch.setattr(target, "draft_model", plugin.CoupledDraftModel(small, 7) if drafts else None)
    run(target, own, tokens)
    assert len(own.tokens) == 4
    assert not lost
    goes_on = tokens + own.tokens + tokens_of(target, PROMPTS[1])
    prompt = {
        "the same prompt": tokens,
        "another": tokens_of(target, PROMPTS[1]),
        "one that goes on": goes_on,
        "one that goes on by one": goes_on[: len(tokens) + 5],
    }[again]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="make a new CoupledCompletionProcessor"):
            run(target, own, prompt)


def test_a_processor_called_by_hand():
    own = plugin.CoupledCompletionProcessor(7, SamplingParams(top_k=3))
    logits = np.random.default_rng(0).normal(0, 2, (8, 50)).astype(np.single)
    logits.flags.writeable = False
    text = np.array([4, 2, 9], np.intc)
    tokens = [int(t) for t in draft(logits, 7, np.arange(3, 11), SamplingParams(top_k=3))]
    inputs = [text, np.r_[text, tokens[0], 50, 51], *[np.r_[text, tokens[:2], tokens[2:5], 50]] * 4]
    for ids, row, token in zip(inputs, logits, tokens, strict=False):
        one = own(ids.astype(np.intc), row)
        assert one.dtype == np.single
        assert np.array_equal(np.flatnonzero(one == 0), [token])
        assert (np.delete(one, token) == -np.inf).all()
        own.check(np.array([0] * (len(own.tokens) + 2), np.intc), one)
    assert own.tokens == tokens[:6]
    assert own.accepted == [False, False, True, True, True, False]
    with pytest.raises(RuntimeError, match="another completion"):
        own(text, logits[0])
    with pytest.raises(RuntimeError, match="not called"):
        plugin.CoupledCompletionProcessor(7).check(text, logits[0])


def test_a_draft_model_of_the_target_is_used(target, alone):
    llama = load(flash_attn=True, logits_all=True, draft_model=LlamaPromptLookupDecoding(num_pred_tokens=4))
    found = [complete(llama, *case) for case in CASES[12:24:4]]
    assert [new for new, _, _ in found] == [new for new, _, _ in alone[12:24:4]]
    assert any(itertools.chain.from_iterable(accepted for _, accepted, _ in found))
    llama.close()


def test_the_examples_that_need_no_model():
    result = doctest.testmod(plugin, extraglobs={"np": np})
    assert result.attempted
    assert not result.failed
