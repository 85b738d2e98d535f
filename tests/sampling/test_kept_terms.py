"""pycouple.kept_terms, and the same on tensors: against the slow reading, by slices, and what it refuses."""

from importlib.util import find_spec

import numpy as np
import pytest

import pycouple
from tests.support import oracle_kept

TEMPERATURES = (1.0, 0.7, 1e-45, 1e300, 100.0)


def row(dtype, seed=0, n=300):
    x = np.random.default_rng(seed).normal(0, 6, n).astype(dtype)
    x[3::50] = -np.inf
    return x


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_terms_are_those_of_the_oracle(dtype, temperature):
    x = row(dtype)
    top = float(x.max())
    want = [oracle_kept.term(float(v), top, temperature) if v > -np.inf else 0 for v in x]
    assert pycouple.kept_terms(x, temperature).tolist() == want


def test_rows_axes_and_parameters_of_rows():
    x = np.stack([row("float32", seed) for seed in range(4)])
    t = np.array([1.0, 0.5, 0.0, 2.0])
    got = pycouple.kept_terms(x, t)
    assert got.dtype == np.int64
    for i in range(4):
        np.testing.assert_array_equal(got[i], pycouple.kept_terms(x[i], t[i]))
    np.testing.assert_array_equal(pycouple.kept_terms(x.T[::-1], t, axis=0), got[:, ::-1])
    assert got[2].tolist() == [2**28 if v == x[2].max() else 0 for v in x[2]]
    assert pycouple.kept_terms(np.zeros((2, 0))).shape == (2, 0)
    assert pycouple.kept_terms(np.zeros((2, 0)), [[1.0], [2.0], [0.0]]).shape == (3, 2, 0)
    np.testing.assert_array_equal(pycouple.kept_terms(x, None), pycouple.kept_terms(x, 1.0))


def test_slices_add_up():
    x, top = row("float32"), row("float32").max()
    parts = [pycouple.kept_terms(x[at : at + 100], 0.8, top=top) for at in (0, 100, 200)]
    np.testing.assert_array_equal(np.concatenate(parts), pycouple.kept_terms(x, 0.8))
    nothing = pycouple.kept_terms(np.full(5, -np.inf), top=top)
    assert nothing.tolist() == [0] * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, np.nan],), "logits: logit of item 1 is nan"),
        (([[0.0], [np.inf]],), "logits: logit of item 0 is inf at row 1"),
        (
            (np.array([0, 0x7F800001], np.uint32).view(np.float32),),
            "logits: logit of item 1 is nan",
        ),  # a signalling one
        (([-np.inf, -np.inf],), "logits: every logit is -inf: give the top of the whole row"),
        (([[0.0, 1.0]], [-1.0]), r"temperature must be finite and at least 0, got -1.0 at row 0"),
        (([0.0], np.nan), "temperature must be finite and at least 0, got nan"),
        (([0.0, 3.0], 1.0, 2.0), "top must not be below a logit, got 2.0, where item 1 has 3.0"),
        (([0.0, 3.0], 1.0, np.inf), "top must be finite, got inf"),
        ((np.zeros((3, 4)), [1.0, 2.0]), r"do not broadcast .*: logits \(3,\), temperature \(2,\)$"),
        ((np.zeros((3, 0)), [1.0, 2.0]), r"do not broadcast .*: logits \(3,\), temperature \(2,\)$"),
        ((np.zeros((3, 4)), 1.0, [1.0, 2.0]), r"do not broadcast .*: logits \(3,\), top \(2,\)$"),
    ],
)
def test_errors(arguments, message):
    options = {"top": arguments[2]} if len(arguments) == 3 else {}
    with pytest.raises(ValueError, match=message):
        pycouple.kept_terms(*arguments[:2], **options)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_tensors_have_the_same_terms(dtype):
    import torch

    from pycouple import torch as coupled

    x = torch.from_numpy(np.stack([row("float32", seed) for seed in range(5)])).to(getattr(torch, dtype))
    t = torch.tensor(TEMPERATURES, dtype=torch.float64)
    np.testing.assert_array_equal(coupled.kept_terms(x, t).numpy(), pycouple.kept_terms(x, t.numpy()))
    top = x[0].max()
    half = coupled.kept_terms(x[0, 150:], 0.8, top=top).numpy()
    np.testing.assert_array_equal(half, pycouple.kept_terms(x[0], 0.8)[150:])
    for above in (float(top) + 0.1, float(top) + 3.0000001, 1e9 + 0.7):  # no number of the type of the logits
        same = pycouple.kept_terms(x[0], 1.7, top=above)
        np.testing.assert_array_equal(coupled.kept_terms(x[0], 1.7, top=above).numpy(), same)
    assert coupled.kept_terms(x[0], 0.0).sum() == 2**28 * (x[0] == top).sum()
    assert coupled.kept_terms(torch.zeros(2, 0)).shape == (2, 0)
