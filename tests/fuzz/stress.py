"""Calls that share memory or a process with others: threads on one input, a writer, forks in the middle of calls."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import pycouple
from pycouple import speculative
from tests.fuzz import inputs
from tests.fuzz.check import ERRORS, bits, make
from tests.fuzz.inputs import chance, choice

DRAWS = ("sample", "race_weights", "sample_logits", "race_logits", "couple", "sketch", "speculative.draft",
         "speculative.list_target", "speculative.verify", "clocks", "similarity_matrix")  # fmt: skip
SHAPES = ((2000, 40), (300, 65), (64, 1000), (8, 8192), (16, 8000), (1, 40_000))
WRITING = 0.3  # seconds of a writer
PATIENCE = 60  # seconds that a child may take
COLD = speculative.SamplingParams(temperature=0)
CUT = speculative.SamplingParams(temperature=0.8, top_k=50, top_p=0.9, min_p=0.01)


def outcome(function, *args, **options):
    """The bits of a result or an error; an error of another kind than calls may raise is raised."""
    with np.errstate(all="ignore"):
        try:
            return bits(function(*args, **options))
        except ERRORS as error:
            return bits(error)


def crowd(rng, seed, number):
    """One call, made by many threads at once."""
    name = choice(rng, DRAWS)
    call, _ = make(name, seed, number)
    options = {key: value for key, value in call.options.items() if key != "out"}
    want = outcome(call.function, *call.args, **options)
    count = 24
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(outcome, call.function, *call.args, **options) for _ in range(count)]
        wrong = [one.result() for one in found if one.result() != want]
    return count, count * call.rows, f"{name} in 8 threads: {wrong[0]}, alone {want}"[:600] if wrong else None


def _reads(rng, x, workers):
    """A call that reads the logits x, or weights, and what it is."""
    steps = np.arange(len(x), dtype=np.uint64)
    temperature = choice(rng, (0.0, 0.0, 0.0, 1.0, 1e-3, 1e30))
    weights = np.abs(x) if chance(rng, 0.1) else x
    drawn = {"step": steps, "workers": workers}
    kept = {
        "top_k": choice(rng, (0, 1, 50, 1000)),
        "top_p": choice(rng, (0.01, 0.9, 1.0)),
        "min_p": choice(rng, (0, 0.1)),
    }
    hot = {"temperature": choice(rng, (0.8, 3.0, 1e30)), **kept}
    return choice(
        rng,
        (
            ("sample_logits", lambda: pycouple.sample_logits(x, 1, temperature=temperature, **drawn)),
            ("race_logits", lambda: pycouple.race_logits(x, 1, temperature=temperature, **drawn)),
            ("sample_logits of what is kept", lambda: pycouple.sample_logits(x, 1, **hot, **drawn)),
            ("race_logits of what is kept", lambda: pycouple.race_logits(x, 1, **hot, **drawn)),
            ("sample of what is kept", lambda: pycouple.sample(weights, 1, **kept, **drawn)),
            ("warp", lambda: speculative.warp(x, speculative.SamplingParams(**hot))),
            ("sample", lambda: pycouple.sample(weights, 1, **drawn)),
            ("sample minhash", lambda: pycouple.sample(weights, 1, method="minhash", **drawn)),
            ("race_weights", lambda: pycouple.race_weights(weights, 1, **drawn)),
            ("couple", lambda: pycouple.couple(weights, weights, 1, **drawn)),
            ("list_target", lambda: speculative.list_target(weights, 1, steps, range(3), workers=workers)),
            ("draft", lambda: speculative.draft(x, 1, steps, choice(rng, (COLD, CUT)), workers=workers)),
            ("sketch", lambda: pycouple.sketch(weights[:40, :500], 64, 1, workers=workers)),
            ("minhash sketch", lambda: pycouple.sketch(weights[:10, :200], 16, 1, method="minhash", workers=workers)),
        ),
    )


def written(rng, seed, number):
    """Calls on rows that another thread writes meanwhile: any result will do, but no crash and no strange error."""
    shape = choice(rng, SHAPES)
    dtype = choice(rng, ("float16", "float32", "float64"))
    positive = chance(rng, 0.5)
    values = [np.abs(rng.normal(0, 3, shape)) if positive else rng.normal(0, 3, shape) for _ in range(3)]
    values.append(np.where(rng.random(shape) < 0.01, choice(rng, inputs.POISON), values[0]))
    values.append(np.full(shape, choice(rng, (0.0, -np.inf, np.nan))))
    with np.errstate(all="ignore"):
        values = [value.astype(dtype) for value in values]
    x = values[0].copy() if chance(rng, 0.5) else inputs.laid_out(rng, values[0].copy(), shared=False)
    target = x if x.flags.writeable else x.base if isinstance(x.base, np.ndarray) else None
    stop = threading.Event()

    def write():
        i = 0
        while target is not None and target.flags.writeable and not stop.is_set():
            np.copyto(target, values[i % len(values)] if target.shape == shape else 1)
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    done, until = 0, time.monotonic() + WRITING
    try:
        while time.monotonic() < until:
            name, call = _reads(rng, x, choice(rng, (1, 2, 4)))
            try:
                outcome(call)
            except Exception as error:
                return done, 0, f"{name} of rows that are written meanwhile: {type(error).__name__}: {error}"
            done += 1
    finally:
        stop.set()
        writer.join()
    return done, done * shape[0], None


def forked(rng, seed, number):
    """Forks while another thread's call keeps the pool busy; the children call, too."""
    x = rng.normal(0, 3, (64, 4000)).astype("float32")
    steps = np.arange(64)
    want = pycouple.sample_logits(x, seed, steps)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            pycouple.sample_logits(x, seed, steps, workers=4)

    thread = threading.Thread(target=busy)
    thread.start()
    failed = None
    try:
        for _ in range(3):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    same = np.array_equal(pycouple.sample_logits(x, seed, steps, workers=3), want)
                    os._exit(0 if same else 3)
                os._exit(4)
            failed = failed or _ended(child)
    finally:
        stop.set()
        thread.join()
    if not np.array_equal(pycouple.sample_logits(x, seed, steps, workers=2), want):
        failed = failed or "other draws after a fork"
    return 5, 5 * len(x), failed


def _ended(child):
    """What is wrong with the end of a child process."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return None if status == 0 else f"a child of a fork ended with {os.waitstatus_to_exitcode(status)}"
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return f"a child of a fork did not end in {PATIENCE} seconds"


KINDS = {"crowd": crowd, "written": written} | ({"forked": forked} if hasattr(os, "fork") else {})


def check(kind, seed, number):
    """Calls, rows, and what is wrong, in words, or None."""
    return KINDS[kind](np.random.default_rng([seed, number, 1]), seed, number)
