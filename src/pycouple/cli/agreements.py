"""How often a target model and a drafter draw the same token, exactly and measured, position by position."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pycouple import protocol, theory
from pycouple.cli.distributions import Distributions, pair
from pycouple.sampling import sample

Reals = npt.NDArray[np.float64]
Items = npt.NDArray[np.int64]


class Coupling(NamedTuple):
    """How often one method draws the same token for both parties: arrays hold one number per position."""

    draws: int
    measured: Reals
    exact: Reals
    seconds: Reals

    def summary(self) -> dict[str, float]:
        """Means over the positions. The standard error is that of `measured` about `exact`."""
        variance = float((self.exact * (1 - self.exact)).sum()) / self.draws
        return {
            "measured": float(self.measured.mean()),
            "standard_error": math.sqrt(variance) / len(self.exact),
            "exact": float(self.exact.mean()),
        }

    def draws_per_second(self) -> float:
        """Of both parties together."""
        return 2 * self.draws * len(self.exact) / float(self.seconds.sum())


class Agreement(NamedTuple):
    """How one drafter agrees with the target by several methods: arrays hold one number per position."""

    drafter: str
    total_variation: Reals
    lower_bound: Reals
    couplings: dict[str, Coupling]

    def summary(self) -> dict[str, str | float]:
        """Means over the positions, but for the couplings."""
        return {
            "drafter": self.drafter,
            "total_variation": float(self.total_variation.mean()),
            "lower_bound": float(self.lower_bound.mean()),
            "optimum": float((1 - self.total_variation).mean()),
        }


def compare(
    target: Distributions,
    drafter: Distributions,
    name: str,
    *,
    seeds: list[int],
    draws: dict[str, int],
    workers: int,
    advance: Callable[[], object],
) -> Agreement:
    """Exact and measured agreement at every position, `advance` called after each.

    The methods are those of `draws`: "gumbel", "minhash" or "protocol". The draws at a position have its seed, whoever
    the drafter is and whatever the method, and steps from 0 on.
    """
    bounds = []
    measured: dict[str, list[tuple[float, float, float]]] = {method: [] for method in draws}
    for row, seed in enumerate(seeds):
        p, q = pair(target, drafter, row)
        bounds.append((theory.total_variation(p, q), theory.lower_bound(p, q)))
        for method, results in measured.items():
            steps = np.arange(draws[method], dtype=np.uint64)
            results.append(_measure(p, q, seed, steps, method, workers))
        advance()
    distance, bound = np.array(bounds, np.float64).T
    couplings = {method: Coupling(draws[method], *np.array(results).T) for method, results in measured.items()}
    return Agreement(name, distance, bound, couplings)


def _measure(
    p: Reals, q: Reals, seed: int, steps: npt.NDArray[np.uint64], method: str, workers: int
) -> tuple[float, float, float]:
    """Measured agreement, exact agreement, and the seconds that the draws took."""
    start = time.perf_counter()
    a, b = _draw(p, q, seed, steps, method, workers)
    seconds = time.perf_counter() - start
    exact = theory.agreement(p, q, "optimal" if method == "protocol" else method)
    return float(np.mean(a == b)), float(exact), seconds


def _draw(
    p: Reals, q: Reals, seed: int, steps: npt.NDArray[np.uint64], method: str, workers: int
) -> tuple[Items, Items]:
    if method == "protocol":
        result = protocol.run(p, q, seed, steps)
        return result.a, result.b
    a = sample(p, seed, steps, method=method, workers=workers)
    return a, sample(q, seed, steps, method=method, workers=workers)
