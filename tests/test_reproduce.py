"""`pycouple reproduce`: the numbers of each experiment, its table, its pictures, and the report of all."""

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
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import pycouple
from pycouple import distributions, protocol, theory

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli import main
from pycouple.reproduce import CLAIMS, bits, flow, pareto, sharpness

DRAWS, SEED = 50, 3
ERRORS = 4.5  # standard errors, two-sided normal: alpha = 7e-6 a number; the seed is fixed
EXTREMES = [0.0, 1.0]


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """One run of all, by the command line: the JSON object, its experiments by name, and the folder."""
    folder = tmp_path_factory.mktemp("all") / "made" / "folder"
    text = io.StringIO()
    with redirect_stdout(text):
        assert main(["reproduce", "all", *options(folder), "--json"]) == 0
    whole = json.loads(text.getvalue())
    named = {each["experiment"]: each for each in whole["experiments"]}
    return SimpleNamespace(whole=whole, named=named, folder=folder)


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


def test_pareto(everything):
    found = everything.named["pareto"]
    assert (found["pairs"], found["below"], found["out_of_order"]) == (8 * DRAWS, 0, 0)
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
    assert 0.05 < best["largest_gap"] < 0.2


def test_pareto_sees_a_violation(tmp_path, monkeypatch, capsys):
    """Were the race below MinHash, the table would say so."""
    exact = theory.agreement
    names = {"gumbel": "minhash", "minhash": "gumbel", "optimal": "optimal"}
    monkeypatch.setattr(theory, "agreement", lambda p, q, method: exact(p, q, names[method]))
    assert main(["reproduce", "pareto", *options(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["below"] == found["out_of_order"] > 100


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
    assert [rows[n]["best_rule"] for n in (5, 6, 8)] == [0.6, pytest.approx(2 / 3), None]
    assert [rows[n]["best_two_rules"] for n in (5, 6)] == [0.6, None]
    assert everything.named["sharpness"]["rules_tried"] == 1 + 8 + 81 + 1024 + 15625


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
    assert row["bits_standard_error"] == pytest.approx(np.std([run.bits for run in runs]) / DRAWS**0.5, abs=1e-12)


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
        means = [f"{row[key]:.1f}" for key in ("bound", "messages", "bytes")]
        return [f"{row['total_variation']:.2f}", *sent, *means, measured(row), f"{row['optimum']:.2f}"]
    gain = f"{row['measured'] - row['one_draft_exact']:+.4f}"
    return [str(row["drafts"]), measured(row), *fixed("bound"), gain]


@pytest.mark.parametrize("name", CLAIMS)
def test_table_and_pictures(name, everything, tmp_path, capsys):
    """Alone an experiment says and draws what it does among all, byte for byte."""
    assert main(["reproduce", name, *options(tmp_path), "--workers", "2"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert max(map(len, lines)) <= 80 or len(str(tmp_path)) > 20  # the folder's name stands in the last line
    assert max(map(len, lines[:-2])) <= 80
    rule = next(i for i, line in enumerate(lines) if line.startswith("───"))
    rows = everything.named[name]["rows"]
    for row, line in zip(rows, lines[rule + 1 :], strict=False):
        said = re.split(r"\s{2,}", line.strip())
        expected = cells(name, row)
        assert said[-len(expected) :] == expected
    assert lines[rule + 1 + len(rows)] == ""
    assert f"Seed {SEED}." in captured.out
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
