"""States of sketches and sketchers as a damaged or a hostile pickle has them: refused, or safe to go on with."""

import pickle
import re

import numpy as np
import pytest

from pycouple import Sketch, Sketcher, sketch
from tests.support.sets import METHOD

K = 6
NEVER, EMPTY = 2**63 - 1, 2**64 - 1


def state_of(method="gumbel"):
    """The state of a sketcher of three items: method, k, seed, (times, ids, darts)."""
    sound = Sketcher(K, 7, method=method)
    sound.update([3, 1, 2**40], [1.0, 5.0, 2.0])
    return sound.__getstate__()


def revived(state):
    """A sketcher of this state, as pickle and copy make it."""
    sketcher = Sketcher.__new__(Sketcher)
    sketcher.__setstate__(state)
    return sketcher


def test_memory_of_another_kind_holds_the_same_state():
    method, k, seed, registers = state_of()
    want = revived((method, k, seed, registers)).sketch()
    for change in (
        lambda a: a.astype(a.dtype.newbyteorder(">")),
        lambda a: np.repeat(a, 3)[::3],
        lambda a: a[::-1].copy()[::-1],
        lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype),  # misaligned, read-only
    ):
        twin = revived((method, k, seed, tuple(change(part) for part in registers)))
        assert twin.sketch() == want
        twin.update([9], [1e9])
        assert twin.sketch() != want


TIMES, IDS, DARTS = state_of()[3]


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (None, TypeError, "the state of a Sketcher must be a tuple of its method, k, seed and registers"),
        ((), TypeError, "the state of a Sketcher must be a tuple of its method"),
        (("gumbel", K, 7), TypeError, "the state of a Sketcher must be a tuple of its method"),
        ({"k": K}, TypeError, "the state of a Sketcher must be a tuple of its method"),
        (("race", K, 7, (TIMES, IDS, DARTS)), ValueError, "method must be one of 'gumbel', 'minhash', got 'race'"),
        ((None, K, 7, (TIMES, IDS, DARTS)), ValueError, "method must be one of 'gumbel', 'minhash', got NoneType"),
        (("gumbel", 0, 7, (TIMES, IDS, DARTS)), ValueError, "k must be in 1..65536, got 0"),
        (("gumbel", -K, 7, (TIMES, IDS, DARTS)), ValueError, "k must be in 1..65536, got -6"),
        (("gumbel", 2**60, 7, (TIMES, IDS, DARTS)), ValueError, "k must be in 1..65536"),
        (("gumbel", 6.0, 7, (TIMES, IDS, DARTS)), TypeError, "k must be an integer, got float"),
        (("gumbel", K, -1, (TIMES, IDS, DARTS)), ValueError, r"seed must be in 0..2**64 - 1, got -1"),
        (("gumbel", K, "7", (TIMES, IDS, DARTS)), TypeError, "seed must be an integer, got str"),
        (("gumbel", K, 7, (TIMES, IDS)), TypeError, "the registers of a Sketcher must be a tuple of three arrays"),
        (("gumbel", K, 7, [TIMES, IDS, DARTS]), TypeError, "the registers of a Sketcher must be a tuple of three"),
        (("gumbel", K, 7, None), TypeError, "the registers of a Sketcher must be a tuple of three arrays"),
        (("gumbel", 7, 7, (TIMES, IDS, DARTS)), TypeError, "the times of a Sketcher must be int64 of shape (7,), got"),
        (("gumbel", K, 7, (TIMES[:5], IDS, DARTS)), TypeError, "int64 of shape (6,), got int64 of shape (5,)"),
        (("gumbel", K, 7, (TIMES[:1], IDS, DARTS)), TypeError, "int64 of shape (6,), got int64 of shape (1,)"),
        (("gumbel", K, 7, (TIMES[np.newaxis], IDS, DARTS)), TypeError, "got int64 of shape (1, 6)"),
        (("gumbel", K, 7, (IDS, IDS, DARTS)), TypeError, "the times of a Sketcher must be int64 of shape (6,), got u"),
        (
            ("gumbel", K, 7, (TIMES, IDS.astype(float), DARTS)),
            TypeError,
            "the ids of a Sketcher must be uint64 of shape",
        ),
        (("gumbel", K, 7, (TIMES, -IDS.astype(np.int64), DARTS)), TypeError, "the ids of a Sketcher must be uint64"),
        (("gumbel", K, 7, (TIMES, IDS, DARTS.astype(object))), TypeError, "the darts of a Sketcher must be uint64 of"),
        (("gumbel", K, 7, (TIMES, IDS, DARTS.view([("a", "u8")]))), TypeError, "the darts of a Sketcher must be"),
        (
            ("gumbel", K, 7, (TIMES, IDS, DARTS.tolist())),
            TypeError,
            "the darts of a Sketcher must be uint64 of shape (6",
        ),
        (("gumbel", K, 7, (TIMES, IDS, 5)), TypeError, "the darts of a Sketcher must be uint64 of shape (6,), got int"),
        (
            ("gumbel", K, 7, (np.broadcast_to(TIMES[:1].astype(">i8"), (10**15,)), IDS, DARTS)),
            TypeError,
            "the times of a Sketcher must be int64 of shape (6,), got >i8 of shape (1000000000000000,)",
        ),
        (
            ("gumbel", K, 7, (np.array([1, 2, NEVER, 4, 5, 6]), IDS, DARTS)),
            ValueError,
            "register 2 of a Sketcher has an id or a dart, but no time",
        ),
    ],
)
def test_states_that_are_refused(state, error, message):
    with pytest.raises(error, match=re.escape(message)):
        revived(state)


def fuzz(count, seed=0):
    """Go on with so many states of random numbers in arrays of the right kind; how many were refused."""
    rng, refused = np.random.default_rng(seed), 0
    other = revived(state_of("gumbel")), revived(state_of("minhash"))
    for i in range(count):
        method, k, seed_, registers = state_of(("gumbel", "minhash")[i % 2])
        for part in registers:
            for place in rng.integers(0, K, rng.integers(0, K)):
                part[place] = rng.choice([0, 1, NEVER, -1, ~NEVER, rng.integers(~NEVER, NEVER)]).astype(part.dtype)
        try:
            sketcher = revived((method, k, seed_, registers))
        except ValueError:
            refused += 1
            continue
        sketcher.update(rng.integers(0, 2**63, 40), 2.0 ** rng.uniform(-1074, 1023, 40))
        sketcher.merge(other[i % 2])
        assert sketcher.sketch().registers.shape == (K,)
        assert sketcher.sketch(bits=5).registers.max() < 32
    return refused


def test_random_registers_are_safe():
    assert 0 < fuzz(600) < 600


@METHOD
def test_an_empty_state_is_sound(method):
    empty = Sketcher(K, 7, method=method)
    assert revived(empty.__getstate__()).sketch() == empty.sketch()
    assert empty.sketch().registers.tolist() == [EMPTY] * K


def test_a_sketch_has_no_state_to_set():
    """A pickle could put any array into it unchecked."""
    s = sketch([0.5, 0.5], k=K, seed=7)
    with pytest.raises(TypeError, match="a Sketch has no state to set"):
        s.__setstate__((None, {"_registers": np.zeros(3)}))
    assert s == pickle.loads(pickle.dumps(s))


@pytest.mark.parametrize(
    ("arguments", "registers", "error", "message"),
    [
        ({"seed": -1}, np.zeros(3, np.uint64), ValueError, r"seed must be in 0..2\*\*64 - 1, got -1"),
        ({"method": "race"}, np.zeros(3, np.uint64), ValueError, "method must be one of"),
        ({"version": 2}, np.zeros(3, np.uint64), ValueError, "version must be 1, which this release knows; got 2"),
        ({"bits": 33}, np.zeros(3, np.uint64), ValueError, "bits must be in 1..32, got 33"),
        ({"bits": 4}, np.full(3, 16, np.uint8), ValueError, r"registers must be below 2\*\*4 with bits=4, got 16 at"),
        (
            {"bits": 4},
            np.zeros(3, np.uint64),
            TypeError,
            "registers must be of dtype uint8 with bits=4, got dtype uint64",
        ),
        ({}, np.zeros(3), TypeError, "registers must be of dtype uint64 with bits=None, got dtype float64"),
        (
            {},
            np.zeros((3, 0), np.uint64),
            ValueError,
            r"registers must have the k registers .*shape \(3, 0\)",
        ),
        ({}, np.zeros(65537, np.uint64), ValueError, r"registers must have the k registers of a set, .*\(65537,\)"),
        ({}, np.uint64(3), ValueError, r"registers must have the k registers of a set, .*got shape \(\)"),
    ],
)
def test_a_pickle_makes_a_sketch_by_its_class(arguments, registers, error, message):
    make, _ = sketch([0.5, 0.5], k=3, seed=7).__reduce__()
    assert make.func is Sketch
    with pytest.raises(error, match=message):
        make(registers, **arguments)
