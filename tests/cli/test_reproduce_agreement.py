"""`pycouple reproduce agreement`: its numbers, what it says of them, and its picture."""

import copy

import numpy as np
import pytest

import pycouple

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.pictures import OPTIMUM, WORST_CASE
from pycouple.cli.reproduce import agreement
from tests.support.reproduced import DRAWS, SEED, column, curve, distance, farthest, gumbel, minhash, near, pairs_of
from tests.support.text import alarms, states


def test_agreement(everything):
    rows = everything.named["agreement"]["rows"]
    assert [row["method"] for row in rows] == ["minhash", "gumbel", "protocol"] * 3
    for drafter in ("draft_q4", "draft_skip", "draft_exit20"):
        part = {row["method"]: row for row in rows if row["drafter"] == drafter}
        pairs = pairs_of(drafter)
        d = np.array([distance(p, q) for p, q in pairs])
        exact = {
            "minhash": np.array([minhash(p, q) for p, q in pairs]),
            "gumbel": np.array([gumbel(p, q) for p, q in pairs]),
            "protocol": 1 - d,
        }
        for method, row in part.items():
            assert row["total_variation"] == pytest.approx(d.mean(), abs=1e-12)
            assert row["optimum"] == pytest.approx(1 - d.mean(), abs=1e-12)
            assert row["lower_bound"] == pytest.approx(((1 - d) / (1 + d)).mean(), abs=1e-12)
            assert row["exact"] == pytest.approx(exact[method].mean(), abs=1e-12)
            draws = DRAWS // 5 if method == "protocol" else DRAWS
            error = np.sqrt((exact[method] * (1 - exact[method])).sum() / draws) / len(d)
            assert row["standard_error"] == pytest.approx(error, abs=1e-12)
            assert near(row, row["exact"])
        bounds = [part["gumbel"]["lower_bound"], *(part[m]["exact"] for m in ("minhash", "gumbel", "protocol"))]
        assert bounds == sorted(bounds)
    seeds = [pycouple.seed_from("pycouple reproduce agreement", SEED, row) for row in range(len(pairs))]
    for method in ("minhash", "gumbel"):
        draws = [pycouple.couple(p, q, x, range(DRAWS), method=method) for (p, q), x in zip(pairs, seeds, strict=True)]
        assert part[method]["measured"] == pytest.approx(np.mean([np.mean(a == b) for a, b in draws]), abs=1e-12)


def test_what_is_said(everything):
    rows, facts, seen, _ = everything.outcomes["agreement"]
    off = [abs(row["measured"] - row["exact"]) / row["standard_error"] for row in rows]
    exact = {method: column([row for row in rows if row["method"] == method], "exact") for method in agreement.METHODS}
    gains = exact["gumbel"] - exact["minhash"]
    assert facts == {"positions": 48, "out_of_order": 0, "farthest_in_standard_errors": pytest.approx(max(off))}
    assert states(seen, "48", f"{min(gains):.4f}", f"{max(gains):.4f}", "9", farthest(off))
    assert alarms(seen) == []


def test_what_is_drawn(everything):
    """The lines, and nine clouds of points: those of one method look alike, those of two methods differ."""
    rows, *_, picture = everything.outcomes["agreement"]
    axes = picture.axes[0]
    d = np.linspace(0, 1, 400)
    np.testing.assert_allclose(curve(axes, OPTIMUM), (d, 1 - d))
    np.testing.assert_allclose(curve(axes, WORST_CASE), (d, (1 - d) / (1 + d)))
    clouds = [line for line in axes.get_lines() if len(line.get_xdata()) == 48]
    assert len(clouds) == len(rows) == 9
    colours = {}
    for row in rows:
        means = np.array([row["total_variation"], row["measured"]])
        (cloud,) = (each for each in clouds if np.allclose(np.mean(each.get_data(), axis=1), means, atol=1e-12))
        colours.setdefault(row["method"], set()).add(cloud.get_color())
        assert np.mean(cloud.get_ydata()) != pytest.approx(row["exact"], abs=1e-12)
    assert len(set.union(*colours.values())) == len(colours)
    legend = {line.get_label(): line.get_color() for line in axes.get_lines()}
    assert {method: {legend[label]} for method, label in agreement.METHODS.items()} == colours


@pytest.mark.parametrize("method", agreement.METHODS)
def test_a_violation_is_seen(everything, method):
    rows = copy.deepcopy(everything.outcomes["agreement"].rows)
    rows[0]["measured"] = rows[0]["exact"] - 9 * rows[0]["standard_error"]
    facts, seen = agreement._summary(rows)
    assert facts["farthest_in_standard_errors"] == pytest.approx(9)
    assert states(seen, "1", "9", "9")  # one of nine means, by nine standard errors
    assert alarms(seen)
    rows = copy.deepcopy(everything.outcomes["agreement"].rows)
    exact = {row["method"]: row for row in rows if row["drafter"] == "draft_skip"}
    chain = {"bound": exact["minhash"]["lower_bound"], **{key: row["exact"] for key, row in exact.items()}}
    exact[method]["exact"] = list(chain.values())[list(chain).index(method) - 1] - 1e-9
    facts, seen = agreement._summary(rows)
    assert facts["out_of_order"] == 1
    assert alarms(seen)
    assert "draft_skip" in seen
    assert "draft_q4" not in seen
