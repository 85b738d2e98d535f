"""Weighted MinHash draws, sketches of both methods, and similarities. Every draw and sketch has a new step or seed."""

import numpy as np
import peers
import pytest

import pycouple

LARGE = 131_072

both_methods = pytest.mark.parametrize("method", ["gumbel", "minhash"])


@pytest.fixture
def weights(normal_logits):
    """Rows of softmax(normal(0, 3)) in float64."""

    def make(*shape):
        w = np.exp(normal_logits(*shape).astype(np.float64))
        return w / w.sum(axis=-1, keepdims=True)

    return make


class TestDraw:
    """From float32 rows."""

    def test_argmax(self, benchmark, weights):
        benchmark(np.argmax, weights(LARGE).astype(np.float32))

    def test_sample(self, benchmark, weights, step):
        w = weights(LARGE).astype(np.float32)
        benchmark(lambda: pycouple.sample(w, 1, step(), method="minhash"))

    def test_steps_1024(self, benchmark, weights, step):
        w, steps = weights(LARGE).astype(np.float32), np.arange(1024)
        benchmark(lambda: pycouple.sample(w, 1, steps + 1024 * step(), method="minhash"))

    @pytest.mark.parametrize("workers", [1, 2])
    def test_rows_16(self, benchmark, weights, step, workers):
        w = weights(16, LARGE).astype(np.float32)
        benchmark(lambda: pycouple.sample(w, 1, step(), method="minhash", workers=workers))

    def test_level(self, benchmark, weights, step, level):
        w = weights(LARGE).astype(np.float32)
        benchmark(lambda: pycouple.sample(w, 1, step(), method="minhash"))


class TestSketch:
    def test_argmax(self, benchmark, weights):
        benchmark(np.argmax, weights(LARGE))

    @both_methods
    @pytest.mark.parametrize(("n", "k"), [(1_000, 1_024), (10_000, 256), (LARGE, 256), (LARGE, 1_024)])
    def test_row(self, benchmark, weights, step, n, k, method):
        w = weights(n)
        benchmark(lambda: pycouple.sketch(w, k, step(), method=method))

    @both_methods
    @pytest.mark.parametrize("workers", [1, 2])
    def test_rows_64(self, benchmark, weights, step, workers, method):
        w = weights(64, 2_000)
        benchmark(lambda: pycouple.sketch(w, 256, step(), method=method, workers=workers))

    @both_methods
    def test_level(self, benchmark, weights, step, method, level):
        w = weights(LARGE)
        benchmark(lambda: pycouple.sketch(w, 256, step(), method=method))

    @pytest.mark.skipif(peers.datasketch is None, reason="datasketch is not installed")
    def test_datasketch(self, benchmark, weights):
        benchmark(peers.datasketch_minhash(LARGE, 256), weights(LARGE))


class TestSimilarityMatrix:
    """200 x 200 sketches, k = 256."""

    @pytest.fixture
    def sketches(self, weights):
        return pycouple.sketch(weights(2, 200, 1_000), 256, 1)

    def test_pycouple(self, benchmark, sketches):
        benchmark(pycouple.similarity_matrix, *sketches)

    def test_numpy(self, benchmark, sketches):
        a, b = sketches.registers
        benchmark(lambda: (a[:, None] == b[None]).mean(-1))
