"""Drafts and verification: each token is the target's own draw, in every form of the call."""

import dataclasses

import numpy as np
import pytest

from pycouple.speculative import SamplingParams, draft, generate, list_target_logits, race, verify, verify_list
from tests.support import oracle, oracle_kept
from tests.support.rows import random_row

PARAMS = (None, SamplingParams(temperature=0.7, top_p=0.9), SamplingParams(top_k=5, min_p=0.05), SamplingParams(0.0))


def own(row, seed, position, params, stream=0):
    """The rule in plain Python."""
    temperature, top_k, top_p, min_p = dataclasses.astuple(SamplingParams() if params is None else params)
    return oracle_kept.draw(np.asarray(row), seed, position, stream, temperature, top_k, top_p, min_p)[0]


@pytest.mark.parametrize("params", PARAMS)
def test_draft_is_the_race_at_the_position(level, params):
    rng = np.random.default_rng(70)
    for dtype in (np.float16, np.float32, np.float64):
        x = rng.normal(0, 3, (20, 90)).astype(dtype)
        seed, position, stream = 2**64 - 3, 2**40, 5
        got = draft(x, seed, position + np.arange(20), params, stream=stream)
        assert got.tolist() == [own(row, seed, position + k, params, stream) for k, row in enumerate(x)]
        found = race(x, seed, position + np.arange(20), params, stream=stream)
        assert np.array_equal(found.item, got)
        assert (found.margin >= 0).all()


def plain(drafts, rows, seed, position, params):
    """One sequence, token by token."""
    tokens = []
    for k, row in enumerate(rows):
        tokens.append(own(row, seed, position + k, params))
        if k == len(drafts) or tokens[-1] != drafts[k]:
            break
    return tokens, len(tokens) - 1


@pytest.mark.parametrize("params", PARAMS)
def test_verify_ragged_batches(params):
    rng = np.random.default_rng(72)
    for _ in range(30):
        lengths = rng.integers(0, 6, size=rng.integers(1, 5))
        rows = [np.stack([random_row(rng, 70, np.float32) for _ in range(k + 1)]) for k in lengths]
        rows = [np.clip(x, -1e30, 1e30, where=np.isfinite(x), out=x) for x in rows]
        seeds, positions = rng.integers(1000, size=len(rows)), rng.integers(10**6, size=len(rows))
        drafts = []
        for x, seed, position in zip(rows, seeds, positions, strict=True):
            right = [own(row, int(seed), int(position) + k, params) for k, row in enumerate(x[:-1])]
            drafts.append([token if rng.random() < 0.8 else int(rng.integers(70)) for token in right])
        got = verify(drafts, np.concatenate(rows), seeds, positions, params)
        for k, (tokens, accepted) in enumerate(zip(*got, strict=True)):
            want = plain(drafts[k], rows[k], int(seeds[k]), int(positions[k]), params)
            assert (tokens.tolist(), accepted) == want
            alone = verify(drafts[k], rows[k], int(seeds[k]), int(positions[k]), params)
            assert (alone.tokens.tolist(), alone.accepted) == want


def test_forms_of_verify():
    rows = np.random.default_rng(73).normal(0, 2, (3, 50))
    tokens, accepted = verify([], rows[:1], 1, 7)
    assert (tokens.tolist(), accepted) == ([own(rows[0], 1, 7, None)], 0)
    assert verify(np.array([], int), rows[:1], 1, 7).accepted == 0
    several = verify([[], []], rows[:2], 1, [7, 9])
    assert [t.tolist() for t in several.tokens] == [[own(rows[0], 1, 7, None)], [own(rows[1], 1, 9, None)]]
    assert several.accepted == [0, 0]
    square = verify(np.array([[1], [2]]), np.repeat(rows, 2, axis=0)[:4], 1, 7)
    assert len(square.tokens) == 2
    strided = np.asfortranarray(np.repeat(rows, 2, axis=0))[::2]
    assert np.array_equal(verify([4, 5], strided, 1, 7, workers=2).tokens, verify([4, 5], rows, 1, 7).tokens)


def lists(rng, count, length, n=12):
    """Drafts that share beginnings, and rows that depend on the tokens before them."""
    table = rng.normal(0, 1.5, (n, n)).astype(np.float32)
    first = int(rng.integers(n))
    drafter = table + rng.normal(0, 0.7, table.shape)
    drafts = []
    for k in range(count):
        tokens = [first]
        for j in range(length):
            tokens.append(int(draft(drafter[tokens[-1]], 9, 40 + j, stream=k)))
        drafts.append(tokens[1:])
    return table, first, drafts, [table[[first, *tokens]] for tokens in drafts]


@pytest.mark.parametrize("invariance", ["strong", "conditional"])
def test_verify_list_is_token_by_token(invariance):
    rng = np.random.default_rng(74)
    lengths = set()
    for _ in range(60):
        count, length = int(rng.integers(1, 6)), int(rng.integers(0, 5))
        table, last, drafts, rows = lists(rng, count, length)
        got = verify_list(drafts, rows, 9, 40, invariance=invariance)
        alive, want = list(range(count)), []
        while alive:
            j = len(want)
            listed = range(count) if invariance == "strong" else alive
            scores = [
                (table[last] / 1.0 - np.array([oracle.ln(oracle.clock(9, 40 + j, k, i)) for i in range(12)]))
                for k in listed
            ]
            last = int(np.argmax(np.max(scores, axis=0)))
            want.append(last)
            alive = [k for k in alive if j < length and drafts[k][j] == last]
        assert got.tokens.tolist() == want
        assert got.accepted == len(want) - 1
        lengths.add(got.accepted)
    assert len(lengths) > 3


def test_strong_lists_do_not_depend_on_drafts():
    rng = np.random.default_rng(75)
    table = rng.normal(0, 1.5, (12, 12)).astype(np.float32)
    for _ in range(50):
        text, position = [3], 40
        while len(text) < 10:
            text.append(int(list_target_logits(table[text[-1]], 9, position + len(text) - 1, range(3))))
        drafts = [[t if rng.random() < 0.8 else int(rng.integers(12)) for t in text[1:6]] for _ in range(3)]
        got = verify_list(drafts, [table[[3, *d]] for d in drafts], 9, position)
        assert got.tokens.tolist() == text[1 : 1 + len(got.tokens)]


def test_one_draft_of_a_list_is_verify():
    _, _, (tokens,), (rows,) = lists(np.random.default_rng(76), 1, 4)
    for invariance in ("strong", "conditional"):
        got = verify_list([tokens], [rows], 9, 40, SamplingParams(0.8), invariance=invariance)
        want = verify(tokens, rows, 9, 40, SamplingParams(0.8))
        assert np.array_equal(got.tokens, want.tokens)


def drafters(table, rng):
    noisy = table + rng.normal(0, 0.5, table.shape)
    yield None
    yield lambda tokens: table[tokens]
    yield lambda tokens: noisy[tokens[-1]]  # one row alone
    yield lambda tokens: rng.normal(0, 5, table.shape[1])  # adversarial
    yield lambda tokens: None if len(tokens) % 3 else noisy[tokens]  # often nothing to propose
    yield lambda tokens: np.where(np.arange(table.shape[1]) == tokens[len(tokens) // 2], 0, -np.inf)  # a lookup


@pytest.mark.parametrize("params", PARAMS)
def test_generate_does_not_depend_on_the_drafter(params):
    rng = np.random.default_rng(77)
    table = rng.normal(0, 1.5, (30, 30))
    for seed in range(3):
        prompt = rng.integers(30, size=4).tolist()
        text = list(prompt)
        for position in range(4, 44):
            text.append(own(table[text[-1]], seed, position, params))
        for drafter in drafters(table, rng):
            for length in (0, 1, 4, 50):
                seen = []
                got = generate(
                    lambda tokens: table[tokens],
                    drafter,
                    prompt,
                    seed,
                    params,
                    draft_length=length,
                    max_new_tokens=40,
                    on_tokens=lambda *new, seen=seen: seen.append(new),
                )
                assert got.tokens == text[4:]
                assert len(got.accepted) == 40
                assert [token for new, _ in seen for token in new] == got.tokens
                assert [was for _, were in seen for was in were] == got.accepted
                assert got.target_calls == len(seen) == 40 - sum(got.accepted)
                assert got.tokens_per_call == 40 / got.target_calls
                assert got.drafted >= sum(got.accepted)
                if drafter is None or length == 0:
                    assert got.target_calls == 40


def test_generate_stops():
    table = np.random.default_rng(78).normal(0, 1.5, (30, 30))

    def target(tokens):
        return table[tokens]

    whole = generate(target, None, [1], 5, max_new_tokens=60).tokens
    stop = whole[20]
    want = whole[: whole.index(stop) + 1]
    for drafter in (None, target, lambda tokens: table[tokens] + 0.3):
        assert generate(target, drafter, [1], 5, max_new_tokens=60, stop_tokens={stop}).tokens == want
    assert generate(target, None, [1], 5, max_new_tokens=0) == ([], [], 0, 0)
    assert generate(target, None, [1], 5, max_new_tokens=0).tokens_per_call == 0


def test_a_drafter_that_is_the_target_is_always_right():
    table = np.random.default_rng(79).normal(0, 1.5, (30, 30))
    for params in PARAMS:
        got = generate(lambda t: table[t], lambda t: table[t], [1], 5, params, draft_length=3, max_new_tokens=41)
        assert got.accepted == [True, True, True, False] * 10 + [False]
        assert (got.drafted, got.target_calls) == (30, 11)


def test_drafting_ends_at_a_stop_token():
    table = np.random.default_rng(79).normal(0, 1.5, (30, 30))
    whole = generate(lambda t: table[t], None, [1], 5, max_new_tokens=9).tokens
    stop = whole[1]
    got = generate(lambda t: table[t], lambda t: table[t], [1], 5, draft_length=8, max_new_tokens=9, stop_tokens=[stop])
    assert got.tokens == whole[: whole.index(stop) + 1]
    assert got.drafted == len(got.tokens) == sum(got.accepted)


def test_verify_list_applies_params_and_streams():
    rng = np.random.default_rng(90)
    row = rng.normal(0, 1, 40)
    params = SamplingParams(temperature=0.8, top_k=4)
    others = 0
    for position in range(60):
        largest = np.where(row >= np.sort(row)[-4], row, -np.inf)
        want = int(list_target_logits(largest, 3, position, [9, 4], temperature=0.8))
        assert list_target_logits(row, 3, position, [9, 4], params) == want
        got = verify_list([[], []], [row[np.newaxis]] * 2, 3, position, params, streams=[9, 4])
        assert got.tokens.tolist() == [want]
        others += want != int(verify_list([[], []], [row[np.newaxis]] * 2, 3, position).tokens[0])
    assert others > 5


def test_empty_batches_and_last_positions():
    assert verify(np.zeros((0, 3), int), np.zeros((0, 9)), 1, 5) == ([], [])
    assert verify([], np.zeros((1, 9)), 1, 2**64 - 1).accepted == 0
    assert verify_list([[]], [np.zeros((1, 9))], 1, 2**64 - 1).accepted == 0
