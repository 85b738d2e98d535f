"""What the C interface refuses, how it says so, and what it leaves as it was."""

import ctypes
import os
import sys

import numpy as np
import pytest

from pycouple import _core
from tests.support.c_library import STATUSES, CLibrary, run
from tests.support.layouts import misaligned

X86_64_LINUX = sys.platform == "linux" and os.uname().machine == "x86_64"
LIMIT = 2**63 // 8  # above PTRDIFF_MAX / 8, on 64-bit machines
BEST = [name.encode() for name, runs in _core.levels().items() if runs][-1]
KINDS = ("logits", "weights", "minhash")


def parameters(rows):
    return np.full(rows, 7, np.uint64), np.arange(rows, dtype=np.uint64), np.ones(rows)


def test_every_status_has_a_sentence(library):
    sentences = [library.strerror(number) for number in STATUSES.values()]
    assert len(set(sentences)) == len(sentences) >= 18
    assert b"unknown status" not in sentences
    for number in (-1, 11, 15, 27, 2**31 - 1, -(2**31)):
        assert library.strerror(number) == b"unknown status"


BAD_ROWS = {
    "NaN logit": ("logits", [1, np.nan, 2], {}, "BAD_VALUE"),
    "infinite logit": ("logits", [1, np.inf, 2], {}, "BAD_VALUE"),
    "no finite logit": ("logits", [-np.inf, -np.inf], {}, "NO_ITEM"),
    "no logit": ("logits", [], {}, "NO_ITEM"),
    "negative weight": ("weights", [1, -1], {}, "BAD_VALUE"),
    "NaN weight": ("weights", [1, np.nan], {}, "BAD_VALUE"),
    "infinite weight": ("minhash", [1, np.inf], {}, "BAD_VALUE"),
    "no positive weight": ("weights", [0, 0, 0], {}, "NO_ITEM"),
    "no weight": ("minhash", [], {}, "NO_ITEM"),
    "negative temperature": ("logits", [1, 2], {"temperature": -1.0}, "BAD_TEMPERATURE"),
    "NaN temperature": ("logits", [1, 2], {"temperature": np.nan}, "BAD_TEMPERATURE"),
    "infinite temperature": ("logits", [1, 2], {"temperature": np.inf}, "BAD_TEMPERATURE"),
    "tiny temperature": ("logits", [1e300, 2], {"temperature": 1e-300}, "OVERFLOW"),
    "late arrival": ("weights", [5e-324], {"outputs": 2}, "OVERFLOW"),
    "stream": ("logits", [1, 2], {"stream": 256}, "BAD_STREAM"),
    "large stream": ("minhash", [1, 2], {"stream": 2**32 - 1}, "BAD_STREAM"),
    "offset in a block": ("weights", [1, 2], {"item_offset": 63}, "BAD_OFFSET"),
    "large offset": ("logits", [1, 2], {"item_offset": 2**34}, "BAD_OFFSET"),
    "largest offset": ("logits", [1, 2], {"item_offset": 2**64 - 64}, "BAD_OFFSET"),
    "large offset of darts": ("minhash", [1, 2], {"item_offset": 2**32}, "BAD_OFFSET"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_rows_that_cannot_be_drawn(library, case):
    what, row, options, status = BAD_ROWS[case]
    temperature = options.get("temperature", 1.0)
    options = {"outputs": 1} | {key: value for key, value in options.items() if key != "temperature"}
    number = STATUSES[status]
    got, (item, *reals) = library.draw_one(what, np.array(row, float), 7, 0, temperature, **options)
    assert (got, item) == (number, -number)
    assert np.isnan(reals).all()


def test_what_is_too_late_for_a_score_has_an_item(library):
    assert library.draw_one("weights", np.array([0, 5e-324]), 7, 0) == (0, [1])


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_rows_leave_the_others(library, workers):
    x = np.random.default_rng(1).normal(size=(40, 5000))
    seeds, steps, temperatures = parameters(40)
    _, want = library.draw_rows("logits", x, seeds, steps, temperatures, outputs=3)
    x[31, 4321] = np.nan
    x[33] = -np.inf
    temperatures[35] = -1
    options = {"outputs": 3, "workers": workers}
    status, (items, scores, margins) = library.draw_rows("logits", x, seeds, steps, temperatures, **options)
    assert status == STATUSES["BAD_VALUE"]  # of the first
    assert [*items[[31, 33, 35]]] == [-STATUSES[name] for name in ("BAD_VALUE", "NO_ITEM", "BAD_TEMPERATURE")]
    assert [*np.flatnonzero(np.isnan(scores))] == [*np.flatnonzero(np.isnan(margins))] == [31, 33, 35]
    good = items >= 0
    for got, wanted in zip((items, scores, margins), want, strict=True):
        assert np.array_equal(got[good], wanted[good])


@pytest.mark.parametrize("what", KINDS)
def test_calls_that_are_refused(library, what):
    """Each wrong argument has its status, and nothing is written."""
    rows, n = 3, 5
    x, item = np.ones((rows, n)), np.full(rows, -77, np.int64)
    seeds, steps, temperatures = parameters(rows)
    call = getattr(library, f"sample_{what}_rows")
    right = {"x": x, "dtype": 3, "rows": rows, "n": n, "row_stride": 8 * n, "stride": 8, "seeds": seeds, "steps": steps}
    right |= {"temperatures": temperatures} if what == "logits" else {}
    right |= {"stream": 0, "offset": 0, "workers": 1, "items": item}
    optional = [None] * {"logits": 2, "weights": 1, "minhash": 0}[what]
    wrong = [("dtype", -1, "BAD_DTYPE"), ("dtype", 4, "BAD_DTYPE"), ("dtype", 2**31 - 1, "BAD_DTYPE")]
    wrong += [(name, value, "BAD_SIZE") for name in ("rows", "n") for value in (-1, -(2**63), LIMIT, 2**63 - 1)]
    wrong += [(name, None, "NULL_POINTER") for name in ("x", "seeds", "steps", "items")]
    wrong += [("temperatures", None, "NULL_POINTER")] if what == "logits" else []
    wrong += [("x", x.ctypes.data + by, "MISALIGNED") for by in (1, 2, 4)]
    wrong += [(name, value, "MISALIGNED") for name in ("row_stride", "stride") for value in (4, -4, 1, -(2**63) + 1)]
    wrong += [("workers", value, "BAD_WORKERS") for value in (0, -1, -(2**31))]
    for name, value, status in wrong:
        assert call(*(right | {name: value}).values(), *optional) == STATUSES[status], (name, value)
        assert (item == -77).all()
    assert call(*right.values(), *optional) == 0
    assert (item >= 0).all()


@pytest.mark.parametrize("what", KINDS)
def test_no_rows_and_no_items_need_no_memory(library, what):
    optional = [None] * {"logits": 2, "weights": 1, "minhash": 0}[what]
    nothing = [None] * (3 if what == "logits" else 2)
    call = getattr(library, f"sample_{what}_rows")
    assert call(None, 2, 0, 10, 40, 4, *nothing, 0, 0, 1, None, *optional) == 0
    items, numbers = np.zeros(2, np.int64), parameters(2)[: len(nothing)]
    assert call(None, 2, 2, 0, 40, 4, *numbers, 0, 0, 1, items, *optional) == STATUSES["NO_ITEM"]
    assert (items == -STATUSES["NO_ITEM"]).all()


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_misaligned_rows(library, name):
    x = misaligned(np.ones((2, 100), name))
    seeds, steps, temperatures = parameters(2)
    for what in KINDS:
        assert library.draw_rows(what, x, seeds, steps, temperatures)[0] == STATUSES["MISALIGNED"]


@pytest.mark.parametrize(("name", "last"), [("clocks", 2**34 - 1), ("gumbels", 2**34 - 1), ("uniforms", 2**32 - 1)])
def test_randomness_that_is_refused(library, name, last):
    call, items, values = getattr(library, name), np.array([0, last], np.uint64), np.full(2, -77.0)
    assert call(7, 0, 256, items, 2, values) == STATUSES["BAD_STREAM"]
    assert call(7, 0, 0, items, -1, values) == STATUSES["BAD_SIZE"]
    assert call(7, 0, 0, None, 2, values) == call(7, 0, 0, items, 2, None) == STATUSES["NULL_POINTER"]
    assert call(7, 0, 0, items + np.uint64(1), 2, values) == STATUSES["BAD_ITEM"]
    assert (values == -77).all()
    assert call(7, 0, 0, None, 0, None) == call(7, 0, 255, items, 2, values) == 0
    assert np.isfinite(values).all()


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_sketches_that_are_refused(library, method):
    w, ids, registers = np.ones(4), np.arange(4, dtype=np.uint64), np.full(64, 77, np.uint64)
    call = getattr(library, f"sketch_{method}")
    right = {"w": w, "dtype": 3, "n": 4, "stride": 8, "ids": ids, "k": 64, "seed": 7}
    right |= {"normalize": 1} if method == "minhash" else {}
    right |= {"bits": 0, "registers": registers}
    wrong = [("k", value, "BAD_K") for value in (0, -1, 65537, 2**63 - 1)]
    wrong += [("bits", value, "BAD_BITS") for value in (-1, 33)]
    wrong += [("w", None, "NULL_POINTER"), ("registers", None, "NULL_POINTER")]
    wrong += [("dtype", 7, "BAD_DTYPE"), ("n", -4, "BAD_SIZE"), ("stride", 4, "MISALIGNED")]
    wrong += [("ids", np.array(order, np.uint64), "BAD_IDS") for order in ([0, 1, 1, 2], [0, 2, 1, 3], [9, 1, 2, 3])]
    for name, value, status in wrong:
        assert call(*(right | {name: value}).values()) == STATUSES[status], (name, value)
        assert (registers == 77).all()
    for bad in (np.nan, -1, np.inf):
        w[2] = bad
        assert call(*right.values()) == STATUSES["BAD_VALUE"]
    w[:] = 0
    assert call(*right.values()) == 0
    assert (registers == 2**64 - 1).all()


def test_rows_larger_than_any_memory(library):
    """A stride of 0 makes them possible."""
    number, item, registers = np.ones(1), np.empty(1, np.int64), np.empty(64, np.uint64)
    too_many = (2**34 + 1, 2**40, LIMIT - 1)
    for n in too_many:
        status = library.sample_weights(number, 3, n, 0, 7, 0, 0, 0, item, None)
        assert (status, item[0]) == (STATUSES["BAD_OFFSET"], -STATUSES["BAD_OFFSET"])
    assert library.sketch_gumbel(number, 3, LIMIT - 1, 0, None, 64, 7, 0, registers) == STATUSES["NO_MEMORY"]


def test_the_environment_does_not_choose_the_level(prefixes):
    code = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).pycouple_level; f.restype = ctypes.c_char_p; print(f())"
    path = CLibrary(prefixes["shared"]).path
    assert run(sys.executable, "-c", code, path, env=os.environ | {"PYCOUPLE_ISA": "baseline"}) == f"{BEST}\n"


def test_levels(library):
    best = library.level()
    assert best == BEST
    assert library.use_level(b"avx1024") == library.use_level(b"") == STATUSES["BAD_LEVEL"]
    assert library.level() == best
    assert library.use_level(b"baseline") == 0
    assert library.level() == b"baseline"
    assert library.use_level(None) == 0
    assert library.level() == best


def test_known_answers(library, c_level):
    assert library.check_level() == 0


def test_errno_stays(library):
    """A late arrival overflows in ldexp, which sets errno."""
    ctypes.set_errno(77)
    assert library.draw_one("weights", np.array([5e-324]), 7, 0, outputs=2)[0] == STATUSES["OVERFLOW"]
    assert ctypes.get_errno() == 77


@pytest.mark.skipif(not X86_64_LINUX, reason="sets the x86 control register")
def test_the_floating_point_mode_stays_and_does_not_matter(library):
    """Rounding towards zero, subnormals flushed, and no flag is raised; by draws, marks, randomness and sketches."""
    from tests.support.control_register import mode

    x = np.random.default_rng(10).integers(0, 9, (4, 300)).astype(float)
    w = np.ldexp(x, -1074)
    seeds, steps, temperatures = parameters(4)
    items = np.arange(300, dtype=np.uint64)

    def results():
        values, registers = np.empty(300), np.empty(64, np.uint64)
        draws = [
            library.draw_rows("logits", x, seeds, steps, temperatures, outputs=3, workers=2),
            library.draw_rows("weights", w, seeds, steps, workers=2),
            library.draw_rows("weights", w, seeds, steps, outputs=2),
            library.draw_rows("minhash", w, seeds, steps),
        ]
        statuses = [library.gumbels(7, 0, 0, items, 300, values)]
        statuses += [library.sketch_minhash(w[0], 3, 300, 8, None, 64, 7, 1, 0, registers)]
        return draws, statuses, values, registers

    want, before = results(), mode()
    try:
        mode(0xFFC0 & ~0x3F)  # exceptions masked, towards zero, FTZ, DAZ, no flags
        careless = mode()
        got = results()
        after = mode()
    finally:
        mode(before)
    assert hex(after) == hex(careless)
    for (status, arrays), (wanted, others) in zip(got[0], want[0], strict=True):
        assert status == wanted
        assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(arrays, others, strict=True))
    assert got[1] == want[1] == [0, 0]
    assert np.array_equal(got[2], want[2])
    assert np.array_equal(got[3], want[3])
