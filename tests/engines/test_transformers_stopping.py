"""Stopping rules and streamers with drafts: the text and all that comes with it end where they end without drafts."""

import numpy as np
import pytest

from pycouple.speculative import SamplingParams

pytestmark = pytest.mark.engines
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from pycouple.plugins.transformers import coupled_generate, truncated  # noqa: E402

PROMPT = [1, 4, 2, 3, 1, 4, 2, 3, 1]
NEW = 24
SEEDS = range(3)


@pytest.fixture(scope="module")
def ways(tiny):
    """Ways to draft several tokens per block."""
    drafter = truncated(tiny, [0, 2])
    drafter.generation_config.num_assistant_tokens = 6
    return [
        {"assistant_model": drafter},
        {"assistant_model": tiny},  # always right: whole blocks are taken
        {"assistant_early_exit": 2},
        {"prompt_lookup_num_tokens": 5},
    ]


def after(tokens):
    """A criterion without state: the newest tokens."""
    return lambda ids, scores, **_: ids[:, -len(tokens) :].eq(torch.tensor(tokens)).all(dim=1)


class Count(transformers.StoppingCriteria):
    """A criterion with state that gives a bool, not a tensor: it stops when asked the fifth time."""

    def __init__(self):
        self.lengths = []

    def __call__(self, input_ids, scores, **kwargs):
        self.lengths.append(input_ids.shape[1])
        return len(self.lengths) == 5


class ByScores(transformers.StoppingCriteria):
    """A criterion that reads scores: it stops at the third draw of token 2."""

    def __call__(self, input_ids, scores, **kwargs):
        assert all(int(row.argmax()) == int(input_ids[0, i - len(scores)]) for i, row in enumerate(scores))
        return torch.tensor([sum(int(row.argmax()) == 2 for row in scores) == 3])


RULES = {
    "one token": lambda: {"stopping_criteria": [after([3])]},
    "two tokens": lambda: {"stopping_criteria": [after([4, 2])]},
    "either": lambda: {"stopping_criteria": transformers.StoppingCriteriaList([after([0, 0]), after([2, 1])])},
    "count": lambda: {"stopping_criteria": [Count()]},
    "scores": lambda: {"stopping_criteria": [ByScores()]},
    "never": lambda: {"stopping_criteria": [after([1, 1, 1, 1, 1, 1, 1])]},
    "eos": lambda: {"eos_token_id": [3, 0], "stopping_criteria": [after([4, 2])], "pad_token_id": 0},
    "own eos": lambda: {
        "stopping_criteria": [transformers.EosTokenCriteria(3)],
        "eos_token_id": 2,
        "pad_token_id": 0,
        "min_new_tokens": 4,
    },
}


def generated(model, seed, **options):
    given = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True, "max_new_tokens": NEW}
    return coupled_generate(model, torch.tensor([PROMPT]), seed=seed, **given | options)


@pytest.mark.parametrize("rule", RULES)
def test_drafts_change_no_stop(rule, tiny, ways):
    lengths = set()
    for seed in SEEDS:
        plain = generated(tiny, seed, **RULES[rule]())
        new = plain.sequences.shape[1] - len(PROMPT)
        lengths.add(new)
        for way in ways:
            found = generated(tiny, seed, **RULES[rule](), **way)
            assert found.sequences.tolist() == plain.sequences.tolist(), (seed, way)
            assert len(found.scores) == len(found.logits) == new
            torch.testing.assert_close(torch.cat(found.logits), torch.cat(plain.logits), rtol=1e-3, atol=1e-3)
            assert found.past_key_values.get_seq_length() == plain.past_key_values.get_seq_length()
    assert lengths - {NEW} or rule == "never"


def test_a_criterion_is_asked_about_each_token_once(tiny, ways):
    for way in ways:
        count = Count()
        generated(tiny, 1, stopping_criteria=[count], **way)
        assert count.lengths == [len(PROMPT) + i for i in range(1, 6)]


def test_what_is_put_out_ends_at_the_stop(tiny, ways):
    outputs = {"output_attentions": True, "output_hidden_states": True}
    tiny.set_attn_implementation("eager")
    try:
        plain = generated(tiny, 3, stopping_criteria=[Count()], **outputs)
        for way in ways[1:2] + ways[3:]:
            found = generated(tiny, 3, stopping_criteria=[Count()], **outputs, **way)
            for name in ("hidden_states", "attentions"):
                assert [x.shape for step in found[name] for x in step] == [x.shape for s in plain[name] for x in s]
    finally:
        tiny.set_attn_implementation("sdpa")


class Streamer:
    def __init__(self):
        self.calls = []

    def put(self, value):
        self.calls.append(value.tolist())

    def end(self):
        self.calls.append("end")


def test_a_streamer_gets_the_text_token_by_token(tiny, ways):
    for rule in ("one token", "never"):
        streamer = Streamer()
        text = generated(tiny, 2, streamer=streamer, **RULES[rule]()).sequences[0].tolist()
        assert streamer.calls == [[PROMPT], *([token] for token in text[len(PROMPT) :]), "end"]
        for way in ways:
            other = Streamer()
            generated(tiny, 2, streamer=other, **RULES[rule](), **way)
            assert other.calls == streamer.calls


def test_a_cache_of_the_caller_is_cut_too(tiny, ways):
    for way in ways[1:]:
        cache = transformers.DynamicCache()
        first = generated(tiny, 5, stopping_criteria=[after([3])], past_key_values=cache, **way).sequences
        assert cache.get_seq_length() == first.shape[1] - 1
        longer = torch.cat([first, torch.tensor([[1, 2]])], dim=1)
        again = coupled_generate(tiny, longer, seed=5, max_new_tokens=6, past_key_values=cache)
        assert again.tolist() == coupled_generate(tiny, longer, seed=5, max_new_tokens=6).tolist()


def test_a_cache_that_forgets(sliding):
    """Of two layers that see four tokens: what they forgot does not come back when drafts are removed."""
    ids, way = torch.tensor([PROMPT]), {"assistant_model": sliding, "max_new_tokens": NEW}
    plain = coupled_generate(sliding, ids, seed=4, max_new_tokens=NEW, stopping_criteria=[Count()])
    found = coupled_generate(sliding, ids, seed=4, stopping_criteria=[Count()], return_dict_in_generate=True, **way)
    assert found.sequences.tolist() == plain.tolist()
    assert found.past_key_values is None
    cache = transformers.DynamicCache(config=sliding.config)
    with pytest.raises(ValueError, match="past_key_values must be a cache that keeps all tokens"):
        coupled_generate(sliding, ids, seed=4, stopping_criteria=[Count()], past_key_values=cache, **way)


def test_stop_strings_of_the_real_model(loaded, drafter, prompts):
    model, tokenizer = loaded
    params, ids, stop = SamplingParams(0.3), torch.tensor([prompts[1]]), ["three", "xyz"]
    given = {"stop_strings": stop, "max_new_tokens": 12}

    def text(**options):
        out = coupled_generate(model, ids, seed=7, params=params, tokenizer=tokenizer, **options)
        return tokenizer.decode(out[0, ids.shape[1] :])

    plain = text(**given)
    assert plain.count("three") == 1  # so it stops there, which the drafts below go beyond
    assert plain.endswith("three")
    assert len(text(max_new_tokens=12)) > len(plain)
    config = transformers.GenerationConfig(**given, pad_token_id=2)
    for way in ({"assistant_model": drafter}, {"assistant_early_exit": 20}, {"prompt_lookup_num_tokens": 6}):
        assert text(**given, **way) == plain
    assert text(generation_config=config, prompt_lookup_num_tokens=6) == plain
    model.generation_config.stop_strings = stop
    try:
        assert text(max_new_tokens=12, assistant_early_exit=20) == plain
        assert model.generation_config.stop_strings == stop
    finally:
        model.generation_config.stop_strings = None
    with pytest.raises(ValueError, match="stop_strings need the model's tokenizer"):
        coupled_generate(model, ids, seed=1, stop_strings=["x"], prompt_lookup_num_tokens=3)


def test_a_criterion_of_length_is_refused(tiny):
    """It would replace that of transformers, whose blocks of drafts end by max_length all the same."""
    criteria = [Count(), transformers.MaxLengthCriteria(50)]
    message = "stopping_criteria must not have a MaxLengthCriteria, as at index 1, with a drafter: give max_new_tokens"
    with pytest.raises(ValueError, match=message):
        coupled_generate(tiny, torch.tensor([PROMPT]), seed=1, prompt_lookup_num_tokens=2, stopping_criteria=criteria)


def test_max_time_ends_a_text_early_and_changes_none_of_it(tiny, ways):
    whole = generated(tiny, 1).sequences[0].tolist()
    for way in ways:
        found = generated(tiny, 1, max_time=1e-9, **way).sequences[0].tolist()
        assert len(PROMPT) < len(found) < len(whole)
        assert found == whole[: len(found)]
    assert np.array_equal(whole[: len(PROMPT)], PROMPT)


def test_a_cache_that_holds_tokens_is_refused_with_a_drafter(tiny, ways):
    """transformers would put the whole prompt behind them, which gave another text."""
    ids = torch.tensor([PROMPT])
    plain = coupled_generate(tiny, ids, seed=5, max_new_tokens=NEW).tolist()
    for way in ways:
        cache = transformers.DynamicCache()
        given = {"seed": 5, "max_new_tokens": NEW, "past_key_values": cache, **way}
        assert coupled_generate(tiny, ids, **given).tolist() == plain
        with pytest.raises(ValueError, match="past_key_values must hold no token yet with a drafter"):
            coupled_generate(tiny, torch.tensor(plain), **given)
    cache.crop(4 - cache.get_seq_length())
    assert coupled_generate(tiny, ids, seed=5, max_new_tokens=NEW, past_key_values=cache).tolist() == plain


def test_embeddings_are_refused_with_a_drafter(tiny, ways):
    """transformers would read the embeddings of the prompt for the drafts, which gave another text."""
    ids = torch.tensor([PROMPT])
    given = {"seed": 5, "max_new_tokens": NEW}
    plain = coupled_generate(tiny, ids, **given)
    given |= {"input_ids": ids, "inputs_embeds": tiny.get_input_embeddings()(ids).detach()}
    assert coupled_generate(tiny, **given).tolist() == plain.tolist()
    for way in ways:
        with pytest.raises(ValueError, match="inputs_embeds must be left out with a drafter"):
            coupled_generate(tiny, **given, **way)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("BertLMHeadModel", {"pad_token_id": 0}),
        ("CpmAntForCausalLM", {}),  # it reads the prompt in both directions
        ("XLNetLMHeadModel", {"d_model": 16, "n_layer": 2, "n_head": 2}),
    ],
)
def test_a_model_that_is_not_causal_is_refused_with_a_drafter(one_thread, name, options):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model_class = getattr(transformers, name)
    torch.manual_seed(2)
    model = model_class(model_class.config_class(vocab_size=40, **sizes | options)).eval()
    ids = torch.tensor([PROMPT])
    assert coupled_generate(model, ids, seed=1, max_new_tokens=3, eos_token_id=None).shape == (1, len(PROMPT) + 3)
    for way in ({"assistant_model": model}, {"prompt_lookup_num_tokens": 4}):
        with pytest.raises(ValueError, match=rf"model with a drafter \({name}\) must be a causal decoder"):
            coupled_generate(model, ids, seed=1, **way)
