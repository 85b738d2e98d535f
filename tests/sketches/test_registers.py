"""A `Sketch` is a value that knows what made it, and that NumPy reads as its registers."""

import copy
import io
import pickle
import re

import numpy as np
import pytest

import pycouple
from pycouple import Sketch, sketch

RECIPES = [
    {"seed": 7, "method": "gumbel"},
    {"seed": 2**64 - 1, "method": "minhash"},
    {"seed": 0, "method": "minhash", "normalize": True},
    {"seed": 7, "method": "gumbel", "bits": 3},
    {"seed": 7, "method": "minhash", "normalize": True, "bits": 32},
]
RECIPE = pytest.mark.parametrize("recipe", RECIPES, ids=str)


def batch(recipe, shape=(4, 3), k=6):
    return sketch(np.random.default_rng(60).random((*shape, 9)) ** 4, k, **recipe)


@RECIPE
def test_it_knows_what_made_it(recipe):
    s = batch(recipe)
    known = {"normalize": False, "bits": None, "version": 1, "k": 6} | recipe
    assert {name: getattr(s, name) for name in known} == known
    assert s.batch_shape == (4, 3)
    assert s.registers.shape == (4, 3, 6)
    for name in (*known, "registers", "batch_shape"):
        with pytest.raises(AttributeError):
            setattr(s, name, getattr(s, name))


def test_registers_cannot_be_written_to():
    for s in (batch(RECIPES[0]), batch(RECIPES[3]), batch(RECIPES[0])[1:, [0, 2]], pycouple.Sketcher(6, 1).sketch()):
        with pytest.raises(ValueError, match="read-only"):
            s.registers[..., 0] = 1


@RECIPE
def test_wrapping_its_registers_gives_it_back(recipe):
    s = batch(recipe)
    assert Sketch(s.registers, **recipe) == s
    assert Sketch(s.registers.astype(s.registers.dtype.newbyteorder()), **recipe) == s
    assert Sketch(np.asfortranarray(s.registers), **recipe) == s
    file = io.BytesIO()
    np.save(file, s)
    file.seek(0)
    assert Sketch(np.load(file), **recipe) == s


def test_writable_registers_are_copied_and_others_are_not(tmp_path):
    raw = np.arange(12, dtype=np.uint64).reshape(2, 6)
    s = Sketch(raw, seed=7, method="gumbel")
    raw[:] = 0
    assert s.registers.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert raw.flags.writeable
    np.save(tmp_path / "sketches.npy", s)
    mapped = np.load(tmp_path / "sketches.npy", mmap_mode="r")
    assert np.shares_memory(Sketch(mapped, seed=7, method="gumbel").registers, mapped)


@RECIPE
def test_equality_and_hash(recipe):
    s = batch(recipe)
    twin = batch(recipe)
    assert s == twin
    assert hash(s) == hash(twin)
    assert {s: 1}[twin] == 1
    for other in RECIPES:
        if other != recipe:
            assert s != batch(other)
            if batch(other).registers.dtype == s.registers.dtype and other.get("bits") == recipe.get("bits"):
                assert s != Sketch(s.registers, **other)  # the same registers, made otherwise
    changed = s.registers.copy()
    changed[1, 1, 1] ^= 1
    assert s != Sketch(changed, **recipe)
    assert s != Sketch(s.registers.reshape(3, 4, 6), **recipe)
    assert (s == 3) is False


@RECIPE
def test_copies_and_pickles(recipe):
    s = batch(recipe)
    buffers = []
    apart = pickle.dumps(s, protocol=5, buffer_callback=buffers.append)
    copies = [copy.copy(s), copy.deepcopy(s), pickle.loads(apart, buffers=buffers)]
    copies += [pickle.loads(pickle.dumps(s, protocol=protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in copies:
        assert twin == s
        assert repr(twin) == repr(s)
        assert not twin.registers.flags.writeable


def test_repr():
    assert repr(batch(RECIPES[0])) == "Sketch(batch_shape=(4, 3), k=6, seed=7, method='gumbel')"
    assert (
        repr(batch(RECIPES[4])[0, 0])
        == "Sketch(batch_shape=(), k=6, seed=7, method='minhash', normalize=True, bits=32)"
    )


def test_indices_choose_sets():
    s = batch(RECIPES[1])
    raw = s.registers
    mask = np.array([True, False, True, True])
    pairs = [
        (s[0], raw[0]),
        (s[-1, 2], raw[-1, 2]),
        (s[1:3], raw[1:3]),
        (s[:, 1], raw[:, 1]),
        (s[..., 1], raw[:, 1]),
        (s[1, ...], raw[1]),
        (s[...], raw),
        (s[()], raw),
        (s[mask], raw[mask]),
        (s[raw[..., 0] > raw[..., 1]], raw[raw[..., 0] > raw[..., 1]]),
        (s[[3, 0]], raw[[3, 0]]),
        (s[[3, 0], [1, 1]], raw[[3, 0], [1, 1]]),
        (s[np.newaxis, :, 0], raw[np.newaxis, :, 0]),
        (s[:, np.newaxis], raw[:, np.newaxis]),
        (s[2:2], raw[2:2]),
    ]
    for got, want in pairs:
        assert got == Sketch(want, **RECIPES[1])
    assert np.shares_memory(s[1:].registers, raw)


@pytest.mark.parametrize("index", [4, (0, 3), (0, 0, 0), (..., 0, 0, 0), "a", 1.5])
def test_indices_that_do_not_fit(index):
    message = f"index {index} does not fit a Sketch of batch shape (4, 3); the registers of a set are in .registers"
    with pytest.raises(IndexError, match=f"^{re.escape(message)}$"):
        batch(RECIPES[0])[index]


def test_length_and_iteration():
    s = batch(RECIPES[0])
    assert len(s) == 4
    assert [part.batch_shape for part in s] == [(3,)] * 4
    assert all(part == s[i] for i, part in enumerate(s))
    for of_one in (len, iter, list):
        with pytest.raises(TypeError, match=r"^a Sketch of one set has no len\(\); its registers are in \.registers$"):
            of_one(s[0, 0])


def test_numpy_reads_the_registers():
    s = batch(RECIPES[3])
    assert np.asarray(s) is s.registers
    assert np.shape(s) == (4, 3, 6)
    written = np.array(s)
    written[:] = 0
    assert s.registers.any()
    assert np.asarray(s, np.int64).dtype == np.int64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(s, np.int64, copy=False)
    assert np.array_equal(np.stack([s[0], s[1]]), s.registers[:2])
    assert np.array_equal(np.equal(s[0], s[1]), s.registers[0] == s.registers[1])


def test_concatenate():
    for recipe in RECIPES:
        s = batch(recipe)
        assert Sketch.concatenate([s[:1], s[1:3], s[3:], s[2:2]]) == s
        assert Sketch.concatenate(s[:, 0]) == s[:, 0]  # sketches of one set
        assert Sketch.concatenate(part for part in (s[0], s[1, 0])) == Sketch(
            np.concatenate([s.registers[0], s.registers[1, :1]]), **recipe
        )


def test_concatenate_errors():
    s = batch(RECIPES[1])
    with pytest.raises(ValueError, match=r"^sketches must hold at least one Sketch$"):
        Sketch.concatenate([])
    with pytest.raises(
        ValueError, match=r"^sketches\[0\] and sketches\[2\] cannot be joined: sketches\[0\] has normalize=False, "
    ):
        Sketch.concatenate([s, s, sketch(np.ones((2, 3, 5)), 6, RECIPES[1]["seed"], method="minhash", normalize=True)])
    with pytest.raises(TypeError, match=r"^sketches\[1\] must be a Sketch, got an array of dtype uint64; wrap raw reg"):
        Sketch.concatenate([s, s.registers])
    message = (
        "sketches may differ in the first axis of their batches only: "
        "sketches[0] has batch shape (4, 3), sketches[1] has (2,)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Sketch.concatenate([s, s[0, :2]])


WHOLE, BYTES = np.zeros((2, 4), np.uint64), np.full((2, 4), 3, np.uint8)


@pytest.mark.parametrize(
    ("registers", "options", "error", "message"),
    [
        (WHOLE, {"seed": -1}, ValueError, "seed must be in 0..2**64 - 1, got -1"),
        (WHOLE, {"method": "max"}, ValueError, "method must be one of 'gumbel', 'minhash', got 'max'"),
        (WHOLE, {"bits": 33}, ValueError, "bits must be in 1..32, got 33"),
        (WHOLE, {"bits": 3}, TypeError, "registers must be of dtype uint8 with bits=3, got dtype uint64"),
        (BYTES, {}, TypeError, "registers must be of dtype uint64 with bits=None, got dtype uint8"),
        (WHOLE.astype(float), {}, TypeError, "registers must be of dtype uint64 with bits=None, got dtype float64"),
        (WHOLE.astype(int), {}, TypeError, "registers must be of dtype uint64 with bits=None, got dtype int64"),
        (
            BYTES.astype(np.uint16),
            {"bits": 8},
            TypeError,
            "registers must be of dtype uint8 with bits=8, got dtype uint16",
        ),
        (BYTES, {"bits": 1}, ValueError, "registers must be below 2**1 with bits=1, got 3 at index (0, 0)"),
        (
            np.uint64(3),
            {},
            ValueError,
            "registers must have the k registers of a set, 1..65536, in the last axis; got shape ()",
        ),
        (
            WHOLE[:, :0],
            {},
            ValueError,
            "registers must have the k registers of a set, 1..65536, in the last axis; got shape (2, 0)",
        ),
        (
            sketch([1.0], 4, 1),
            {},
            TypeError,
            "registers must be an array, got a Sketch, which already says what made it",
        ),
        (
            WHOLE,
            {"normalize": True},
            ValueError,
            'normalize=True is for method="minhash" only: '
            "gumbel sketches are of the distributions weights / sum anyway",
        ),
        (WHOLE, {"version": 2}, ValueError, "version must be 1, which this release knows; got 2"),
        (WHOLE, {"version": True}, TypeError, "version must be an integer, got bool"),
        (WHOLE, {"normalize": "no"}, TypeError, "normalize must be True or False, got str"),
    ],
)
def test_errors(registers, options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Sketch(registers, **({"seed": 1, "method": "gumbel"} | options))


def test_what_made_it_must_be_said():
    with pytest.raises(TypeError, match="'method'"):
        Sketch(WHOLE, seed=1)
    with pytest.raises(TypeError, match="'seed'"):
        Sketch(WHOLE, method="gumbel")
