"""Links to files of the repository: {repo}`examples/acceptance.py`, and those in included pages."""

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
BLOB = "https://github.com/pycouple/pycouple/blob/main"


def _repo(
    name: str, rawtext: str, text: str, line: int, inliner: Inliner, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    if not (ROOT / text).exists():
        return [], [inliner.reporter.warning(f"the repository has no {text}", line=line)]
    return [nodes.reference(rawtext, "", nodes.literal(text, text), refuri=f"{BLOB}/{text}")], []


def _resolve_included(app: Sphinx, doctree: nodes.document) -> None:
    """Pages at the root of the repository link to what is beside them: to a page of this site, or to a file."""
    for link in list(doctree.findall(pending_xref)):
        target = str(link["reftarget"])
        if link["reftype"] != "myst" or link["refdomain"] == "doc" or not (ROOT / target).is_file():
            continue
        page = target.removeprefix("docs/").removesuffix(".md")
        if target == f"docs/{page}.md":
            link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", page, None
        else:
            link.replace_self(nodes.reference("", "", *link.children, refuri=f"{BLOB}/{target}"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("repo", _repo)
    app.connect("doctree-read", _resolve_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
