"""Sketches on a Dask cluster are those of one process, bit for bit. It needs an extra."""

import os
import re

import numpy as np
import pytest

import pycouple
from tests.support.examples import EXAMPLES, run, run_without

DASK = """
import dask.array, numpy, dask_sketches

with numpy.load("weights.npz") as weights, dask_sketches.local_cluster() as cluster, cluster.get_client() as client:
    many, by = dask_sketches.sketch_rows(client, dask.array.from_array(weights["many"], chunks=(40, -1)))
    one, also_by = dask_sketches.sketch_set(dask.array.from_array(weights["one"], chunks=3_000))
numpy.savez("sketches.npz", many=many, by=list(by), one=one, also_by=list(also_by), k=dask_sketches.K)
print(dask_sketches.SEED)
"""


def test_dask_sketches_are_bit_identical(tmp_path):
    rng = np.random.default_rng(11)
    many, one = rng.exponential(size=(500, 300)), rng.exponential(size=40_000)
    many[rng.random(many.shape) < 0.7] = 0
    many[17] = 0
    one[5_000:11_000] = 0
    np.savez(tmp_path / "weights.npz", many=many, one=one)
    process = run("-c", DASK, cwd=tmp_path, PYTHONPATH=str(EXAMPLES))
    assert process.returncode == 0, process.stderr
    seed = int(process.stdout)
    with np.load(tmp_path / "sketches.npz") as got:
        k = int(got["k"])
        assert np.array_equal(got["many"], pycouple.sketch(many, k, seed))
        assert np.array_equal(got["one"], pycouple.sketch(one, k, seed))
        assert len(set(got["by"])) == len(set(got["also_by"])) == 2
        assert set(got["by"]) == set(got["also_by"])


def test_dask_example(tmp_path):
    process = run(EXAMPLES / "dask_sketches.py", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("the same bits as here, in one process: True\n") == 2
    workers = re.findall(r"by processes (\d+) and (\d+); this process is (\d+)\n", process.stdout)
    assert [len(set(three)) for three in workers] == [3, 3]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_missing_extra(missing, tmp_path):
    process = run_without("dask_sketches", missing, tmp_path)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.endswith(": pip install 'pycouple[dask]'\n")
    assert process.stderr.count("\n") == 1
    assert missing in process.stderr
