"""Draws, randomness and sketches of the C interface are those of the Python package, bit for bit."""

import itertools
import os
from functools import partial

import ml_dtypes
import numpy as np
import pytest

import pycouple
from tests.support.c_library import dtype_of
from tests.support.layouts import layouts
from tests.support.threads import at_once

TYPES = ("float16", "bfloat16", "float32", "float64")
FOREIGN = {"misaligned", "byte order"}  # layouts that C is not passed


def dtype(name):
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def same(got, want):
    """The same bits, NaN aside."""
    return all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


def cases(count, rng):
    """Random batches: rows of logits with some -inf, and what a call takes for them."""
    for _ in range(count):
        rows, n = int(rng.integers(1, 8)), int(rng.choice([1, 3, 63, 64, 65, 200, 700, 3000]))
        x = rng.normal(0, rng.choice([0.1, 2, 30]), (rows, n))
        x[rng.random(x.shape) < rng.choice([0, 0.5])] = -np.inf
        x[:, int(rng.integers(n))] = 0
        seeds, steps = rng.integers(0, 2**64, (2, rows), np.uint64)
        temperatures = rng.choice([0, 0.25, 0.7, 1, 3], rows)
        options = {"stream": int(rng.integers(256)), "item_offset": 64 * int(rng.integers(2**26 - 50))}
        yield x, seeds, steps, temperatures, options


@pytest.mark.parametrize("name", TYPES)
def test_batches_are_those_of_python(library, c_level, name):
    """Several hundred rows per type and level: items, scores and margins of every function."""
    rng = np.random.default_rng(TYPES.index(name))
    for x, seeds, steps, temperatures, options in cases(60, rng):
        x = x.astype(dtype(name))
        w = np.exp(np.minimum(x, 10).astype(np.float64)).astype(x.dtype)
        race = pycouple.race_logits(x, seeds, steps, temperature=temperatures, **options)
        winner = pycouple.race_weights(w, seeds, steps, **options)
        for workers, outputs in itertools.product((1, 3), (1, 2, 3)):
            more = options | {"workers": workers, "outputs": outputs}
            status, got = library.draw_rows("logits", x, seeds, steps, temperatures, **more)
            assert (status, same(got, race[:outputs])) == (0, True)
            if outputs < 3:
                status, got = library.draw_rows("weights", w, seeds, steps, **more)
                assert (status, same(got, winner[:outputs])) == (0, True)
        status, got = library.draw_rows("minhash", w, seeds, steps, **options)
        assert (status, same(got, [pycouple.sample(w, seeds, steps, method="minhash", **options)])) == (0, True)


@pytest.mark.parametrize("name", TYPES)
def test_one_row_is_a_row_of_a_batch(library, name):
    rng = np.random.default_rng(10)
    for x, seeds, steps, temperatures, options in cases(40, rng):
        x = x.astype(dtype(name))
        w = np.maximum(x.astype(np.float32), 0).astype(x.dtype) + x.dtype.type(1)
        seed, step = int(seeds[0]), int(steps[0])
        want = pycouple.race_logits(x[0], seed, step, temperature=temperatures[0], **options)
        for outputs in (1, 2, 3):
            status, got = library.draw_one("logits", x[0], seed, step, temperatures[0], **options, outputs=outputs)
            assert (status, got) == (0, list(want[:outputs]))
        want = pycouple.race_weights(w[0], seed, step, **options)
        for outputs in (1, 2):
            assert library.draw_one("weights", w[0], seed, step, **options, outputs=outputs) == (
                0,
                list(want[:outputs]),
            )
        want = pycouple.sample(w[0], seed, step, method="minhash", **options)
        assert library.draw_one("minhash", w[0], seed, step, **options) == (0, [want])


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("n", [7, 64, 200, 5000])
def test_layouts(library, name, n):
    x = np.random.default_rng(n).normal(0, 2, (6, n)).astype(dtype(name))
    w = np.abs(x)
    seeds, steps, temperatures = np.full(6, 5, np.uint64), np.arange(6, dtype=np.uint64), np.full(6, 0.5)
    for what, rows, outputs in (("logits", x, 3), ("weights", w, 2), ("minhash", w, 1)):
        _, want = library.draw_rows(what, rows, seeds, steps, temperatures, outputs=outputs)
        for layout, y in layouts(rows):
            if layout not in FOREIGN:
                status, got = library.draw_rows(what, y, seeds, steps, temperatures, outputs=outputs)
                assert (status, same(got, want)) == (0, True), (what, layout)


def test_margins_without_scores(library):
    x = np.random.default_rng(1).normal(0, 2, (5, 300))
    seeds, steps, temperatures = np.full(5, 5, np.uint64), np.arange(5, dtype=np.uint64), np.ones(5)
    items, margins = np.empty(5, np.int64), np.empty(5)
    arguments = (x, 3, *x.shape, *x.strides, seeds, steps, temperatures, 0, 0, 2, items, None, margins)
    assert library.sample_logits_rows(*arguments) == 0
    want = pycouple.race_logits(x, 5, np.arange(5))
    assert same([items, margins], [want.item, want.margin])


def test_strides_of_zero(library):
    """One row under many steps, and a row that is one number many times."""
    x = np.random.default_rng(2).normal(0, 3, 5000).astype(np.float32)
    rows, seeds, steps = 300, np.full(300, 9, np.uint64), np.arange(300, dtype=np.uint64)
    status, got = library.draw_rows("logits", np.broadcast_to(x, (rows, 5000)), seeds, steps, np.ones(rows), outputs=3)
    assert (status, same(got, pycouple.race_logits(x, 9, steps)[:3])) == (0, True)
    flat = np.broadcast_to(np.float32(1), (rows, 700))
    status, got = library.draw_rows("weights", flat, seeds, steps, outputs=2)
    assert (status, same(got, pycouple.race_weights(flat, 9, steps))) == (0, True)


def test_candidates_of_llama_cpp(library):
    """Logits that stand in structs of 12 bytes, as llama_token_data has them, and the race of a list of candidates."""
    data = np.zeros(1000, np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)]))
    data["logit"] = np.random.default_rng(3).normal(0, 3, 1000)
    want = int(pycouple.sample_logits(data["logit"], 7, 17, temperature=0.8))
    assert library.draw_one("logits", data["logit"], 7, 17, 0.8) == (0, [want])
    ids = np.argsort(-data["logit"])[:40].astype(np.uint64)  # in another order than the ids
    values = np.empty(40)
    assert library.gumbels(7, 17, 0, ids, 40, values) == 0
    masked = np.full(1000, -np.inf, np.float32)
    masked[ids] = data["logit"][ids]
    best = np.argmax(data["logit"][ids].astype(float) / 0.8 + values)
    assert ids[best] == pycouple.sample_logits(masked, 7, 17, temperature=0.8)


@pytest.mark.parametrize("name", ["clocks", "gumbels", "uniforms"])
def test_randomness(library, name):
    rng = np.random.default_rng(4)
    items = np.append(rng.integers(0, 2**32, 3000, np.uint64), [0, 63, 64, 2**32 - 1]).astype(np.uint64)
    values = np.empty(len(items))
    for seed, step, stream in ((0, 0, 0), (2**64 - 1, 2**64 - 1, 255), (7, 12345, 3)):
        assert getattr(library, name)(seed, step, stream, items, len(items), values) == 0
        assert np.array_equal(values, getattr(pycouple, name)(seed, step, items, stream=stream))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_sketches(library, c_level, method, name):
    rng = np.random.default_rng(5)
    for n, k, bits in itertools.product((0, 1, 300), (1, 7, 256), (0, 1, 13, 32)):
        w = rng.exponential(1, n).astype(dtype(name))
        w[rng.random(n) < 0.3] = 0
        ids = np.unique(rng.integers(0, 2**64, n, np.uint64))
        for given, normalize in itertools.product((None, ids), (0, 1) if method == "minhash" else (None,)):
            registers = np.empty(k, np.uint64)
            options = [] if normalize is None else [normalize]
            status = getattr(library, f"sketch_{method}")(
                w, dtype_of(w), n, w.strides[0], given, k, 7, *options, bits, registers
            )
            want = pycouple.sketch(w, k, 7, ids=given, method=method, normalize=bool(normalize), bits=bits or None)
            assert status == 0
            assert np.array_equal(registers, want.registers)


def test_strided_sketches(library):
    w = np.random.default_rng(6).exponential(1, (300, 3))
    for column in (w[:, 1], w[::-1, 2]):
        registers = np.empty(64, np.uint64)
        assert library.sketch_gumbel(column, 3, 300, column.strides[0], None, 64, 7, 0, registers) == 0
        assert np.array_equal(registers, pycouple.sketch(column, 64, 7).registers)


def test_threads(library):
    """Many callers at once, on one input, with helpers and without."""
    x = np.random.default_rng(7).normal(0, 3, (20, 20_000)).astype(np.float32)
    seeds, steps, temperatures = np.full(20, 1, np.uint64), np.arange(20, dtype=np.uint64), np.ones(20)
    want = pycouple.race_logits(x, 1, np.arange(20))[:3]
    wrong = []

    def hammer(workers):
        for _ in range(20):
            status, got = library.draw_rows("logits", x, seeds, steps, temperatures, workers=workers, outputs=3)
            if status or not same(got, want):
                wrong.append(workers)

    at_once(*(partial(hammer, 1 + i % 3) for i in range(8)))
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_fork(library):
    x = np.random.default_rng(8).normal(0, 3, (8, 20_000))
    numbers = np.arange(8, dtype=np.uint64)

    def right():
        status, got = library.draw_rows("logits", x, numbers, numbers, np.ones(8), workers=2)
        return status == 0 and np.array_equal(got[0], pycouple.sample_logits(x, numbers, numbers))

    assert right()
    child = os.fork()
    if child == 0:
        os._exit(0 if right() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert right()
