"""The Gumbel race against weighted MinHash on random pairs of several families, by their exact formulas."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pycouple import theory
from pycouple.cli.pictures import COLOURS, HOLLOW, LINE, new_figure, tidy
from pycouple.cli.reproduce.experiment import ROUNDING, Column, Experiment, Outcome, Row, Settings, number, words
from pycouple.cli.tables import progress
from pycouple.randomness import seed_from

Reals = npt.NDArray[np.float64]
Pairs = tuple[Reals, Reals]

SIZES = (2, 4, 16, 64, 256)  # items; each has a fifth of a family's pairs
PIECE = 1000  # pairs at a time
SHOWN = 300  # pairs per family in the picture
CEILING = r"ceiling, $D\,(1 - D)\,/\,(1 + D)$"


def _dirichlet(concentration: float) -> Callable[[np.random.Generator, int, int], Pairs]:
    def draw(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
        p, q = rng.standard_gamma(concentration, (2, pairs, n))
        tiny = np.finfo(np.float64).tiny  # a gamma variable of a small shape may be rounded to 0
        return p + tiny, q + tiny

    return draw


def _shuffled(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """One Zipf law, its ranks shuffled for each party."""
    p = _zipf(rng, pairs, n)
    return rng.permuted(p, axis=1), rng.permuted(p, axis=1)


def _exponents(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """Zipf laws of different exponents over the same ranks."""
    return _zipf(rng, pairs, n), _zipf(rng, pairs, n)


def _zipf(rng: np.random.Generator, pairs: int, n: int) -> Reals:
    law: Reals = np.arange(1.0, n + 1) ** -rng.uniform(0, 3, (pairs, 1))
    return law


def _geometric(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """Different ratios, the same order."""
    p, q = rng.uniform(0.05, 1, (2, pairs, 1)) ** np.arange(n)
    return p, q


def _moved(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """One random distribution, and the same moved on by one item, round the end."""
    p = rng.standard_exponential((pairs, n))
    return p, np.roll(p, 1, axis=1)


def _sparse(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """Random supports that overlap in part: at least one item, at most half of them."""
    weights, order = rng.standard_exponential((2, pairs, n)), rng.random((2, pairs, n))
    kept = rng.integers(1, n // 2 + 1, (2, pairs, 1))
    p, q = np.where(order.argsort(axis=-1).argsort(axis=-1) < kept, weights, 0.0)
    return p, q


def _nested(rng: np.random.Generator, pairs: int, n: int) -> Pairs:
    """p is uniform; q is on some of the items, but for at most 1%: near them the race is at 1 - D."""
    some = np.arange(n) < rng.integers(1, n, (pairs, 1))
    off = 10 ** rng.uniform(-5, -2, (pairs, 1))
    inside, outside = some.sum(axis=1, keepdims=True), (~some).sum(axis=1, keepdims=True)
    return np.ones((pairs, n)), np.where(some, (1 - off) / inside, off / outside)


FAMILIES: dict[str, Callable[[np.random.Generator, int, int], Pairs]] = {
    "Dirichlet(0.1)": _dirichlet(0.1),
    "Dirichlet(1)": _dirichlet(1.0),
    "Dirichlet(10)": _dirichlet(10.0),
    "Zipf, shuffled": _shuffled,
    "Zipf, exponents": _exponents,
    "geometric": _geometric,
    "shifted": _moved,
    "sparse": _sparse,
    "nested supports": _nested,
}


def _measure(settings: Settings) -> Outcome:
    found = {}
    with progress("pareto", settings.draws * len(FAMILIES)) as advance:
        for family, draw in FAMILIES.items():
            rng = np.random.default_rng(seed_from("pycouple reproduce pareto", settings.seed, family))
            pieces = []
            for n, count in zip(SIZES, _shares(settings.draws), strict=True):
                for start in range(0, count, PIECE):
                    pairs = min(PIECE, count - start)
                    pieces.append(_agreements(*draw(rng, pairs, n)))
                    advance(pairs)
            found[family] = np.concatenate(pieces, axis=1)
    rows = [_row(family, *numbers) for family, numbers in found.items()]
    return Outcome(rows, *_summary(rows), _figure(found))


def _summary(rows: list[Row]) -> tuple[dict[str, Any], str]:
    best = max(rows, key=lambda row: float(row["largest_gap"]))
    below, disorder = sum(row["below"] for row in rows), sum(row["out_of_order"] for row in rows)
    pairs = sum(row["pairs"] for row in rows)
    sizes = [n for n, share in zip(SIZES, _shares(rows[0]["pairs"]), strict=True) if share]
    top, ceiling = best["largest_gap"], float(_ceiling(best["largest_gap_at"]))
    facts = {
        "pairs": pairs,
        "below": below,
        "out_of_order": disorder,
        "rounding": ROUNDING,
        "largest_gap": top,
        "largest_gap_family": best["family"],
        "largest_gap_at": best["largest_gap_at"],
        "ceiling_there": ceiling,
    }
    items = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    seen = (
        f"Of {pairs:,} pairs of {items} items the race is below MinHash in {_count(below)}, and the order bound <= "
        f"MinHash <= race <= optimum is broken in {_count(disorder)}, {ROUNDING:g} left for rounding. The largest gap "
        f"is {top:.4f}, in the family {best['family']}, at D = {best['largest_gap_at']:.3f}: "
        f"{abs(ceiling - top):.4f} {'below' if top <= ceiling + ROUNDING else 'ABOVE'} D (1 - D) / (1 + D) there, "
        f"whose maximum is 3 - 2 sqrt(2) = {3 - 2 * np.sqrt(2):.4f}."
    )
    return facts, seen


def _count(violations: int) -> str:
    return f"{violations:,}: a VIOLATION" if violations else "none"


def _ceiling(distance: Any) -> Any:
    """The most that the gap can be: MinHash is at least (1 - D) / (1 + D), the race at most 1 - D."""
    return distance * (1 - distance) / (1 + distance)


def _shares(total: int) -> list[int]:
    """`total` in as many equal parts as there are sizes, the first ones larger by one if need be."""
    return [(total + len(SIZES) - 1 - i) // len(SIZES) for i in range(len(SIZES))]


def _agreements(p: Reals, q: Reals) -> Reals:
    """D, the bound, MinHash, the race, the optimum: one column a pair."""
    exact = [theory.agreement(p, q, method) for method in ("minhash", "gumbel", "optimal")]
    return np.array([theory.total_variation(p, q), theory.lower_bound(p, q), *exact])


def _row(family: str, distance: Reals, bound: Reals, minhash: Reals, gumbel: Reals, optimum: Reals) -> Row:
    gap = gumbel - minhash
    steps = np.diff([bound, minhash, gumbel, optimum], axis=0)
    return {
        "family": family,
        "pairs": len(gap),
        "below": int((gap < -ROUNDING).sum()),
        "out_of_order": int((steps < -ROUNDING).any(axis=0).sum()),
        "smallest_gap": float(gap.min()),
        "mean_gap": float(gap.mean()),
        "largest_gap": float(gap.max()),
        "largest_gap_at": float(distance[gap.argmax()]),
    }


def _figure(found: dict[str, Reals]) -> Figure:
    """Gap against D, some pairs of each size, and each family's largest gap."""
    picture = new_figure(8.0, 5.0)
    axes = picture.add_subplot()
    for colour, (family, (distance, _, minhash, gumbel, _)) in zip(COLOURS, found.items(), strict=True):
        gap = gumbel - minhash
        evenly = np.linspace(0, len(gap) - 1, min(SHOWN, len(gap))).astype(np.int64)
        shown = np.unique([*evenly, gap.argmin()])
        axes.plot(distance[shown], gap[shown], "o", color=colour, **HOLLOW)
        top = gap.argmax()
        label: dict[str, Any] = {"label": family, "markersize": 11, "markeredgecolor": "white", "markeredgewidth": 0.6}
        axes.plot(distance[top], gap[top], "*", color=colour, **label)
    d = np.linspace(0, 1, 400)
    axes.plot(d, _ceiling(d), linestyle="--", label=CEILING, **LINE)
    axes.axhline(0, color="black", linewidth=1.0)
    axes.set_xlim(-0.01, 1.01)
    axes.set_xlabel("Total variation distance $D$ of the pair")
    axes.set_ylabel("Agreement: Gumbel race minus weighted MinHash")
    tidy(axes)
    style: dict[str, Any] = {"frameon": False, "fontsize": 9, "title_fontsize": 9}
    picture.legend(loc="outside right upper", title="star: the family's largest gap", **style)
    return picture


EXPERIMENT = Experiment(
    _measure,
    (
        Column("family", words("family"), left=True),
        Column("pairs", number("pairs", 0)),
        Column("race\nbelow", number("below", 0)),
        Column("out of\norder", number("out_of_order", 0)),
        Column("smallest\ngap", lambda row: f"{row['smallest_gap']:.1e}"),
        Column("mean\ngap", number("mean_gap")),
        Column("largest\ngap", number("largest_gap")),
        Column("at D =", number("largest_gap_at")),
    ),
    look=f"How much more often the race agrees than MinHash: one point a pair, of at most {SHOWN} pairs of each family "
    "and those of its smallest and its largest gap. By the claim no point is below the line at 0 or above the dashed "
    "one, D (1 - D) / (1 + D).",
    alt="Scatter plot of the gap between Gumbel race and weighted MinHash against total variation distance, one colour "
    "a family, with a line at zero and the ceiling, a dashed curve that is zero at D = 0 and at D = 1.",
)
