"""Draws under top-k, top-p and min-p, one of each per row, against the oracle; what margin and edge say; errors."""

import math
import re

import numpy as np
import pytest

import pycouple
from tests.support import oracle_kept
from tests.support.bfloat16 import truncated, widened
from tests.support.kept_cases import parameters
from tests.support.rows import random_row, random_weights

torch = pytest.importorskip("torch")
ROWS, N = 30, 300


def raises(error, message):
    """The whole message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def batch(rng):
    """Seeds, steps, streams and parameters, one per row."""
    seeds, steps = rng.integers(0, 2**64, (2, ROWS), np.uint64)
    k, p, m = (np.array(column) for column in zip(*(parameters(rng, N) for _ in range(ROWS)), strict=True))
    kept = {"top_k": k, "top_p": p, "min_p": m}
    return seeds, steps, rng.integers(0, 256, ROWS), kept


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_one_parameter_per_row(dtype):
    rng = np.random.default_rng(31)
    kind = np.float32 if dtype == "bfloat16" else np.dtype(dtype)
    x = np.stack([random_row(rng, N, kind) for _ in range(ROWS)])
    given = x
    if dtype == "bfloat16":
        bits = truncated(x)
        x, given = widened(bits), torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
    seeds, steps, streams, kept = batch(rng)
    temperature = np.full(ROWS, 0.7)
    temperature[3] = 0
    for workers in (1, 2):
        race = pycouple.race_logits(
            given, seeds, steps, temperature=temperature, stream=streams, workers=workers, **kept
        )
        items = pycouple.sample_logits(
            given, seeds, steps, temperature=temperature, stream=streams, workers=workers, **kept
        )
        for i, row in enumerate(x):
            k, p, m = (kept[name][i].item() for name in kept)
            where = int(seeds[i]), int(steps[i]), int(streams[i])
            want = oracle_kept.draw(row, *where, temperature[i].item(), max(k, 0), p, m)
            assert tuple(part[i].item() for part in race) == want
            assert items[i] == want[0]


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_weights(method):
    rng = np.random.default_rng(32)
    p = np.stack([random_weights(rng, N, np.float32) for _ in range(ROWS)])
    q = np.abs(rng.normal(size=(ROWS, N)))
    seeds, steps, streams, kept = batch(rng)
    options = {"stream": streams, "method": method, **kept}
    of_p, of_q = pycouple.couple(p, q, seeds, steps, **options)
    assert np.array_equal(of_p, pycouple.sample(p, seeds, steps, **options))
    for i in range(ROWS):
        where = int(seeds[i]), int(steps[i]), int(streams[i])
        k, share, m = (kept[name][i].item() for name in kept)
        for rows, got in ((p, of_p), (q, of_q)):
            assert got[i] == oracle_kept.draw_weights(rows[i], *where, max(k, 0), share, m, method=method)


def test_parameters_broadcast_and_out_has_the_shape_of_all():
    rng = np.random.default_rng(33)
    row, shares = rng.normal(0, 2, 40), np.array([[0.3], [0.9]])
    want = pycouple.race_logits(row, 5, np.arange(6), top_p=shares, top_k=[0, 1, 2, 3, 4, 50])
    assert want.item.shape == (2, 6)
    out = np.empty((2, 6), np.int64), *np.empty((3, 2, 6))
    columns = np.repeat(row[:, np.newaxis], 6, axis=1)
    options = {"top_p": shares, "top_k": [0, 1, 2, 3, 4, 50], "axis": 0, "out": out, "workers": 2}
    got = pycouple.race_logits(columns, 5, np.arange(6), **options)
    assert all(a is b for a, b in zip(got, out, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
    for method in ("gumbel", "minhash"):
        items = np.empty((2, 6), np.int64)
        options = {"top_p": shares, "method": method}
        assert pycouple.sample(np.exp(row), 5, np.arange(6), out=items, **options) is items
        assert np.array_equal(items, pycouple.sample(np.exp(row), 5, np.arange(6), **options))


KEEP_ALL = [
    {"top_k": 0, "top_p": 1, "min_p": 0},
    {"top_k": -1, "top_p": 1.0, "min_p": 0.0},
    {"top_k": None, "top_p": None, "min_p": None, "temperature": None},
    {"top_k": np.int32(0), "top_p": np.float32(1), "min_p": np.float16(0)},
    {"top_k": torch.tensor(-1), "top_p": torch.tensor(1.0), "min_p": torch.tensor(0.0)},
    {"top_k": 10**30},
    {"top_k": [2**64 - 1, 5, 70]},
    {"top_k": np.array([0, -1, 90], np.int16), "top_p": [1, 1.0, 1]},
]


@pytest.mark.parametrize("options", KEEP_ALL)
def test_what_keeps_all(options):
    x = np.random.default_rng(34).normal(0, 2, (3, 5))
    want = pycouple.race_logits(x, 7, [1, 2, 3])
    got = pycouple.race_logits(x, 7, [1, 2, 3], **options)
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
    assert (got.edge == np.inf).all()
    one = pycouple.race_logits(x[0], 7)
    assert isinstance(one.edge, np.float64)
    assert one.edge == np.inf


def test_the_margin_is_among_the_kept():
    """Moves of less than half the margin leave the token as it is while the kept set is the same."""
    rng, moved, narrow = np.random.default_rng(35), 0, 0
    for step in range(300):
        x = rng.normal(0, 2, 60)
        kept = {"temperature": 0.8, "top_k": 20, "top_p": 0.9, "min_p": 0.01}
        race = pycouple.race_logits(x, 3, step, **kept)
        removed = np.setdiff1d(np.arange(60), oracle_kept.beginning(x, 0.8, 20, 0.9, 0.01).kept)
        without = np.where(np.isin(np.arange(60), removed), -np.inf, x)
        assert race[:3] == pycouple.race_logits(without, 3, step, temperature=0.8)[:3]  # no removed item counts
        narrow += race.margin > pycouple.race_logits(x, 3, step, temperature=0.8).margin
        y = x + rng.uniform(-1, 1, 60) * min(0.499 * race.margin, 0.05) * 0.8
        if oracle_kept.beginning(x, *kept.values()).kept == oracle_kept.beginning(y, *kept.values()).kept:
            moved += 1
            assert pycouple.sample_logits(y, 3, step, **kept) == race.item
    assert moved > 50
    assert narrow > 20


def test_the_edge_is_how_much_of_the_mass_may_move():
    """While the mass before each item moves by less, top-p keeps the winner, and none that would have won."""
    rng, safe, changed = np.random.default_rng(36), 0, 0
    for step in range(400):
        x = rng.normal(0, 2, 60)
        race = pycouple.race_logits(x, 3, step, top_p=0.6)
        before = oracle_kept.beginning(x, 1.0, 0, 0.6, 0.0)
        better = [
            i for i in before.others
            if pycouple.sample_logits(np.where(np.isin(np.arange(60), [i, race.item]), x, -np.inf), 3, step) == i
        ]  # fmt: skip
        y = x + rng.normal(0, 10.0 ** rng.uniform(-4, 0), 60)
        after = oracle_kept.beginning(y, 1.0, 0, 0.6, 0.0)
        shares = [np.zeros(60), np.zeros(60)]
        for share, found in zip(shares, (before, after), strict=True):
            share[found.kept + found.others] = np.array(found.before) / found.total
        stays = race.item in after.kept and not set(better) & set(after.kept)
        if np.abs(shares[0] - shares[1]).max() < race.edge - 2 / before.total:
            safe += 1
            assert stays
        changed += not stays
    assert safe > 100
    assert changed > 10


X = np.zeros((2, 4))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"top_k": 50.0}, TypeError, "top_k must be integers, got float"),
        ({"top_k": True}, TypeError, "top_k must be integers, got bool"),
        ({"top_k": "50"}, TypeError, "top_k must be integers, got str"),
        ({"top_k": [5, 2.5]}, TypeError, "top_k must be integers, got float"),
        ({"top_k": [5, None]}, TypeError, "top_k must be integers, got NoneType at index 1"),
        ({"top_k": np.array([5.0, 2.0])}, TypeError, "top_k must be integers, got dtype float64"),
        ({"top_k": -2}, ValueError, "top_k must be positive, or 0 or -1 to keep all; got -2"),
        ({"top_k": [5, -7]}, ValueError, "top_k must be positive, or 0 or -1 to keep all; got -7 at index 1"),
        ({"top_k": [[5], [-(10**30)]]}, ValueError,
         f"top_k must be positive, or 0 or -1 to keep all; got {-(10**30)} at index (1, 0)"),
        ({"top_p": 95}, ValueError, "top_p must be in [0, 1], got 95.0"),
        ({"top_p": [0.9, 1.5]}, ValueError, "top_p must be in [0, 1], got 1.5 at index 1"),
        ({"top_p": math.nan}, ValueError, "top_p must be in [0, 1], got nan"),
        ({"top_p": "0.9"}, TypeError, "top_p must be real numbers, got str"),
        ({"min_p": -0.1}, ValueError, "min_p must be in [0, 1], got -0.1"),
        ({"min_p": torch.tensor([0.5, 1.25])}, ValueError, "min_p must be in [0, 1], got 1.25 at index 1"),
        ({"min_p": True}, TypeError, "min_p must be real numbers, got bool"),
        ({"top_p": [0.5, 0.5, 0.5]}, ValueError,
         "the batch shapes do not broadcast (logits without its items): logits (2,), top_p (3,)"),
    ],
)  # fmt: skip
def test_errors(options, error, message):
    for call in (pycouple.sample_logits, pycouple.race_logits):
        with raises(error, message):
            call(X, 1, **options)
    for method in ("gumbel", "minhash"):
        with raises(error, message.replace("logits", "weights")):
            pycouple.sample(X + 1, 1, method=method, **options)
        with raises(error, message.replace("logits", "p")):
            pycouple.couple(X + 1, X + 1, 1, method=method, **options)


def test_bad_rows_under_parameters():
    """They are named as they are without parameters."""
    x, w = X.copy(), X + 1
    x[1, 2], w[1, 2] = np.nan, -1
    for options in ({"top_k": 2}, {"top_p": 0.5}, {"min_p": [0.1, 0.2]}):
        with raises(ValueError, "logits: logit of item 2 is nan at row 1; it must be finite or -inf"):
            pycouple.sample_logits(x, 1, **options)
        for method in ("gumbel", "minhash"):
            wanted = "weights: weight of item 2 is -1.0 at row 1; it must be finite and not negative"
            with raises(ValueError, wanted):
                pycouple.sample(w, 1, method=method, **options)
            with raises(ValueError, wanted.replace("weights", "q")):
                pycouple.couple(X + 1, w, 1, method=method, **options)
        with raises(ValueError, "temperature must be finite and at least 0, got -1.0 at index 1"):
            pycouple.sample_logits(X, 1, temperature=[1.0, -1.0], **options)
