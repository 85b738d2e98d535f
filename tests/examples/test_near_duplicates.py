"""Near-duplicates by LSH: the pairs found are those that are there. It needs an extra.

The texts are those of the environment that runs the tests, and edited copies of our own licence. The seed is fixed, so
in one environment a test passes or fails for good. Each test states the chance with which correct code would fail it.
"""

import itertools
import re

import numpy as np
import pytest
from scipy import stats

from pycouple import theory
from tests.support import ROOT
from tests.support.examples import EXAMPLES, module, run, run_without

ALPHA = 1e-4
THRESHOLD = 0.8
EDITS = {"150th": 0.95, "60th": 0.9, "30th": 0.8, "10th": 0.5}  # which words are edited: nearly the similarity left


@pytest.fixture(scope="module")
def example():
    return module("near_duplicates")


def edited(text, every):
    words = text.split()
    words[::every] = [f"edit{i}" for i in range(len(words[::every]))]
    return " ".join(words)


@pytest.fixture(scope="module")
def copies():
    text = (ROOT / "LICENSE").read_text()
    return {"original": text} | {name: edited(text, int(name[:-2])) for name in EDITS}


@pytest.fixture(scope="module")
def texts(example, copies):
    found = {name: path.read_text(encoding="utf-8", errors="replace") for name, path in example.licences()}
    docs = {path.name: path.read_text() for path in ROOT.glob("docs/*.md")}
    assert any(name.startswith("numpy: ") for name in found)
    assert docs
    return found | docs | copies


@pytest.fixture(scope="module")
def pairs(example, texts):
    return example.search(texts, THRESHOLD)[0]


def exact(example, one, other):
    a, b = example.terms_of(one), example.terms_of(other)
    terms = list(a | b)
    return theory.weighted_jaccard([a[term] for term in terms], [b[term] for term in terms])


def test_edited_copies_are_what_their_names_say(example, copies):
    for name, similarity in EDITS.items():
        assert exact(example, copies["original"], copies[name]) == pytest.approx(similarity, abs=0.05)


def test_estimates_are_near_exact_similarities(example, texts, pairs):
    """Registers are independent, so equal ones are binomial: K of probability J. Alpha is shared by all pairs."""
    for pair in pairs[::10]:
        assert pair.exact == pytest.approx(exact(example, texts[pair.first], texts[pair.second]), rel=1e-9)
    for pair in pairs:
        assert pair.error == pytest.approx(np.sqrt(pair.estimate * (1 - pair.estimate) / example.K))
        equal = round(pair.estimate * example.K)
        alpha = ALPHA / (len(texts) * (len(texts) - 1) / 2)
        assert stats.binomtest(equal, example.K, pair.exact).pvalue > alpha, pair


def test_index_finds_every_pair_above_a_level(example, texts, pairs):
    """Of 0.95: the index, 23 bands of 11 registers, misses such a pair with probability (1 - 0.95**11)**23 < 1e-8."""
    level = 0.95
    found = {frozenset((pair.first, pair.second)) for pair in pairs}
    terms = {name: example.terms_of(text) for name, text in texts.items()}
    sizes = {name: counts.total() for name, counts in terms.items()}
    above = [
        {one, other}
        for one, other in itertools.combinations(texts, 2)
        if min(sizes[one], sizes[other]) >= level * max(sizes[one], sizes[other]) > 0
        and (terms[one] & terms[other]).total() >= level * (terms[one] | terms[other]).total()
    ]
    assert {"original", "150th"} in above
    assert [pair for pair in above if pair not in found] == []


def test_unlike_texts_are_not_grouped(example, texts, pairs):
    """An estimate of 0.8 from 0.65 is 5 standard errors off: alpha is 1e-7 a pair near that, and far less below."""
    assert all(pair.exact > 0.65 for pair in pairs)
    alone = {"10th"} | {path.name for path in ROOT.glob("docs/*.md")}
    assert alone.isdisjoint(name for pair in pairs for name in (pair.first, pair.second))


def test_groups(example, pairs):
    """Every text of a pair is in one group: it leads it, or is a member once and near the leader."""
    groups = example.groups_of(pairs)
    members = [pair.second for group in groups.values() for pair in group]
    assert len(members) == len(set(members))
    assert set(members).isdisjoint(groups)
    assert {*members, *groups} <= {name for pair in pairs for name in (pair.first, pair.second)}
    assert all(pair.first == leader for leader, group in groups.items() for pair in group)
    pair = example.Pair("a", "b", 0.9, 0.0, 0.9)
    chain = [pair, pair._replace(first="b", second="c"), pair._replace(first="c", second="d")]
    assert {leader: [pair.second for pair in group] for leader, group in example.groups_of(chain).items()} == {
        "a": ["b"],
        "c": ["d"],
    }


def test_near_duplicates_of_given_files(copies, tmp_path):
    for name, text in (copies | {"again": copies["original"]}).items():
        (tmp_path / name).write_text(text)
    process = run(EXAMPLES / "near_duplicates.py", "original", "again", "10th", "150th", "60th", cwd=tmp_path)
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert lines[0].startswith("4 texts. Of 6 pairs the index proposes ")
    assert lines[3] == "again"  # the same text as the original
    assert [line.split()[-1] for line in lines[5:]] == ["150th", "60th"]
    for line, similarity in zip(lines[5:], (0.95, 0.9), strict=True):
        estimate, _, error, true, _ = line.split()
        assert float(true) == pytest.approx(similarity, abs=0.02)
        assert float(estimate) == pytest.approx(float(true), abs=5 * float(error))


def test_near_duplicates_of_licences(tmp_path):
    process = run(EXAMPLES / "near_duplicates.py", cwd=tmp_path)
    assert process.stderr == ""
    assert re.match(r"\d+ texts. Of \d+ pairs the index proposes \d+;\n\d+ of those have ", process.stdout)


def test_missing_extra(tmp_path):
    process = run_without("near_duplicates", "datasketch", tmp_path)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.endswith(": pip install 'pycouple[lsh]'\n")
    assert process.stderr.count("\n") == 1
    assert "datasketch" in process.stderr
