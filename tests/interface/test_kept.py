"""Draws from kept sets through the C interface are those of the core, bit for bit, and what it refuses."""

import ctypes
import itertools
import re

import ml_dtypes
import numpy as np
import pytest

from pycouple import _core
from tests.support import ROOT
from tests.support.c_library import STATUSES, dtype_of, run
from tests.support.layouts import layouts

TYPES = ("float16", "bfloat16", "float32", "float64")
FOREIGN = {"misaligned", "byte order"}  # layouts that C is not passed
NAMES = ("seeds", "steps", "temperatures", "top_ks", "top_ps", "min_ps")
U = np.uint64


def ufunc(name, x):
    return getattr(_core, f"{name}_bf16" if x.dtype.name == "bfloat16" else name)


def bits(x):
    return x.view(np.uint16) if x.dtype.name == "bfloat16" else x


def numbers(rng, rows):
    """One per row of everything that has one."""
    return {
        "seeds": rng.integers(0, 2**64, rows, U),
        "steps": rng.integers(0, 2**64, rows, U),
        "temperatures": rng.choice([0, 0.25, 0.7, 1, 3], rows),
        "top_ks": rng.choice([0, -1, 1, 20, 2**62], rows),
        "top_ps": rng.choice([1, 0.95, 0.5, 0, 5e-324], rows),
        "min_ps": rng.choice([0, 0.05, 1], rows),
    }


def cases(count, rng, name):
    for _ in range(count):
        rows, n = int(rng.integers(1, 8)), int(rng.choice([1, 3, 63, 64, 65, 200, 700, 3000]))
        x = rng.normal(0, rng.choice([0.1, 2, 30]), (rows, n))
        x[rng.random(x.shape) < rng.choice([0, 0.5])] = -np.inf
        x[:, int(rng.integers(n))] = 0
        yield x.astype(ml_dtypes.bfloat16 if name == "bfloat16" else name), numbers(rng, rows)


def draw_rows(library, x, of_rows, workers=1, asked=(True, True, True), stream=3, offset=128):
    """The status, the items, and those of scores, margins and edges that are asked for."""
    items = np.full(len(x), -77, np.int64)
    reals = [np.full(len(x), -77.0) if ask else None for ask in asked]
    where = x, dtype_of(x), *x.shape, *x.strides
    status = library.sample_kept_logits_rows(*where, *of_rows.values(), stream, offset, workers, items, *reals)
    return status, [items, *(real for real in reals if real is not None)]


def last_rows(library, x, of_rows, workers=1):
    lasts = np.full(len(x), -77, np.int64)
    where = x, dtype_of(x), *x.shape, *x.strides
    status = library.last_kept_logits_rows(*where, *list(of_rows.values())[2:], workers, lasts)
    return status, lasts


def same(got, want):
    return all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("name", TYPES)
def test_batches_are_those_of_the_core(library, c_level, name):
    for x, of_rows in cases(40, np.random.default_rng(TYPES.index(name)), name):
        want = ufunc("race_kept_logits", x)(bits(x), *of_rows.values(), U(3), U(128))
        last = ufunc("last_kept_logits", x)(bits(x), *list(of_rows.values())[2:])
        for workers in (1, 3):
            status, got = draw_rows(library, x, of_rows, workers)
            assert (status, same(got, want)) == (0, True)
            status, got = last_rows(library, x, of_rows, workers)
            assert (status, same([got], [last])) == (0, True)


@pytest.mark.parametrize("asked", list(itertools.product((False, True), repeat=3)))
def test_what_is_not_asked_for_changes_nothing(library, asked):
    for x, of_rows in cases(5, np.random.default_rng(20), "float32"):
        want = _core.race_kept_logits(x, *of_rows.values(), U(3), U(128))
        status, got = draw_rows(library, x, of_rows, asked=asked)
        assert (status, same(got, [want[0], *itertools.compress(want[1:], asked)])) == (0, True)


@pytest.mark.parametrize("name", TYPES)
def test_one_row_is_a_row_of_a_batch(library, name):
    for x, of_rows in cases(40, np.random.default_rng(21), name):
        one = [x[0], dtype_of(x), x.shape[1], x.strides[1]]
        of_one = [values[0].item() for values in of_rows.values()]
        item, reals = np.full(1, -77, np.int64), np.full((3, 1), -77.0)
        assert library.sample_kept_logits(*one, *of_one, 3, 128, item, *reals) == 0
        _, want = draw_rows(library, x, of_rows)
        assert [item[0], *reals[:, 0]] == [values[0] for values in want]
        assert library.last_kept_logits(*one, *of_one[2:], item) == 0
        assert item[0] == last_rows(library, x, of_rows)[1][0]


def test_null_removes_nothing(library):
    nothing = {"top_ks": (0, np.int64), "top_ps": (1, float), "min_ps": (0, float)}
    for x, of_rows in cases(20, np.random.default_rng(22), "float64"):
        for name, (value, kind) in nothing.items():
            given, left = of_rows | {name: np.full(len(x), value, kind)}, of_rows | {name: None}
            (status, got), (_, want) = draw_rows(library, x, left), draw_rows(library, x, given)
            assert (status, same(got, want)) == (0, True)
            assert same([last_rows(library, x, left)[1]], [last_rows(library, x, given)[1]])
        plain = of_rows | dict.fromkeys(nothing)
        got, want = draw_rows(library, x, plain)[1], np.empty((3, len(x)))
        items = np.empty(len(x), np.int64)
        where = x, dtype_of(x), *x.shape, *x.strides
        library.sample_logits_rows(*where, *list(plain.values())[:3], 3, 128, 1, items, *want[:2])
        assert same(got[:3], [items, *want[:2]])
        assert np.isinf(got[3]).all()


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("n", [7, 64, 200, 5000])
def test_layouts(library, name, n):
    rng = np.random.default_rng(n)
    x, of_rows = rng.normal(0, 2, (6, n)), numbers(rng, 6)
    x = x.astype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    _, want = draw_rows(library, x, of_rows)
    _, last = last_rows(library, x, of_rows)
    for layout, y in layouts(x):
        if layout not in FOREIGN:
            status, got = draw_rows(library, y, of_rows)
            assert (status, same(got, want)) == (0, True), layout
            assert same([last_rows(library, y, of_rows)[1]], [last]), layout


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_rows_leave_the_others(library, workers):
    rng = np.random.default_rng(23)
    x, of_rows = rng.normal(size=(40, 5000)), numbers(rng, 40)
    _, want = draw_rows(library, x, of_rows)
    bad = {30: "BAD_TOP_P", 31: "BAD_VALUE", 32: "BAD_TOP_K", 33: "NO_ITEM", 34: "BAD_MIN_P", 35: "BAD_TEMPERATURE"}
    bad |= {36: "BAD_TOP_P", 37: "BAD_MIN_P"}
    x[31, 4321], x[33] = np.nan, -np.inf
    of_rows["top_ps"][[30, 36]], of_rows["min_ps"][[34, 37]] = (1.01, np.nan), (-0.01, np.nan)
    of_rows["top_ks"][32], of_rows["temperatures"][35] = -2, -1
    status, got = draw_rows(library, x, of_rows, workers)
    last_status, last = last_rows(library, x, of_rows, workers)
    assert status == last_status == STATUSES["BAD_TOP_P"]  # of the first
    for found in (got[0], last):
        assert {i: found[i] for i in np.flatnonzero(found < 0)} == {i: -STATUSES[name] for i, name in bad.items()}
    for reals in got[1:]:
        assert np.flatnonzero(np.isnan(reals)).tolist() == list(bad)
    good = got[0] >= 0
    assert same([values[good] for values in got], [values[good] for values in want])


def test_calls_that_are_refused(library):
    """Each wrong argument has its status, and nothing is written."""
    rng = np.random.default_rng(24)
    x, of_rows, items = np.ones((3, 5)), numbers(rng, 3), np.full(3, -77, np.int64)
    right = {"x": x, "dtype": 3, "rows": 3, "n": 5, "row_stride": 40, "stride": 8} | of_rows
    right |= {"stream": 0, "offset": 0, "workers": 1, "items": items}
    wrong = [("dtype", 4, "BAD_DTYPE"), ("rows", -1, "BAD_SIZE"), ("n", 2**63 - 1, "BAD_SIZE")]
    wrong += [("stride", 4, "MISALIGNED"), ("x", x.ctypes.data + 4, "MISALIGNED"), ("workers", 0, "BAD_WORKERS")]
    wrong += [(name, None, "NULL_POINTER") for name in ("x", "seeds", "steps", "temperatures", "items")]
    for name, value, status in wrong:
        changed = right | {name: value}
        assert library.sample_kept_logits_rows(*changed.values(), None, None, None) == STATUSES[status], name
        if name not in ("seeds", "steps"):
            for gone in ("seeds", "steps", "stream", "offset"):
                del changed[gone]
            assert library.last_kept_logits_rows(*changed.values()) == STATUSES[status], name
        assert (items == -77).all()
    assert library.sample_kept_logits_rows(*right.values(), None, None, None) == 0
    assert (items >= 0).all()


def test_the_guides_function_draws_for_requests(prefixes, library, tmp_path):
    guide = (ROOT / "docs" / "guides" / "c.md").read_text()
    programs = re.findall(r"```c\n(.*?)```", guide, flags=re.S)
    source, folder = tmp_path / "requests.c", library.path.parent
    source.write_text(next(program for program in programs if "next_tokens" in program))
    options = (
        "-std=c11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fPIC",
        "-shared",
        "-I",
        prefixes["shared"] / "include",
    )
    run("cc", *options, source, f"-L{folder}", "-lpycouple", f"-Wl,-rpath,{folder}", "-o", tmp_path / "requests.so")
    next_tokens = ctypes.CDLL(str(tmp_path / "requests.so")).next_tokens
    rng = np.random.default_rng(25)
    x, of_rows, tokens = rng.normal(0, 3, (8, 1000)).astype(np.float32), numbers(rng, 8), np.empty(8, np.int64)
    arrays = [ctypes.c_void_p(of_rows[name].ctypes.data) for name in NAMES[:5]]
    where = ctypes.c_void_p(x.ctypes.data), ctypes.c_int64(8), ctypes.c_int64(1000)
    assert next_tokens(*where, *arrays, ctypes.c_void_p(tokens.ctypes.data)) == 0
    want = _core.sample_kept_logits(x, *list(of_rows.values())[:5], 0.0, U(0), U(0))
    assert np.array_equal(tokens, want)
