"""Statistics of a sequence of integers that should be independent and uniform on 0 .. 2^bits - 1, and their laws.

Each returns p-values, one or several, two-sided. Laws are exact where the docstring does not say
otherwise.
"""

import numpy as np
from scipy import stats

LAGS = (1, 2, 3, 4, 64, 256)
RANKS = (0.28878809515, 0.57757619, 0.13363571485)  # of 32 x 32 random bits: rank 32, 31, less


def two_sided(at_most, at_least):
    return np.minimum(1, 2 * np.minimum(at_most, at_least))


def binomial(count, n):
    return two_sided(stats.binom.cdf(count, n, 0.5), stats.binom.sf(count - 1, n, 0.5))


def chi_square(counts, expected):
    """Nearly chi-square, as expected counts are 10 and more."""
    law = stats.chi2(len(counts) - 1)
    x = ((counts - expected) ** 2 / expected).sum()
    return two_sided(law.cdf(x), law.sf(x))


def bit_counts(x, bits):
    return np.array([(x >> np.uint64(j) & np.uint64(1)).sum() for j in range(bits)], dtype=float)


def ones(x, bits):
    """How often each bit is set."""
    return binomial(bit_counts(x, bits), len(x))


def changes(x, bits):
    """How often each bit differs from that of a neighbour: differences of independent fair bits are such bits."""
    return np.concatenate([binomial(bit_counts(x[lag:] ^ x[:-lag], bits), len(x) - lag) for lag in LAGS])


def blocks(x, bits):
    """Every byte; the four highest and the four lowest bits of two neighbours together."""
    cells = [x >> np.uint64(j) & np.uint64(255) for j in range(0, bits - 7, 8)]
    even, odd = x[0::2], x[1::2]
    cells.append(even >> np.uint64(bits - 4) << np.uint64(4) | odd >> np.uint64(bits - 4))
    cells.append((even & np.uint64(15)) << np.uint64(4) | odd & np.uint64(15))
    return np.array([chi_square(np.bincount(c.astype(int), minlength=256), len(c) / 256) for c in cells])


def gaps(x, bits):
    """How many values lie between two in the lowest eighth: a fixed number of gaps, which are geometric."""
    places = np.flatnonzero(x >> np.uint64(bits - 3) == 0)
    count = len(x) // 16
    if len(places) <= count:
        return np.array([binomial(len(places), len(x))])
    law = stats.geom(1 / 8)
    found = np.bincount(np.minimum(np.diff(places)[:count], 21), minlength=22)[1:]
    return np.array([chi_square(found, count * np.append(law.pmf(np.arange(1, 21)), law.sf(20)))])


def correlations(x, bits):
    """Of neighbours, with the mean and the variance of the law; nearly normal."""
    u = (x + 0.5) / 2.0**bits - 0.5
    z = np.array([(u[lag:] * u[:-lag]).sum() * 12 / np.sqrt(len(u) - lag) for lag in LAGS])
    return 2 * stats.norm.sf(np.abs(z))


def spacings(x, bits):
    """Marsaglia's birthday spacings, 4,096 birthdays in a year of 2^32 days; nearly Poisson."""
    p = []
    for days in {0, bits - 32}:
        born = (x >> np.uint64(days) & np.uint64(2**32 - 1)).reshape(-1, 4096)
        apart = np.sort(np.diff(np.sort(born, axis=1), axis=1), axis=1)
        equal = (apart[:, 1:] == apart[:, :-1]).sum()
        law = stats.poisson(len(born) * 4096**3 / 2**34)
        p.append(two_sided(law.cdf(equal), law.sf(equal - 1)))
    return np.array(p)


def ranks(x, bits):
    """Ranks over GF(2) of matrices whose rows are 32 neighbours: of their highest and of their lowest 32 bits."""
    p = []
    for low in {0, bits - 32}:
        rows = (x >> np.uint64(low) & np.uint64(2**32 - 1)).reshape(-1, 32)
        rank = rank_gf2(rows.copy())
        counts = np.array([(rank == 32).sum(), (rank == 31).sum(), (rank < 31).sum()])
        p.append(chi_square(counts, len(rank) * np.array(RANKS)))
    return np.array(p)


def rank_gf2(rows):
    """The ranks of many matrices at a time, each a row of integers of 32 bits, which are its rows; rows is used up."""
    rank = np.zeros(len(rows), dtype=int)
    every = np.arange(len(rows))
    for _ in range(rows.shape[1]):
        at = rows.argmax(axis=1)
        pivot = rows[every, at]
        rank += pivot > 0
        rows = np.minimum(rows, rows ^ pivot[:, None])  # clears the pivot's highest bit, and the pivot itself
    return rank


STATISTICS = (ones, changes, blocks, gaps, correlations, spacings, ranks)
