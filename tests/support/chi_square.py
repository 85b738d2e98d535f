"""Counts against a law."""

import numpy as np
from scipy import stats


def chi_square(items, p):
    """p-value of the counts against p, rare items pooled."""
    counts = np.bincount(items, minlength=len(p)).astype(float)
    assert counts[p == 0].sum() == 0
    expected = p * len(items)
    order = np.argsort(expected)
    pooled = np.cumsum(expected[order]) <= 20
    rare = order[pooled]
    keep = np.setdiff1d(np.arange(len(p)), rare)
    f_obs = np.append(counts[keep], counts[rare].sum())
    f_exp = np.append(expected[keep], expected[rare].sum())
    if f_exp[-1] < 5:
        f_obs, f_exp = f_obs[:-1], f_exp[:-1]
    return stats.chisquare(f_obs, f_exp * f_obs.sum() / f_exp.sum()).pvalue
