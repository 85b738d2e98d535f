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


def masked(value, live, dtype=np.float32):
    """`live` ordinary logits; the others are masked by a finite number, as people do in place of -inf."""
    x = np.full(LARGE, value, dtype)
    rng = np.random.default_rng(0)
    x[rng.permutation(LARGE)[:live]] = rng.normal(0, 3, live)
    return x


HARD_ROWS = {
    "1 live, -1e9": masked(-1e9, 1),
    "all lowest": masked(np.finfo(np.float32).min, 0),
    "near 1e17": 1e17 + np.random.default_rng(0).normal(0, 3, LARGE),
}


class TestHardRows:
    """Rows whose scores are far apart, or are equal but for rounding: bounds must still tell which can win."""

    @pytest.mark.parametrize("name", HARD_ROWS)
    def test_race_logits(self, benchmark, step, name):
        benchmark(lambda: pycouple.race_logits(HARD_ROWS[name], 1, step()))

    def test_subnormal_weights(self, benchmark, step):
        w = (np.random.default_rng(0).integers(0, 5, LARGE) * 2.0**-149).astype(np.float32)
        benchmark(lambda: pycouple.sample(w, 1, step()))

    @pytest.mark.parametrize("temperature", [0.7, 1.0])
    def test_float64(self, benchmark, normal_logits, step, temperature):
        x = normal_logits(LARGE).astype(np.float64)
        benchmark(lambda: pycouple.sample_logits(x, 1, step(), temperature=temperature))


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
