"""Collections of tokens in every form: read once, before the first call of a model, and right."""

import re
from collections import deque

import numpy as np
import pandas as pd
import pytest

from pycouple.speculative import draft, generate, list_target, ratio_test, verify, verify_list

TABLE = np.random.default_rng(3).normal(0, 2, (12, 12))
FORMS = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "generator": lambda x: (one for one in x),
    "map": lambda x: map(int, x),
    "filter": lambda x: filter(lambda _: True, x),
    "deque": deque,
    "values": lambda x: dict(enumerate(x)).values(),
    "keys": lambda x: dict.fromkeys(x).keys(),
    "array": np.array,
    "small array": lambda x: np.array(x, np.uint8),
    "NumPy's integers": lambda x: [np.int32(one) for one in x],
    "series": pd.Series,
}
UNORDERED = {"set": set, "frozenset": frozenset}


def model(tokens):
    return TABLE[tokens]


def drafter(tokens):
    return TABLE[tokens] + 0.5


def tensors(x):
    return pytest.importorskip("torch").tensor(x)


def tensors_in_a_list(x):
    torch = pytest.importorskip("torch")
    return [torch.tensor(one) for one in x]


@pytest.mark.parametrize("own", [None, drafter])
@pytest.mark.parametrize("form", [*(FORMS | UNORDERED).values(), tensors, tensors_in_a_list])
def test_stop_tokens(own, form):
    whole = generate(model, own, [3], 7, max_new_tokens=30).tokens
    stops = [whole[9], whole[11], 0]
    end = next(i for i, token in enumerate(whole) if token in stops)
    got = generate(model, own, [3], 7, max_new_tokens=30, stop_tokens=form(stops))
    assert got.tokens == whole[: end + 1]


@pytest.mark.parametrize("own", [None, drafter])
@pytest.mark.parametrize("form", [int, np.int64, np.array, tensors, lambda x: range(x, x + 1), lambda x: [x, x]])
def test_one_stop_token(own, form):
    whole = generate(model, own, [3], 7, max_new_tokens=30).tokens
    end = whole.index(whole[8])
    got = generate(model, own, [3], 7, max_new_tokens=30, stop_tokens=form(whole[8]))
    assert got.tokens == whole[: end + 1]


def test_no_stop_token():
    whole = generate(model, drafter, [3], 7, max_new_tokens=30).tokens
    for none in (None, [], (), set(), iter([]), np.array([], int)):
        assert generate(model, drafter, [3], 7, max_new_tokens=30, stop_tokens=none).tokens == whole


@pytest.mark.parametrize("form", [*FORMS.values(), tensors, tensors_in_a_list])
def test_tokens_of_every_call(form):
    prompt = [3, 5, 2]
    want = generate(model, drafter, prompt, 7, max_new_tokens=9)
    assert generate(model, drafter, form(prompt), 7, max_new_tokens=9) == want
    logits = TABLE[:4]
    tokens = draft(logits, 7, range(5, 9)).tolist()
    want = verify(tokens[:3], logits, 7, 5)
    if len(set(tokens[:3])) == 3 or form is not FORMS["keys"]:
        got = verify(form(tokens[:3]), logits, 7, 5)
        assert (got.tokens.tolist(), got.accepted) == (want.tokens.tolist(), 3)
    ids = [9, 2, 4]
    assert draft(TABLE[0, :3], 7, 5, token_ids=form(ids)) == draft(TABLE[0, :3], 7, 5, token_ids=ids)
    assert list_target(np.ones(9), 7, 5, form([0, 3])) == list_target(np.ones(9), 7, 5, [0, 3])


@pytest.mark.parametrize("once", [iter, lambda x: (one for one in x), lambda x: dict(enumerate(x)).values()])
def test_batches_of_drafts(once):
    logits, drafts = TABLE[:5], [[1, 2], [3]]
    want = verify(drafts, logits, 7, 5)
    got = verify(once([once(one) for one in drafts]), logits, 7, once([5, 5]))
    assert [one.tolist() for one in got.tokens] == [one.tolist() for one in want.tokens]
    drafts, logits = [[1, 2], [1, 3]], [TABLE[:3], TABLE[:3]]
    for invariance in ("strong", "conditional"):
        want = verify_list(drafts, logits, 7, 5, streams=[4, 2], invariance=invariance)
        given = once([once(one) for one in drafts]), once(logits)
        got = verify_list(*given, 7, 5, streams=once([4, 2]), invariance=invariance)
        assert (got.tokens.tolist(), got.accepted) == (want.tokens.tolist(), want.accepted)


@pytest.mark.parametrize("tokens", ["12", {1, 2}, {1: 2}, 5, None])
def test_drafts_that_have_no_order(tokens):
    got = type(tokens).__name__
    with pytest.raises(
        TypeError, match=f"^draft_tokens must be a sequence of integers or of such sequences, got {got}$"
    ):
        verify(tokens, TABLE[:3], 7, 5)
    with pytest.raises(TypeError, match=f"^draft_tokens must be a sequence with one element per draft, got {got}$"):
        verify_list(tokens, [TABLE[:3]], 7, 5)


def test_labels_of_logits_that_differ():
    p = pd.DataFrame(TABLE[:1, :3], columns=list("abc"))
    q = pd.DataFrame(TABLE[:2, :3], columns=list("cab"))
    message = "draft_logits and target_logits have different labels, and would be paired by position"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ratio_test([1], p, q, np.random.default_rng(1))


def test_no_memory_for_the_largest_id():
    message = r"^token_ids: no memory for logits of 17179869184 tokens, up to the largest id$"
    with pytest.raises(MemoryError, match=message):
        draft(np.zeros((4096, 1)), 7, 5, token_ids=[2**34 - 1])
