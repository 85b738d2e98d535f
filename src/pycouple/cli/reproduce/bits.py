"""Bits that the low-communication protocol sends, against the number of items and against D."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pycouple import protocol
from pycouple.cli.pictures import COLOURS, LINE, new_figure, tidy
from pycouple.cli.reproduce.experiment import Column, Experiment, Outcome, Row, Settings, farthest, in_errors, number
from pycouple.cli.tables import plus_minus, progress
from pycouple.randomness import seed_from

Reals = npt.NDArray[np.float64]

EXPONENTS = range(4, 21, 2)
DISTANCE = 0.3  # of the points against n
DISTANCES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
EXPONENT = 12  # of the points against D
PIECE = 100  # runs between two moves of the progress bar


def _pair(n: int, distance: float, rng: np.random.Generator) -> tuple[Reals, Reals]:
    """A pair at exactly this distance: q has moved that part of p to items where p is 0. Items are shuffled."""
    half = n // 2
    p, moved = np.zeros((2, n))
    p[:half] = rng.standard_exponential(half)
    moved[half:] = rng.standard_exponential(n - half)
    p, moved = p / p.sum(), moved / moved.sum()
    order = rng.permutation(n)
    return p[order], ((1 - distance) * p + distance * moved)[order]


def _measure(settings: Settings) -> Outcome:
    points = [("n", 2**e, DISTANCE) for e in EXPONENTS] + [("D", 2**EXPONENT, d) for d in DISTANCES]
    # A run takes time in proportion to n once n is large.
    costs = [1 + n / 2**16 for _, n, _ in points]
    rows = []
    with progress("bits", sum(costs) * settings.draws) as advance:
        for (against, n, distance), cost in zip(points, costs, strict=True):
            seed = seed_from("pycouple reproduce bits", settings.seed, n, f"{distance}")
            p, q = _pair(n, distance, np.random.default_rng(seed))
            pieces = []
            for start in range(0, settings.draws, PIECE):
                steps = np.arange(start, min(start + PIECE, settings.draws), dtype=np.uint64)
                pieces.append(np.array(_run(p, q, seed, steps)))
                advance(cost * len(steps))
            rows.append(_row(against, n, distance, *np.concatenate(pieces, axis=1)))
    return Outcome(rows, *_summary(rows), _figure(rows))


def _summary(rows: list[Row]) -> tuple[dict[str, Any], str]:
    small, large = rows[0], rows[len(EXPONENTS) - 1]
    off = [in_errors(abs(row["measured"] - row["optimum"]), row["standard_error"]) for row in rows]
    above, against_bound = None, "One run per point gives no standard error of the bits."
    if small["bits_standard_error"] is not None:
        above = [in_errors(row["bits"] - row["bound"], row["bits_standard_error"]) for row in rows]
        against_bound = farthest(above, "above its stated bound", "mean numbers of bits")
    facts = {
        "bits_above_bound_in_standard_errors": above and max(above),
        "agreement_off_in_standard_errors": max(off),
    }
    seen = (
        f"At D = {DISTANCE} the parties send {small['bits']:.1f} bits for {small['n']:,} items and "
        f"{large['bits']:.1f} for {large['n']:,}, where log2 n is {large['log2_n']:.0f}. Headers add "
        f"{large['header_bits']:.1f} bits to the latter; it is {large['bytes']:.1f} bytes in {large['messages']:.1f} "
        f"messages. {against_bound} {farthest(off, 'from 1 - D', 'measured agreements')}"
    )
    return facts, seen


def _run(p: Reals, q: Reals, seed: int, steps: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], ...]:
    """Whether they agree, bits, header bits, messages and bytes of each run."""
    result = protocol.run(p, q, seed, steps)
    agreed = (result.a == result.b).astype(np.int64)
    return agreed, result.bits, result.header_bits, result.messages, result.bytes


def _row(
    against: str,
    n: int,
    distance: float,
    agreed: npt.NDArray[np.int64],
    bits: npt.NDArray[np.int64],
    header_bits: npt.NDArray[np.int64],
    messages: npt.NDArray[np.int64],
    sent: npt.NDArray[np.int64],
) -> Row:
    optimum = 1 - distance
    return {
        "against": against,
        "n": n,
        "total_variation": distance,
        "log2_n": float(np.log2(n)),
        "bits": float(bits.mean()),
        "bits_standard_error": float(bits.std(ddof=1) / np.sqrt(len(bits))) if len(bits) > 1 else None,
        "bits_95": float(np.quantile(bits, 0.95)),
        "bound": float(protocol.expected_bits_bound(n)),
        "header_bits": float(header_bits.mean()),
        "messages": float(messages.mean()),
        "bytes": float(sent.mean()),
        "measured": float(agreed.mean()),
        "standard_error": float(np.sqrt(optimum * distance / len(agreed))),
        "optimum": optimum,
    }


def _figure(rows: list[Row]) -> Figure:
    """Bits against n, bits against D, and under these agreement against D."""
    picture = new_figure(6.4, 8.4)
    upper, middle, lower = picture.subplots(3, 1, height_ratios=(1.2, 1.2, 0.9))
    for axes, against, key in ((upper, "n", "n"), (middle, "D", "total_variation")):
        part = [row for row in rows if row["against"] == against]
        x = [row[key] for row in part]
        axes.plot(x, [row["bound"] for row in part], label="stated bound of the mean", **LINE)
        axes.plot(x, [row["bits_95"] for row in part], "v", color=COLOURS[1], fillstyle="none", label="95th percentile")
        axes.plot(x, [row["bits"] for row in part], "o", color=COLOURS[0], label="mean, measured")
        axes.plot(x, [row["log2_n"] for row in part], linestyle=":", label=r"$\log_2 n$", **LINE)
        axes.set_ylabel("Bits sent, without headers")
        tidy(axes)
    upper.set_xscale("log", base=2)
    upper.set_xticks([2**e for e in EXPONENTS])
    upper.set_xlabel(f"Items $n$, at $D = {DISTANCE}$")
    upper.set_ylim(0, 1.5 * upper.get_ylim()[1])  # room for the legend
    upper.legend(frameon=False, loc="upper left", ncols=2)
    middle.set_ylim(0)
    middle.set_xlabel(f"Total variation distance $D$, at $n = 2^{{{EXPONENT}}}$")
    part = [row for row in rows if row["against"] == "D"]
    lower.plot([0, 1], [1, 0], label=r"optimum, $1 - D$", **LINE)
    x, y = ([row[key] for row in part] for key in ("total_variation", "measured"))
    lower.plot(x, y, "o", color=COLOURS[0], label="agreement, measured")
    lower.set_xlabel("Total variation distance $D$")
    lower.set_ylabel("Agreement")
    tidy(lower)
    lower.legend(frameon=False, loc="upper right")
    return picture


def _sent(row: Row) -> str:
    error = row["bits_standard_error"]
    return f"{row['bits']:.1f}" if error is None else f"{row['bits']:.1f} ± {error:.1f}"


EXPERIMENT = Experiment(
    _measure,
    (
        Column("n", lambda row: f"2^{row['log2_n']:.0f}", left=True),
        Column("D", number("total_variation", 2)),
        Column("bits", _sent),
        Column("95th\nperc.", number("bits_95", 0)),
        Column("bound", number("bound", 1)),
        Column("head-\ners", number("header_bits", 1)),
        Column("mes-\nsages", number("messages", 1)),
        Column("bytes", number("bytes", 1)),
        Column("agreement", lambda row: plus_minus(row["measured"], row["standard_error"])),
    ),
    look="Bits are those of the payloads; headers, in bits too, have a column of their own. By the claim, but for "
    "noise: top, the mean number of bits grows like log2 n, under the stated bound; middle, it is under the bound for "
    "every D, although single runs are long when D is small; bottom, agreement lies on the line 1 - D.",
    alt="Three panels: mean and 95th percentile of the bits sent against the number of items from 16 to a million, "
    "with log2 n and the stated bound; the same against total variation distance; and agreement against it, with the "
    "line 1 - D.",
)
