"""`pycouple reproduce`: the object of all experiments, and the numbers, words and pictures of agreement and pareto."""

import copy
import json

import numpy as np
import pytest

import pycouple
from pycouple import theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.main import main
from pycouple.cli.pictures import COLOURS
from pycouple.cli.reproduce import agreement, pareto, runner
from pycouple.cli.reproduce.claims import CLAIMS
from pycouple.cli.reproduce.experiment import Settings
from tests.support.reproduced import (
    DRAWS,
    SEED,
    column,
    distance,
    farthest,
    gumbel,
    line,
    lines,
    minhash,
    near,
    options,
    shipped,
)


def test_the_whole_object(everything):
    assert set(everything.whole) == {"seed", "experiments", "report"}
    assert list(everything.named) == list(CLAIMS) == list(runner.EXPERIMENTS)
    assert everything.whole["report"] == str(everything.folder / "report.html")
    for name, each in everything.named.items():
        assert (each["seed"], each["draws"]) == (SEED, DRAWS)
        assert each["pictures"] == [str(everything.folder / f"{name}{suffix}") for suffix in (".png", ".svg")]


def test_agreement(everything):
    rows = everything.named["agreement"]["rows"]
    assert [row["method"] for row in rows] == ["minhash", "gumbel", "protocol"] * 3
    for drafter in ("draft_q4", "draft_skip", "draft_exit20"):
        part = {row["method"]: row for row in rows if row["drafter"] == drafter}
        pairs = shipped(drafter)
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


def test_agreement_seen_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["agreement"]
    off = [abs(row["measured"] - row["exact"]) / row["standard_error"] for row in rows]
    exact = {method: column([row for row in rows if row["method"] == method], "exact") for method in agreement.METHODS}
    gains = exact["gumbel"] - exact["minhash"]
    assert facts == {"positions": 192, "out_of_order": 0, "farthest_in_standard_errors": pytest.approx(max(off))}
    assert seen == (
        "Means over 192 positions. The order bound <= MinHash <= race <= protocol of the exact numbers holds for every "
        f"drafter; race minus MinHash is {min(gains):.4f} to {max(gains):.4f}. {farthest(off, 'from the exact one')} "
        "For the protocol that is 1 - D."
    )
    axes = picture.axes[0]
    d = np.linspace(0, 1, 400)
    np.testing.assert_allclose(line(axes, "optimum"), (d, 1 - d))
    np.testing.assert_allclose(line(axes, "worst-case"), (d, (1 - d) / (1 + d)))
    for colour, method in zip(COLOURS[:3], agreement.METHODS, strict=True):
        points = [each[3:] for each in lines(axes) if each[0] == colour]
        part = [row for row in rows if row["method"] == method]
        for row, (x, y) in zip(part, points, strict=True):
            assert np.mean(x) == pytest.approx(row["total_variation"], abs=1e-12)
            assert np.mean(y) == pytest.approx(row["measured"], abs=1e-12)
            assert np.mean(y) != pytest.approx(row["exact"], abs=1e-12)


@pytest.mark.parametrize("method", agreement.METHODS)
def test_agreement_sees_a_violation(everything, method):
    rows = copy.deepcopy(everything.outcomes["agreement"].rows)
    rows[0]["measured"] = rows[0]["exact"] - 9 * rows[0]["standard_error"]
    facts, seen = agreement._summary(rows)
    assert facts["farthest_in_standard_errors"] == pytest.approx(9)
    assert "1 of 9 measured means is MORE than 4 standard errors from the exact one (up to 9)." in seen
    exact = {row["method"]: row for row in rows if row["drafter"] == "draft_skip"}
    chain = {"bound": exact["minhash"]["lower_bound"], **{key: row["exact"] for key, row in exact.items()}}
    exact[method]["exact"] = list(chain.values())[list(chain).index(method) - 1] - 1e-9
    facts, seen = agreement._summary(rows)
    assert facts["out_of_order"] == 1
    assert "is BROKEN for draft_skip; " in seen


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
    _, _, seen, picture = everything.outcomes["pareto"]
    assert seen == (
        f"Of {9 * DRAWS} pairs of 2 to 256 items the race is below MinHash in none, and the order bound <= MinHash <= "
        "race <= optimum is broken in none, 1e-12 left for rounding. The largest gap is "
        f"{best['largest_gap']:.4f}, in the family nested supports, at D = {d:.3f}: "
        f"{ceiling - best['largest_gap']:.4f} below D (1 - D) / (1 + D) there, whose maximum is 3 - 2 sqrt(2) = 0.1716."
    )
    x, y = line(picture.axes[0], "ceiling")
    np.testing.assert_allclose(y, x * (1 - x) / (1 + x))
    assert max(y) == pytest.approx(3 - 8**0.5, abs=1e-5)


def test_pareto_sees_a_violation(tmp_path, monkeypatch, capsys):
    """Were the race below MinHash, the table would say so, and the picture show it."""
    exact = theory.agreement
    names = {"gumbel": "minhash", "minhash": "gumbel", "optimal": "optimal"}
    monkeypatch.setattr(theory, "agreement", lambda p, q, method: exact(p, q, names[method]))
    assert main(["reproduce", "pareto", *options(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["below"] == found["out_of_order"] > 100
    rows, _, seen, picture = pareto._measure(Settings(SEED, DRAWS, 1))
    assert rows == found["rows"]
    count = f"{found['below']}: a VIOLATION"
    assert f"below MinHash in {count}, and" in seen
    assert f"is broken in {count}, 1e-12" in seen
    for row, colour in zip(rows, COLOURS, strict=True):
        y, _ = (each[4] for each in lines(picture.axes[0]) if each[0] == colour and each[1] == "None")
        assert len(y) == DRAWS
        assert (min(y), max(y)) == (row["smallest_gap"], row["largest_gap"])
    assert picture.axes[0].get_ylim()[0] < min(row["smallest_gap"] for row in rows) < -0.1


def test_pareto_draws_every_extreme_and_leaves_little_for_rounding():
    """One pair of a thousand is far below MinHash, and is none of those drawn evenly."""
    numbers = np.array([[0.5], [1 / 3], [0.4], [0.4], [0.5]]) + np.zeros((5, 1000))
    numbers[3, 777] = 0.1
    found = dict.fromkeys(pareto.FAMILIES, numbers)
    axes = pareto._figure(found).axes[0]
    assert all(min(y) == pytest.approx(-0.3) and len(y) == 301 for *_, y in lines(axes) if len(y) not in (1, 2, 400))
    assert axes.get_ylim()[0] < -0.3
    for gap, below in ((-1e-14, 0), (-1e-11, 1)):
        row = pareto._row("x", *numbers[:3, :1], numbers[2, :1] + gap, numbers[4, :1])
        assert (row["below"], row["out_of_order"]) == (below, below)
    above = row | {"largest_gap": 0.2, "largest_gap_at": 0.5}
    assert "0.0333 ABOVE D (1 - D) / (1 + D) there" in pareto._summary([above])[1]


@pytest.mark.parametrize(("draws", "items"), [(1, "2"), (3, "2 to 16"), (5, "2 to 256")])
def test_pareto_says_what_was_drawn(draws, items):
    assert pareto._measure(Settings(SEED, draws, 1)).seen.startswith(f"Of {9 * draws} pairs of {items} items the race")


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
