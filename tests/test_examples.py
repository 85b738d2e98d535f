"""The examples run and are right: near-duplicates by LSH, sketches on Dask, the protocol over TCP.. Some need extras.

The texts are those of the environment that runs the tests, and edited copies of our own licence. The seed is fixed, so
in one environment a test passes or fails for good. Each test states the chance with which correct code would fail it.
"""

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import protocol, theory
from pycouple.cli import distributions
from tests.support import ROOT

EXAMPLES = ROOT / "examples"
ALPHA = 1e-4
THRESHOLD = 0.8
EDITS = {"150th": 0.95, "60th": 0.9, "30th": 0.8, "10th": 0.5}  # which words are edited: nearly the similarity left


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=180,
    )


@pytest.fixture(scope="module")
def example():
    """The module near_duplicates."""
    spec = importlib.util.spec_from_file_location("near_duplicates", EXAMPLES / "near_duplicates.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


DASK = """
import dask.array, numpy, dask_sketches

with numpy.load("weights.npz") as weights, dask_sketches.local_cluster() as cluster, cluster.get_client() as client:
    many, by = dask_sketches.sketch_rows(client, dask.array.from_array(weights["many"], chunks=(40, -1)))
    one, also_by = dask_sketches.sketch_set(dask.array.from_array(weights["one"], chunks=3_000))
numpy.savez("sketches.npz", many=many, by=list(by), one=one, also_by=list(also_by), k=dask_sketches.K)
print(dask_sketches.SEED)
"""


def test_dask_sketches_are_bit_identical(tmp_path):
    rng = np.random.default_rng(11)
    many, one = rng.exponential(size=(500, 300)), rng.exponential(size=40_000)
    many[rng.random(many.shape) < 0.7] = 0
    many[17] = 0
    one[5_000:11_000] = 0
    np.savez(tmp_path / "weights.npz", many=many, one=one)
    process = run("-c", DASK, cwd=tmp_path, PYTHONPATH=str(EXAMPLES))
    assert process.returncode == 0, process.stderr
    seed = int(process.stdout)
    with np.load(tmp_path / "sketches.npz") as got:
        k = int(got["k"])
        assert np.array_equal(got["many"], pycouple.sketch(many, k, seed))
        assert np.array_equal(got["one"], pycouple.sketch(one, k, seed))
        assert len(set(got["by"])) == len(set(got["also_by"])) == 2
        assert set(got["by"]) == set(got["also_by"])


def test_dask_example(tmp_path):
    process = run(EXAMPLES / "dask_sketches.py", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("the same bits as here, in one process: True\n") == 2
    workers = re.findall(r"by processes (\d+) and (\d+); this process is (\d+)\n", process.stdout)
    assert [len(set(three)) for three in workers] == [3, 3]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "missing", "extra"),
    [
        ("near_duplicates", "datasketch", "lsh"),
        ("dask_sketches", "dask", "dask"),
        ("dask_sketches", "distributed", "dask"),
    ],
)
def test_missing_extra(name, missing, extra, tmp_path):
    code = "import runpy, sys; sys.modules[sys.argv[1]] = None; runpy.run_path(sys.argv[2], run_name='__main__')"
    process = run("-c", code, missing, EXAMPLES / f"{name}.py", cwd=tmp_path)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.endswith(f": pip install 'pycouple[{extra}]'\n")
    assert process.stderr.count("\n") == 1
    assert missing in process.stderr


def test_protocol_over_tcp(tmp_path):
    """Two processes over a socket; the tokens are those of one process. The chance of failing is 1e-4."""
    got = run(EXAMPLES / "protocol_over_tcp.py", cwd=tmp_path)
    assert got.returncode == 0, got.stderr
    said = re.fullmatch(
        r"192 positions, 49152 tokens, drafter draft_q4\n"
        r"same token   (\S+); expected (\S+) ± (\S+), the mean of 1 - D\n"
        r"bits a token (\S+); log2 n is 15\.6; headers: (\d+)\n",
        got.stdout,
    )
    same, expected, error, bits, header_bits = map(float, said.groups())
    assert abs(same - expected) < stats.norm.isf(ALPHA / 2) * error + 0.001
    assert 15.6 < bits < protocol.expected_bits_bound(49_152)
    assert header_bits >= 144

    spec = importlib.util.spec_from_file_location("protocol_over_tcp", EXAMPLES / "protocol_over_tcp.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drafts, targets = module.rows_of("draft_q4"), module.rows_of("target")
    runs = [protocol.run(p, q, module.SEED, k) for k, (p, q) in enumerate(zip(drafts, targets, strict=True))]
    assert same == pytest.approx(np.mean([one.a == one.b for one in runs]), abs=5e-4)
    assert bits == pytest.approx(np.mean([one.bits for one in runs]), abs=0.05)


def parties(tmp_path, *alices_options):
    """Bob and an Alice with options of her own, each with its exit status and what it said."""
    command = [sys.executable, str(EXAMPLES / "protocol_over_tcp.py")]
    with subprocess.Popen([*command, "bob", "--json"], cwd=tmp_path, stdout=-1, stderr=-1, text=True) as bob:
        port = bob.stderr.readline().split()[-1]
        alice = run(command[1], "alice", "--port", port, "--json", *alices_options, cwd=tmp_path)
        out, errors = bob.communicate(timeout=60)
    return (bob.returncode, out, errors), (alice.returncode, alice.stdout, alice.stderr)


def test_parties_in_processes_of_their_own(tmp_path):
    (status, bob, _), (other_status, alice, _) = parties(tmp_path)
    assert status == other_status == 0
    bob, alice = json.loads(bob), json.loads(alice)
    assert len(bob["tokens"]) == len(alice["tokens"]) == 192
    assert np.mean(np.equal(bob["tokens"], alice["tokens"])) > 0.7


def test_parties_that_do_not_fit_stop(tmp_path):
    (status, bob, why), (other_status, alice, other_why) = parties(tmp_path, "--epsilon", "0.1")
    assert status == other_status == 1
    assert bob == alice == ""
    assert re.match(r"bob: message 0 fails its check: .*epsilon", why)
    assert other_why.startswith("alice: ")


def test_acceptance_table(tmp_path):
    """Against the formulas, by brute force at some positions through the module; the chance of failing is 1e-4."""
    got = run(EXAMPLES / "acceptance.py", "--draws", "50", cwd=tmp_path)
    assert got.returncode == 0, got.stderr
    first, second = got.stdout.split("\n\n")
    calls = [line.strip("| ").split(" | ") for line in second.splitlines()[2:]]
    for (_, one, *strong), (_, same, *conditional) in zip(calls[::2], calls[1::2], strict=True):
        assert one == same  # with one draft the two kinds are the same
        assert 1 < float(one) < 5
        assert all(1 <= float(x) <= 5 for x in strong + conditional)
    strong, conditional = (sum(map(float, row[2:])) for row in calls[:2])
    assert conditional > strong + 1  # by 2.8 of some 9 and 12, with a standard error of 0.4
    head, _, *rows = [line.strip("| ").split(" | ") for line in first.splitlines()]
    assert head == [
        "drafter",
        "shared noise",
        "2 drafts",
        "4 drafts",
        "8 drafts",
        "ratio test",
        "greedy drafts",
        "own noise",
    ]
    target, drafters = distributions.load()
    assert [row[0] for row in rows] == list(drafters)
    for name, *numbers in rows:
        pairs = [distributions.pair(target, drafters[name], row) for row in range(192)]
        shared, ratio, greedy, own = (float(numbers[i]) for i in (0, 4, 5, 6))
        assert shared == pytest.approx(np.mean([theory.agreement(p, q) for q, p in pairs]), abs=6e-4)
        assert ratio == pytest.approx(np.mean([np.minimum(p / p.sum(), q / q.sum()).sum() for q, p in pairs]), abs=6e-4)
        assert greedy == pytest.approx(np.mean([q[p.argmax()] / q.sum() for q, p in pairs]), abs=6e-4)
        assert own == pytest.approx(np.mean([p @ q / p.sum() / q.sum() for q, p in pairs]), abs=6e-4)
        for k, cell in zip((2, 4, 8), numbers[1:4], strict=True):
            measured, bound = (float(x) for x in cell.strip(")").split(" ("))
            want = np.mean([theory.list_agreement_bound(p, q, k) for q, p in pairs])
            assert bound == pytest.approx(want, abs=6e-4)
            assert measured > bound - stats.norm.isf(ALPHA / 9) * 0.5 / np.sqrt(192 * 50)
