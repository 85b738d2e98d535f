"""docs/vectors/minhash-v1.json: the file is frozen, and the fast code says what it says."""

import hashlib
import json

import numpy as np
import pytest

import pycouple
from tests.support import ROOT
from tools import write_minhash_vectors as rules

PATH = ROOT / "docs" / "vectors" / "minhash-v1.json"
VECTORS = json.loads(PATH.read_text())

# Version 1 can never change: neither the vectors nor the long runs below.
SHA256 = "a58b4946a03df5350258cd264cf31242ef5b03b299fbb68156d79e4374e2d1db"
LONG_RUNS = "4fa2b7adb4d80b35038b7dd57d1de95a6be1a4c08a006d6795a7b1faf0073ee3"


def test_the_file_is_frozen():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == SHA256


def weights(seed, v):
    u, w = pycouple.uniforms(seed, 0, np.arange(v["n"])), np.ones(v["n"])
    for _ in range(v["power"]):
        w *= u
    return w * 2.0 ** v["exponent"]


def test_draws(level):
    for v in VECTORS["draws"]:
        seed, step, stream = (int(x, 16) for x in v["key"])
        options = {"stream": stream, "item_offset": v["item_offset"], "method": "minhash"}
        assert pycouple.sample(weights(seed, v), seed, step, **options) == v["item"], v


def test_sketches(level):
    for v in VECTORS["sketches"]:
        seed, k, method = int(v["seed"], 16), v["k"], v["method"]
        options = {"ids": rules.ids(seed, v["n"]), "method": method, "normalize": v["normalize"]}
        w = weights(seed, v)
        assert [f"{x:016x}" for x in pycouple.sketch(w, k, seed, **options).registers.tolist()] == v["values"], v
        assert pycouple.sketch(w, k, seed, **options, bits=5).registers.tolist() == v["bits_5"], v
        assert pycouple.sketch(w, k, seed, **options, bits=17).registers.tolist() == v["bits_17"], v


def long_runs():
    """Draws and sketches at real sizes, over seeds, steps, streams and types, as one hash."""
    digest = hashlib.sha256()
    for n in (8, 64, 1000, 49_152, 131_072):
        x = pycouple.uniforms(2024, n, np.arange(n))
        for _ in range(5):
            x = x * x
        steps = np.arange(40) * (2**56 + 1)
        for dtype in (np.float16, np.float32, np.float64):
            row = x.astype(dtype)
            digest.update(pycouple.sample(row, n, steps, stream=steps % 256, method="minhash").astype("<i8").tobytes())
            for k in (1, 64, 1000):
                for method in ("gumbel", "minhash"):
                    digest.update(pycouple.sketch(row, k, n, method=method).registers.astype("<u8").tobytes())
    return digest.hexdigest()


def test_long_runs_are_frozen(level):
    assert long_runs() == LONG_RUNS


@pytest.mark.parametrize("name", ["race-v1.json", "minhash-v1.json"])
def test_vectors_are_documented(name):
    docs = PATH.parents[1]
    assert any(f"vectors/{name}" in page.read_text() for page in docs.glob("*.md"))
