"""Imports inside the package go downward only. tests/core/test_tree.py holds the same of the core's C."""

import ast

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "src" / "pycouple"
LAYERS = (
    ("_core",),
    (
        "_level",
        "_paths",
        "_printable",
        "ufuncs",
        "_config",
        "_labels",
        "_arrays",
        "_errors",
        "_shapes",
        "_arguments",
        "_draws",
        "theory",
        "kept",
        "randomness",
        "sampling",
    ),
    ("sketches", "protocol", "torch"),
    ("speculative",),
    ("plugins",),
    ("cli",),
)
BASE = LAYERS[1]  # one folder: its modules may import one another, as those inside a topic may
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
FACE = ("__init__", "__main__")  # what users see, above all layers
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE or path.stem not in FACE]


def topic(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The parts of the package that a file imports: what comes after `pycouple.`, and "" for the package itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [node.module]
            if node.module == "pycouple":
                names = [f"pycouple.{alias.name}" for alias in node.names]
        else:
            continue
        for package, _, rest in (name.partition(".") for name in names):
            if package == "pycouple":
                yield node.lineno, rest.partition(".")[0]


def test_every_module_has_a_layer():
    assert {topic(path) for path in MODULES} | {"_core"} == set(HEIGHT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    """A module imports its own topic and lower layers: no other topic of its layer, and never the package's face."""
    own = topic(path)
    for line, name in imported(path):
        assert name in HEIGHT, f"line {line}: the package itself, or a name that is not a module of it"
        below = HEIGHT[name] < HEIGHT[own]
        assert below or name == own or (own in BASE and name in BASE), f"line {line}: pycouple.{name}"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import pycouple", ""),
        ("import pycouple as p", ""),
        ("from pycouple import sample", "sample"),
        ("from pycouple import _core", "_core"),
        ("import pycouple.cli.main", "cli"),
        ("def f():\n    from pycouple.plugins import transformers", "plugins"),
    ],
)
def test_imports_are_found(tmp_path, line, found):
    path = tmp_path / "module.py"
    path.write_text(f"import numpy\nfrom os import path\n{line}\n")
    assert [name for _, name in imported(path)] == [found]
