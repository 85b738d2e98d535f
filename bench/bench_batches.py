"""Batches: many rows, many steps of one row, small rows, threads."""

import numpy as np
import peers
import pytest

import pycouple

N = 131_072


class TestRows64:
    def test_argmax(self, benchmark, normal_logits):
        benchmark(np.argmax, normal_logits(64, N), axis=1)

    def test_sample_logits(self, benchmark, normal_logits, step):
        x = normal_logits(64, N)
        benchmark(lambda: pycouple.sample_logits(x, 1, step()))

    def test_sample(self, benchmark, normal_logits, step):
        w = np.exp(normal_logits(64, N))
        benchmark(lambda: pycouple.sample(w, 1, step()))


class TestRows16:
    def test_argmax(self, benchmark, normal_logits):
        benchmark(np.argmax, normal_logits(16, N), axis=1)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_workers(self, benchmark, normal_logits, step, workers):
        x = normal_logits(16, N)
        benchmark(lambda: pycouple.sample_logits(x, 1, step(), workers=workers))


class TestSteps1024:
    def test_argmax(self, benchmark, normal_logits):
        benchmark(np.argmax, normal_logits(N))

    def test_sample_logits(self, benchmark, normal_logits, step):
        x, steps = normal_logits(N), np.arange(1024)
        benchmark(lambda: pycouple.sample_logits(x, 1, steps + 1024 * step()))

    def test_sample(self, benchmark, normal_logits, step):
        w, steps = np.exp(normal_logits(N)), np.arange(1024)
        benchmark(lambda: pycouple.sample(w, 1, steps + 1024 * step()))


class TestSmallRows:
    """100,000 rows of 8."""

    def test_argmax(self, benchmark, normal_logits):
        benchmark(np.argmax, normal_logits(100_000, 8), axis=1)

    def test_sample_logits(self, benchmark, normal_logits, step):
        x = normal_logits(100_000, 8)
        benchmark(lambda: pycouple.sample_logits(x, 1, step()))

    def test_numpy_gumbel(self, benchmark, normal_logits):
        benchmark(peers.gumbel_argmax, normal_logits(100_000, 8), np.random.default_rng(0))


class TestClocks:
    """131,072 clocks by random access."""

    def test_clocks(self, benchmark, step):
        items = np.arange(N, dtype=np.uint64)
        benchmark(lambda: pycouple.clocks(1, step(), items))

    def test_numpy_exponential(self, benchmark):
        benchmark(np.random.default_rng(0).standard_exponential, N)
