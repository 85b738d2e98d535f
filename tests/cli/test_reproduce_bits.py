"""`pycouple reproduce bits` and `lists`: their numbers, words and pictures."""

import copy

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import protocol, theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.pictures import COLOURS
from pycouple.cli.reproduce import bits, list_of_drafts, sharpness
from tests.support.reproduced import DRAWS, ERRORS, SEED, column, farthest, gumbel, line, lines, near, shipped


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
    assert "One run per point gives no standard error of the bits. Of 19 measured agreements" in seen
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
        facts, seen = list_of_drafts._summary(rows)
        assert facts["below"] == 1
        assert "1 of 15 measured means is MORE than 4 standard errors below the bound (up to 5)." in seen
        assert ("1 of 3 means with 1 draft is MORE" in seen) == exact
    rows[5]["measured"] = rows[5]["bound"] + 7 * rows[5]["standard_error"]
    facts, seen = list_of_drafts._summary(rows)
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
