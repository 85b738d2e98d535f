"""Another thread may write to a row while it is read: the draw is then anything, but nothing crashes or hangs."""

import subprocess
import sys

import pytest

from tests.support import ROOT

WRITER = """
import threading
import numpy as np
import pycouple

n = 500_000  # the core gives up the GIL from 16,384 numbers on, and needs a while from the first to the last of these
{row}
done = threading.Event()

def write():
    while not done.is_set():
        for value in {values}:
            row[{written}] = value

writer = threading.Thread(target=write)
writer.start()
try:
    for step in range({steps}):
        try:
            item = {call}
        except (ValueError, MemoryError) as error:
            assert str(error).count("\\n") == 0
        else:
            assert {is_sketch} or 0 <= item < n
finally:
    done.set()
    writer.join()
"""

CALLS = {
    "greedy": "pycouple.race_logits(row, 1, step, temperature=0).item",
    "logits": "pycouple.race_logits(row, 1, step, temperature=0.7).item",
    "weights": "pycouple.sample(row, 1, step)",
    "times": "pycouple.race_weights(row, 1, step).item",
    "minhash": "pycouple.sample(row, 1, step, method='minhash')",
    "gumbel sketch": "pycouple.sketch(row, k=64, seed=step).registers",
    "minhash sketch": "pycouple.sketch(row, k=64, seed=step, method='minhash').registers",
}


CASES = [("greedy", "float16"), ("greedy", "float64"), *((call, "float32") for call in CALLS)]


def write_and_call(call, row, written, values, steps):
    code = WRITER.format(
        call=CALLS[call], row=row, written=written, values=values, steps=steps, is_sketch="sketch" in call
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(("call", "dtype"), CASES)
def test_nothing_crashes(call, dtype):
    values = "(5, 0, 7, -3, 60_000, np.nan, 3, np.inf, 6)"
    write_and_call(call, f"row = np.linspace(0, 1, n).astype({dtype!r})", ":64", values, 200)


@pytest.mark.parametrize("call", ["gumbel sketch", "minhash sketch"])
def test_sketches_end_when_the_largest_weight_vanishes(call):
    """The others are too small for limits of time in its frame."""
    write_and_call(call, "row = np.zeros(n)\nrow[:10] = 1e-299", "-1", "(1, 0)", 30)


def test_a_minhash_draw_ends_when_the_row_vanishes():
    """Without weights no dart is under the row."""
    write_and_call("minhash", "row = np.ones(n)", ":", "(1, 0)", 100)
