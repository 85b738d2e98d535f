"""What the calls of speculative decoding share with `sample_logits`: axis, out, workers, stream, token_ids."""

import numpy as np
import pytest

from pycouple.speculative import (
    SamplingParams,
    draft,
    list_target,
    list_target_logits,
    race,
    verify,
    verify_list,
)

PARAMS = (
    None,
    SamplingParams(temperature=0.7, top_p=0.9),
    SamplingParams(0.8, top_k=5, min_p=0.05),
    SamplingParams(0.0),
)


def logits(shape, seed=1):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def same(got, want):
    """Verified, of one sequence or of several."""
    assert got.accepted == want.accepted
    if isinstance(want.tokens, list):
        assert [t.tolist() for t in got.tokens] == [t.tolist() for t in want.tokens]
    else:
        assert got.tokens.tolist() == want.tokens.tolist()


@pytest.mark.parametrize("params", PARAMS)
def test_axis_out_and_workers_of_draft_and_race(params):
    x, positions, streams = logits((3, 4, 90)), np.arange(4), [[0], [7], [255]]
    want = race(x, 3, positions, params, stream=streams)
    assert want.item.shape == (3, 4)
    for axis in (0, 1, -2):
        rows = np.moveaxis(x, -1, axis)
        for workers in (1, 2, -1):
            options = {"stream": streams, "axis": axis, "workers": workers}
            out = np.empty((3, 4), np.int64), np.empty((3, 4)), np.empty((3, 4))
            assert draft(rows, 3, positions, params, out=out[0], **options) is out[0]
            assert np.array_equal(out[0], want.item)
            got = race(rows, 3, positions, params, out=out, **options)
            assert all(a is b for a, b in zip(got, out, strict=True))
            assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("params", PARAMS)
def test_reduced_vocabularies(params):
    """Columns in any order, each the token that token_ids say: the draw of the whole row with -inf elsewhere."""
    rng = np.random.default_rng(2)
    x = logits((4, 300))
    ids = rng.permutation(300)[:40]
    whole = np.full_like(x, -np.inf)
    whole[:, ids] = x[:, ids]
    part = x[:, ids]
    got, want = race(part, 3, np.arange(4), params, token_ids=ids), race(whole, 3, np.arange(4), params)
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
    assert np.array_equal(draft(part.T, 3, np.arange(4), params, token_ids=ids, axis=0), want.item)
    drafts = want.item[:3].tolist()
    same(verify(drafts, part, 3, 0, params, token_ids=ids), verify(drafts, whole, 3, 0, params))
    same(verify(drafts, part.T, 3, 0, params, token_ids=ids, axis=0), verify(drafts, whole, 3, 0, params))
    same(
        verify_list([drafts, [0, 0, 0]], [part, part], 3, 0, params, token_ids=ids),
        verify_list([drafts, [0, 0, 0]], [whole, whole], 3, 0, params),
    )


@pytest.mark.parametrize("params", PARAMS)
def test_streams_of_verify(params):
    """One stream, or one per sequence: the draws of `draft` at that stream."""
    x = logits((7, 60))
    lengths, seeds, positions, streams = (2, 0, 2), [5, 6, 7], [10, 20, 30], [0, 9, 255]
    starts = np.cumsum([0, 3, 1])
    drafts, want = [], []
    for length, start, seed, position, stream in zip(lengths, starts, seeds, positions, streams, strict=True):
        own = draft(x[start : start + length + 1], seed, position + np.arange(length + 1), params, stream=stream)
        want.append(own.tolist())
        drafts.append(own[:length].tolist())
    got = verify(drafts, x, seeds, positions, params, stream=streams, workers=2)
    assert [t.tolist() for t in got.tokens] == want
    assert got.accepted == list(lengths)
    alone = verify(drafts[2], x[4:], 7, 30, params, stream=255)
    assert (alone.tokens.tolist(), alone.accepted) == (want[2], 2)
    same(verify(drafts, x.T, seeds, positions, params, stream=streams, axis=0), got)


@pytest.mark.parametrize("invariance", ["strong", "conditional"])
def test_axis_and_workers_of_verify_list(invariance):
    x = logits((2, 3, 60))
    drafts = [draft(x[0, :2], 5, [10, 11], stream=k).tolist() for k in range(2)]
    want = verify_list(drafts, x, 5, 10, invariance=invariance)
    for workers in (1, 2, -1):
        same(verify_list(drafts, [a.T for a in x], 5, 10, invariance=invariance, axis=0, workers=workers), want)


def test_positions_by_name():
    """`position` is everywhere in the third place, and is what `sample` calls step."""
    x = logits((60,))
    assert list_target_logits(x, 5, 10) == list_target_logits(x, seed=5, position=10) == draft(x, seed=5, position=10)
    assert list_target(np.exp(x), 5, 10) == list_target(np.exp(x), seed=5, position=10)
