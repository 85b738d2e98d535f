"""The documentation as a site: sphinx-build -W --keep-going docs docs/_build/html (extra "docs")."""

import sys
from pathlib import Path

import pycouple

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]  # the second for the contracts in plain Python: tests.support

project = "pycouple"
author = "The pycouple maintainers"
copyright = author
version = release = pycouple.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "mathml",
    "members",
    "pictures",
    "repository",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(dask|llama_cpp|numpy|torch|transformers|xarray)(\..*)?")]  # not on this site

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

default_role = "autolink"  # in docstrings `name` is a link where it names something, as it is in NumPy's
autosummary_generate = True
autodoc_mock_imports = ["llama_cpp", "torch", "transformers", "triton"]
autodoc_typehints = "none"  # the sections of numpydoc say shapes and ranges too
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "pycouple"
html_sidebars = {"start": [], "claims": [], "compatibility": []}  # no pages are beside these
html_static_path = ["_static"]
html_css_files = ["pycouple.css"]
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_math_renderer = "mathml"
html_theme_options = {
    "github_url": "https://github.com/pycouple/pycouple",
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
