"""One run of all experiments of `pycouple reproduce`, and the formulas and readers that its tests hold it against."""

import io
import json
from contextlib import redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from pycouple.cli import distributions

pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from pycouple.cli.main import main
from pycouple.cli.reproduce import agreement, list_of_drafts, report, runner

DRAWS, SEED = 50, 3
ERRORS = 4.5  # standard errors, two-sided normal: alpha = 7e-6 a number; the seed is fixed


def some_positions():
    """Every fourth position of the shipped distributions: 16 of each prompt, which take a quarter of the time."""
    target, drafters = distributions.load()
    few = {name: distributions.Distributions(*(part[::4] for part in party)) for name, party in drafters.items()}
    return distributions.Distributions(*(part[::4] for part in target)), few


def read_some_positions(patch):
    """Let the experiments that read the shipped distributions read `some_positions`."""
    for experiment in (agreement, list_of_drafts):
        patch.setattr(experiment, "load", some_positions)


def run_all(folder):
    """One run of all, by the command line.

    The JSON object, its experiments and their outcomes by name, the sections of the report, the folder.
    """
    text = io.StringIO()
    sections = []

    def page(seed, made):
        sections.extend(made)
        return report.page(seed, made)

    with redirect_stdout(text), pytest.MonkeyPatch.context() as patch:
        read_some_positions(patch)
        patch.setattr(runner, "page", page)
        assert main(["reproduce", "all", *options(folder), "--json"]) == 0
    whole = json.loads(text.getvalue())
    named = {each["experiment"]: each for each in whole["experiments"]}
    outcomes = {section.name: section.outcome for section in sections}
    return SimpleNamespace(whole=whole, named=named, outcomes=outcomes, sections=sections, folder=folder)


def options(folder, draws=DRAWS, seed=SEED):
    return ["--draws", str(draws), "--seed", str(seed), "--output", str(folder)]


def gumbel(p, q, drafts=1):
    """sum_j K / (sum_i max(p_i / p_j, q_i / q_j) + (K - 1) / q_j), with one draft the race's agreement; O(n^2)."""
    both = (p > 0) & (q > 0)
    inner = np.maximum(p / p[both, np.newaxis], q / q[both, np.newaxis]).sum(axis=1)
    return (drafts / (inner + (drafts - 1) / q[both])).sum()


def minhash(p, q):
    return (np.minimum(p, q) * (1 + np.abs(p - q))).sum() / np.maximum(p, q).sum()


def distance(p, q):
    return np.abs(p - q).sum() / 2


def pairs_of(name):
    """The pairs of one drafter at `some_positions`, divided by their sums: the target's distribution first."""
    target, drafters = some_positions()
    pairs = [distributions.pair(target, drafters[name], row) for row in range(len(target.rest))]
    return [(p / p.sum(), q / q.sum()) for p, q in pairs]


def near(coupling, exact):
    return abs(coupling["measured"] - exact) <= ERRORS * coupling["standard_error"] + 1e-12


def farthest(off):
    """Of numbers that are off by so many standard errors, none of them far: the largest, rounded up."""
    assert max(off) < 4
    return f"{max(0, np.ceil(10 * max(off)) / 10):.1f}"


def curves(axes):
    """The data of a picture's lines, one (x, y) each."""
    return [[list(each) for each in line.get_data()] for line in axes.get_lines() if len(line.get_xdata())]


def curve(axes, label):
    """The data of the line that the legend calls so."""
    (found,) = [line.get_data() for line in axes.get_lines() if line.get_label() == label]
    return found


def column(rows, key):
    return np.array([row[key] for row in rows])
