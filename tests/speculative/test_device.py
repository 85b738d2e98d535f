"""The calls of speculative decoding on CUDA tensors give what those on the host give, and stay on the device.

The same code draws from tensors on the CPU where these are taken for tensors on a device, as they are here without one.
"""

import re

import numpy as np
import pytest

from pycouple.speculative import (
    SamplingParams,
    device,
    draft,
    draws,
    list_verification,
    race,
    tokens,
    verification,
    verify,
    verify_list,
)

torch = pytest.importorskip("torch", reason="torch is not installed")

WITHOUT_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
MIXED = [SamplingParams(0.8, top_p=0.9), SamplingParams(0.0), SamplingParams(1.3, 5, 0.95, 0.02), SamplingParams()]
N = 200


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, WITHOUT_CUDA])])
def on(request, monkeypatch):
    """From an array to a tensor that the calls take for one on a device."""
    if request.param == "cpu":
        for module in (device, draws, list_verification, tokens, verification):
            monkeypatch.setattr(module, "on_device", lambda x: isinstance(x, torch.Tensor))
    return lambda a: torch.as_tensor(np.asarray(a), device=request.param)


def rows(count, seed=1):
    return np.random.default_rng(seed).normal(0, 2, (count, N)).astype(np.float32)


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("params", [None, MIXED[0], MIXED])
def test_draft_and_race(on, params):
    x, streams = rows(12).reshape(3, 4, N), np.array([[0], [9], [255]])
    seeds, positions = np.arange(4, dtype=np.uint64) + 2**63, np.arange(4)
    want = race(x, seeds, positions, params, stream=streams)
    for where in ((seeds, positions), (on(seeds), on(positions)), (seeds.tolist(), positions)):
        for stream in (streams, on(streams)):
            assert draft(on(x), *where, params, stream=stream).tolist() == want.item.tolist()
            found = race(on(x), *where, params, stream=stream)
            assert all(torch.is_tensor(a) and np.array_equal(a.cpu(), b) for a, b in zip(found, want, strict=True))
    out = on(np.empty((3, 4), np.int64)), *(on(part) for part in np.empty((3, 3, 4)))
    found = race(on(x.transpose(0, 2, 1)), seeds, positions, params, stream=streams, axis=1, out=out)
    assert all(a is b and np.array_equal(a.cpu(), c) for a, b, c in zip(found, out, want, strict=True))
    one = draft(on(x[0, 0]), int(seeds[0]), 0, MIXED[0])
    assert (one.shape, int(one)) == ((), int(draft(x[0, 0], int(seeds[0]), 0, MIXED[0])))


def test_keywords_on_the_device(on):
    x = rows(4)
    given = {"temperature": [0.8, 0.0, 1.3, 1.0], "top_k": [0, 3, 5, -1], "top_p": [0.9, 1, 0.95, 1], "min_p": 0.02}
    want = draft(x, 3, 7, **given)
    assert draft(on(x), 3, 7, **given).tolist() == want.tolist()
    moved = {name: on(values) for name, values in given.items()}
    assert draft(on(x), 3, 7, **moved).tolist() == want.tolist()


def test_reduced_vocabularies(on):
    ids = np.random.default_rng(2).permutation(300)[:N]
    x = rows(4)
    for dtype in (torch.float32, torch.bfloat16):
        given = on(x).to(dtype)
        want = draft(given.cpu().float().numpy(), 3, 7, MIXED, token_ids=ids)
        assert draft(given, 3, 7, MIXED, token_ids=ids).tolist() == want.tolist()


def padded(found, width):
    """What `verify` gives on the host, as it is given on a device."""
    listed = [part.tolist() + [-1] * (width - len(part)) for part in found.tokens]
    return listed, found.accepted


@pytest.mark.parametrize("params", [None, MIXED[0], MIXED[:3], MIXED + MIXED[:3]])
def test_verify(on, params):
    """Ragged batches, some drafts of which are right."""
    rng, x, lengths = np.random.default_rng(5), rows(7), (2, 0, 2)
    seeds, positions, streams = [5, 6, 2**64 - 1], [10, 20, 30], [0, 9, 255]
    for trial in range(12):
        right = verify([[0, 0], [], [0, 0]], x, seeds, positions, params, stream=streams)
        drafts = [rng.integers(0, N, length).tolist() for length in lengths]
        drafts[0][:1] = right.tokens[0][:1].tolist()
        if trial % 2:
            drafts[2] = [int(right.tokens[2][0]), 5]
        want = verify(drafts, x, seeds, positions, params, stream=streams)
        moved = np.array(seeds, np.uint64), np.array(positions, np.int32)
        for where in ((seeds, positions), (on(moved[0]), on(moved[1]))):
            for given in (drafts, [on(np.array(part, np.int64)) for part in drafts]):
                found = verify(given, on(x), *where, params, stream=streams)
                assert (found.tokens.tolist(), found.accepted.tolist()) == padded(want, 3)
    assert max(want.accepted) >= 1


def test_forms_of_drafts(on):
    x = rows(6)
    own = draft(x, 3, [7, 8, 9, 7, 8, 9])
    want = verify(own[:2], x[:3], 3, 7)
    for given in (on(own[:2]), list(on(own[:2])), own[:2], own[:2].tolist()):
        found = verify(given, on(x[:3]), 3, 7)
        assert (found.tokens.tolist(), int(found.accepted)) == (want.tokens.tolist(), 2)
    square = np.array([own[:2], [own[3], 0]])
    want = padded(verify(square, x, 3, 7), 3)
    for given in (on(square), [list(on(square[0])), on(square[1])]):
        found = verify(given, on(x), 3, on(7))
        assert (found.tokens.tolist(), found.accepted.tolist()) == want
    found = verify([[], []], on(x[:2]), 3, [7, 9])
    assert found.tokens.tolist() == draft(x[:2], 3, [7, 9])[:, np.newaxis].tolist()
    assert found.accepted.tolist() == [0, 0]


def test_bad_rows_are_marked(on):
    """Nothing waits for the device, so there is no error: the sequence ends with -1, also if a draft was -1."""
    x = rows(5)
    own = draft(x, 3, [7, 8, 9, 7, 8]).tolist()
    x[1, 4] = np.nan
    assert draft(on(x), 3, [7, 8, 9, 7, 8]).tolist() == [own[0], -1, *own[2:]]
    for drafts in ([own[:2], own[3:4]], [on(np.array([own[0], -1])), on(np.array(own[3:4]))]):
        found = verify(drafts, on(x), 3, 7)
        assert found.tokens.tolist() == [[own[0], -1, -1], [*own[3:], -1]]
        assert found.accepted.tolist() == [1, 1]


@pytest.mark.parametrize("invariance", ["strong", "conditional"])
@pytest.mark.parametrize("params", [None, MIXED[0], MIXED])
def test_verify_list(on, params, invariance):
    rng, accepted = np.random.default_rng(6), set()
    for trial in range(25):
        table = rng.normal(0, 1.2, (9, 9)).astype(np.float32)
        count, first = int(rng.integers(1, 5)), int(rng.integers(9))
        lengths = [3, *rng.integers(0, 4, count - 1)]
        drafts = []
        for k, length in enumerate(lengths):
            text = [first]
            for j in range(length):
                text.append(int(draft(table[text[-1]] + rng.normal(0, 0.3, 9), 9, 40 + j, MIXED[0], stream=k)))
            drafts.append(text[1:])
        x = [table[[first, *part]] for part in drafts]
        want = verify_list(drafts, x, 9, 40, params, invariance=invariance)
        found = verify_list(drafts, [on(part) for part in x], 9, 40, params, invariance=invariance)
        assert found.tokens.tolist() == want.tokens.tolist() + [-1] * (4 - len(want.tokens)), trial
        assert int(found.accepted) == want.accepted
        accepted.add(want.accepted)
    assert len(accepted) > 2


def test_verify_list_of_one_tensor(on):
    x = np.stack([rows(3, 1), rows(3, 2)])
    want = verify_list([[1, 2], [3, 4]], x, 9, 40, token_ids=np.arange(N)[::-1])
    drafts = np.array([[int(want.tokens[0]), 2], [3, 4]])
    want = verify_list(drafts, x, 9, 40, token_ids=np.arange(N)[::-1])
    found = verify_list(on(drafts), on(x), 9, 40, token_ids=np.arange(N)[::-1])
    assert found.tokens.tolist() == want.tokens.tolist() + [-1] * (3 - len(want.tokens))
    x[0, 0, 3] = np.nan
    assert verify_list(on(drafts), on(x), 9, 40).tokens.tolist() == [-1, -1, -1]


def test_errors(on):
    x = on(rows(5))
    with raises(ValueError, "position must be in 0..2**64 - 1, got -1"):
        draft(x, 3, -1)
    with raises(TypeError, "position must be integers, got torch.float32"):
        draft(x, 3, x[:, 0])
    with raises(TypeError, "top_p must be real numbers, got torch.int64"):
        draft(x, 3, 7, top_p=on(np.arange(5)))
    with raises(ValueError, "the batch shapes do not broadcast (logits without its items): logits (5,), params (4,)"):
        draft(x, 3, 7, MIXED)
    with raises(np.exceptions.AxisError, "logits: axis 2 is out of bounds for array of dimension 2"):
        race(x, 3, 7, axis=2)
    with raises(TypeError, f"logits must be float32, bfloat16 or float16 on {x.device}, got torch.float64"):
        draft(x.double(), 3, 7)
    with raises(ValueError, "out must have shape (5,), that of the batch; got (4,)"):
        draft(x, 3, 7, out=on(np.empty(4, np.int64)))
    with raises(ValueError, "target_logits must have 4 rows, one per draft and one more per sequence; got 5"):
        verify([[1, 2], []], x, 3, 7)
    with raises(ValueError, "seed must be one integer or 2, one per sequence; got shape (3,)"):
        verify([[1, 2], [3]], x, on(np.arange(3)), 7)
    with raises(TypeError, "draft_tokens[1] must be integers, got torch.float32"):
        verify([[1, 2], x[0, :1]], x, 3, 7)
    wanted = "must be one, or 2 (one per sequence) or 5 (one per row of target_logits); got shape (3,)"
    with raises(ValueError, f"top_k {wanted}"):
        verify([[1, 2], [3]], x, 3, 7, top_k=on(np.arange(3)))
    with raises(TypeError, "target_logits[1] must be on a CUDA device, as the others are"):
        verify_list([[1], [2]], [x[:2], rows(2)], 3, 7)


@pytest.mark.gpu
@WITHOUT_CUDA
def test_nothing_waits_for_the_device():
    """Once the kernel is compiled, no call synchronises: torch would raise an error."""
    x = torch.from_numpy(rows(5)).cuda()
    positions = torch.arange(5, device="cuda")

    def calls():
        own = draft(x, 3, positions, MIXED[0])
        race(x, 3, [7, 8, 9, 7, 8], top_p=[0.9, 0.5, 1.0, 0.3, 0.2])
        verify([own[:2], own[3:4]], x, [1, 2], positions[:2], MIXED[:2])
        verify_list([own[:1], own[1:2]], [x[:2], x[2:4]], 3, 7, MIXED[0], invariance="conditional")

    calls()
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        calls()
    finally:
        torch.cuda.set_sync_debug_mode(before)
