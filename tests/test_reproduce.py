"""`pycouple reproduce`: the numbers of each experiment, its table, its pictures, and the report of all."""

import copy
import io
import json
import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stdout
from html.parser import HTMLParser
from itertools import permutations, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import distributions, protocol, theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple._pictures import COLOURS, check_writable
from pycouple.cli import main
from pycouple.reproduce import CLAIMS, agreement, bits, flow, lists, pareto, report, sharpness
from pycouple.reproduce.experiment import Settings

DRAWS, SEED = 50, 3
ERRORS = 4.5  # standard errors, two-sided normal: alpha = 7e-6 a number; the seed is fixed
EXTREMES = [0.0, 1.0]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """One run of all, by the command line: the JSON object, its experiments and their outcomes by name, the folder."""
    folder = tmp_path_factory.mktemp("all") / "made" / "folder"
    text = io.StringIO()
    outcomes = {}

    def page(seed, sections):
        outcomes.update({section.name: section.outcome for section in sections})
        return report.page(seed, sections)

    with redirect_stdout(text), pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "page", page)
        assert main(["reproduce", "all", *options(folder), "--json"]) == 0
    whole = json.loads(text.getvalue())
    named = {each["experiment"]: each for each in whole["experiments"]}
    return SimpleNamespace(whole=whole, named=named, outcomes=outcomes, folder=folder)


def options(folder, draws=DRAWS, seed=SEED):
    return ["--draws", str(draws), "--seed", str(seed), "--output", str(folder)]


def gumbel(p, q, drafts=1):
    """sum_j K / (sum_i max(p_i / p_j, q_i / q_j) + (K - 1) / q_j), with one draft the race's agreement; O(n^2)."""
    both = (p > 0) & (q > 0)
    inner = np.maximum(p / p[both, np.newaxis], q / q[both, np.newaxis]).sum(axis=1)
    return (drafts / (inner + (drafts - 1) / q[both])).sum()


def minhash(p, q):
    return (np.minimum(p, q) * (1 + np.abs(p - q))).sum() / np.maximum(p, q).sum()


def distance(p, q):
    return np.abs(p - q).sum() / 2


def shipped(name):
    """The pairs of one drafter, divided by their sums: the target's distribution first."""
    target, drafters = distributions.load()
    pairs = [distributions.pair(target, drafters[name], row) for row in range(len(target.rest))]
    return [(p / p.sum(), q / q.sum()) for p, q in pairs]


def near(coupling, exact):
    return abs(coupling["measured"] - exact) <= ERRORS * coupling["standard_error"] + 1e-12


def farthest(off, where, what="measured means"):
    """What is said of numbers that are off by so many standard errors, none of them far."""
    assert max(off) < 4
    most = max(0, np.ceil(10 * max(off)) / 10)
    return f"Of {len(off)} {what} none is more than {most:.1f} standard errors {where}."


def lines(axes):
    """The lines of a picture that show data: their colour, style, label, and numbers."""
    found = [each for each in axes.get_lines() if len(each.get_xdata())]
    return [(each.get_color(), each.get_linestyle(), each.get_label(), *each.get_data()) for each in found]


def line(axes, label):
    (found,) = [each[3:] for each in lines(axes) if each[2].startswith(label)]
    return found


def column(rows, key):
    return np.array([row[key] for row in rows])


def test_the_whole_object(everything):
    assert set(everything.whole) == {"seed", "experiments", "report"}
    assert list(everything.named) == list(CLAIMS) == list(flow.EXPERIMENTS)
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


def left_out(n):
    """The distributions that are uniform on all items but one."""
    return (1 - np.eye(n)) / (n - 1)


def test_sharpness(everything):
    rows = everything.named["sharpness"]["rows"]
    assert [row["n"] for row in rows] == [2, 3, 4, 5, 6, 8, 16, 32, 64]
    for row in rows:
        n = row["n"]
        assert row["total_variation"] == pytest.approx(1 / (n - 1), abs=1e-12)
        assert row["lower_bound"] == pytest.approx((n - 2) / n, abs=1e-12)
        assert row["optimum"] == pytest.approx((n - 2) / (n - 1), abs=1e-12)
        weights = left_out(n)
        uniform = (np.arange(n - 1) + 0.5) / (n - 1)  # one in each part where no item changes
        drawn = np.array([[np.argmax(np.cumsum(w) > u) for u in uniform] for w in weights])
        agreed = [np.mean(drawn[a] == drawn[b]) for a, b in permutations(range(n), 2)]
        exact = {"inverse": np.mean(agreed), "shuffled_inverse": np.mean(agreed)}
        exact |= {"gumbel": gumbel(weights[0], weights[1]), "minhash": minhash(weights[0], weights[1])}
        for name, number in exact.items():
            coupling = row[name]
            assert coupling["exact"] == pytest.approx(number, abs=1e-12)
            assert number <= row["lower_bound"] + 1e-12
            assert coupling["standard_error"] == pytest.approx(np.sqrt(max(number * (1 - number), 0) / DRAWS), abs=1e-9)
            # alpha = 1e-6 a number; exact
            assert stats.binomtest(round(coupling["measured"] * DRAWS), DRAWS, min(number, 1)).pvalue > 1e-6
        assert row["gumbel"]["exact"] == pytest.approx(row["lower_bound"], abs=1e-12)
        assert row["minhash"]["exact"] == pytest.approx(row["lower_bound"], abs=1e-12)
        best, worst = row["inverse_best_pair"], row["inverse_worst_pair"]
        assert (best, worst) == (pytest.approx(max(agreed), abs=1e-12), pytest.approx(min(agreed), abs=1e-12))


def test_no_rule_is_above_the_bound(everything):
    """All rules, by a slower way. Two rules are above it for three items, where they never agree on p = q."""
    rows = {row["n"]: row for row in everything.named["sharpness"]["rows"]}
    for n in (2, 3, 4):
        rules = [rule for rule in product(range(n), repeat=n) if all(rule[a] != a for a in range(n))]
        assert len(rules) == (n - 1) ** n

        def average(f, g, n=n):
            return sum(f[a] == g[b] for a, b in permutations(range(n), 2)) / (n * (n - 1))

        assert rows[n]["best_rule"] == max(average(f, f) for f in rules) == pytest.approx((n - 2) / n)
        two = {(f, g): average(f, g) for f, g in product(rules, repeat=2)}
        best = max(two.values())
        assert rows[n]["best_two_rules"] == best == pytest.approx(1 / 2 if n == 3 else (n - 2) / n)
        if n == 3:
            assert not any(f[a] == g[a] for (f, g), agreed in two.items() if agreed == best for a in range(n))
        same = max(np.mean([f[a] == g[a] for a in range(n)]) for (f, g), agreed in two.items() if agreed == best)
        assert rows[n]["best_two_rules_if_equal"] == same
    assert [rows[n]["best_rule"] for n in (5, 6, 8)] == [0.6, pytest.approx(2 / 3), None]
    assert [rows[n]["best_two_rules"] for n in (5, 6)] == [0.6, None]
    assert everything.named["sharpness"]["rules_tried"] == 1 + 8 + 81 + 1024 + 15625


def test_sharpness_seen_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["sharpness"]
    couplings = [(row[name], row["lower_bound"]) for row in rows for name in sharpness.PROTOCOLS]
    assert all(one["exact"] <= bound + 1e-12 for one, bound in couplings)
    above = [(one["measured"] - bound) / max(one["standard_error"], 1e-12) for one, bound in couplings]
    off = [abs(one["measured"] - one["exact"]) / max(one["standard_error"], 1e-12) for one, _ in couplings]
    assert facts["above_the_bound"] == 0
    assert facts["largest_excess_in_standard_errors"] == pytest.approx(max(above))
    assert facts["farthest_in_standard_errors"] == pytest.approx(max(off))
    assert facts["best_rule_off_the_bound"] == pytest.approx(0, abs=1e-12)
    for sentence in (
        "On the average pair none is above the bound, of 36 exact numbers.",
        farthest(above, "above the bound"),
        farthest(off, "from the exact one"),
        "Of all 16,739 rules for 2 to 6 items the best ones are at the bound.",
        "all pairs of them tried for 2 to 5 items, are above it for n = 3 (0.5000; given equal distributions such "
        "parties agree on 0% of them at most). Inverse",
        "has 0.9841 on its best pairs for n = 64, where the optimum is 0.9841, but 0.6561 on the average and 0.0000 on "
        "the worst pair.",
    ):
        assert sentence in seen
    axes = picture.axes[0]
    x, y = line(axes, "bound")
    np.testing.assert_allclose(y, (x - 2) / x)
    x, y = line(axes, "optimum")
    np.testing.assert_allclose(y, (x - 2) / (x - 1))
    for name, label in sharpness.LABELS.items():
        x, y = line(axes, label)
        assert (list(x), list(y)) == ([row["n"] for row in rows], [row[name]["measured"] for row in rows])


def test_sharpness_sees_a_violation(everything):
    rows = everything.outcomes["sharpness"].rows

    def seen(change):
        changed = copy.deepcopy(rows)
        change(changed)
        return sharpness._summary(changed)

    # For two items every agreement is 0 and has no spread: one draw that agrees is one too many.
    facts, text = seen(lambda rows: rows[0]["gumbel"].update(measured=1 / DRAWS))
    assert facts["largest_excess_in_standard_errors"] > 1e9
    assert "1 of 36 measured means is MORE than 4 standard errors above the bound (up to " in text
    assert "1 of 36 measured means is MORE than 4 standard errors from the exact one" in text
    facts, text = seen(lambda rows: rows[4]["minhash"].update(exact=rows[4]["lower_bound"] + 1e-9))
    assert facts["above_the_bound"] == 1
    assert "On the average pair 1 is ABOVE the bound, of 36 exact numbers." in text
    facts, text = seen(lambda rows: rows[3].update(best_rule=rows[3]["lower_bound"] + 0.05))
    assert facts["best_rule_off_the_bound"] == pytest.approx(0.05)
    assert "the best ones are NOT at the bound" in text
    facts, text = seen(lambda rows: rows[3].update(best_two_rules=0.7, best_two_rules_if_equal=0.2))
    assert "at most), n = 5 (0.7000; given equal distributions such parties agree on 20% of them at most). I" in text
    facts, text = seen(lambda rows: rows[1].update(best_two_rules=rows[1]["lower_bound"]))
    assert "are nowhere above it. Inverse" in text


@pytest.mark.parametrize("name", sharpness.PROTOCOLS)
def test_protocols_have_the_right_marginals(name):
    n, draws = 5, 4000
    for item in range(n):
        steps = np.arange(draws, dtype=np.uint64)
        drawn = sharpness.PROTOCOLS[name](np.full(draws, item), n, 11, steps, 1)
        counts = np.bincount(drawn, minlength=n)
        assert counts[item] == 0
        assert stats.chisquare(np.delete(counts, item)).pvalue > 1e-6  # alpha; the seed is fixed


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


def test_bits_seen_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["bits"]
    above = [(row["bits"] - row["bound"]) / row["bits_standard_error"] for row in rows]
    off = [abs(row["measured"] - row["optimum"]) / max(row["standard_error"], 1e-12) for row in rows]
    assert facts["bits_above_bound_in_standard_errors"] == pytest.approx(max(above))
    assert facts["agreement_off_in_standard_errors"] == pytest.approx(max(off))
    small, large = rows[0], rows[8]
    assert seen == (
        f"At D = 0.3 the parties send {small['bits']:.1f} bits for 16 items and {large['bits']:.1f} for 1,048,576, "
        f"where log2 n is 20. Headers add {large['header_bits']:.1f} bits to the latter; it is {large['bytes']:.1f} "
        f"bytes in {large['messages']:.1f} messages. "
        f"{farthest(above, 'above its stated bound', 'mean numbers of bits')} "
        f"{farthest(off, 'from 1 - D', 'measured agreements')}"
    )
    for axes, part, key in zip(picture.axes, (rows[:9], rows[9:]), ("n", "total_variation"), strict=False):
        assert axes.get_ylim()[1] > max(max(y) for *_, y in lines(axes))
        for label, what in {"mean": "bits", "95th": "bits_95", "stated": "bound", "$": "log2_n"}.items():
            np.testing.assert_array_equal(line(axes, label), (column(part, key), column(part, what)))
    expected = (column(rows[9:], "total_variation"), column(rows[9:], "measured"))
    np.testing.assert_array_equal(line(picture.axes[2], "agreement"), expected)
    assert [list(each) for each in line(picture.axes[2], "optimum")] == [[0, 1], [1, 0]]


def test_bits_sees_a_violation(everything):
    rows = copy.deepcopy(everything.outcomes["bits"].rows)
    rows[3]["bits"] = rows[3]["bound"] + 6 * rows[3]["bits_standard_error"]
    rows[9]["measured"] -= 1 / DRAWS  # D = 0, where nothing is left to chance
    facts, seen = bits._summary(rows)
    assert facts["bits_above_bound_in_standard_errors"] == pytest.approx(6)
    assert facts["agreement_off_in_standard_errors"] > 1e9
    assert "1 of 19 mean numbers of bits is MORE than 4 standard errors above its stated bound (up to 6)." in seen
    assert "1 of 19 measured agreements is MORE than 4 standard errors from 1 - D (up to " in seen
    rows[-1]["measured"] = 0.5
    assert "2 of 19 measured agreements are MORE than" in bits._summary(rows)[1]


def test_bits_of_one_run_a_point(everything):
    """There is no spread to judge by."""
    rows = [row | {"bits_standard_error": None} for row in everything.outcomes["bits"].rows]
    facts, seen = bits._summary(rows)
    assert facts["bits_above_bound_in_standard_errors"] is None
    assert "One run a point gives no standard error of the bits. Of 19 measured agreements" in seen
    assert bits._sent(rows[0]) == f"{rows[0]['bits']:.1f}"
    one = bits._row("n", 16, 0.3, *np.ones((5, 1), np.int64))
    assert one["bits_standard_error"] is None


@pytest.mark.parametrize("d", bits.DISTANCES)
def test_pairs_have_the_distance(d):
    p, q = bits._pair(1000, d, np.random.default_rng(1))
    assert theory.total_variation(p, q) == pytest.approx(d, abs=1e-12)


def test_list(everything):
    rows = everything.named["list"]["rows"]
    assert [row["drafts"] for row in rows] == [1, 2, 4, 8, 16] * 3
    for drafter in dict.fromkeys(row["drafter"] for row in rows):
        part = [row for row in rows if row["drafter"] == drafter]
        pairs = shipped(drafter)
        for row in part:
            bound = np.mean([gumbel(q, p, row["drafts"]) for p, q in pairs])  # the target is p here, q in the lemma
            assert row["bound"] == pytest.approx(bound, abs=1e-12)
            assert row["measured"] > bound - ERRORS * row["standard_error"]
            assert row["drafts"] > 1 or near(row, bound)
            assert row["one_draft_exact"] == pytest.approx(part[0]["bound"], abs=1e-12)
            assert 0 < row["standard_error"] < 0.01
        assert (np.diff([row["measured"] for row in part]) > 0).all()
    assert everything.named["list"]["below"] == 0


def test_list_seen_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["list"]
    below = [(row["bound"] - row["measured"]) / row["standard_error"] for row in rows]
    off = [abs(each) for each in below[::5]]
    ends = [(rows[i]["drafter"], rows[i]["measured"], rows[i + 4]["measured"]) for i in (0, 5, 10)]
    assert facts == {"positions": 192, "below": 0, "one_draft_off_in_standard_errors": pytest.approx(max(off))}
    assert seen == (
        f"Means over 192 positions. Acceptance with 1 draft and with 16: "
        f"{'; '.join(f'{drafter} from {one:.4f} to {many:.4f}' for drafter, one, many in ends)}. "
        f"{farthest(below, 'below the bound')} "
        f"{farthest(off, 'from the bound, which is exact there', 'means with 1 draft')}"
    )
    for i, colour in enumerate(COLOURS[:3]):
        part = rows[5 * i : 5 * i + 5]
        drawn = {style: (list(x), list(y)) for c, style, _, x, y in lines(picture.axes[0]) if c == colour}
        x = [1, 2, 4, 8, 16]
        assert drawn == {"-": (x, list(column(part, "measured"))), "--": (x, list(column(part, "bound")))}


def test_list_sees_a_violation(everything):
    for i, exact in ((3, False), (5, True)):
        rows = copy.deepcopy(everything.outcomes["list"].rows)
        rows[i]["measured"] = rows[i]["bound"] - 5 * rows[i]["standard_error"]
        facts, seen = lists._summary(rows)
        assert facts["below"] == 1
        assert "1 of 15 measured means is MORE than 4 standard errors below the bound (up to 5)." in seen
        assert ("1 of 3 means with 1 draft is MORE" in seen) == exact
    rows[5]["measured"] = rows[5]["bound"] + 7 * rows[5]["standard_error"]
    facts, seen = lists._summary(rows)
    assert (facts["below"], facts["one_draft_off_in_standard_errors"]) == (0, pytest.approx(7))
    assert "MORE than 4 standard errors from the bound, which is exact there (up to 7)." in seen


def test_list_of_two_drafts_by_brute_force(everything):
    steps, accepted = np.arange(DRAWS)[:, np.newaxis], []
    for position, (p, q) in enumerate(shipped("draft_skip")):
        seed = pycouple.seed_from("pycouple reproduce list", SEED, position)
        clocks = [pycouple.clocks(seed, steps, np.arange(len(p)), stream=stream) for stream in (0, 1)]
        with np.errstate(divide="ignore"):
            drafts = [np.argmin(clock / q, axis=1) for clock in clocks]
            target = np.argmin(np.minimum(*clocks) / p, axis=1)
        accepted.append(np.mean([target == draft for draft in drafts], axis=0) > 0)
    row = everything.named["list"]["rows"][6]
    assert (row["drafter"], row["drafts"]) == ("draft_skip", 2)
    assert row["measured"] == pytest.approx(np.mean(accepted), abs=1e-12)


def cells(name, row):
    """What the table says of a row, but for its first words."""

    def measured(coupling):
        return f"{coupling['measured']:.4f} ± {coupling['standard_error']:.4f}"

    def fixed(*keys):
        return [f"{row[key]:.4f}" for key in keys]

    if name == "agreement":
        return [*fixed("lower_bound"), measured(row), *fixed("exact", "optimum")]
    if name == "pareto":
        counts = [f"{row[key]}" for key in ("pairs", "below", "out_of_order")]
        return [*counts, f"{row['smallest_gap']:.1e}", *fixed("mean_gap", "largest_gap", "largest_gap_at")]
    if name == "sharpness":
        couplings = [measured(row[key]) for key in ("gumbel", "minhash", "inverse")]
        best = [] if row["best_rule"] is None else fixed("best_rule")
        return [*fixed("lower_bound"), *best, *couplings, *fixed("inverse_best_pair")]
    if name == "bits":
        sent = [f"{row['bits']:.1f} ± {row['bits_standard_error']:.1f}", f"{row['bits_95']:.0f}"]
        means = [f"{row[key]:.1f}" for key in ("bound", "header_bits", "messages", "bytes")]
        return [f"{row['total_variation']:.2f}", *sent, *means, measured(row)]
    gain = f"{row['measured'] - row['one_draft_exact']:+.4f}"
    return [str(row["drafts"]), measured(row), *fixed("bound"), gain]


@pytest.mark.parametrize("name", CLAIMS)
def test_table_and_pictures(name, everything, tmp_path, capsys):
    """Alone an experiment says and draws what it does among all, byte for byte."""
    assert main(["reproduce", name, *options(tmp_path), "--workers", "2"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    text = captured.out.splitlines()
    assert max(map(len, text[:-2])) <= 80  # the folder's name stands in the last line
    rule = next(i for i, line in enumerate(text) if line.startswith("───"))
    rows = everything.named[name]["rows"]
    for row, line in zip(rows, text[rule + 1 :], strict=False):
        said = re.split(r"\s{2,}", line.strip())
        expected = cells(name, row)
        assert said[-len(expected) :] == expected
    said = " ".join(text[rule + 1 + len(rows) :])
    assert said.startswith(f" {everything.outcomes[name].seen} {CLAIMS[name].amount(DRAWS)}. Seed {SEED}. pictures: ")
    assert sorted(os.listdir(tmp_path)) == [f"{name}.png", f"{name}.svg"]
    png, svg = ((tmp_path / f"{name}{suffix}").read_bytes() for suffix in (".png", ".svg"))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"<svg" in svg
    assert 20_000 < len(png) < 500_000
    assert 20_000 < len(svg) < 700_000
    assert (png, svg) == tuple((everything.folder / f"{name}{suffix}").read_bytes() for suffix in (".png", ".svg"))


@pytest.mark.parametrize("name", ["pareto", "sharpness"])
def test_another_seed(name, everything, tmp_path, capsys):
    assert main(["reproduce", name, *options(tmp_path, seed=4), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seed"] == 4
    assert found["rows"] != everything.named[name]["rows"]
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"{name}{suffix}").read_bytes() != (everything.folder / f"{name}{suffix}").read_bytes()


@pytest.mark.parametrize("name", CLAIMS)
def test_one_draw_is_enough(name, tmp_path, capsys):
    assert main(["reproduce", name, *options(tmp_path, draws=1), "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["draws"] == 1
    unit = CLAIMS[name].unit
    singular = re.match(r"(random pair|draw|run)s ", unit)[1]
    assert CLAIMS[name].amount(1) == f"1 {singular}{unit[len(singular) + 1 :]}"
    assert CLAIMS[name].amount(2000) == f"2,000 {unit}"


def test_a_narrow_terminal_keeps_every_column(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(flow, "save", lambda *_: None)
    texts = []
    for columns in ("40", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["reproduce", "pareto", *options(tmp_path, draws=5)]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_files_are_written_before_anything_is_printed(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("nobody reads")

    monkeypatch.setattr(flow, "CLAIMS", {"pareto": CLAIMS["pareto"]})
    monkeypatch.setattr(flow, "_print", broken)
    with pytest.raises(RuntimeError, match="nobody reads"):
        main(["reproduce", "all", *options(tmp_path, draws=1)])
    assert sorted(os.listdir(tmp_path)) == ["pareto.png", "pareto.svg", "report.html"]
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_two_processes_check_one_file(tmp_path, monkeypatch):
    """The other one removes the empty file first."""
    opened = Path.open

    class Gone:
        def __init__(self, path):
            self.path = path

        def close(self):
            self.path.unlink()

    def open_and_lose(path, mode):
        opened(path, mode).close()
        return Gone(path)

    monkeypatch.setattr(Path, "open", open_and_lose)
    check_writable(tmp_path / "x.png")
    assert os.listdir(tmp_path) == []


def test_the_folder_is_a_file(tmp_path, capsys):
    path = tmp_path / "file"
    path.write_text("")
    assert main(["reproduce", "pareto", "--output", str(path)]) == 2
    assert capsys.readouterr().err == f"pycouple: error: --output {path} is not a folder\n"


@pytest.mark.parametrize("name", ["pareto", "sharpness"])
def test_nobody_reads_and_no_sign_for_plus_minus(name, tmp_path):
    """In ASCII a sign that is lacking is replaced; where the pipe is closed, the end is quiet."""
    command = [sys.executable, "-c", "import sys; from pycouple.cli import main; sys.exit(main())", "reproduce", name]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    with subprocess.Popen([*command, *options(tmp_path, draws=1)], **pipes) as process:
        if name == "pareto":
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(120) == 141
        else:
            out, err = process.communicate(timeout=120)
            assert (process.returncode, err) == (0, b"")
            assert re.search(rb"[01]\.0000 \? 0\.4714", out)
    assert sorted(os.listdir(tmp_path)) == [f"{name}.png", f"{name}.svg"]


class Page(HTMLParser):
    """What the tests look at in the report; elements must be closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.rows = [], [], [], [], []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self._see(tag, dict(attributes))

    def handle_startendtag(self, tag, attributes):
        self._see(tag, dict(attributes))

    def _see(self, tag, attributes):
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[key] for key in ("src", "href", "xlink:href") if key in attributes]
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1].append(data)


def test_report(everything):
    text = (everything.folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("title") == 1
    assert tags.count("table") == tags.count("figure") == 5
    assert not {"script", "img", "link", "iframe", "object"} & set(tags)
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 5
    assert all(len(svg["aria-label"]) > 80 and svg["role"] == "img" and "viewbox" in svg for svg in pictures)
    for svg in text.split("<svg ")[1:]:
        svg = svg.partition("</svg>")[0]
        assert "currentColor" in svg
        assert "#000000" not in svg
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "prefers-color-scheme: dark" in text

    assert len(page.ids) == len(set(page.ids))
    outside = {link for link in page.links if not link.startswith("#")}
    assert outside == {"https://arxiv.org/abs/2408.07978", "https://arxiv.org/abs/2506.05632"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(page.ids)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)

    assert f"pycouple{pycouple.__version__}\nseed{SEED}\n" in page.text
    rows = [row for row in page.rows if row]
    for name, each in everything.named.items():
        assert f"pycouple reproduce {name} --seed {SEED}" in page.text
        assert f"{CLAIMS[name].amount(DRAWS)}. Again: " in page.text
        assert report._prose(everything.outcomes[name].seen) in text
        for row in each["rows"]:
            expected = [cell.replace(" - ", " − ") for cell in cells(name, row)]
            assert any([cell for cell in row if cell][-len(expected) :] == expected for row in rows), (name, expected)


@pytest.mark.parametrize("name", ["pareto.svg", "report.html"])
def test_files_are_checked_first(name, tmp_path, capsys, monkeypatch):
    (tmp_path / name).mkdir()
    broken = flow.EXPERIMENTS["agreement"]._replace(measure=lambda _: pytest.fail("worked before it checked the files"))
    monkeypatch.setitem(flow.EXPERIMENTS, "agreement", broken)
    assert main(["reproduce", "all", "--output", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pycouple: error: ")
    assert name in captured.err
    assert captured.err.count("\n") == 1
    assert os.listdir(tmp_path) == [name]


def test_progress_on_a_terminal_only(tmp_path):
    """stderr is a terminal of its own here, stdout is a pipe; in the other tests neither is."""
    parent, child = pty.openpty()
    code = "import sys; from pycouple.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "reproduce", "pareto", *options(tmp_path), "--json"]
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=child, timeout=120, env=os.environ | {"TERM": "xterm"}
    )
    os.close(child)
    seen = os.read(parent, 100_000).decode()
    os.close(parent)
    assert process.returncode == 0
    assert "pareto" in seen
    assert "100%" in seen
    assert json.loads(process.stdout)["experiment"] == "pareto"
