"""What the calls of speculative decoding share with `sample_logits`: axis, out, workers, stream, token_ids, tensors."""

import numpy as np
import pytest

from pycouple.speculative import (
    SamplingParams,
    draft,
    generate,
    list_target,
    list_target_logits,
    race,
    ratio_test,
    verify,
    verify_list,
    warp,
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
            out = np.empty((3, 4), np.int64), *np.empty((3, 3, 4))
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


# Tensors


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("params", PARAMS)
def test_tensors(dtype, params):
    """Draws of the same numbers in NumPy: bfloat16 ones as widened to float32, filtered or not."""
    torch = pytest.importorskip("torch")
    t = torch.from_numpy(logits((7, 300))).to(getattr(torch, dtype))
    x = t.float().numpy() if dtype == "bfloat16" else t.numpy()
    positions = torch.arange(7)
    want = race(x, 3, range(7), params)
    for form in (t, t.clone().requires_grad_(), t.repeat_interleave(2, dim=1)[:, ::2]):
        got = race(form, torch.tensor(3), positions, params)
        assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
        assert np.array_equal(draft(form, 3, positions, params), want.item)
    assert np.array_equal(warp(t, params or SamplingParams()), warp(x, params or SamplingParams()))
    ids = torch.randperm(500, generator=torch.Generator().manual_seed(1))[:300]
    assert np.array_equal(
        draft(t, 3, positions, params, token_ids=ids), draft(x, 3, range(7), params, token_ids=ids.numpy())
    )
    drafts = torch.from_numpy(want.item)
    for given in (drafts[:6], list(drafts[:6])):  # a tensor, and a list of numbers that are tensors
        same(verify(given, t, torch.tensor(3), torch.tensor(0), params), verify(want.item[:6], x, 3, 0, params))
    batch = drafts[:6].reshape(1, 6).repeat(2, 1)[:, :2]
    rows, plain = t[[0, 1, 2, 0, 1, 2]], x[[0, 1, 2, 0, 1, 2]]
    same(verify(batch, rows, 3, torch.tensor([0, 4]), params), verify(batch.numpy(), plain, 3, [0, 4], params))
    same(verify(list(batch), rows, 3, 0, params), verify(batch.numpy(), plain, 3, 0, params))
    same(
        verify_list(batch, rows.reshape(2, 3, -1), 3, torch.tensor(0), params, streams=torch.tensor([4, 2])),
        verify_list(batch.numpy(), plain.reshape(2, 3, -1), 3, 0, params, streams=[4, 2]),
    )
    temperature = params.temperature if params else 1.0
    assert np.array_equal(
        list_target_logits(t, 3, positions, torch.arange(3), temperature=temperature),
        list_target_logits(x, 3, range(7), range(3), temperature=temperature),
    )
    assert np.array_equal(list_target(t.abs(), 3, positions, range(3)), list_target(np.abs(x), 3, range(7), range(3)))


def test_models_that_give_tensors():
    torch = pytest.importorskip("torch")
    table = torch.from_numpy(logits((30, 30))).to(torch.bfloat16).requires_grad_()
    plain = table.detach().float().numpy()
    for params in PARAMS:
        want = generate(lambda t: plain[t], lambda t: plain[t] + 0.5, [3, 4], 7, params, max_new_tokens=20)
        got = generate(
            lambda t: table[t],
            lambda t: table[t] + 0.5,
            torch.tensor([3, 4]),
            torch.tensor(7),
            params,
            max_new_tokens=20,
            stop_tokens=torch.tensor([], dtype=torch.int64),
        )
        assert got.tokens == want.tokens
        assert all(type(token) is int for token in got.tokens)


def test_ratio_test_of_tensors():
    torch = pytest.importorskip("torch")
    p, q = logits((3, 20), 2), logits((4, 20), 3)
    for seed in range(20):
        tokens = draft(p, seed, range(3))
        got = ratio_test(
            torch.from_numpy(tokens), torch.from_numpy(p), torch.from_numpy(q), np.random.default_rng(seed)
        )
        same(got, ratio_test(tokens, p, q, np.random.default_rng(seed)))
