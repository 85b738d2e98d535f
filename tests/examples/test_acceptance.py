"""The table of acceptance in the documentation."""

import sys

import numpy as np
import pytest
from scipy import stats

from pycouple import theory
from pycouple.cli import distributions
from tests.support.examples import module

ALPHA = 1e-4


def test_acceptance_table(capsys, monkeypatch):
    """Single tokens against the formulas, at every position; the chance of failing is 1e-4."""
    monkeypatch.setattr(sys, "argv", ["acceptance.py", "--draws", "50"])
    module("acceptance").main()
    first, second = capsys.readouterr().out.split("\n\n")
    calls = [line.strip("| ").split(" | ") for line in second.splitlines()[2:]]
    for (_, one, *strong), (_, same, *conditional) in zip(calls[::2], calls[1::2], strict=True):
        assert one == same  # with one draft the two kinds are the same
        assert 1 < float(one) < 5
        assert all(1 <= float(x) <= 5 for x in strong + conditional)
    strong, conditional = (sum(map(float, row[2:])) for row in calls[:2])
    assert conditional > strong + 1  # by 2.8 of some 9 and 12, with a standard error of 0.4
    head, _, *rows = [line.strip("| ").split(" | ") for line in first.splitlines()]
    assert head == [
        "drafter",
        "shared noise",
        "2 drafts",
        "4 drafts",
        "8 drafts",
        "ratio test",
        "greedy drafts",
        "own noise",
    ]
    target, drafters = distributions.load()
    assert [row[0] for row in rows] == list(drafters)
    for name, *numbers in rows:
        pairs = [distributions.pair(target, drafters[name], row) for row in range(192)]
        shared, ratio, greedy, own = (float(numbers[i]) for i in (0, 4, 5, 6))
        assert shared == pytest.approx(np.mean([theory.agreement(p, q) for q, p in pairs]), abs=6e-4)
        assert ratio == pytest.approx(np.mean([np.minimum(p / p.sum(), q / q.sum()).sum() for q, p in pairs]), abs=6e-4)
        assert greedy == pytest.approx(np.mean([q[p.argmax()] / q.sum() for q, p in pairs]), abs=6e-4)
        assert own == pytest.approx(np.mean([p @ q / p.sum() / q.sum() for q, p in pairs]), abs=6e-4)
        bounds = np.mean([theory.list_agreement_bound(p, q, [2, 4, 8]) for q, p in pairs], axis=0)
        for cell, want in zip(numbers[1:4], bounds, strict=True):
            measured, bound = (float(x) for x in cell.strip(")").split(" ("))
            assert bound == pytest.approx(want, abs=6e-4)
            assert measured > bound - stats.norm.isf(ALPHA / 9) * 0.5 / np.sqrt(192 * 50)
