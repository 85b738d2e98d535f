"""One draw from one row: pycouple and its peers, by size."""

import numpy as np
import peers
import pytest

import pycouple

SIZES = (4_096, 49_152, 131_072, 262_144)
LARGE = 131_072


def probabilities(logits):
    w = np.exp(logits - logits.max())
    return w / w.sum()


@pytest.mark.parametrize("n", SIZES)
class TestOneDraw:
    def test_argmax(self, benchmark, normal_logits, n):
        x = normal_logits(n)
        benchmark(np.argmax, x)

    def test_sample_logits(self, benchmark, normal_logits, step, n):
        x = normal_logits(n)
        benchmark(lambda: pycouple.sample_logits(x, 1, step()))

    def test_sample(self, benchmark, normal_logits, step, n):
        p = probabilities(normal_logits(n))
        benchmark(lambda: pycouple.sample(p, 1, step()))

    def test_race_logits(self, benchmark, normal_logits, step, n):
        x = normal_logits(n)
        benchmark(lambda: pycouple.race_logits(x, 1, step()))

    def test_greedy(self, benchmark, normal_logits, n):
        x = normal_logits(n)
        benchmark(lambda: pycouple.sample_logits(x, 1, temperature=0.0))

    def test_numpy_gumbel(self, benchmark, normal_logits, n):
        benchmark(peers.gumbel_argmax, normal_logits(n), np.random.default_rng(0))

    def test_numpy_exponential(self, benchmark, normal_logits, n):
        benchmark(peers.exponential_argmin, probabilities(normal_logits(n)), np.random.default_rng(0))

    @pytest.mark.skipif(peers.numba is None, reason="numba is not installed")
    def test_numba_two_stage(self, benchmark, normal_logits, step, n):
        draw = peers.two_stage(probabilities(normal_logits(n)))
        benchmark(lambda: draw(1, step()))

    @pytest.mark.skipif(peers.torch is None, reason="torch is not installed")
    def test_torch(self, benchmark, normal_logits, n):
        benchmark(peers.torch_gumbel(normal_logits(n)))

    @pytest.mark.skipif(peers.jax is None, reason="jax is not installed")
    def test_jax(self, benchmark, normal_logits, n):
        benchmark(peers.jax_categorical(normal_logits(n)))


class TestRealRow:
    def test_argmax(self, benchmark, real_row):
        benchmark(np.argmax, real_row)

    def test_sample_logits(self, benchmark, real_row, step):
        benchmark(lambda: pycouple.sample_logits(real_row, 1, step()))

    def test_sample(self, benchmark, real_row, step):
        p = probabilities(real_row)
        benchmark(lambda: pycouple.sample(p, 1, step()))


def test_level(benchmark, normal_logits, step, level):
    x = normal_logits(LARGE)
    benchmark(lambda: pycouple.sample_logits(x, 1, step()))


class TestSmallCall:
    """Call overhead: one row of 8."""

    def test_argmax(self, benchmark):
        benchmark(np.argmax, np.arange(8.0))

    def test_sample(self, benchmark):
        w = np.arange(1.0, 9.0)
        benchmark(lambda: pycouple.sample(w, 1, 2))

    def test_gufunc(self, benchmark):
        w, one, zero = np.arange(1.0, 9.0), np.array(1, np.uint64), np.array(0, np.uint64)
        benchmark(pycouple.ufuncs.sample_weights, w, one, one, zero, zero)
