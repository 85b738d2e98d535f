"""The colours of a theme."""

from typing import Any, NamedTuple


class Ink(NamedTuple):
    """Text and axes; what is beside the point; and three colours that stand apart."""

    text: str
    faint: str
    first: str
    second: str
    third: str

    def settings(self) -> dict[str, Any]:
        """For matplotlib. There is no background: the page's own is behind the picture."""
        drawn = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
        return {
            **dict.fromkeys(drawn, self.text),
            **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
            "grid.color": self.faint,
            "font.size": 9,
            "axes.titlesize": 9,
            "legend.frameon": False,
            "legend.fontsize": 8,
        }


INKS = {
    "light": Ink("#222832", "#b8bec8", "#0072b2", "#d55e00", "#009e73"),
    "dark": Ink("#dfe3ea", "#5b6472", "#56b4e9", "#f08a4b", "#3ecfa0"),
}
