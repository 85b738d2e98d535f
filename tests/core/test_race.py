"""Every fast path equals the oracle's brute force, bit for bit, on every ISA level."""

from itertools import pairwise

import numpy as np
import pytest

import pycouple
from tests.support import oracle
from tests.support.rows import hard_row, random_row, random_weights

DTYPES = ("float16", "float32", "float64")
TEMPERATURES = (1.0, 0.7, 0.01, 1e-3, 100.0, 1e30, 0.0)


def key(rng):
    seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
    return seed, step, int(rng.integers(256)), 64 * int(rng.integers(2**20))


def check_logits(x, seed, step, stream, offset, temperature):
    options = {"temperature": temperature, "stream": stream, "item_offset": offset}
    got = pycouple.race_logits(x, seed, step, **options)
    want = oracle.race_logits(x, seed, step, stream, temperature, offset)
    assert tuple(v.item() for v in got) == (*want, np.inf), (x.dtype, len(x), temperature)
    assert pycouple.sample_logits(x, seed, step, **options) == want[0]


def check_weights(w, seed, step, stream, offset):
    got = pycouple.sample(w, seed, step, stream=stream, item_offset=offset)
    assert got == oracle.race_weights(w, seed, step, stream, offset), (w.dtype, len(w))


def check_both(rng, keys, n, dtype):
    """A random row of logits and one of weights at one key, which rows of every dtype share: clocks are made once."""
    where = key(keys)
    check_logits(random_row(rng, n, dtype), *where, float(rng.choice(TEMPERATURES)))
    check_weights(random_weights(rng, n, dtype), *where)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_small_n(level, dtype):
    rng, keys = np.random.default_rng(10), np.random.default_rng(110)
    for n in range(1, 201):
        for _ in range(5):
            check_both(rng, keys, n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_around_tiles(level, dtype):
    rng, keys = np.random.default_rng(11), np.random.default_rng(111)
    for tile in (256, 512, 1024, 2048, 4096):
        for n in (tile - 65, tile - 64, tile - 1, tile, tile + 1, tile + 64, tile + 65, 3 * tile + 7):
            for _ in range(3):
                check_both(rng, keys, n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_hard_rows(level, dtype):
    rng, keys = np.random.default_rng(19), np.random.default_rng(119)
    for n in (1, 2, 10, 64, 65, 300, 1000, 4160):
        for _ in range(40):
            temperature = float(rng.choice([1.0, 0.7, 1.3, 3.0, 0.5, 0.01]))
            check_logits(hard_row(rng, n, dtype), *key(keys), temperature)


@pytest.mark.parametrize("n", [49_152, 131_072, 131_073])
@pytest.mark.parametrize("dtype", DTYPES)
def test_large_rows(level, dtype, n):
    rng, keys = np.random.default_rng(12), np.random.default_rng(112)
    for _ in range(12):
        check_both(rng, keys, n, dtype)


def test_real_rows(level, real_logits):
    for i, row in enumerate(real_logits):
        for step in range(12):
            for temperature in (1.0, 0.6, 0.0):
                check_logits(row, 3, 1000 * step + i, 0, 0, temperature)
        with np.errstate(under="ignore"):
            p = np.exp(row - row.max(), dtype=np.float32)
        for step in range(4):
            check_weights(p, 3, 1000 * step + i, 0, 0)


def test_weights_of_any_scale(level):
    rng = np.random.default_rng(13)
    w = rng.exponential(size=300)
    want = pycouple.sample(w, 1, np.arange(200))
    for exponent in (-1000, -500, -130, -1, 1, 900, 1020):
        assert np.array_equal(pycouple.sample(np.ldexp(w, exponent), 1, np.arange(200)), want)
    tiny = np.ldexp(rng.integers(0, 9, 300).astype(float), -1074)  # subnormal doubles
    for step in range(50):
        check_weights(tiny, 1, step, 0, 0)
        check_weights(np.where(rng.random(300) < 0.5, tiny, w * 1e300), 1, step, 0, 0)


def test_ties_go_to_the_lowest_item(level):
    # At this scale every score is rounded to a multiple of 2**20: clocks cannot tell the items apart.
    x = np.full(1000, 2.0**73)
    x[:37] = 0
    race = pycouple.race_logits(x, 1, np.arange(50))
    assert (race.item == 37).all()
    assert (race.margin == 0).all()
    assert pycouple.sample_logits([0.0, -0.0, 1.0, 1.0], 1, temperature=0) == 2
    assert pycouple.sample_logits([-0.0, 0.0], 1, temperature=0) == 0


def test_zeros_keep_their_sign(level):
    """At temperature 0 the score is the winner's own zero, and a tie's margin is +0, in whatever order maxima come."""
    rng = np.random.default_rng(18)
    for n in (2, 64, 100, 3000):
        x = np.where(rng.random(n) < 0.5, -0.0, 0.0).astype(np.float32)
        race = pycouple.race_logits(x, 1, temperature=0)
        assert (race.item, race.margin) == (0, 0)
        assert np.signbit(race.score) == np.signbit(x[0])
        assert not np.signbit(race.margin)


def test_float_rows_of_opposite_extremes(level):
    """x - max overflows in float32, and the hot temperature brings the items together again."""
    rng = np.random.default_rng(14)
    for n in (5, 64, 1000):
        x = rng.choice(np.float32([-3e38, 3e38, 0]), n)
        for step in range(40):
            check_logits(x, 1, step, 0, 0, 1e38)
    y = rng.choice([-1.7e308, 1.7e308, 0], 500)
    for step in range(20):
        check_logits(y, 1, step, 0, 0, 1e308)


@pytest.mark.parametrize("sign", [-1, 1])
def test_quotients_that_round_to_one_double_at_any_scale(level, sign):
    """Neighbours have one score, though bounds tell them apart, up to where a bound is no float: the first wins."""
    rng = np.random.default_rng(24)
    for exponent in (40, 126, 128, 178, 179, 180, 181, 182, 500):
        for step in range(12):
            temperature = rng.choice([1.1, 1.3, 1.9])
            top = sign * temperature * 2.0**exponent * rng.uniform(1, 2)
            x = np.array([top, np.nextafter(top, -np.inf), np.nextafter(top, np.inf)])[rng.integers(3, size=70)]
            check_logits(x, 1, step, 0, 0, temperature)


def test_margin_of_rows_far_apart(level):
    """The runner-up may lie far below anything that could win."""
    x = np.full(5000, -np.inf)
    x[[17, 4000]] = 0, -1e39
    check_logits(x, 1, 0, 0, 0, 1.0)
    x[17], x[4000] = 3e38, -3e38
    check_logits(x.astype(np.float32), 1, 0, 0, 0, 0.5)
    x[4000] = -np.inf
    race = pycouple.race_logits(x, 1)
    assert (race.item, race.margin) == (17, np.inf)


def test_slices_combine_to_the_whole(level):
    rng = np.random.default_rng(15)
    x = rng.normal(0, 3, 5000).astype(np.float32)
    for step in range(20):
        whole = pycouple.race_logits(x, 9, step)
        cuts = [0, 64, 1024, 1088, 4992, 5000]
        parts = [pycouple.race_logits(x[a:b], 9, step, item_offset=a) for a, b in pairwise(cuts)]
        best = max(parts, key=lambda race: (race.score, -race.item))
        assert (best.item, best.score) == (whole.item, whole.score)


def test_the_last_items_that_have_clocks(level):
    offset = 2**34 - 128
    w = np.ones(128)
    assert pycouple.sample(w, 1, 0, item_offset=offset) == oracle.race_weights(w, 1, 0, 0, offset)


def test_half_the_margin_is_safe(level):
    """Any change of logits / T below half the margin keeps the winner; a little more than half can change it."""
    rng = np.random.default_rng(16)
    for step in range(200):
        n, temperature = int(rng.integers(2, 3000)), float(rng.choice([0.5, 1.0, 3.0]))
        x = rng.normal(0, 3, n)
        race = pycouple.race_logits(x, 4, step, temperature=temperature)
        half = race.margin / 2 - 1e-12
        for change in (rng.uniform(-half, half, n), np.where(np.arange(n) == race.item, -half, half)):
            assert pycouple.sample_logits(x + change * temperature, 4, step, temperature=temperature) == race.item
        worst = np.where(np.arange(n) == race.item, -1.0, 1.0) * (race.margin / 2 + 1e-9)
        assert pycouple.sample_logits(x + worst * temperature, 4, step, temperature=temperature) != race.item


def test_gumbels_and_clocks_are_the_race(level):
    rng = np.random.default_rng(17)
    x, w = rng.normal(0, 3, 500), rng.exponential(size=500)
    for step in range(50):
        items = np.arange(500)
        narrow = x.astype(np.float32)
        wide = narrow.astype(np.float64) / 0.7 + pycouple.gumbels(8, step, items)
        assert pycouple.sample_logits(narrow, 8, step, temperature=0.7) == np.argmax(wide)
        race = pycouple.race_logits(x, 8, step, temperature=0.7, stream=3)
        score = x / 0.7 + pycouple.gumbels(8, step, items, stream=3)
        assert (race.item, race.score) == (np.argmax(score), score.max())
        assert pycouple.sample(w, 8, step) == np.argmin(pycouple.clocks(8, step, items) / w)
