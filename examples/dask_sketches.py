"""Sketches on a Dask cluster, the same as in one process bit for bit: many sets, and one set in pieces.

Two worker processes on this machine stand for any cluster. All that its machines share is k and the seed.

1. Many sets: the rows of an array in chunks of rows, sketched where the chunks are (`dask.array.apply_gufunc`).
2. One set, with its items spread over the workers: each block of items goes into a `pycouple.Sketcher` where it is;
   only the sketchers travel, 24 bytes a register, and are merged.

    pip install 'pycouple[dask]'
    python examples/dask_sketches.py
"""

import os
import sys

import numpy as np

import pycouple

try:
    import dask
    import dask.array as da
    from distributed import Client, LocalCluster, wait
except ImportError as error:
    sys.exit(f"{error}: pip install 'pycouple[dask]'")

K = 128
SEED = pycouple.seed_from("dask sketches")


def local_cluster() -> LocalCluster:
    """Two worker processes of one thread each, at ports that are free, without the dashboard."""
    return LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)


def sketch_rows(client: Client, weights: da.Array) -> tuple[np.ndarray, set[int]]:
    """Sketch the rows of an array in chunks of rows; also the ids of the processes that did it."""
    sizes = {"k": K}
    rows = da.apply_gufunc(
        pycouple.sketch, "(n)->(k)", weights, k=K, seed=SEED, output_dtypes=np.uint64, output_sizes=sizes
    ).persist()
    wait(rows)
    process = client.run(os.getpid)  # of each worker
    holders = {worker for workers in client.who_has(rows).values() for worker in workers}
    return rows.compute(), {process[worker] for worker in holders}


def sketch_block(start: int, weights: np.ndarray) -> tuple[pycouple.Sketcher, int]:
    """What a worker does with its block, the items start, start + 1, ...; also the id of its process."""
    sketcher = pycouple.Sketcher(K, SEED)
    sketcher.update(np.arange(start, start + len(weights)), weights)
    return sketcher, os.getpid()


def sketch_set(weights: da.Array) -> tuple[np.ndarray, set[int]]:
    """Sketch the one set whose weights the chunks hold; also the ids of the processes that did it."""
    starts = np.cumsum([0, *weights.chunks[0][:-1]]).tolist()
    blocks = zip(starts, weights.to_delayed(), strict=True)
    parts = dask.compute(*(dask.delayed(sketch_block)(start, block) for start, block in blocks))
    whole = pycouple.Sketcher(K, SEED)
    for part, _ in parts:  # in any order
        whole.merge(part)
    return whole.sketch(), {process for _, process in parts}


def report(what: str, got: np.ndarray, processes: set[int], expected: np.ndarray) -> None:
    print(what)
    print(f"  by processes {' and '.join(map(str, sorted(processes)))}; this process is {os.getpid()}")
    print(f"  the same bits as here, in one process: {np.array_equal(got, expected)}\n")


def main() -> None:
    rng = da.random.default_rng(7)
    many = rng.exponential(size=(1_600, 2_000), chunks=(200, -1))
    many = da.where(many > 2, many, 0)  # about 270 items a set
    one = rng.exponential(size=1_000_000, chunks=125_000)
    with local_cluster() as cluster, cluster.get_client() as client:
        got, processes = sketch_rows(client, many)
        report(
            f"{len(many)} sets in {many.npartitions} chunks", got, processes, pycouple.sketch(many.compute(), K, SEED)
        )
        got, processes = sketch_set(one)
        report(f"one set in {one.npartitions} blocks", got, processes, pycouple.sketch(one.compute(), K, SEED))


if __name__ == "__main__":
    main()
