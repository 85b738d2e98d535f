"""Sketches on a Dask cluster, the same as in one process bit for bit: many sets, and one set in pieces.

Two worker processes on this machine stand for any cluster. All that its machines share is k and the seed.

1. Many sets: the rows of an array in chunks of rows, sketched where the chunks are. Dask passes raw registers on;
   `pycouple.Sketch` says again what made them.
2. One set, with its items spread over the workers: each block of items goes into a `pycouple.Sketcher` where it is;
   only the sketchers travel, 24 bytes per register, and are merged.

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


def sketch_rows(weights: da.Array) -> da.Array:
    """The registers of the rows of an array, chunk by chunk of rows: to be computed where the chunks are."""
    return weights.map_blocks(registers_of, chunks=(weights.chunks[0], (K,)), dtype=np.uint64)


def registers_of(weights: np.ndarray) -> np.ndarray:
    """What a worker does with its rows."""
    return pycouple.sketch(weights, K, SEED).registers


def sketch_set(weights: da.Array) -> tuple[pycouple.Sketch, set[int]]:
    """Sketch the one set whose weights the chunks hold; also the ids of the processes that did it."""
    starts = np.cumsum([0, *weights.chunks[0][:-1]]).tolist()
    blocks = zip(starts, weights.to_delayed(), strict=True)
    parts = dask.compute(*(dask.delayed(sketch_block)(start, block) for start, block in blocks))
    whole = pycouple.Sketcher(K, SEED)
    for part, _ in parts:  # in any order
        whole.merge(part)
    return whole.sketch(), {process for _, process in parts}


def sketch_block(start: int, weights: np.ndarray) -> tuple[pycouple.Sketcher, int]:
    """What a worker does with its block, the items start, start + 1, ...; also the id of its process."""
    sketcher = pycouple.Sketcher(K, SEED)
    sketcher.update(np.arange(start, start + len(weights)), weights)
    return sketcher, os.getpid()


def holders(client: Client, array: da.Array) -> set[int]:
    """The ids of the processes that hold the chunks of a computed array."""
    wait(array)
    process = client.run(os.getpid)  # of each worker
    return {process[worker] for workers in client.who_has(array).values() for worker in workers}


def report(what: str, got: pycouple.Sketch, processes: set[int], expected: pycouple.Sketch) -> None:
    print(what)
    print(f"  by processes {' and '.join(map(str, sorted(processes)))}; this process is {os.getpid()}")
    print(f"  the same bits as here, in one process: {got == expected}\n")


def main() -> None:
    rng = da.random.default_rng(7)
    many = rng.exponential(size=(1_600, 2_000), chunks=(200, -1))
    many = da.where(many > 2, many, 0)  # about 270 items per set
    one = rng.exponential(size=1_000_000, chunks=125_000)
    with local_cluster() as cluster, cluster.get_client() as client:
        registers = sketch_rows(many).persist()
        processes = holders(client, registers)
        got = pycouple.Sketch(registers.compute(), seed=SEED, method="gumbel")
        what = f"{len(many)} sets in {many.npartitions} chunks"
        report(what, got, processes, pycouple.sketch(many.compute(), K, SEED))
        got, processes = sketch_set(one)
        what = f"one set in {one.npartitions} blocks"
        report(what, got, processes, pycouple.sketch(one.compute(), K, SEED))


if __name__ == "__main__":
    main()
