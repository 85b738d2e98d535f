"""Draws from what top-k, top-p and min-p keep, beside np.argmax of the same row."""

import numpy as np
import pytest

import pycouple

LARGE = 131_072
FLAT = {"top_p 0.95": {"top_p": 0.95}, "top_p 0.5": {"top_p": 0.5}, "top_k 1000": {"top_k": 1000}}
REAL = {"top_p 0.95": {"top_p": 0.95}, "top_k 50": {"top_k": 50}, "min_p 0.05": {"min_p": 0.05}}
REAL["top_k 50, top_p 0.95"] = {"top_k": 50, "top_p": 0.95}


class TestFlatRow:
    """131,072 float32 logits, normal(0, 3), at temperature 1: tens of thousands of tokens share the mass."""

    def test_argmax(self, benchmark, normal_logits):
        benchmark(np.argmax, normal_logits(LARGE))

    @pytest.mark.parametrize("name", FLAT)
    def test_sample_logits(self, benchmark, normal_logits, step, name):
        x = normal_logits(LARGE)
        benchmark(lambda: pycouple.sample_logits(x, 1, step(), **FLAT[name]))

    def test_race_logits(self, benchmark, normal_logits, step):
        x = normal_logits(LARGE)
        benchmark(lambda: pycouple.race_logits(x, 1, step(), top_p=0.95))

    def test_level(self, benchmark, normal_logits, step, level):
        x = normal_logits(LARGE)
        benchmark(lambda: pycouple.sample_logits(x, 1, step(), top_p=0.95))


class TestRealRow:
    """A real row of 49,152, at temperature 0.8."""

    def test_argmax(self, benchmark, real_row):
        benchmark(np.argmax, real_row)

    @pytest.mark.parametrize("name", REAL)
    def test_sample_logits(self, benchmark, real_row, step, name):
        benchmark(lambda: pycouple.sample_logits(real_row, 1, step(), temperature=0.8, **REAL[name]))
