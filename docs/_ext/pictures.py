"""The directive {picture}: a drawing of `drawings`, for the light and for the dark theme; and what `reproduce` draws.

Both are drawn when a site is built for the first time, into docs/_drawn: remove that folder after a change of either.
"""

import contextlib
import io
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import drawings
from pycouple.cli.main import main

DRAWN = Path(__file__).parents[1] / "_drawn"
DRAWS = 100  # of `pycouple reproduce`: enough to see the claims (docs/claims.md)


class Picture(SphinxDirective):
    """`{picture} name`, with what it shows to somebody who cannot see it as :alt:, and a caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        both = nodes.container()  # the theme hides a caption beside a picture of the other theme
        for theme in drawings.THEMES:
            uri = f"/_drawn/{self.arguments[0]}-{theme}.svg"
            both += nodes.image(uri=uri, alt=self.options["alt"], classes=[f"only-{theme}"])
        caption = nodes.caption()
        caption += self.parse_inline(" ".join(self.content))[0]
        return [nodes.figure("", both, caption)]


def _draw(app: Sphinx) -> None:
    if DRAWN.exists():
        return
    with contextlib.redirect_stdout(io.StringIO()):
        if main(["reproduce", "all", "--draws", str(DRAWS), "--output", str(DRAWN)]):
            raise RuntimeError("pycouple reproduce has failed")
    drawings.draw_all(DRAWN)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("picture", Picture)
    app.connect("builder-inited", _draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
