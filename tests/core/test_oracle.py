"""The oracle against itself: its NumPy twins say what its plain Python says, and it follows the written example."""

import numpy as np

from tests.support import oracle


def test_numpy_clocks_are_the_plain_ones():
    rng = np.random.default_rng(1)
    for _ in range(20):
        seed, step = int(rng.integers(2**64, dtype=np.uint64)), int(rng.integers(2**64, dtype=np.uint64))
        stream, first = int(rng.integers(256)), 64 * int(rng.integers(2**27))
        plain = [oracle.clock(seed, step, stream, first + i) for i in range(150)]
        assert oracle.clocks(seed, step, stream, first, 150).tolist() == plain


def test_worked_example_of_the_contract():
    assert oracle.words(7, 3, 0, 0, 1) == (0x03BD06C2, 0xC871D001, 0xB935DCCD, 0x5B3AFE37)
    clocks = [oracle.clock(7, 3, 0, i).hex() for i in range(3)]
    assert clocks == ["0x1.921e2d02658fap-1", "0x1.8b72a5d18edcap+0", "0x1.b8a5eb0fcf66ep+0"]
    assert oracle.race_weights([5.0, 3.0, 2.0], 7, 3) == 0
    item, score, margin = oracle.race_logits([1.0, 0.5, 0.0], 7, 3, temperature=0.5)
    assert (item, score.hex(), round(margin, 4)) == (0, "0x1.1eec128cd162ep+1", 1.6764)


def test_draws_are_the_definition_in_plain_python():
    rng = np.random.default_rng(2)
    for _ in range(50):
        n, step = int(rng.integers(1, 100)), int(rng.integers(2**40))
        x = rng.normal(0, 3, n)
        scores = [v - oracle.ln(oracle.clock(5, step, 0, i)) for i, v in enumerate(x.tolist())]
        item, score, margin = oracle.race_logits(x, 5, step)
        best = max(scores)
        rest = sorted(scores)[-2] if n > 1 else -np.inf
        assert (item, score, margin) == (scores.index(best), best, best - rest)
