"""The conformance driver builds and passes here, and Python's calls on rows made in Python give its hashes.

So neither a core that is wrong can be blessed by its own hashes, nor a generator that has gone wrong on both sides.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pycouple
from pycouple import _core, ufuncs
from tests.support import ROOT, oracle_kept, oracle_minhash, oracle_protocol
from tests.support.conformance import KINDS, RECIPES, fnv, make_row, numbers_of, words
from tests.support.conversation import talk

HERE = ROOT / "tests" / "conformance"
EXPECTED = dict(line.split() for line in (HERE / "expected.txt").read_text().splitlines() if line[0] != "#")
LENGTHS = (1, 2, 5, 63, 64, 65, 127, 128, 129, 257, 1000, 1023, 1025, 2049, 4099)
TEMPERATURES = (1.0, 0.0, 0.7, 2.0**-10, 2.0**-1000, 3.0, 1000.0, 2.0**60)
TRUNCATIONS = [
    *(
        (0, 1, 0),
        (0, 0.95, 0),
        (50, 1, 0),
        (0, 1, 2**-4),
        (20, 0.9, 2**-6),
        (0, 1 - 2**-53, 0),
        (1, 0.5, 1),
        (-1, 0, 0),
    ),
    *((3, 2.0**-1074, 2.0**-1074), (0, 2**-5, 0.75), (-2, 0.5, 0), (0, 1.5, 0), (2, 1, -1)),
]
SET_LENGTHS, REGISTERS = (1, 5, 64, 65, 500), (1, 2, 16, 23, 97)
SET_KINDS = ("float64", "float32", "float16")
COUNT = 4096


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The output of a run of the driver, built by tests/conformance/run for this machine."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    compiler = next((name for name in ("gcc", "clang") if shutil.which(name)), None)
    cmake = shutil.which("cmake", path=path) or shutil.which("cmake")
    if not compiler or not cmake or not (shutil.which("ninja", path=path) or shutil.which("make")):
        pytest.skip("the driver needs GCC or Clang, cmake, and ninja or make")
    folder = tmp_path_factory.mktemp("conformance")
    options = ["-DPYCOUPLE_PYTHON=OFF", "-DPYCOUPLE_CONFORMANCE=ON", f"-DCMAKE_C_COMPILER={compiler}"]
    subprocess.run([cmake, "-S", ROOT, "-B", folder, *options], check=True, capture_output=True)
    subprocess.run([cmake, "--build", folder, "--parallel", "2"], check=True, capture_output=True)
    program = folder / "tests" / "conformance" / "conformance"
    return subprocess.run([program, ROOT], capture_output=True, text=True, check=False)


def test_the_driver_passes(driver):
    assert driver.returncode == 0, driver.stdout + driver.stderr
    levels = [line.split()[1].rstrip(":") for line in driver.stdout.splitlines() if line.startswith("level ")]
    assert levels == list(_core.levels())
    assert driver.stdout.count(" cases are right") == 4


def test_the_driver_prints_the_expected_hashes(driver):
    lines = [line.split() for line in driver.stdout.splitlines()]
    printed = dict(line for line in lines if len(line) == 2 and len(line[1]) == 16)
    assert printed == EXPECTED


def check(topic, numbers):
    assert fnv(np.concatenate([numbers_of(x).ravel() for x in numbers])) == EXPECTED[topic], topic


def interleaved(*columns):
    return np.stack([numbers_of(column) for column in columns], axis=-1)


def draws(keys, rows):
    """Seeds, steps, streams and offsets of the rows of a call."""
    seed, step, stream, offset = (words(keys, 4 * np.arange(rows) + a) for a in range(4))
    return seed, step, stream & np.uint64(255), (offset & np.uint64(0x1FFFFFF)) * np.uint64(64)


def race(name, kind, x, keys, rows, logits):
    ufunc = getattr(_core, f"{name}_bf16" if kind == "bfloat16" else name)
    where, rest = np.split(draws(keys, rows), [2])
    numbers = [np.resize(TEMPERATURES, rows)] if logits else []
    if "kept" in name:
        columns = zip(*(TRUNCATIONS[(keys + i) % len(TRUNCATIONS)] for i in range(rows)), strict=True)
        numbers += [np.array(column) for column in columns]
    with np.errstate(invalid="ignore"):
        out = ufunc(x, *numbers) if "last" in name else ufunc(x, *where, *numbers, *rest)
    return interleaved(*(out if isinstance(out, tuple) else (out,)))


UFUNCS = {
    "logits": "sample_logits",
    "margins": "race_logits",
    "weights": "sample_weights",
    "keys": "score_weights",
    "times": "race_weights",
    "minhash": "sample_minhash",
    "kept-logits": "race_kept_logits",
    "kept-weights": "sample_kept_weights",
}


# Python has no call that gives the keys of bfloat16 rows.
TOPICS = [(topic, kind) for topic in UFUNCS for kind in KINDS if (topic, kind) != ("keys", "bfloat16")]


@pytest.mark.parametrize(("topic", "kind"), TOPICS)
def test_races(topic, kind):
    check(f"{topic}-{kind}", races_of_all_rows(UFUNCS[topic], kind))


def races_of_all_rows(ufunc, kind):
    logits = "logits" in ufunc
    for r, recipe in enumerate(RECIPES):
        for i, n in enumerate(LENGTHS):
            x = make_row(kind, logits, recipe, n, (r + i) % 6)
            yield race(ufunc, kind, x, 1000 + r * len(LENGTHS) + i, 8, logits)


@pytest.mark.parametrize("kind", KINDS)
def test_last_kept_items(kind):
    ufuncs = ("last_kept_logits", "last_kept_weights")
    check(f"last-kept-{kind}", [y for ufunc in ufuncs for y in races_of_all_rows(ufunc, kind)])


@pytest.mark.parametrize("kind", KINDS)
def test_batches(kind):
    logits, weights = (make_row(kind, logits, "SPREAD", 450 * 300).reshape(450, 300) for logits in (True, False))
    for topic, of_logits, of_weights in (
        ("batches", "race_logits", "sample_minhash"),
        ("kept-batches", "race_kept_logits", "sample_kept_weights"),
    ):
        found = [race(of_logits, kind, logits, 3000, 450, True), race(of_weights, kind, weights, 3001, 450, False)]
        check(f"{topic}-{kind}", found)


def test_functions():
    seed, step, stream, index = (words(1, 4 * np.arange(COUNT) + a) for a in range(4))
    keys = zip(seed.tolist(), step.tolist(), (stream % 256).tolist(), (index % 2**32).tolist(), strict=True)
    check("philox", [np.array([_core.philox_words(*key, 1 + i % 10) for i, key in enumerate(keys)])])
    w, i = words(2, np.arange(COUNT)), np.arange(COUNT)
    field = np.where(i % 2 == 1, 1 + w % 4096 % 2046, 1023 - 59 + w % 4096 % 64)
    check("ln", [_core.ln(doubles(field, w))])


def doubles(field, w):
    """Doubles of a biased exponent whose fraction is that of words."""
    return (np.asarray(field, np.uint64) << np.uint64(52) | w >> np.uint64(12)).view(np.float64)


def test_terms_and_limits():
    """Of the oracle: Python has no call that gives them."""
    i = np.arange(COUNT)
    w, temperatures = words(15, i), (1.0, 0.7, 2.0**-10, 3.0, 2.0**-1000, 2.0**60, 2.0**140, 2.0**150)
    parts, ones = doubles(1023 - 40 + w % 4096 % 45, w), doubles(1023, words(15, COUNT + i))
    found = []
    for turn, (part, one) in enumerate(zip(parts.tolist(), ones.tolist(), strict=True)):
        top = one * 2.0**100
        found.append(oracle_kept.term(one - part, one, temperatures[turn % 8]))
        found.append(oracle_kept.term(top - part * 2.0**123, top, 2.0**123))
        found.append(oracle_kept.weight_term(part / 32, one))
    check("terms", [np.array(found)])
    w, total = words(16, i), words(16, COUNT + i) >> np.uint64(2) >> (i % 34).astype(np.uint64)
    p = doubles(1022 - w % 4096 % np.where(i % 2 == 1, 4, 130).astype(np.uint64), w)
    check("limits", [np.array(list(map(oracle_kept.limit_of, p.tolist(), total.tolist())))])


@pytest.mark.parametrize(
    ("topic", "ufunc", "items"),
    [("clocks", "clock", 2**34), ("gumbels", "gumbel", 2**34), ("uniforms", "uniform", 2**32)],
)
def test_random_access(topic, ufunc, items):
    i = np.arange(COUNT, dtype=np.uint64)
    seed, step, stream, item = (words(4, 4 * i + np.uint64(a)) for a in range(4))
    stream, item = stream % 256, np.where(i % 2 == 1, item % items, i)
    stream[-2], item[-1] = 256, items
    with np.errstate(invalid="ignore"):
        check(topic, [getattr(ufuncs, ufunc)(seed, step, stream, item)])


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_sketches(method):
    found, turn = [], 0
    for recipe in RECIPES[:-1]:
        for i, n in enumerate(SET_LENGTHS):
            for r, k in enumerate(REGISTERS):
                w = make_row(SET_KINDS[(turn + i) % 3], False, recipe, n)
                options = {
                    "ids": (None, short_ids(n), long_ids(n))[turn % 3],
                    "normalize": method == "minhash" and turn % 2 == 1,
                    "bits": (None, 5, 17, 32)[(turn + r) % 4],
                }
                sketch = pycouple.sketch(w, k, int(words(6, turn)), method=method, **options)
                found += [np.array([-1]), sketch.registers]
                turn += 1
    check(f"{method}-sketches", found)


def short_ids(n):
    return (3 * np.arange(n) + (words(5, np.arange(n)) & np.uint64(1)).astype(np.int64)).astype(np.int32)


def long_ids(n):
    return np.arange(n, dtype=np.uint64) << np.uint64(48) | words(5, np.arange(n)) >> np.uint64(16)


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_matrices(method):
    from scipy.sparse import csr_array

    seed = int(words(6, 2**64 - 1))
    dense = make_row("float32", False, "SPREAD", 100 * 200).reshape(100, 200)
    starts = [row * (row - 1) // 2 for row in range(101)]
    count = starts[-1]
    sparse = csr_array((make_row("float64", False, "SKEWED", count), short_ids(count), starts), (100, 3 * count))
    sketches = [pycouple.sketch(x, 64, seed, method=method) for x in (dense, sparse)]
    check(f"{method}-matrices", [y for sketch in sketches for y in (np.array([-1]), sketch.registers)])


@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_running_sketches(method):
    found, turn = [], 0
    for recipe in RECIPES[:-2]:
        for n in SET_LENGTHS[1:]:
            w, ids = make_row(SET_KINDS[turn % 3], False, recipe, n), long_ids(n)
            k, seed = REGISTERS[turn % len(REGISTERS)], int(words(7, turn))
            left, right = (pycouple.Sketcher(k, seed, method=method) for _ in range(2))
            for part, (start, stop) in enumerate(((0, n // 3), (n // 3, n // 3 * 2), (n // 3 * 2, n))):
                (right if part else left).update(ids[start:stop], w[start:stop])
                found.append(np.array([(w[start:stop] > 0).any()]))
            left.merge(right)
            for bits in (None, 17):
                found += [np.array([_core.OK]), left.sketch(bits=bits).registers]
            turn += 1
    check(f"{method}-running", found)


def test_equal_registers():
    found = []
    for size in (1, 2, 4, 8):
        a, b = ((words(s, np.arange(70 * 2100)) & np.uint64(3)).reshape(70, 2100).astype(f"u{size}") for s in (8, 9))
        found += [ufuncs.count_equal(a[:, :stop:stride], b[:, :stop:stride]) for stride, stop in ((1, 2100), (2, 2100))]
    check("equal", found)


def test_darts_and_epochs():
    found = []
    for i in range(2048):
        w, seed, step = (int(x) for x in words(11, 3 * i + np.arange(3)))
        tier, number = w % 11, w >> 8 & 31
        time, item = _core.dart_item(seed, step, tier, w >> 32 >> 2 * tier, number)
        found += [np.array([time]), np.array([item])]
    check("darts", found)
    keys = [(int(words(12, 2 * i)), int(words(12, 2 * i + 1)), i * i) for i in range(1024)]
    check("epochs", [np.array([_core.epoch_seed(*key), key[1]], np.uint64) for key in keys])


def test_darts_in_lists():
    found = []
    for turn, kind in enumerate(SET_KINDS):
        p = oracle_minhash.probabilities(make_row(kind, False, "SPREAD", 65))
        for step in range(1000):
            darts = oracle_protocol.darts(p, int(words(13, turn)), step, 3.0)
            found.append(np.array([_core.OK, len(darts)]))
            found += [y for time, item, *_ in darts for y in (np.array([time]), np.array([item]))]
    check("darts-in-lists", found)


@pytest.mark.parametrize(("rounds", "epsilon"), [("0-rounds", 0.2), ("1-round", 0.13), ("2-rounds", 0.1)])
def test_conversations(rounds, epsilon):
    found, turn = [], 0
    for r in range(11):
        for n in (1, 2, 5, 17, 64, 65, 300, 1025):
            seed, step = int(words(10, 2 * turn)), int(words(10, 2 * turn + 1))
            p = make_row(SET_KINDS[turn % 3], False, RECIPES[r], n)
            q = make_row(SET_KINDS[turn % 2], False, RECIPES[(r + 1 + turn % 3) % 11], n)
            turn += 1
            if not (p > 0).any() or not (q > 0).any():
                found.append(np.array([_core.NO_ITEM, 0, -1]))
                continue
            alice, bob, messages = talk(p, q, seed, step, epsilon)
            payloads = b"".join(m[9 if i < 2 else 4 :] for i, m in enumerate(messages))
            found += [np.array([_core.OK, alice.sample, bob.sample]), np.frombuffer(payloads, np.uint8)]
    check(f"conversations-{rounds}", found)
