"""docs/vectors/race-v1.json: the file is frozen, and the fast code says what it says."""

import hashlib
import json

import numpy as np
import pytest

import pycouple
from pycouple import _core
from tests.support import ROOT, oracle

PATH = ROOT / "docs" / "vectors" / "race-v1.json"
VECTORS = json.loads(PATH.read_text())

# Version 1 can never change: neither the vectors nor the long draws below.
SHA256 = "646d4e14bc152c39bfe9c67853ae3889378daabad4f81d02ea8f22c8b9b044dc"
LONG_DRAWS = "aa3c889b1caf02f21444e106eb98ef38ae7799eb7237836707e4c88f6214acdb"


def key(vector):
    return [int(x, 16) for x in vector["key"]]


def test_the_file_is_frozen():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == SHA256


def test_words():
    for v in VECTORS["philox"]:
        words = tuple(int(w, 16) for w in v["words"])
        assert _core.philox_words(*key(v), v["index"], v["domain"]) == words


def test_ln():
    x, y = (np.array([float.fromhex(pair[i]) for pair in VECTORS["ln"]]) for i in (0, 1))
    assert np.array_equal(_core.ln(x), y)


def test_clocks_and_uniforms():
    for v in VECTORS["clock"]:
        seed, step, stream = key(v)
        assert float(pycouple.clocks(seed, step, v["item"], stream=stream)).hex() == v["clock"]
        assert pycouple.gumbels(seed, step, v["item"], stream=stream) == -oracle.ln(float.fromhex(v["clock"]))
    for v in VECTORS["uniform"]:
        seed, step, stream = key(v)
        assert float(pycouple.uniforms(seed, step, v["item"], stream=stream)).hex() == v["uniform"]


@pytest.mark.parametrize("v", VECTORS["draws"], ids=lambda v: f"{v['key'][0]}-{v['n']}-{v['item_offset']}")
def test_draws(level, v):
    seed, step, stream = key(v)
    logits = v["spread"] * (pycouple.uniforms(seed, step, np.arange(v["n"]), stream=stream) - 0.5)
    options = {"stream": stream, "item_offset": v["item_offset"]}
    race = pycouple.race_logits(logits, seed, step, temperature=v["temperature"], **options)
    margin = float("inf") if v["logits_margin"] == "inf" else float.fromhex(v["logits_margin"])
    assert (race.item, race.score, race.margin) == (v["logits_item"], float.fromhex(v["logits_score"]), margin)
    assert pycouple.sample(logits - logits.min() + 0.125, seed, step, **options) == v["weights_item"]


def long_draws():
    """Draws at real sizes, over seeds, steps, streams, types and temperatures, as one hash."""
    digest = hashlib.sha256()
    for n in (8, 64, 1000, 49_152, 131_072):
        x = 16 * (pycouple.uniforms(2024, n, np.arange(n)) - 0.5)
        steps = np.arange(40) * (2**56 + 1)
        for dtype in (np.float16, np.float32, np.float64):
            row = x.astype(dtype)
            for temperature in (1.0, 0.3):
                race = pycouple.race_logits(row, n, steps, temperature=temperature, stream=steps % 256)
                digest.update(race.item.astype("<i8").tobytes() + race.score.astype("<f8").tobytes())
                digest.update(race.margin.astype("<f8").tobytes())
            weights = (row - row.min()) ** 2
            digest.update(pycouple.sample(weights, n, steps).astype("<i8").tobytes())
    return digest.hexdigest()


def test_long_draws_are_frozen(level):
    assert long_draws() == LONG_DRAWS
