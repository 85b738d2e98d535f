"""`pycouple reproduce`: tables, files, terminals, and the report of all."""

import json
import os
import pty
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pycouple

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.main import main
from pycouple.cli.pictures import check_writable
from pycouple.cli.reproduce import report, runner
from pycouple.cli.reproduce.claims import CLAIMS
from tests.support.reproduced import DRAWS, SEED, options


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


@pytest.mark.parametrize("name", CLAIMS)
def test_table_and_pictures(name, everything, tmp_path, capsys):
    """Alone an experiment says and draws what it does among all, byte for byte."""
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
    assert said.startswith(f" {everything.outcomes[name].seen} {CLAIMS[name].amount(DRAWS)}. Seed {SEED}. pictures: ")
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
    unit = CLAIMS[name].unit
    singular = re.match(r"(random pair|draw|run)s ", unit)[1]
    assert CLAIMS[name].amount(1) == f"1 {singular}{unit[len(singular) + 1 :]}"
    assert CLAIMS[name].amount(2000) == f"2,000 {unit}"


def test_a_narrow_terminal_keeps_every_column(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runner, "save", lambda *_: None)
    texts = []
    for columns in ("40", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["reproduce", "pareto", *options(tmp_path, draws=5)]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_files_are_written_before_anything_is_printed(tmp_path, monkeypatch):
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


@pytest.mark.parametrize("name", ["pareto", "sharpness"])
def test_nobody_reads_and_no_sign_for_plus_minus(name, tmp_path):
    """In ASCII a sign that is lacking is replaced; where the pipe is closed, the end is quiet."""
    command = [
        sys.executable,
        "-c",
        "import sys; from pycouple.cli.main import main; sys.exit(main())",
        "reproduce",
        name,
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    with subprocess.Popen([*command, *options(tmp_path, draws=1)], **pipes) as process:
        if name == "pareto":
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(120) == 141
        else:
            out, err = process.communicate(timeout=120)
            assert (process.returncode, err) == (0, b"")
            assert re.search(rb"[01]\.0000 \? 0\.4714", out)
    assert sorted(os.listdir(tmp_path)) == [f"{name}.png", f"{name}.svg"]


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
    for svg in text.split("<svg ")[1:]:
        svg = svg.partition("</svg>")[0]
        assert "currentColor" in svg
        assert "#000000" not in svg
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
        assert f"{CLAIMS[name].amount(DRAWS)}. Again: " in page.text
        assert report._prose(everything.outcomes[name].seen) in text
        for row in each["rows"]:
            expected = [cell.replace(" - ", " − ") for cell in cells(name, row)]
            assert any([cell for cell in row if cell][-len(expected) :] == expected for row in rows), (name, expected)


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


def test_progress_on_a_terminal_only(tmp_path):
    """stderr is a terminal of its own here, stdout is a pipe; in the other tests neither is."""
    parent, child = pty.openpty()
    code = "import sys; from pycouple.cli.main import main; sys.exit(main())"
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
