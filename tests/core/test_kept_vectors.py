"""docs/vectors/kept-v1.json: the file is frozen, and the fast code says what it says."""

import hashlib
import json

import numpy as np

import pycouple
from pycouple import _core
from tests.support import ROOT, oracle_kept

PATH = ROOT / "docs" / "vectors" / "kept-v1.json"
VECTORS = json.loads(PATH.read_text())
U = np.uint64

# Version 1 can never change: neither the vectors nor the long draws below.
SHA256 = "47070f753fb515c77ac882a07292a81359a4f0d6e5f4783d2ee46c70ee7d1b36"
LONG_DRAWS = "94d44b01d12233d46f72141875deca8382a703fba8293eb64a1d5553d3887509"


def number(text):
    return float(text) if text.endswith("inf") else float.fromhex(text)


def parameters(v):
    return v["top_k"], number(v["top_p"]), number(v["min_p"])


def where(v):
    seed, step, stream = (U(int(x, 16)) for x in v["key"])
    return seed, step, stream, U(v["item_offset"])


def uniforms(v):
    seed, step, stream, _ = where(v)
    return pycouple.uniforms(seed, step, np.arange(v["n"]), stream=stream)


def logits(v):
    x = v["spread"] * (uniforms(v) - 0.5)
    return np.floor(x) if v["whole"] else x


def weights(v):
    u = uniforms(v)
    w = np.prod([u] * v["power"], axis=0)
    return np.floor(8 * w) / 8 if v["whole"] else w


def test_the_file_is_frozen():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == SHA256


def test_terms():
    for v in VECTORS["terms"]:
        x, top, temperature = (number(v[name]) for name in ("x", "top", "temperature"))
        assert _core.kept_terms([x], temperature, top) == [v["term"]], v


def test_terms_that_are_added(level):
    """Of a row of two logits under the least P, whose limit is 1: the edge is 1 over the total."""
    checked = 0
    for v in VECTORS["terms"]:
        x, top, temperature = (number(v[name]) for name in ("x", "top", "temperature"))
        if max(abs(x), abs(top)) > 1e308 * min(temperature, 1):
            continue  # a logit over the temperature is beyond the doubles: there is no draw
        *_, edge = _core.race_kept_logits([top, x], U(1), U(1), temperature, 0, 5e-324, 0.0, U(0), U(0))
        assert edge == 1 / (2**28 + v["term"]), v
        checked += 1
    assert checked > 90


def test_terms_of_weights(level):
    """The second of two weights is kept if P times the total is above 2^28, the term of the first."""
    for v in VECTORS["weight_terms"]:
        row = [number(v["top"]), number(v["weight"])]
        for term in (v["term"], v["term"] + 1):
            if term > 0:
                p = 2.0**28 / (2.0**28 + term - 0.5)  # so that the total has to be more by `term`
                assert _core.last_kept_weights(row, 0, p, 0.0) == (term == v["term"]), v


def test_sets(level):
    for v in VECTORS["sets"]:
        row = [number(x) for x in v["logits"]]
        assert _core.last_kept_logits(row, number(v["temperature"]), *parameters(v)) == v["last"], v
    for v in VECTORS["sets_of_weights"]:
        row = [number(x) for x in v["weights"]]
        assert _core.last_kept_weights(row, *parameters(v)) == v["last"], v


def test_limits():
    """The core has no call for them: this is the oracle, on which its own tests rest."""
    for v in VECTORS["limits"]:
        assert oracle_kept.limit_of(number(v["top_p"]), int(v["total"], 16)) == int(v["limit"], 16), v


def test_draws(level):
    for v in VECTORS["draws"]:
        x, (seed, step, stream, offset) = logits(v), where(v)
        temperature = number(v["temperature"])
        got = _core.race_kept_logits(x, seed, step, temperature, *parameters(v), stream, offset)
        assert [y.item() for y in got] == [v["item"], *(number(v[name]) for name in ("score", "margin", "edge"))], v
        last = _core.last_kept_logits(x, temperature, *parameters(v))
        kept = (x > x[last]) | ((x == x[last]) & (np.arange(len(x)) <= last))
        assert (last, 1 if temperature == 0 else kept.sum()) == (v["last"], v["count"]), v


def test_draws_of_weights(level):
    for v in VECTORS["draws_of_weights"]:
        w, (seed, step, stream, offset) = weights(v), where(v)
        last = _core.last_kept_weights(w, *parameters(v))
        kept = (w > w[last]) | ((w == w[last]) & (np.arange(len(w)) <= last))
        assert (last, kept.sum()) == (v["last"], v["count"]), v
        assert _core.sample_kept_weights(w, seed, step, *parameters(v), stream, offset) == v["item"], v
        assert _core.sample_minhash(np.where(kept, w, 0), seed, step, stream, offset) == v["minhash_item"], v


def long_draws():
    """Draws and kept sets at real sizes, over seeds, steps, streams, types and parameters, as one hash."""
    digest = hashlib.sha256()
    steps = np.arange(50, dtype=U) * U(2**56 + 1)
    ks = np.array([0, 50, 0, 1000, 20])[np.arange(50) % 5]
    ps = np.array([0.95, 1.0, 0.5, 0.9, 0.999, 0.05, 1.0])[np.arange(50) % 7]
    ms = np.array([0.0, 0.0, 0.02])[np.arange(50) % 3]
    for n in (8, 64, 1000, 49_152, 131_072):
        x = 24 * (pycouple.uniforms(2024, n, np.arange(n)) - 0.5)
        for dtype in (np.float16, np.float32, np.float64):
            row = x.astype(dtype)
            for temperature in (1.0, 0.3):
                args = U(n), steps, temperature, ks, ps, ms, steps % U(256), U(0)
                for y in _core.race_kept_logits(row, *args):
                    digest.update(y.astype("<i8" if y.dtype.kind == "i" else "<f8").tobytes())
                digest.update(_core.last_kept_logits(row, temperature, ks, ps, ms).astype("<i8").tobytes())
            weights = (row - row.min()) ** 2
            digest.update(
                _core.sample_kept_weights(weights, U(n), steps, ks, ps, ms, U(0), U(0)).astype("<i8").tobytes()
            )
            digest.update(_core.last_kept_weights(weights, ks, ps, ms).astype("<i8").tobytes())
    return digest.hexdigest()


def test_long_draws_are_frozen(level):
    assert long_draws() == LONG_DRAWS


def test_vectors_are_documented():
    assert "vectors/kept-v1.json" in (PATH.parents[1] / "kept.md").read_text()
