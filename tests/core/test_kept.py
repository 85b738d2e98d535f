"""Kept sets and the draws from them are the oracle's, bit for bit, on every ISA level."""

import numpy as np
import pytest

from tests.support.kept_cases import DTYPES, check_logits, check_random, in_dtype, key
from tests.support.rows import hard_row


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_small_n(level, dtype):
    rng, keys = np.random.default_rng(30), np.random.default_rng(130)
    for n in range(1, 140):
        for _ in range(4):
            check_random(rng, keys, n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_around_tiles(level, dtype):
    rng, keys = np.random.default_rng(31), np.random.default_rng(131)
    for tile in (256, 512, 1024, 2048, 4096):
        for n in (tile - 65, tile - 64, tile - 1, tile, tile + 1, tile + 65, 3 * tile + 7):
            for _ in range(3):
                check_random(rng, keys, n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_hard_rows(level, dtype):
    rng, keys = np.random.default_rng(32), np.random.default_rng(132)
    for n in (1, 2, 10, 64, 65, 300, 1000, 4160):
        for _ in range(40):
            check_random(rng, keys, n, dtype, hard_row)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [49_152, 131_072, 131_073])
def test_large_rows(level, dtype, n):
    rng, keys = np.random.default_rng(33), np.random.default_rng(133)
    for _ in range(6):
        check_random(rng, keys, n, dtype)
    x = in_dtype(rng.normal(0, 3, n), dtype)
    for k, p, m in ((0, 0.95, 0.0), (50, 1.0, 0.0), (0, 1.0, 0.05), (1000, 0.9, 0.001), (0, 0.01, 0.0)):
        check_logits(x, key(keys), 1.0, k, p, m)


def test_real_rows(level, real_logits):
    for i, row in enumerate(real_logits):
        for temperature, k, p, m in (
            (1.0, 0, 0.95, 0.0),
            (0.8, 0, 0.95, 0.0),
            (1.0, 50, 1.0, 0.0),
            (0.8, 0, 1.0, 0.05),
            (0.6, 20, 0.95, 0.0),
            (1.0, 0, 0.05, 0.0),
        ):
            for step in range(3):
                check_logits(row, (3, 100 * step + i, 0, 0), temperature, k, p, m)
