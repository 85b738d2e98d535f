"""Temperature, top-k, top-p and min-p of the calls of speculative decoding: params, several params, and keywords."""

import dataclasses
import re

import numpy as np
import pytest

import pycouple
from pycouple.speculative import SamplingParams, draft, list_target_logits, race, verify, verify_list, warp

SEVERAL = [
    SamplingParams(0.8, top_p=0.9),
    SamplingParams(),
    SamplingParams(0.0),
    SamplingParams(1.3, 5, 0.95, 0.02),
    SamplingParams(min_p=0.1),
]
COLUMNS = {name: [getattr(params, name) for params in SEVERAL] for name in ("temperature", "top_k", "top_p", "min_p")}
LOGITS = np.random.default_rng(1).normal(0, 2, (5, 90)).astype(np.float32)
FORMS = [
    {"params": SEVERAL},
    {"params": iter(SEVERAL)},
    {"params": np.array(SEVERAL, object)},
    COLUMNS,
    {name: np.array(values) for name, values in COLUMNS.items()},
]


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def alone(function, *where, **options):
    """Row by row, each with its own params."""
    return [function(x, *where, params, **options) for x, params in zip(LOGITS, SEVERAL, strict=True)]


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_one_per_row(form):
    given = FORMS[form] if form != 1 else {"params": iter(SEVERAL)}
    again = (lambda: {"params": iter(SEVERAL)}) if form == 1 else lambda: given
    assert draft(LOGITS, 3, 7, **again()).tolist() == alone(draft, 3, 7)
    found = race(LOGITS, 3, 7, **again())
    assert [tuple(row) for row in zip(*found, strict=True)] == [tuple(one) for one in alone(race, 3, 7)]
    assert np.array_equal(warp(LOGITS, **again()), np.stack(alone(warp)))
    want = [list_target_logits(x, 3, 7, [4, 9], params) for x, params in zip(LOGITS, SEVERAL, strict=True)]
    assert list_target_logits(LOGITS, 3, 7, [4, 9], **again()).tolist() == want


def test_params_are_the_keywords_of_sample_logits():
    for params in SEVERAL:
        numbers = dataclasses.asdict(params)
        want = pycouple.sample_logits(LOGITS, 3, np.arange(5), stream=2, **numbers)
        assert np.array_equal(draft(LOGITS, 3, np.arange(5), params, stream=2), want)
        assert np.array_equal(draft(LOGITS, 3, np.arange(5), stream=2, **numbers), want)
        assert np.array_equal(list_target_logits(LOGITS, 3, np.arange(5), [2], params), want)


def test_params_broadcast_as_seeds_do():
    want = [[int(draft(LOGITS[0], seed, 7, params)) for params in SEVERAL] for seed in (3, 4)]
    assert draft(LOGITS[0], [[3], [4]], 7, SEVERAL).tolist() == want
    same = [SamplingParams(0.8, top_p=0.9)] * 5
    assert np.array_equal(draft(LOGITS, 3, 7, same), draft(LOGITS, 3, 7, same[0]))


@pytest.mark.parametrize("keywords", [False, True])
def test_verify(keywords):
    """One, one per sequence, or one per row."""

    def given(several):
        names = COLUMNS if keywords else ()
        return {name: [getattr(one, name) for one in several] for name in names} or {"params": several}

    drafts = [[1, 2], [3]]
    positions = [7, 8, 9, 20, 21]
    for several in (SEVERAL[3:], SEVERAL):
        per_row = several if len(several) == 5 else [several[0]] * 3 + [several[1]] * 2
        own = [int(draft(x, 3, at, one)) for x, at, one in zip(LOGITS, positions, per_row, strict=True)]
        right = [own[:2], own[3:4]]
        found = verify(right, LOGITS, 3, [7, 20], **given(several))
        assert [tokens.tolist() for tokens in found.tokens] == [own[:3], own[3:]]
        assert found.accepted == [2, 1]
        found = verify(drafts, LOGITS, 3, [7, 20], **given(several))
        assert [tokens[0] for tokens in found.tokens] == [own[0], own[3]]
    one_sequence = [int(draft(x, 3, 7 + i, one)) for i, (x, one) in enumerate(zip(LOGITS, SEVERAL, strict=True))]
    found = verify(one_sequence[:4], LOGITS, 3, 7, **given(SEVERAL))
    assert (found.tokens.tolist(), found.accepted) == (one_sequence, 4)


@pytest.mark.parametrize("invariance", ["strong", "conditional"])
def test_verify_list_has_one_per_position(invariance):
    rows = np.repeat(LOGITS[np.newaxis], 2, axis=0)
    want = [
        int(list_target_logits(x, 3, 7 + j, [0, 1], one))
        for j, (x, one) in enumerate(zip(LOGITS, SEVERAL, strict=True))
    ]
    drafts = [want[:4]] * 2
    for given in ({"params": SEVERAL}, COLUMNS):
        found = verify_list(drafts, rows, 3, 7, invariance=invariance, **given)
        assert (found.tokens.tolist(), found.accepted) == (want, 4)
    # The longest draft says how many positions there are.
    found = verify_list([want[:1], want[:4]], [LOGITS[:2], LOGITS], 3, 7, SEVERAL, invariance="strong")
    assert found.tokens.tolist() == want
    with raises(ValueError, "params must be one, or 5, one per position; got shape (4,)"):
        verify_list(drafts, rows, 3, 7, SEVERAL[:4])
    with raises(ValueError, "top_p must be one, or 5, one per position; got shape (2,)"):
        verify_list(drafts, rows, 3, 7, top_p=[0.5, 0.9])


@pytest.mark.parametrize("function", [draft, race, warp, list_target_logits])
def test_errors(function):
    where = () if function is warp else (3, 7)
    shapes = "the batch shapes do not broadcast (logits without its items): logits (5,), "
    with raises(ValueError, f"{shapes}params (4,)"):
        function(LOGITS, *where, params=SEVERAL[:4])
    with raises(ValueError, f"{shapes}params (4,)"):  # which differ in temperature alone, or not at all
        function(LOGITS, *where, params=[SamplingParams(top_p=0.9)] * 4)
    with raises(ValueError, f"{shapes}top_k (4,)"):
        function(LOGITS, *where, top_k=[1, 2, 3, 4])
    with raises(ValueError, "top_p must be left out beside params, which have a top_p of their own"):
        function(LOGITS, *where, params=SEVERAL[0], top_p=0.5)
    with raises(ValueError, "temperature must be left out beside params, which have a temperature of their own"):
        function(LOGITS, *where, params=SEVERAL, temperature=0.5)
    with raises(TypeError, "params[1] must be pycouple.speculative.SamplingParams, got NoneType"):
        function(LOGITS, *where, params=[SEVERAL[0], None])
    with raises(TypeError, "params[0] must be pycouple.speculative.SamplingParams, got numpy.float64"):
        function(LOGITS, *where, params=np.array([0.5]))
    for wrong in ("abc", {"top_p": 0.5}, {SEVERAL[0]}, 0.5):
        with raises(TypeError, f"params must be pycouple.speculative.SamplingParams, got {type(wrong).__name__}"):
            function(LOGITS, *where, params=wrong)
    with raises(ValueError, "top_p must be in [0, 1], got 95.0 at index 3"):
        function(LOGITS, *where, top_p=[1, 1, 1, 95, 1])
    with raises(TypeError, "top_k must be integers, got float"):
        function(LOGITS, *where, top_k=50.0)
    with raises(ValueError, "temperature must be finite and at least 0, got -2.0 at index 2"):
        function(LOGITS, *where, temperature=[1.0, 1, -2, 1, 1])
    cold = [SamplingParams(), SamplingParams(), SamplingParams(1e-310), SamplingParams(), SamplingParams()]
    with pytest.raises(ValueError, match=r"^params\[2\].temperature 1e-310 is so small .* at row 2;"):
        function(LOGITS, *where, params=cold)


def test_errors_of_verify():
    drafts = [[1, 2], [3]]
    wanted = "must be one, or 2 (one per sequence) or 5 (one per row of target_logits); got shape (3,)"
    with raises(ValueError, f"params {wanted}"):
        verify(drafts, LOGITS, 3, 7, SEVERAL[:3])
    with raises(ValueError, f"top_p {wanted}"):
        verify(drafts, LOGITS, 3, 7, top_p=[0.5] * 3)
    with raises(ValueError, "top_p must be in [0, 1], got 1.5 at index 1"):
        verify(drafts, LOGITS, 3, 7, top_p=[0.5, 1.5])
    with raises(ValueError, "temperature must be finite and at least 0, got -1.0 at row 3 (row 0 of sequence 1)"):
        verify(drafts, LOGITS, 3, 7, temperature=[1, -1])
    with raises(ValueError, "min_p must be left out beside params, which have a min_p of their own"):
        verify(drafts, LOGITS, 3, 7, SEVERAL[0], min_p=0.1)
