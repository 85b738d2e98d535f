"""The sources of the core include downward only, and what their comments and READMEs point to is there."""

import re

import pytest

from tests.support import ROOT

CORE = ROOT / "src" / "_core"
LAYERS = (
    ("contract",),
    ("simd",),
    ("scan",),
    ("race", "minhash", "sketch", "kept"),
    ("dispatch",),
    ("batch",),
    ("python", "interface"),
)
HEIGHT = {folder: height for height, layer in enumerate(LAYERS) for folder in layer}
SOURCES = sorted(path for path in CORE.rglob("*.*") if path.suffix != ".md")
FILE_NAME = re.compile(r"[\w./-]*\w\.(?:c|h|inc|pyx|pxi|py|md|txt|json|map)\b")


def name(path):
    return str(path.relative_to(CORE))


def exists(pointer, folder):
    return any((start / pointer).exists() for start in (ROOT, CORE, folder))


def test_every_folder_has_a_layer():
    assert {path.name for path in CORE.iterdir() if path.is_dir()} == set(HEIGHT)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_includes_go_downward(path):
    included = re.findall(r'^\s*(?:#include|cdef extern from) "([\w/.]+)"', path.read_text(), re.MULTILINE)
    for header in included:
        if not (CORE / header).exists():
            assert header in ("Python.h", "numpy/ufuncobject.h")
            continue
        folder = header.split("/")[0]
        assert folder == path.parent.name or HEIGHT[folder] < HEIGHT[path.parent.name], header


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.h")), ids=name)
def test_guards_are_paths(path):
    guard = "PC_" + re.sub(r"\W", "_", name(path)).upper()
    assert f"#ifndef {guard}\n#define {guard}\n" in path.read_text()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_that_comments_name_exist(path):
    comment = r"#.*|(?s:\"\"\".*?\"\"\")" if path.parent.name == "python" else r"(?s:/\*.*?\*/)"
    for text in re.findall(comment, path.read_text()):
        for pointer in FILE_NAME.findall(text):
            assert exists(pointer, CORE), pointer


@pytest.mark.parametrize("path", sorted(CORE.rglob("README.md")), ids=name)
def test_readmes_name_files_that_exist_and_all_of_their_folder(path):
    text = path.read_text()
    named = set(FILE_NAME.findall(text))
    assert not [pointer for pointer in named if not exists(pointer, path.parent)]
    if path.parent != CORE:
        assert {file.name for file in path.parent.iterdir()} - {"README.md", "CMakeLists.txt"} <= named
