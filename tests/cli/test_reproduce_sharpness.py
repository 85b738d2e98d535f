"""`pycouple reproduce sharpness`: its numbers, what it says of them, and its picture."""

import copy
from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.pictures import OPTIMUM
from pycouple.cli.reproduce import sharpness
from tests.support.reproduced import DRAWS, curve, curves, farthest, gumbel, minhash
from tests.support.text import alarms, stated, states


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


def test_what_is_said_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["sharpness"]
    couplings = [(row[name], row["lower_bound"]) for row in rows for name in sharpness.PROTOCOLS]
    assert all(one["exact"] <= bound + 1e-12 for one, bound in couplings)
    above = [(one["measured"] - bound) / max(one["standard_error"], 1e-12) for one, bound in couplings]
    off = [abs(one["measured"] - one["exact"]) / max(one["standard_error"], 1e-12) for one, _ in couplings]
    assert facts["above_the_bound"] == 0
    assert facts["largest_excess_in_standard_errors"] == pytest.approx(max(above))
    assert facts["farthest_in_standard_errors"] == pytest.approx(max(off))
    assert facts["best_rule_off_the_bound"] == pytest.approx(0, abs=1e-12)
    assert states(seen, "36", farthest(above), "36", farthest(off))
    assert states(seen, f"{facts['rules_tried']:,}", "2", "6")
    assert states(
        seen, "3", f"{1 / 2:.4f}", "0%"
    )  # two rules are above the bound for n = 3 alone, and never agree there
    largest = rows[-1]
    inverse = [f"{largest[key]:.4f}" for key in ("inverse_best_pair", "optimum")]
    assert states(seen, inverse[0], "64", inverse[1], f"{largest['inverse']['exact']:.4f}", f"{0:.4f}")
    assert alarms(seen) == []
    axes = picture.axes[0]
    x, y = curve(axes, OPTIMUM)
    np.testing.assert_allclose(y, (x - 2) / (x - 1))
    assert [list(x), list((x - 2) / x)] in curves(axes)  # the bound
    for name, label in sharpness.LABELS.items():
        x, y = curve(axes, label)
        assert (list(x), list(y)) == ([row["n"] for row in rows], [row[name]["measured"] for row in rows])


def test_a_violation_is_seen(everything):
    rows = everything.outcomes["sharpness"].rows

    def seen(change):
        changed = copy.deepcopy(rows)
        change(changed)
        return sharpness._summary(changed)

    # For two items every agreement is 0 and has no spread: one draw that agrees is one too many.
    facts, text = seen(lambda rows: rows[0]["gumbel"].update(measured=1 / DRAWS))
    assert facts["largest_excess_in_standard_errors"] > 1e9
    assert len(alarms(text)) == 2  # above the bound, and far from the exact one
    facts, text = seen(lambda rows: rows[4]["minhash"].update(exact=rows[4]["lower_bound"] + 1e-9))
    assert facts["above_the_bound"] == 1
    assert stated(text)[:2] == ["1", "36"]
    assert len(alarms(text)) == 1
    facts, text = seen(lambda rows: rows[3].update(best_rule=rows[3]["lower_bound"] + 0.05))
    assert facts["best_rule_off_the_bound"] == pytest.approx(0.05)
    assert len(alarms(text)) == 1
    # Two rules may be above the bound: that is no violation, and is said.
    _, text = seen(lambda rows: rows[3].update(best_two_rules=0.7, best_two_rules_if_equal=0.2))
    assert states(text, "3", "0.5000", "0%", "5", "0.7000", "20%")
    _, text = seen(lambda rows: rows[1].update(best_two_rules=rows[1]["lower_bound"]))
    assert not states(text, "3", "0.5000", "0%")
    assert alarms(text) == []


@pytest.mark.parametrize("name", sharpness.PROTOCOLS)
def test_protocols_have_the_right_marginals(name):
    n, draws = 5, 4000
    for item in range(n):
        steps = np.arange(draws, dtype=np.uint64)
        drawn = sharpness.PROTOCOLS[name](np.full(draws, item), n, 11, steps, 1)
        counts = np.bincount(drawn, minlength=n)
        assert counts[item] == 0
        assert stats.chisquare(np.delete(counts, item)).pvalue > 1e-6  # alpha; the seed is fixed
