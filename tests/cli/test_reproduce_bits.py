"""`pycouple reproduce bits`: its numbers, what it says of them, and its pictures."""

import copy

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import protocol, theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.reproduce import bits
from tests.support.reproduced import DRAWS, ERRORS, SEED, column, curves, farthest
from tests.support.text import alarms, stated, states


def test_bits(everything):
    rows = everything.named["bits"]["rows"]
    against_n, against_d = rows[:9], rows[9:]
    assert [row["n"] for row in against_n] == [2**e for e in range(4, 21, 2)]
    assert {row["total_variation"] for row in against_n} == {0.3}
    assert {row["n"] for row in against_d} == {2**12}
    assert [row["total_variation"] for row in against_d] == list(bits.DISTANCES)
    for row in rows:
        d, n = row["total_variation"], row["n"]
        assert row["log2_n"] == np.log2(n)
        assert row["bound"] == protocol.expected_bits_bound(n)
        assert row["log2_n"] < row["bits"] < row["bound"] + ERRORS * row["bits_standard_error"]
        assert row["messages"] >= 2
        assert 8 * row["bytes"] >= row["bits"] + row["header_bits"]
        assert row["optimum"] == 1 - d
        # alpha = 1e-6 a row; exact
        assert stats.binomtest(round(row["measured"] * DRAWS), DRAWS, 1 - d).pvalue > 1e-6
    x, y = (np.array([row[key] for row in against_n]) for key in ("log2_n", "bits"))
    slope, _ = np.polyfit(x, y, 1)
    error = max(row["bits_standard_error"] for row in against_n) / np.sqrt(((x - x.mean()) ** 2).sum())
    assert abs(slope - 1) < ERRORS * error  # bits grow by one where log2 n does
    assert 0 < error < 0.15
    assert (against_d[0]["measured"], against_d[-1]["measured"]) == (1, 0)
    assert against_d[0]["messages"] == 2


def test_bits_of_one_point(everything):
    row = everything.named["bits"]["rows"][1]
    n, d = row["n"], row["total_variation"]
    seed = pycouple.seed_from("pycouple reproduce bits", SEED, n, f"{d}")
    p, q = bits._pair(n, d, np.random.default_rng(seed))
    runs = [protocol.run(p, q, seed, step) for step in range(DRAWS)]
    for key, values in (
        ("bits", [run.bits for run in runs]),
        ("header_bits", [run.header_bits for run in runs]),
        ("messages", [run.messages for run in runs]),
        ("bytes", [run.bytes for run in runs]),
        ("measured", [run.a == run.b for run in runs]),
    ):
        assert row[key] == pytest.approx(np.mean(values), abs=1e-12)
    assert row["bits_95"] == np.quantile([run.bits for run in runs], 0.95)
    assert row["bits_standard_error"] == pytest.approx(stats.sem([run.bits for run in runs]), abs=1e-12)


def test_what_is_said_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["bits"]
    above = [(row["bits"] - row["bound"]) / row["bits_standard_error"] for row in rows]
    off = [abs(row["measured"] - row["optimum"]) / max(row["standard_error"], 1e-12) for row in rows]
    assert facts["bits_above_bound_in_standard_errors"] == pytest.approx(max(above))
    assert facts["agreement_off_in_standard_errors"] == pytest.approx(max(off))
    small, large = rows[0], rows[8]
    assert states(seen, "0.3", f"{small['bits']:.1f}", "16", f"{large['bits']:.1f}", "1,048,576", "2", "20")
    assert states(seen, *(f"{large[key]:.1f}" for key in ("header_bits", "bytes", "messages")))
    assert states(seen, "19", farthest(above), "19", farthest(off))
    assert alarms(seen) == []
    for axes, part, key in zip(picture.axes, (rows[:9], rows[9:]), ("n", "total_variation"), strict=False):
        drawn = curves(axes)
        for what in ("bits", "bits_95", "bound", "log2_n"):
            assert [list(column(part, key)), list(column(part, what))] in drawn
        assert axes.get_ylim()[1] > max(max(y) for _, y in drawn)
    drawn = curves(picture.axes[2])
    assert [list(column(rows[9:], "total_variation")), list(column(rows[9:], "measured"))] in drawn
    assert [[0, 1], [1, 0]] in drawn  # 1 - D


def test_a_violation_is_seen(everything):
    rows = copy.deepcopy(everything.outcomes["bits"].rows)
    rows[3]["bits"] = rows[3]["bound"] + 6 * rows[3]["bits_standard_error"]
    facts, seen = bits._summary(rows)
    assert facts["bits_above_bound_in_standard_errors"] == pytest.approx(6)
    assert states(seen, "1", "19", "6", "19")
    assert len(alarms(seen)) == 1
    rows[9]["measured"] -= 1 / DRAWS  # D = 0, where nothing is left to chance
    facts, seen = bits._summary(rows)
    assert facts["agreement_off_in_standard_errors"] > 1e9
    assert states(seen, "1", "19", "6", "1", "19")
    assert len(alarms(seen)) == 2
    rows[-1]["measured"] = 0.5
    assert states(bits._summary(rows)[1], "1", "19", "6", "2", "19")


def test_one_run_per_point(everything):
    """There is no spread to judge by."""
    rows = [row | {"bits_standard_error": None} for row in everything.outcomes["bits"].rows]
    facts, seen = bits._summary(rows)
    assert facts["bits_above_bound_in_standard_errors"] is None
    assert stated(seen).count("19") == 1  # of the agreements, not of the bits
    assert bits._sent(rows[0]) == f"{rows[0]['bits']:.1f}"
    one = bits._row("n", 16, 0.3, *np.ones((5, 1), np.int64))
    assert one["bits_standard_error"] is None


@pytest.mark.parametrize("d", bits.DISTANCES)
def test_pairs_have_the_distance(d):
    p, q = bits._pair(1000, d, np.random.default_rng(1))
    assert theory.total_variation(p, q) == pytest.approx(d, abs=1e-12)
