"""`pycouple reproduce`: tables, files, terminals, and the report of all."""

import datetime
import io
import json
import os
import pty
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import pycouple

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.main import main
from pycouple.cli.parser import build_parser
from pycouple.cli.pictures import check_writable
from pycouple.cli.reproduce import report, runner
from pycouple.cli.reproduce.claims import CLAIMS, PAPERS
from tests.support.page import Page
from tests.support.reproduced import DRAWS, SEED, curves, options, read_some_positions
from tests.support.text import stated, states


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


def test_the_whole_object(everything):
    assert set(everything.whole) == {"seed", "experiments", "report"}
    assert list(everything.named) == list(CLAIMS) == list(runner.EXPERIMENTS)
    assert everything.whole["report"] == str(everything.folder / "report.html")
    for name, each in everything.named.items():
        assert (each["seed"], each["draws"]) == (SEED, DRAWS)
        assert each["pictures"] == [str(everything.folder / f"{name}{suffix}") for suffix in (".png", ".svg")]
        png, svg = (Path(picture).read_bytes() for picture in each["pictures"])
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert b"<svg" in svg
        assert 20_000 < len(png) < 500_000
        assert 20_000 < len(svg) < 700_000


@pytest.fixture
def unsaved(monkeypatch):
    """The pictures that would have been written, in place of files with something in them."""
    pictures = []

    def save(picture, path):
        pictures.append(picture)
        path.touch()

    monkeypatch.setattr(runner, "save", save)
    return pictures


@pytest.mark.parametrize("name", CLAIMS)
def test_table_and_pictures(name, everything, unsaved, tmp_path, capsys, monkeypatch):
    """Alone and with two threads an experiment says and draws what it does among all."""
    read_some_positions(monkeypatch)
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
    assert everything.outcomes[name].seen in said
    files = [f"{name}.png", f"{name}.svg"]
    assert states(said.partition(everything.outcomes[name].seen)[2], f"{DRAWS}", f"{SEED}")
    assert all(str(tmp_path / file) in said for file in files)
    assert sorted(os.listdir(tmp_path)) == files
    drawn = [curves(axes) for axes in everything.outcomes[name].picture.axes]
    assert [[curves(axes) for axes in picture.axes] for picture in unsaved] == [drawn, drawn]


def test_the_same_seed_gives_the_same_files(everything, tmp_path, capsys):
    assert main(["reproduce", "pareto", *options(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == everything.named["pareto"]["rows"]
    for file in ("pareto.png", "pareto.svg"):
        assert (tmp_path / file).read_bytes() == (everything.folder / file).read_bytes()


@pytest.mark.parametrize("name", ["pareto", "sharpness"])
def test_another_seed(name, everything, unsaved, tmp_path, capsys):
    assert main(["reproduce", name, *options(tmp_path, seed=4), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seed"] == 4
    assert found["rows"] != everything.named[name]["rows"]
    assert curves(unsaved[0].axes[0]) != curves(everything.outcomes[name].picture.axes[0])


@pytest.mark.parametrize("name", CLAIMS)
def test_one_draw_is_enough(name, unsaved, tmp_path, capsys):
    """On all positions that are shipped, with numbers that are JSON's, and a picture that can be drawn."""
    assert main(["reproduce", name, *options(tmp_path, draws=1), "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["draws"] == 1
    assert found.get("positions", 192) == 192
    unsaved[0].draw_without_rendering()
    assert [stated(CLAIMS[name].amount(draws))[0] for draws in (1, 2000)] == ["1", "2,000"]


def test_a_narrow_terminal_keeps_every_column(unsaved, tmp_path, capsys, monkeypatch):
    texts = []
    for columns in ("40", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["reproduce", "pareto", *options(tmp_path, draws=5)]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_files_are_written_before_anything_is_printed(unsaved, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("nobody reads")

    monkeypatch.setattr(runner, "CLAIMS", {"pareto": CLAIMS["pareto"]})
    monkeypatch.setattr(runner, "_print", broken)
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


def test_nobody_reads(unsaved, tmp_path, capsys, monkeypatch):
    """As in `pycouple reproduce pareto | true`: the files are there, and the end is quiet."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", closed)
        assert main(["reproduce", "pareto", *options(tmp_path, draws=1)]) == 141
    assert capsys.readouterr().err == ""
    assert sorted(os.listdir(tmp_path)) == ["pareto.png", "pareto.svg"]


def test_a_sign_that_the_terminal_lacks_is_replaced(unsaved, tmp_path, capsys, monkeypatch):
    out = io.BytesIO()
    with io.TextIOWrapper(out, encoding="ascii") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        assert main(["reproduce", "sharpness", *options(tmp_path, draws=1)]) == 0
        said = out.getvalue()
    assert capsys.readouterr().err == ""
    assert re.search(rb"[01]\.0000 \? 0\.4714", said)  # in place of the sign for plus or minus


def test_report(everything):
    text = (everything.folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("title") == 1
    assert tags.count("table") == tags.count("figure") == 5
    assert not {"script", "img", "link", "iframe", "object"} & set(tags)
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert [svg["aria-label"] for svg in pictures] == [section.experiment.alt for section in everything.sections]
    assert all(svg["role"] == "img" and "viewbox" in svg for svg in pictures)
    assert not any("#000000" in svg.partition("</svg>")[0] for svg in text.split("<svg ")[1:])  # unseen on dark paper

    assert len(page.ids) == len(set(page.ids))
    outside = {link for link in page.links if not link.startswith("#")}
    assert outside == {f"https://arxiv.org/abs/{paper}" for paper in PAPERS}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(page.ids)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)

    about = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert (about["pycouple"], about["seed"]) == (pycouple.__version__, f"{SEED}")
    rows = [row for row in page.rows if row]
    again = [build_parser().parse_args(shlex.split(command)[1:]) for command in page.texts["code"]]
    assert [(each.name, each.seed, each.draws) for each in again] == [(name, SEED, DRAWS) for name in everything.named]
    for name, each in everything.named.items():
        assert everything.outcomes[name].seen in page.text
        for row in each["rows"]:
            expected = cells(name, row)
            assert any([cell for cell in row if cell][-len(expected) :] == expected for row in rows), (name, expected)


def test_reports_differ_in_date_and_machine_alone(everything, monkeypatch):
    monkeypatch.setattr(report, "_inline", lambda picture, name, alt: f"the picture of {name}")
    pages = [report.page(SEED, everything.sections)]
    monkeypatch.setattr(report.platform, "machine", lambda: "another machine")
    then = SimpleNamespace(today=lambda: datetime.date(2001, 2, 3))
    monkeypatch.setattr(report, "datetime", SimpleNamespace(date=then))
    pages.append(report.page(SEED, everything.sections))
    one, other = (page.splitlines() for page in pages)
    changed = [line for line, was in zip(other, one, strict=True) if line != was]
    assert len(changed) == 2
    assert "another machine" in changed[0]
    assert "2001-02-03" in changed[1]


@pytest.mark.parametrize("name", ["pareto.svg", "report.html"])
def test_files_are_checked_first(name, tmp_path, capsys, monkeypatch):
    (tmp_path / name).mkdir()
    broken = runner.EXPERIMENTS["agreement"]._replace(
        measure=lambda _: pytest.fail("worked before it checked the files")
    )
    monkeypatch.setitem(runner.EXPERIMENTS, "agreement", broken)
    assert main(["reproduce", "all", "--output", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pycouple: error: ")
    assert name in captured.err
    assert captured.err.count("\n") == 1
    assert os.listdir(tmp_path) == [name]


def test_progress_on_a_terminal_only(unsaved, tmp_path, capsys, monkeypatch):
    """stderr is a terminal here; in the other tests it is none, and they find nothing there."""
    parent, child = pty.openpty()
    os.set_blocking(parent, False)  # where nothing was written, the test fails and does not wait
    monkeypatch.setenv("TERM", "xterm")
    with open(child, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        assert main(["reproduce", "pareto", *options(tmp_path), "--json"]) == 0
        seen = os.read(parent, 100_000).decode()
    os.close(parent)
    assert "pareto" in seen
    assert "100%" in seen
    assert json.loads(capsys.readouterr().out)["experiment"] == "pareto"
