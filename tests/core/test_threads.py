"""Threads that share functions, inputs, sketchers and the core's own state draw what one thread draws, with and without
a GIL."""

import pickle
import subprocess
import sys
import sysconfig
import threading

import numpy as np
import pytest

import pycouple
from pycouple import Sketcher, _core, protocol, sketch
from tests.support.sets import METHOD
from tests.support.threads import at_once

THREADS = 8
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.fixture
def switching():
    """With a GIL: threads that take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.skipif(not FREE_THREADED, reason="this Python has a GIL")
def test_the_gil_stays_off():
    """An extension that is not made for free threading turns the GIL on, for the whole process, and warns."""
    code = "import sys, pycouple, pycouple.protocol, pycouple.speculative; sys.exit(sys._is_gil_enabled())"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def calls(rng):
    """A call of each kind, over the same rows: short ones, long ones that give up the GIL, and those on two threads."""
    short, long = rng.random((30, 50)), rng.random((3, 20_000), np.float32)
    dense = pycouple.sketch(short, 64, 5)
    p, q = short[:2]
    return {
        "sample": lambda: pycouple.sample(short, 1, np.arange(30)),
        "minhash": lambda: pycouple.sample(short, 1, np.arange(30), method="minhash"),
        "long sample": lambda: pycouple.sample(long, 1, workers=2),
        "sample_logits": lambda: pycouple.sample_logits(long, 1, temperature=0.5, workers=2),
        "race_logits": lambda: pycouple.race_logits(short, 1).margin,
        "race_weights": lambda: pycouple.race_weights(short, 1).item,
        "clocks": lambda: pycouple.clocks(1, np.arange(40)[:, None], np.arange(50)),
        "uniforms": lambda: pycouple.uniforms(1, np.arange(40)[:, None], np.arange(50)),
        "sketch": lambda: pycouple.sketch(long, 64, 5, workers=2).registers,
        "similarity_matrix": lambda: pycouple.similarity_matrix(dense, workers=2),
        "protocol": lambda: protocol.run(p, q, 1, 2)[:2],
        "seed_from": lambda: pycouple.seed_from("a thread", 3),
    }


def test_functions_give_the_same_bits_in_many_threads(switching):
    functions = calls(np.random.default_rng(60))
    want = {name: function() for name, function in functions.items()}
    names = list(functions)

    def all_of_them(first):
        for name in names[first:] + names[:first]:
            for _ in range(4):
                np.testing.assert_array_equal(functions[name](), want[name], err_msg=name)

    at_once(*[lambda first=i: all_of_them(first % len(names)) for i in range(THREADS)])


def test_threads_may_draw_while_another_switches_the_level(level):
    x = np.random.default_rng(61).normal(0, 3, (20, 3000))
    want, ended = pycouple.race_logits(x, 1, np.arange(20)), threading.Event()
    names = [name for name, runs in _core.levels().items() if runs]

    def switch():
        while not ended.is_set():
            for name in names:
                _core.use_level(name)

    def draw():
        try:
            for _ in range(20):
                for got, right in zip(pycouple.race_logits(x, 1, np.arange(20)), want, strict=True):
                    assert np.array_equal(got, right)
        finally:
            ended.set()

    at_once(switch, draw, draw, draw)


def test_tables_of_new_sizes_made_by_many_threads_at_once(switching):
    """A gumbel sketch needs a table of its number of registers, which the first call makes."""
    w = np.random.default_rng(62).random(300)
    sizes = [2311 + i for i in range(12)]  # which no other test has
    made = at_once(*[lambda: [sketch(w, k, 7).registers for k in sizes] for _ in range(THREADS)])
    for one in made:
        for k, registers in zip(sizes, one, strict=True):
            by_pieces = Sketcher(k, 7)
            by_pieces.update(np.arange(300), w)
            assert np.array_equal(registers, by_pieces.sketch().registers)


HEAVIER = 2.0 ** np.arange(-1000, 1000, 8)  # each item takes most registers from all before it, so an update is long


@METHOD
def test_updates_and_merges_of_shared_sketchers_all_count(switching, method):
    """Two sketchers merge into one another while threads add to both, and none waits for ever."""
    want = sketch(HEAVIER, 2000, 3, method=method)
    one, other = (Sketcher(2000, 3, method=method) for _ in range(2))

    def add(sketcher, ids):
        for i in ids:
            sketcher.update([i], HEAVIER[i : i + 1])

    def merge(into, given):
        for _ in range(40):
            into.merge(given)

    shares = [np.arange(i, len(HEAVIER), 4) for i in range(4)]
    at_once(
        lambda: add(one, shares[0]),
        lambda: add(one, shares[1]),
        lambda: add(other, shares[2]),
        lambda: add(other, shares[3]),
        lambda: merge(one, other),
        lambda: merge(other, one),
    )
    one.merge(other)
    assert one.sketch() == want


@METHOD
def test_a_sketch_taken_meanwhile_holds_whole_updates(switching, method):
    """Each is the sketch of the first so many items."""
    want = {sketch(HEAVIER[:i], 2000, 9, method=method).registers.tobytes() for i in range(1, len(HEAVIER) + 1)}
    want.add(Sketcher(2000, 9, method=method).sketch().registers.tobytes())
    shared, ended = Sketcher(2000, 9, method=method), threading.Event()

    def add():
        for i in range(len(HEAVIER)):
            shared.update([i], HEAVIER[i : i + 1])
        ended.set()

    def look():
        seen = []
        while not ended.is_set():
            seen += [shared.sketch(), pickle.loads(pickle.dumps(shared)).sketch()]
        return seen

    _, *looks = at_once(add, look, look)
    assert all(each.registers.tobytes() in want for seen in looks for each in seen)
