"""The API reference has every public name, and nothing else."""

import ast
import re

import pytest

from tests.support import ROOT

REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src"
# The faces of the package: what they import for their users is in __all__, and is read without importing an engine.
MODULES = ["pycouple"] + [
    f"pycouple.{name}"
    for name in ("protocol", "speculative", "theory", "torch", "ufuncs", "plugins.transformers", "plugins.llama_cpp")
]
FOLDERS = ["pycouple.sampling", "pycouple.sketches"]  # whose names are those of pycouple
ALSO_THERE = {"pycouple": {"protocol", "speculative", "theory", "ufuncs"}}  # modules, with a page of their own


def public(module):
    path = SOURCE / module.replace(".", "/")
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return set(ast.literal_eval(node.value))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) if node.name[0] != "_"}


def listed(module):
    """The entries of autosummary, and what is described by hand, where the module is the current one."""
    names, current = set(), None
    for line in "\n".join(page.read_text() for page in sorted(REFERENCE.glob("*.rst"))).splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            current = found[1]
        elif current == module and (found := re.match(r"   (\w+)$|\.\. py:(?:function|data):: (\w+)", line)):
            names.add(found[1] or found[2])
    return names


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module):
    assert listed(module) == public(module) - ALSO_THERE.get(module, set())


@pytest.mark.parametrize("module", FOLDERS)
def test_names_of_folders_are_in_the_reference_as_those_of_pycouple(module):
    assert public(module) <= listed("pycouple")


def test_every_module_with_public_names_is_looked_at():
    faces = {path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if "__all__" in path.read_text()}
    found = {str(path.with_suffix("")).replace("/", ".").removesuffix(".__init__") for path in faces}
    assert found <= {*MODULES, *FOLDERS}
