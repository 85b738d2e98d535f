"""Long calls run Python's signal handlers: Ctrl-C ends them early, and a handler that returns changes nothing.

No test asserts a time: what a call has not done yet when it ends shows in `out`, or in the draws that follow.
"""

import os
import platform
import signal
import threading
import time

import numpy as np
import pytest

import pycouple

UNTOUCHED = -5
SEEDS = np.arange(2_000_000)  # a minute's work for a row of 20,000 items
SKETCHES = pycouple.Sketch(np.ones((3000, 8192), np.uint64), seed=1, method="gumbel")


@pytest.fixture
def row():
    return np.random.default_rng(0).normal(0, 3, 20_000)


class AlarmError(Exception):
    """What the handler of these tests raises."""


@pytest.fixture
def alarm():
    """Start a clock that raises AlarmError in so many seconds, and never later than the test."""

    def ring(number, frame):
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds=0.2: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def later_and_later(out):
    """Seconds after which to interrupt a call, until it has written to `out`: a busy machine is slow to begin."""
    for seconds in (0.2, 1, 5):
        if out[0].min() == UNTOUCHED:
            yield seconds


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("method", ["gumbel", "minhash"])
def test_ctrl_c_ends_a_long_call(row, method, workers):
    out = np.full(SEEDS.shape, UNTOUCHED)
    weights = np.exp(row)
    for seconds in later_and_later(out):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            pycouple.sample(weights, SEEDS, method=method, out=out, workers=workers)
    assert out[0] == pycouple.sample(weights, 0, method=method)
    assert out[-1] == UNTOUCHED
    assert pycouple.sample(weights, SEEDS[:100], method=method, workers=workers).tolist() == [
        int(pycouple.sample(weights, seed, method=method)) for seed in SEEDS[:100]
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_handler_forks_while_helpers_work(row):
    """The child has no helpers, and of the rows that they had taken it knows nothing: it draws them itself."""
    weights, seeds, children = np.exp(row), SEEDS[:40_000], []
    want = pycouple.sample(weights, seeds, workers=1)
    before = signal.signal(signal.SIGALRM, lambda number, frame: children.append(os.fork()))
    try:
        for seconds in (0.25, 0.3, 0.4):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            got = pycouple.sample(weights, seeds, workers=4)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if children and children[-1] == 0:
                os._exit(not np.array_equal(got, want))
            assert np.array_equal(got, want)
    finally:
        signal.signal(signal.SIGALRM, before)
        statuses = [ended(child) for child in children]
    assert statuses == [0] * len(children)


def ended(child, patience=60):
    """The wait status of a child, or -1 for one that had to be killed."""
    for _ in range(10 * patience):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def test_a_batch_that_numpy_cuts_into_short_loops(row, alarm):
    seeds = np.stack([SEEDS, SEEDS], axis=1)
    out = np.full((len(SEEDS), 4), UNTOUCHED)[:, ::2]  # not one block of memory: a loop for each seed
    for seconds in later_and_later(out):
        alarm(seconds)
        with pytest.raises(AlarmError):
            pycouple.sample_logits(row, seeds, out=out)
    assert out[0].tolist() == [pycouple.sample_logits(row, 0)] * 2
    assert out[-1].tolist() == [UNTOUCHED] * 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: pycouple.gumbels(1, 2, np.arange(3 * 10**7, dtype=np.uint64)),
        lambda: pycouple.sketch(np.broadcast_to(1.0, (100_000, 1000)), 4096, 1),
        lambda: pycouple.sketch(np.broadcast_to(np.arange(1.0, 500.0), (400_000, 499)), 512, 1, method="minhash"),
        lambda: pycouple.similarity(SKETCHES[:, None], SKETCHES[None]),
    ],
    ids=["gumbels", "sketch", "minhash sketch", "similarity"],
)
def test_other_long_calls_end(alarm, call):
    alarm()
    with pytest.raises(AlarmError):
        call()


def with_signals(draw, handler):
    """What a call draws while a handler runs in its midst: with more seeds, until it takes that long."""
    for count in (60_000, 250_000, 1_000_000, len(SEEDS)):
        rung = []
        before = signal.signal(signal.SIGALRM, lambda number, frame, rung=rung: rung.append(handler()))
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        try:
            drawn = draw(SEEDS[:count])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        if len(rung) > 1:  # one may have waited for the end of the call
            break
    return drawn, rung


def test_a_handler_that_returns_changes_nothing(row):
    drawn, rung = with_signals(
        lambda seeds: pycouple.sample_logits(row, seeds, workers=2), lambda: pycouple.sample_logits(row, 7)
    )
    assert len(rung) > 1
    assert set(rung) == {pycouple.sample_logits(row, 7)}
    assert np.array_equal(drawn, pycouple.sample_logits(row, SEEDS[: len(drawn)]))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="sets the x86 control register")
def test_a_handler_that_changes_how_numbers_round():
    """A handler that has subnormal numbers flushed to zero, as some libraries do, spoils no draw of the loop around."""
    from tests.support import control_register

    weights = np.random.default_rng(1).integers(0, 9, 20_000) * 2.0**-1074
    try:
        drawn, rung = with_signals(lambda seeds: pycouple.sample(weights, seeds), lambda: control_register.mode(0x9FC0))
    finally:
        control_register.mode(0x1F80)
    assert len(rung) > 1
    assert np.array_equal(drawn, pycouple.sample(weights, SEEDS[: len(drawn)]))


def test_another_thread_draws_on(row, alarm):
    """Signals are the main thread's: a call of another thread is finished."""
    drawn, done = [], threading.Event()

    def work():
        drawn.append(pycouple.sample_logits(row, SEEDS[:300_000]))
        done.set()

    threading.Thread(target=work).start()
    alarm()
    with pytest.raises(AlarmError):
        time.sleep(60)
    assert done.wait(60)
    assert np.array_equal(drawn[0], pycouple.sample_logits(row, SEEDS[:300_000]))
