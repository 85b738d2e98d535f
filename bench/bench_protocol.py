"""The protocol that talks, and list targets. Every run has a new step."""

import numpy as np
import peers
import pytest

import pycouple
from pycouple import protocol, speculative

LARGE = 131_072


@pytest.fixture
def weights(normal_logits):
    return np.exp(normal_logits(LARGE))


@pytest.fixture
def other(weights):
    """A second distribution, at a total variation distance of some 0.3 from the first."""
    return weights * np.exp(0.8 * np.random.default_rng(1).normal(size=LARGE)).astype(np.float32)


class TestFirstDart:
    """Alice, from her weights to her first message."""

    def test_argmax(self, benchmark, weights):
        benchmark(np.argmax, weights)

    def test_alice(self, benchmark, weights, step):
        benchmark(lambda: protocol.Alice(weights, 1, step()).start())

    def test_level(self, benchmark, weights, step, level):
        benchmark(lambda: protocol.Alice(weights, 1, step()).start())

    def test_numpy(self, benchmark, weights):
        rng = np.random.default_rng(2)
        benchmark(lambda: peers.first_dart(weights, rng))


class TestRun:
    """Both parties."""

    def test_large(self, benchmark, weights, other, step):
        benchmark(lambda: protocol.run(weights, other, 1, step()))

    def test_bounded(self, benchmark, weights, other, step):
        benchmark(lambda: protocol.run(weights, other, 1, step(), epsilon=0.01))

    def test_small(self, benchmark, weights, other, step):
        benchmark(lambda: protocol.run(weights[:8], other[:8], 1, step()))


class TestListTarget:
    @pytest.mark.parametrize("streams", [1, 4, 8])
    def test_logits(self, benchmark, normal_logits, step, streams):
        x = normal_logits(LARGE)
        benchmark(lambda: speculative.list_target_logits(x, 1, step(), range(streams)))

    def test_sample_logits(self, benchmark, normal_logits, step):
        x = normal_logits(LARGE)
        benchmark(lambda: pycouple.sample_logits(x, 1, step()))
