"""`pycouple reproduce list`: its numbers, what it says of them, and its picture."""

import copy
import re

import numpy as np
import pytest

import pycouple

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.reproduce import list_of_drafts
from tests.support.reproduced import DRAWS, ERRORS, SEED, column, farthest, gumbel, near, pairs_of
from tests.support.text import alarms, stated, states


def test_list(everything):
    rows = everything.named["list"]["rows"]
    assert [row["drafts"] for row in rows] == [1, 2, 4, 8, 16] * 3
    for drafter in dict.fromkeys(row["drafter"] for row in rows):
        part = [row for row in rows if row["drafter"] == drafter]
        pairs = pairs_of(drafter)
        for row in part:
            bound = np.mean([gumbel(q, p, row["drafts"]) for p, q in pairs])  # the target is p here, q in the lemma
            assert row["bound"] == pytest.approx(bound, abs=1e-12)
            assert row["measured"] > bound - ERRORS * row["standard_error"]
            assert row["drafts"] > 1 or near(row, bound)
            assert row["one_draft_exact"] == pytest.approx(part[0]["bound"], abs=1e-12)
            assert 0 < row["standard_error"] < 0.01
        assert (np.diff([row["measured"] for row in part]) > 0).all()
    assert everything.named["list"]["below"] == 0


def test_what_is_said_and_drawn(everything):
    rows, facts, seen, picture = everything.outcomes["list"]
    below = [(row["bound"] - row["measured"]) / row["standard_error"] for row in rows]
    off = [abs(each) for each in below[::5]]
    assert facts == {"positions": 48, "below": 0, "one_draft_off_in_standard_errors": pytest.approx(max(off))}
    drafters = [rows[i]["drafter"] for i in (0, 5, 10)]
    assert re.findall("|".join(drafters), seen) == drafters
    grown = [f"{rows[i]['measured']:.4f}" for start in (0, 5, 10) for i in (start, start + 4)]
    assert [number for number in stated(seen) if len(number) == 6] == grown
    assert states(seen, "48", "1", "16", "15", farthest(below), "3", "1", farthest(off))
    assert alarms(seen) == []
    lines = picture.axes[0].get_lines()
    for i, drafter in enumerate(drafters):
        part = rows[5 * i : 5 * i + 5]
        (named,) = (line for line in lines if line.get_label() == drafter)
        alike = [line for line in lines if line.get_color() == named.get_color() and len(line.get_xdata())]
        drawn = [[list(each) for each in line.get_data()] for line in alike]
        assert drawn == [[[1, 2, 4, 8, 16], list(column(part, key))] for key in ("measured", "bound")]
        assert alike[0].get_linestyle() != alike[1].get_linestyle()


def test_a_violation_is_seen(everything):
    for i, exact in ((3, False), (5, True)):
        rows = copy.deepcopy(everything.outcomes["list"].rows)
        rows[i]["measured"] = rows[i]["bound"] - 5 * rows[i]["standard_error"]
        facts, seen = list_of_drafts._summary(rows)
        assert facts["below"] == 1
        assert states(seen, "1", "15", "5")
        assert len(alarms(seen)) == 1 + exact  # with one draft the bound is exact
    rows[5]["measured"] = rows[5]["bound"] + 7 * rows[5]["standard_error"]
    facts, seen = list_of_drafts._summary(rows)
    assert (facts["below"], facts["one_draft_off_in_standard_errors"]) == (0, pytest.approx(7))
    assert states(seen, "1", "3", "7")
    assert len(alarms(seen)) == 1


def test_list_of_two_drafts_by_brute_force(everything):
    steps, accepted = np.arange(DRAWS)[:, np.newaxis], []
    for position, (p, q) in enumerate(pairs_of("draft_skip")):
        seed = pycouple.seed_from("pycouple reproduce list", SEED, position)
        clocks = [pycouple.clocks(seed, steps, np.arange(len(p)), stream=stream) for stream in (0, 1)]
        with np.errstate(divide="ignore"):
            drafts = [np.argmin(clock / q, axis=1) for clock in clocks]
            target = np.argmin(np.minimum(*clocks) / p, axis=1)
        accepted.append(np.mean([target == draft for draft in drafts], axis=0) > 0)
    row = everything.named["list"]["rows"][6]
    assert (row["drafter"], row["drafts"]) == ("draft_skip", 2)
    assert row["measured"] == pytest.approx(np.mean(accepted), abs=1e-12)
