"""One page of HTML with everything in it: the claims, the pictures inline, the tables. No script, nothing to load."""

import datetime
import io
import platform
import re
from html import escape
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pycouple import _core
from pycouple._config import __version__, cores
from pycouple.cli.reproduce.claims import CLAIMS, PAPERS
from pycouple.cli.reproduce.experiment import Column, Experiment, Outcome, Settings

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2125; --faint: #5c6670; --line: #d5dadf; --link: #0060a0 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15191d; --ink: #e4e8eb; --faint: #9aa5af; --line: #3a434b; --link: #7cc0f0 }
}
body { margin: 0 auto; padding: 1rem 1rem 4rem; max-width: 50rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 1rem 0 }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 3.5rem 0 0.75rem }
a { color: var(--link) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; margin: 1.5rem 0 }
dt, .small { color: var(--faint) }
dd { margin: 0 }
.small { font-size: 0.875rem }
figure { margin: 1.5rem 0 }
svg { display: block; width: 100%; height: auto; fill: currentColor }
svg * { stroke-linejoin: round; stroke-linecap: butt }
@media (prefers-color-scheme: dark) { svg { filter: brightness(1.4) } }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: 0.25rem 0.75rem 0.25rem 0; text-align: right }
th { vertical-align: bottom; border-bottom: 1px solid var(--line); font-weight: 600 }
.left { text-align: left }
"""


class Section(NamedTuple):
    """One experiment that has run."""

    name: str
    settings: Settings
    experiment: Experiment
    outcome: Outcome


def page(seed: int, sections: list[Section]) -> str:
    """The whole page.

    Parameters
    ----------
    seed : int
    sections : list of Section

    Returns
    -------
    str
        HTML in UTF-8. Of what it says only the date and the machine do not follow from the seed and the draws.
    """
    machine = f"{platform.machine()}, {cores()} cores, ISA level {_core.current_level()}"
    about = {
        "pycouple": __version__,
        "seed": str(seed),
        "machine": machine,
        "Python": f"{platform.python_version()}, NumPy {np.__version__}",
        "date": datetime.date.today().isoformat(),
    }
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(what)}</dd>\n" for term, what in about.items())
    contents = "".join(f'<li><a href="#{s.name}">{_prose(CLAIMS[s.name].title)}</a></li>\n' for s in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pycouple: the claims of the papers as experiments</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Coupled sampling: the claims of the papers as experiments</h1>
<p>Two parties hold distributions p and q over the same items and share a seed. Each draws one item. How often do they
draw the same one? D is the total variation distance of p and q. Numbers after ± are standard errors.</p>
<dl>
{facts}</dl>
<ol>
{contents}</ol>
</header>
<main>
{"".join(map(_section, sections))}</main>
</body>
</html>
"""


def _section(section: Section) -> str:
    name, settings, experiment, outcome = section
    claim = CLAIMS[name]
    alt = escape(experiment.alt)
    headings = "".join(_cell("th", column, column.heading) for column in experiment.columns)
    rows = "".join(
        f"<tr>{''.join(_cell('td', column, column.cell(row)) for column in experiment.columns)}</tr>\n"
        for row in outcome.rows
    )
    return f"""<section id="{name}">
<h2>{_prose(claim.title)}</h2>
<p><strong>Claim.</strong> {_prose(claim.text)} {_cite(claim.paper)}</p>
<p><strong>Picture.</strong> {_prose(experiment.look)}</p>
<figure>
{_inline(outcome.picture, name, alt)}
</figure>
<p><strong>Seen.</strong> {_prose(outcome.seen)}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table: {escape(claim.title)}">
<table>
<thead><tr>{headings}</tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
<p class="small">{escape(claim.amount(settings.draws))}. Again: <code>pycouple reproduce {name} --seed {settings.seed}
--draws {settings.draws}</code></p>
</section>
"""


def _cite(paper: str) -> str:
    return f'({escape(PAPERS[paper])}, <a href="https://arxiv.org/abs/{paper}">arXiv {paper}</a>)'


def _cell(tag: str, column: Column, text: str) -> str:
    kind = ' class="left"' if column.left else ""
    text = text.replace("-\n", "").replace("\n", " ")
    return f"<{tag}{kind}>{_prose(text)}</{tag}>"


def _prose(text: str) -> str:
    """Text with the signs of print, and formulas that do not break at an operator."""
    text = escape(text.replace("<=", "≤").replace(" - ", " − "))
    return re.sub(r" ([−+/]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)


def _inline(picture: Figure, name: str, alt: str) -> str:
    """The picture as an element of the page: names of its own, no background, the page's ink in place of black."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "pycouple"}):
        picture.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None
    content = text[text.index(">", text.index("<svg")) + 1 :]
    content = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", content, flags=re.S)
    content = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", content).replace("#000000", "currentColor")
    return f'<svg role="img" aria-label="{alt}" {box[0]}>{content.strip()}'
