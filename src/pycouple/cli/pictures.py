"""Pictures of `pycouple demo` and `pycouple reproduce`. Needs matplotlib, of the extra "demo"."""

import io
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pycouple._printable import short_name
from pycouple.cli.errors import naming

matplotlib.rcdefaults()  # the same pictures whatever somebody's matplotlibrc says

MARKERS = "os^Dv<>P"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#000000", "#5e3c99")
FILLED: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 0, "alpha": 0.6}
HOLLOW: dict[str, Any] = {"markersize": 4.0, "markeredgewidth": 0.7, "alpha": 0.7, "fillstyle": "none"}
LINE: dict[str, Any] = {"color": "black", "linewidth": 1.3}
OPTIMUM = r"optimum, $1 - D$"
WORST_CASE = r"worst-case bound, $(1 - D)\,/\,(1 + D)$"

_DATELESS: dict[str, dict[str, None]] = {  # so that the same numbers give the same bytes
    ".pdf": {"CreationDate": None},
    ".png": {"Software": None},
    ".svg": {"Date": None},
}
SUFFIXES = tuple(_DATELESS)


def check_writable(path: Path) -> None:
    """Fail before the long work, not after it."""
    with naming("--output", path):
        existed = path.exists()
        if existed and not (path.is_file() or path.is_dir()):  # a pipe would wait for somebody who reads it
            raise ValueError(f"--output {str(path)!r}: it is no regular file")
        path.open("ab").close()
        if not existed:
            path.unlink(missing_ok=True)  # another process may have been faster


def new_figure(width: float, height: float) -> Figure:
    """An empty picture of a size in inches."""
    picture = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def tidy(axes: Axes) -> None:
    """A grid, and no box."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def legend_text(name: str) -> str:
    """A name for a legend, where a dollar begins no formula, and an underscore does not hide it."""
    shown = short_name(name).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def save(picture: Figure, path: Path) -> None:
    """Write a picture as its suffix says: the same bytes for the same picture."""
    suffix = path.suffix.lower()
    file = io.BytesIO()  # matplotlib's PDF writer makes other errors of a full disk
    with matplotlib.rc_context({"svg.hashsalt": "pycouple"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that the font lacks is drawn as a box
        picture.savefig(file, format=suffix.removeprefix("."), metadata=_DATELESS[suffix])
    with naming("--output", path):
        path.write_bytes(file.getvalue())
