"""`pycouple reproduce pareto`: its numbers, what it says of them, its picture, and the families of its pairs."""

import json

import numpy as np
import pytest

import pycouple
from pycouple import theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.main import main
from pycouple.cli.reproduce import pareto, runner
from pycouple.cli.reproduce.experiment import Settings
from tests.support.reproduced import DRAWS, SEED, curve, curves, distance, gumbel, minhash, options
from tests.support.text import alarms, stated, states


def test_pareto(everything):
    found = everything.named["pareto"]
    assert (found["pairs"], found["below"], found["out_of_order"]) == (9 * DRAWS, 0, 0)
    for row in found["rows"]:
        assert (row["pairs"], row["below"], row["out_of_order"]) == (DRAWS, 0, 0)
        rng = np.random.default_rng(pycouple.seed_from("pycouple reproduce pareto", SEED, row["family"]))
        gaps, distances = [], []
        for n in pareto.SIZES:
            for p, q in zip(*pareto.FAMILIES[row["family"]](rng, DRAWS // 5, n), strict=True):
                p, q = p / p.sum(), q / q.sum()
                gaps.append(gumbel(p, q) - minhash(p, q))
                distances.append(distance(p, q))
        assert row["smallest_gap"] >= -found["rounding"]
        assert row["smallest_gap"] == pytest.approx(min(gaps), abs=1e-12)
        assert row["mean_gap"] == pytest.approx(np.mean(gaps), abs=1e-12)
        assert row["largest_gap"] == pytest.approx(max(gaps), abs=1e-12)
        assert row["largest_gap_at"] == pytest.approx(distances[np.argmax(gaps)], abs=1e-12)
    best = max(found["rows"], key=lambda row: row["largest_gap"])
    keys = [found[f"largest_gap{part}"] for part in ("", "_family", "_at")]
    assert keys == [best["largest_gap"], best["family"], best["largest_gap_at"]]
    assert best["family"] == "nested supports"
    d = best["largest_gap_at"]
    ceiling = d * (1 - d) / (1 + d)
    assert found["ceiling_there"] == pytest.approx(ceiling)
    assert 0.15 < best["largest_gap"] < ceiling < 0.1716


def test_what_is_said_and_drawn(everything):
    _, facts, seen, picture = everything.outcomes["pareto"]
    gap, ceiling = facts["largest_gap"], facts["ceiling_there"]
    assert states(seen, f"{9 * DRAWS}", "2", "256", "1e-12", f"{gap:.4f}", f"{facts['largest_gap_at']:.3f}")
    assert states(seen, f"{ceiling - gap:.4f}", f"{3 - 8**0.5:.4f}")
    assert facts["largest_gap_family"] in seen
    assert alarms(seen) == []
    x, y = curve(picture.axes[0], pareto.CEILING)
    np.testing.assert_allclose(y, x * (1 - x) / (1 + x))
    assert max(y) == pytest.approx(3 - 8**0.5, abs=1e-5)


def test_a_violation_is_seen(tmp_path, monkeypatch, capsys):
    """Were the race below MinHash, the table would say so, and the picture show it."""
    exact = theory.agreement
    names = {"gumbel": "minhash", "minhash": "gumbel", "optimal": "optimal"}
    monkeypatch.setattr(theory, "agreement", lambda p, q, method: exact(p, q, names[method]))
    monkeypatch.setattr(runner, "save", lambda *_: None)
    assert main(["reproduce", "pareto", *options(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["below"] == found["out_of_order"] > 100
    rows, _, seen, picture = pareto._measure(Settings(SEED, DRAWS, 1))
    assert rows == found["rows"]
    assert stated(seen).count(f"{found['below']}") == 2
    assert alarms(seen)
    clouds = [y for _, y in curves(picture.axes[0]) if len(y) == DRAWS]
    assert [(min(y), max(y)) for y in clouds] == [(row["smallest_gap"], row["largest_gap"]) for row in rows]
    assert picture.axes[0].get_ylim()[0] < min(row["smallest_gap"] for row in rows) < -0.1


def test_every_extreme_is_drawn_and_little_left_for_rounding():
    """One pair of a thousand is far below MinHash, and is none of those drawn evenly."""
    numbers = np.array([[0.5], [1 / 3], [0.4], [0.4], [0.5]]) + np.zeros((5, 1000))
    numbers[3, 777] = 0.1
    found = dict.fromkeys(pareto.FAMILIES, numbers)
    axes = pareto._figure(found).axes[0]
    clouds = [y for _, y in curves(axes) if len(y) == pareto.SHOWN + 1]
    assert [min(y) for y in clouds] == [pytest.approx(-0.3)] * len(pareto.FAMILIES)
    assert axes.get_ylim()[0] < -0.3
    for gap, below in ((-1e-14, 0), (-1e-11, 1)):
        row = pareto._row("x", *numbers[:3, :1], numbers[2, :1] + gap, numbers[4, :1])
        assert (row["below"], row["out_of_order"]) == (below, below)
    seen = pareto._summary([row | {"largest_gap": 0.2, "largest_gap_at": 0.5}])[1]
    assert states(seen, "0.2000", "0.500", "0.0333")  # 0.2 - D (1 - D) / (1 + D)
    assert alarms(pareto._summary([row | {"below": 0, "out_of_order": 0}])[1]) == []
    assert alarms(pareto._summary([row | {"below": 0, "out_of_order": 0, "largest_gap": 0.2}])[1])


@pytest.mark.parametrize(("draws", "sizes"), [(1, ["2"]), (3, ["2", "16"]), (5, ["2", "256"])])
def test_the_sizes_that_were_drawn_are_said(draws, sizes):
    seen = pareto._measure(Settings(SEED, draws, 1)).seen
    assert stated(seen)[: 1 + len(sizes)] == [f"{9 * draws}", *sizes]


@pytest.mark.parametrize("family", pareto.FAMILIES)
def test_families(family):
    rng = np.random.default_rng(0)
    for n in pareto.SIZES:
        p, q = pareto.FAMILIES[family](rng, 20, n)
        for weights in (p, q):
            assert weights.shape == (20, n)
            assert (weights >= 0).all()
            assert (weights.sum(axis=1) > 0).all()
        if family == "sparse":
            assert ((p > 0).sum(axis=1) <= n // 2).all()
        if family == "shifted":
            np.testing.assert_array_equal(q[:, 1:], p[:, :-1])
        if family == "Zipf, shuffled":
            np.testing.assert_array_equal(np.sort(p), np.sort(q))
        if family == "nested supports":
            off = np.where(q * n < 1, q, 0).sum(axis=1)
            assert (off > 0).all()
            assert (off <= 0.01).all()
            d, ceiling = theory.total_variation(p, q), (q * n >= 1).mean(axis=1)
            np.testing.assert_allclose(d, 1 - ceiling, atol=0.01)
