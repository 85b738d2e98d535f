"""Random access, seeds from names."""

import hashlib

import numpy as np

import pycouple
from tests.support import oracle


def test_random_access_is_the_oracle():
    rng = np.random.default_rng(1)
    for _ in range(300):
        seed, step = (int(v) for v in rng.integers(2**64, size=2, dtype=np.uint64))
        stream, item = int(rng.integers(256)), int(rng.integers(2**32))
        clock = oracle.clock(seed, step, stream, item)
        assert pycouple.clocks(seed, step, item, stream=stream) == clock
        assert pycouple.gumbels(seed, step, item, stream=stream) == -oracle.ln(clock)
        assert pycouple.uniforms(seed, step, item, stream=stream) == oracle.uniform(seed, step, stream, item)


def test_arguments_broadcast():
    got = pycouple.clocks(np.arange(3)[:, None, None], np.arange(4)[:, None], [5, 70], stream=1)
    assert got.shape == (3, 4, 2)
    assert got[2, 1, 1] == oracle.clock(2, 1, 1, 70)


def test_seed_from_is_the_written_hash():
    message = b"s" + (4).to_bytes(8, "little") + b"chat" + b"i" + (1).to_bytes(8, "little") + bytes([42])
    digest = hashlib.blake2b(message, digest_size=8, person=b"pycouple-seed-1").digest()
    assert pycouple.seed_from("chat", 42) == int.from_bytes(digest, "little") == 14630442295478733644


def test_seed_from_tells_parts_apart():
    strings = [("ab", "c"), ("a", "bc"), ("abc",), (b"ab", "c"), ("ab", b"c"), ("c", "ab"), ("",), (b"",)]
    integers = [(0,), (-1,), (127,), (128,), (255,), (-128,), (2**200,), (0, 0), ("0",)]
    seeds = {pycouple.seed_from(*parts) for parts in strings + integers}
    assert len(seeds) == len(strings + integers)
