"""Why the text with a drafter is another one: rounding, or a fault."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple.plugins._rounding import FLOAT32, difference, rounding
from pycouple.speculative import SamplingParams, race

Row = npt.NDArray[np.floating[Any]]


class Drawn(NamedTuple):
    """What a run drew for a position, when it was made once more."""

    token: int | None  # none if its text ended before
    logits: Row  # it was drawn from these


class Mismatch(NamedTuple):
    """The first token that is another one than without drafts.

    The margin and the differences are of logits over temperature (of logits at temperature 0), in nats.
    """

    position: int
    token: int
    without_drafter: int
    margin: float  # of the token that logits of one pass over the whole text before it give
    difference: float  # the most by which the logits of the run are off from those
    difference_without_drafter: float  # the same of the run without drafter
    rounding: float  # the most that rounding explains of these two
    fault: str | None  # what else it is


def explained(
    position: int,
    tokens: tuple[int, int],
    drawn: tuple[Drawn, Drawn],
    whole: Row,
    seed: int,
    params: SamplingParams,
) -> Mismatch:
    """Tell rounding from a fault.

    Parameters
    ----------
    position : int
        The first one where the texts differ.
    tokens : tuple of two int
        What is there with the drafter, and without.
    drawn : tuple of two Drawn
        What both runs drew there when they were made once more, each from its logits.
    whole : ndarray
        The logits of one pass over the whole text before the position, with nothing in the cache.
    seed : int
    params : SamplingParams

    Returns
    -------
    Mismatch
        It is a fault if a run draws another token the second time; if its logits are off from those of the whole pass
        by more than `pycouple.plugins._rounding.rounding` explains in float32; and if both are off by less than half
        the margin, while no top-k, top-p or min-p leaves out tokens.
    """
    scale = params.temperature or 1.0
    off, off_without = (difference(np.asarray(one.logits), whole) / scale for one in drawn)
    allowed = rounding(whole, FLOAT32) / scale
    margin = float(race(whole, seed, position, params).margin)
    keeps_all = params == SamplingParams(params.temperature)
    fault = None
    if tokens != tuple(one.token for one in drawn):
        fault = "the model gives other logits when it is asked again"
    elif not max(off, off_without) <= allowed:
        run, most = ("with the drafter", off) if not off <= allowed else ("without drafter", off_without)
        fault = f"logits {run} are off by {most:.2g} nats from those of one pass, and rounding explains {allowed:.2g}"
    elif keeps_all and margin > 2 * max(off, off_without):
        fault = (
            f"logits are off by {max(off, off_without):.2g} nats, which is less than half the margin of {margin:.2g}"
        )
    return Mismatch(position, *tokens, margin, off, off_without, allowed, fault)
