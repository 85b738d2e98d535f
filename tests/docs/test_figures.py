"""The figures of the README and of the performance page are those of bench/RESULTS.md, and goals missed are named."""

import re

import pytest

from tests.support import ROOT

RESULTS = (ROOT / "bench" / "RESULTS.md").read_text()
PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "docs/performance.md")}


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def measured():
    """Label, ratio and goal of the results' rows."""
    rows = [cells(line) for line in RESULTS.splitlines() if line.startswith("|")]
    return [(row[0], row[3], row[5]) for row in rows if len(row) == 6 and re.fullmatch(r"[\d.]+", row[3])]


def is_met(ratio, goal):
    limit = float(goal.split()[-1])
    return float(ratio) <= limit if goal.startswith("at most") else float(ratio) >= limit


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_those_of_the_results(name):
    known = {(label, ratio) for label, ratio, _ in measured()}
    rows = [cells(line) for line in PAGES[name].splitlines() if line.startswith("|")]
    pairs = {tuple(row) for row in rows if len(row) == 2 and re.fullmatch(r"[\d.]+", row[1])}
    for rows_and_type, _, argmax, philox in (row for row in rows if re.fullmatch(r"\d+, b?float\d+", row[0])):
        label = "{} x 131,072 {}: `sample_logits` / ".format(*rows_and_type.split(", "))
        pairs |= {(label + "argmax", argmax), (label + "Philox", philox)}
    assert len(pairs) >= 10
    assert pairs <= known


def test_goals_that_are_missed_are_named():
    page = PAGES["docs/performance.md"]
    missed = [label for label, ratio, goal in measured() if goal and not is_met(ratio, goal)]
    section = page.partition("## Goals that are missed")[2].partition("\n## ")[0]
    assert re.findall(r"^- (.*?)\. ", section, flags=re.M) == missed


def test_the_readme_is_short_and_its_links_are_whole():
    readme = PAGES["README.md"]
    assert len(readme.splitlines()) <= 120
    assert not [link for link in re.findall(r"\]\(([^)]*)\)", readme) if not link.startswith("https://")]
