"""Sketches on a Dask cluster are those of one process, bit for bit. It needs an extra."""

import os
import re

import numpy as np
import pytest

import pycouple
from tests.support.examples import EXAMPLES, run, run_without

DASK = """
import runpy, sys
import dask, dask.array, numpy

example = runpy.run_path(sys.argv[1], run_name="__main__")
with numpy.load("weights.npz") as weights, dask.config.set(scheduler="synchronous"):
    many = example["sketch_rows"](dask.array.from_array(weights["many"], chunks=(40, -1))).compute()
    one, _ = example["sketch_set"](dask.array.from_array(weights["one"], chunks=3_000))
numpy.savez("sketches.npz", many=many, one=one, k=example["K"], seed=example["SEED"])
"""


@pytest.fixture(scope="module")
def weights():
    """Many sets, one of them empty, and one set, of whose blocks two are empty."""
    rng = np.random.default_rng(11)
    many, one = rng.exponential(size=(500, 300)), rng.exponential(size=40_000)
    many[rng.random(many.shape) < 0.7] = 0
    many[17] = 0
    one[5_000:13_000] = 0
    return {"many": many, "one": one}


@pytest.fixture(scope="module")
def dask_run(weights, tmp_path_factory):
    """One process for all tests, for it takes seconds to import Dask: the example, then its functions on other sets.

    The example has two worker processes; the other sets are sketched in chunks, in this one process.
    """
    folder = tmp_path_factory.mktemp("dask")
    np.savez(folder / "weights.npz", **weights)
    process = run("-c", DASK, EXAMPLES / "dask_sketches.py", cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder, process.stdout


def test_worker_processes_make_the_same_bits(dask_run):
    folder, said = dask_run
    assert said.count("the same bits as here, in one process: True\n") == 2
    workers = re.findall(r"by processes (\d+) and (\d+); this process is (\d+)\n", said)
    assert [len(set(three)) for three in workers] == [3, 3]
    assert workers[0] == workers[1]
    assert sorted(os.listdir(folder)) == ["sketches.npz", "weights.npz"]


def test_chunks_make_the_same_bits(dask_run, weights):
    folder, _ = dask_run
    with np.load(folder / "sketches.npz") as got:
        k, seed = int(got["k"]), int(got["seed"])
        assert np.array_equal(got["many"], pycouple.sketch(weights["many"], k, seed))
        assert np.array_equal(got["one"], pycouple.sketch(weights["one"], k, seed))


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_missing_extra(missing, tmp_path):
    process = run_without("dask_sketches", missing, tmp_path)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.endswith(": pip install 'pycouple[dask]'\n")
    assert process.stderr.count("\n") == 1
    assert missing in process.stderr
