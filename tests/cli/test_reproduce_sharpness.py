"""`pycouple reproduce sharpness`: its numbers, words and pictures."""

import copy
from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.reproduce import sharpness
from tests.support.reproduced import DRAWS, farthest, gumbel, line, minhash


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
