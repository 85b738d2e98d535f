"""`pycouple demo`: the shipped distributions, the numbers it reports, the picture, and files of one's own."""

import json
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

import pycouple

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple._arguments import METHODS
from pycouple.cli import demo, distributions
from pycouple.cli.agreements import compare
from pycouple.cli.main import main
from tests.support.parties import small_file
from tests.support.text import stated, states

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def save(tmp_path):
    def save(**changes):
        path = tmp_path / "my_prompts.npz"
        np.savez(path, **small_file(**changes))
        return path

    return save


def test_shipped_file():
    file = resources.files("pycouple").joinpath("cli", "data", distributions.SHIPPED)
    assert len(file.read_bytes()) <= 1_000_000
    target, drafters = distributions.load()
    assert set(drafters) == {"draft_q4", "draft_skip", "draft_exit20"}
    for party in (target, *drafters.values()):
        assert party.p.shape == (192, 235)
        np.testing.assert_allclose(party.p.sum(axis=1) + party.rest, 1, rtol=0, atol=1e-6)
        assert (np.diff(party.p, axis=1) <= 0).all()


def test_numbers(tmp_path, capsys, monkeypatch):
    agreements = []

    def compared(*args, **options):
        agreements.append(compare(*args, **options))
        return agreements[-1]

    monkeypatch.setattr(demo, "compare", compared)
    output = tmp_path / "agreement.png"
    assert main(["demo", "--draws", "200", "--seed", "3", "--json", "--output", str(output)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    report = json.loads(captured.out)
    assert set(report) == {"seed", "draws", "positions", "drafters", "output"}
    assert (report["seed"], report["draws"], report["positions"]) == (3, 200, 192)
    assert report["output"] == str(output)
    assert output.read_bytes().startswith(PNG_MAGIC)
    assert len(report["drafters"]) == 3
    for drafter in report["drafters"]:
        assert drafter["lower_bound"] < drafter["minhash"]["exact"] < drafter["exact"] < drafter["optimum"]
        assert drafter["optimum"] == pytest.approx(1 - drafter["total_variation"], abs=1e-12)
        assert set(drafter["minhash"]) == {"measured", "standard_error", "exact", "draws_per_second"}
        for coupling in (drafter, drafter["minhash"]):
            # alpha = 7e-6 a drafter and method (two-sided normal, 4.5 standard errors); the seed is fixed
            assert abs(coupling["measured"] - coupling["exact"]) < 4.5 * coupling["standard_error"]
            assert coupling["draws_per_second"] > 0
    for agreement in agreements:  # the same order at every position
        gumbel, minhash = (agreement.couplings[method].exact for method in METHODS)
        order = (agreement.lower_bound, minhash, gumbel, 1 - agreement.total_variation)
        assert np.shape(order) == (4, 192)
        assert (np.diff(order, axis=0) >= -1e-12).all()  # rounding


def test_the_command_itself(tmp_path, save):
    command = [sys.executable, "-W", "error", "-c", "import sys; from pycouple.cli.main import main; sys.exit(main())"]
    options = ["demo", "--input", str(save()), "--draws", "50", "--output", "picture.svg"]
    process = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    assert "picture.svg" in process.stdout
    assert states(process.stdout, "2", "50", "0")  # positions, draws, seed
    assert max(map(len, process.stdout.splitlines())) <= 80
    assert "<svg" in (tmp_path / "picture.svg").read_text()


def test_pair(save):
    target, drafters = distributions.load(save())
    p, q = distributions.pair(target, drafters["a"], 0)  # tokens 2, 5, 7, 9 and the rest
    np.testing.assert_array_equal(p, [0.3, 0.5, 0, 0.1, 0.1])
    np.testing.assert_array_equal(q, [0.5, 0, 0.25, 0, 0.25])


def test_own_file(save, tmp_path, capsys):
    path, output = save(), tmp_path / "x.pdf"
    options = ["--input", str(path), "--draws", "300", "--seed", "11", "--json", "--output", str(output)]
    assert main(["demo", *options]) == 0
    a, b = json.loads(capsys.readouterr().out)["drafters"]
    assert (a["drafter"], b["drafter"]) == ("a", "b")
    assert (b["measured"], b["exact"], b["total_variation"]) == (1, 1, 0)
    assert (b["minhash"]["measured"], b["minhash"]["exact"]) == (1, 1)

    target, drafters = distributions.load(path)
    seeds = [pycouple.seed_from("pycouple demo", 11, row) for row in range(2)]
    pairs = [distributions.pair(target, drafters["a"], row) for row in range(2)]
    for method, coupling in (("gumbel", a), ("minhash", a["minhash"])):
        draws = [pycouple.couple(p, q, x, range(300), method=method) for (p, q), x in zip(pairs, seeds, strict=True)]
        assert coupling["measured"] == pytest.approx(np.mean([np.mean(x == y) for x, y in draws]), abs=1e-12)
        exact = np.array([pycouple.theory.agreement(p, q, method) for p, q in pairs])
        assert exact[1] == 0  # no token in common
        assert coupling["exact"] == pytest.approx(exact.mean(), abs=1e-12)
        error = np.sqrt((exact * (1 - exact) / 300).sum()) / 2
        assert coupling["standard_error"] == pytest.approx(error, abs=1e-12)
    assert output.read_bytes().startswith(b"%PDF")


def test_the_table_says_what_the_object_says(save, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "save", lambda picture, path: None)
    options = ["demo", "--input", str(save()), "--draws", "300", "--output", str(tmp_path / "x.png")]
    assert main([*options, "--json"]) == 0
    drafters = json.loads(capsys.readouterr().out)["drafters"]
    assert main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    for row in drafters:
        numbers = [row["lower_bound"]]
        numbers += [each[key] for each in (row["minhash"], row) for key in ("measured", "standard_error", "exact")]
        (line,) = (line for line in lines if line.startswith(f"{row['drafter']} "))
        assert stated(line) == [f"{number:.4f}" for number in (*numbers, row["optimum"])]


def test_draws_do_not_depend_on_workers(save, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "save", lambda picture, path: None)
    reports = []
    for workers in ("1", "2", "-1"):
        options = ["--draws", "1000", "--workers", workers, "--json", "--output", str(tmp_path / "x.png")]
        assert main(["demo", "--input", str(save()), *options]) == 0
        drafters = json.loads(capsys.readouterr().out)["drafters"]
        reports.append([coupling["measured"] for a in drafters for coupling in (a, a["minhash"])])
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_ids": None}, "array target_ids is missing"),
        ({"target_p": None}, "array target_p is missing"),
        ({"a_rest": None}, "array a_rest is missing"),
        ({f"{name}_{part}": None for name in "ab" for part in ("ids", "p", "rest")}, "no drafter"),
        ({"target_ids": np.ones((2, 3))}, "target_ids must be integers [positions, tokens], got float64 [2, 3]"),
        ({"a_p": np.ones((2, 3))}, "a_p must be floats [2, 2] as a_ids, got float64 [2, 3]"),
        ({"a_rest": np.ones(3)}, "a_rest must be floats [2], got float64 [3]"),
        ({"a_p": np.array([[0.5, 0.25], [np.nan, 0.25]])}, "a_p must be finite and not negative: wrong at position 1"),
        ({"a_rest": np.array([0.25, -0.5])}, "a_rest must be finite and not negative: wrong at position 1"),
        ({"a_rest": np.array([0.35, 0.0])}, "a_p and a_rest must sum to 1: wrong at position 0"),
        ({"a_ids": np.array([[2, 7], [9, -8]])}, "a_ids must be in 0..2**63 - 1: wrong at position 1"),
        ({"a_ids": np.array([[2**63, 7], [9, 8]], np.uint64)}, "a_ids must be in 0..2**63 - 1: wrong at position 0"),
        (
            {"a_p": np.full((2, 2), 1e308), "a_rest": np.full(2, 1e308)},
            "a_p and a_rest must sum to 1: wrong at position 0",
        ),
        ({"a_ids": np.array([[2, 7], [9, 9]])}, "a_ids must not repeat a token: wrong at position 1"),
        ({"a_ids": np.ones((1, 1), int), "a_p": np.ones((1, 1)), "a_rest": np.zeros(1)}, "a has 1 positions"),
    ],
)
def test_wrong_file(changes, message, save, tmp_path, capsys):
    path = save(**changes)
    with pytest.raises(ValueError) as caught:
        distributions.load(path)
    assert message in str(caught.value)
    output = tmp_path / "x.png"
    assert main(["demo", "--input", str(path), "--output", str(output)]) == 2
    assert capsys.readouterr().err == f"pycouple: error: {caught.value}\n"
    assert not output.exists()


def test_names_in_a_file_do_not_steer_the_terminal(save, capsys, monkeypatch):
    names = ["a\x1b[31m\r\n\x9bb\u202e", "$\\frac$ $", "_hidden", "日" * 500]
    changes = {f"{name}_{part}": small_file()[f"a_{part}"] for name in names for part in ("ids", "p", "rest")}
    path = save(**changes)
    for suffix in (".png", ".svg"):
        assert main(["demo", "--input", str(path), "--draws", "2", "--output", str(path.with_suffix(suffix))]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert not set("\x1b\r\x9b\u202e") & set(captured.out)
    for shown in ("a\ufffd[31m\ufffd \ufffdb\ufffd ", "$\\frac$ $ ", "_hidden ", "日 ... 日"):
        assert shown in captured.out
    picture = path.with_suffix(".svg").read_text(encoding="utf-8")
    assert "_hidden" in picture
    assert r"$\frac$ $" in picture
    assert "\x1b" not in picture


@pytest.mark.parametrize("name", ["x.bmp", "x", "no_such_folder/x.png", "folder.png"])
def test_output_is_checked_first(name, tmp_path, capsys, monkeypatch):
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(demo, "load", lambda _: pytest.fail("worked before it checked the output"))
    assert main(["demo", "--output", str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("pycouple: error: ")
    assert name in captured.err
    assert captured.err.count("\n") == 1


def test_missing_input(tmp_path, capsys):
    assert main(["demo", "--input", str(tmp_path / "absent.npz"), "--output", str(tmp_path / "x.png")]) == 2
    assert "absent.npz" in capsys.readouterr().err


def test_rates_have_si_prefixes():
    rates = [demo._si(rate) for rate in (12.0, 3400.0, 2.14e6, 1e9)]
    assert rates == ["12.0 draws/s", "3.4 k draws/s", "2.1 M draws/s", "1.0 G draws/s"]


def test_speed_is_that_of_all_draws():
    assert demo._speed([{"draws_per_second": 1e6}, {"draws_per_second": 4e6}]) == "1.6 M draws/s"
