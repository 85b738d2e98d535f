"""Philox4x32-10 against Random123's published vectors, and the oracle against the same."""

import json
from pathlib import Path

import pytest

from pycouple import _core
from tests.support import oracle

DATA = json.loads((Path(__file__).parent / "philox4x32_10.json").read_text())


@pytest.mark.parametrize("vector", DATA["vectors"], ids=lambda v: v["words"][0])
def test_known_answers(vector):
    c = [int(x, 16) for x in vector["counter"]]
    k = [int(x, 16) for x in vector["key"]]
    words = tuple(int(x, 16) for x in vector["words"])
    assert oracle.philox(c, k) == words
    # The contract's counter is (index, step low, step high, stream << 8 | domain).
    assert _core.philox_words(k[0] | k[1] << 32, c[1] | c[2] << 32, c[3] >> 8, c[0], c[3] & 255) == words
