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
from pycouple.cli.reproduce import report, runner

DRAWS, SEED = 50, 3
ERRORS = 4.5  # standard errors, two-sided normal: alpha = 7e-6 a number; the seed is fixed
EXTREMES = [0.0, 1.0]


def run_all(folder):
    """One run of all, by the command line: the JSON object, its experiments and their outcomes by name, the folder."""
    text = io.StringIO()
    outcomes = {}

    def page(seed, sections):
        outcomes.update({section.name: section.outcome for section in sections})
        return report.page(seed, sections)

    with redirect_stdout(text), pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "page", page)
        assert main(["reproduce", "all", *options(folder), "--json"]) == 0
    whole = json.loads(text.getvalue())
    named = {each["experiment"]: each for each in whole["experiments"]}
    return SimpleNamespace(whole=whole, named=named, outcomes=outcomes, folder=folder)


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


def shipped(name):
    """The pairs of one drafter, divided by their sums: the target's distribution first."""
    target, drafters = distributions.load()
    pairs = [distributions.pair(target, drafters[name], row) for row in range(len(target.rest))]
    return [(p / p.sum(), q / q.sum()) for p, q in pairs]


def near(coupling, exact):
    return abs(coupling["measured"] - exact) <= ERRORS * coupling["standard_error"] + 1e-12


def farthest(off, where, what="measured means"):
    """What is said of numbers that are off by so many standard errors, none of them far."""
    assert max(off) < 4
    most = max(0, np.ceil(10 * max(off)) / 10)
    return f"Of {len(off)} {what} none is more than {most:.1f} standard errors {where}."


def lines(axes):
    """The lines of a picture that show data: their colour, style, label, and numbers."""
    found = [each for each in axes.get_lines() if len(each.get_xdata())]
    return [(each.get_color(), each.get_linestyle(), each.get_label(), *each.get_data()) for each in found]


def line(axes, label):
    (found,) = [each[3:] for each in lines(axes) if each[2].startswith(label)]
    return found


def column(rows, key):
    return np.array([row[key] for row in rows])
