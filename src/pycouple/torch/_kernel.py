"""The race of rows on a GPU, one program per chunk of a row.

Each program reads its chunk once, for the bounds of its blocks and for a threshold that one of their heaviest items is
sure to reach; shares that with the other programs of the row; and opens those of its blocks whose bounds reach the best
threshold known. So a row is read once, one Philox call serves 64 items, and some tens of blocks per row are opened
by whoever has them at hand. Which are opened depends on who comes first, and cannot show: a winner is the best of exact
scores, and no item that can win is left out. Precision policy and proof: `_bounds.py`, `_contract.py`.
"""

import triton
import triton.language as tl

from pycouple.torch._bounds import (
    LOG2_GAP,
    block_bounds,
    frame_of,
    is_bad,
    lane_bounds,
    lowered,
    order_of,
    threshold_of,
    value_of,
)
from pycouple.torch._contract import BLOCK, DOMAIN_LANE, block_clock, scores_of, words
from pycouple.torch._row import HEAD, NOBODY, TAIL, better_of, draw_of, extremes_of, winner_of
from pycouple.torch._terms import mass_of, rate_of

_INF = tl.constexpr(float("inf"))


@triton.jit
def _spread(x):
    """The same values, one per thread: a reduction leaves each of them in a whole group of threads."""
    return tl.gather(x, tl.arange(0, x.shape[0]), 0)


@triton.jit
def _publish(slot, known):
    """Make the order of a threshold known to the other programs of the row; gives the highest that is known."""
    return tl.maximum(tl.atomic_max(slot, known.to(tl.int64), sem="relaxed").to(tl.uint32), known)


@triton.jit
def _known(slot):
    """What has been published by now: one value for all threads, who decide by it together."""
    each = tl.load(slot + tl.zeros((32,), tl.int32), volatile=True)
    return tl.max(each.to(tl.uint32), axis=0)


@triton.jit
def _reached(known):
    """The threshold of an order; 0 is that of none."""
    return value_of(tl.maximum(known, 63), False)


@triton.jit
def _read(x, seed, step, copy, frame, first_block, WEIGHTS: tl.constexpr, BLOCKS: tl.constexpr):
    """Of each block of a chunk: the order of its bound, its number in the low bits; the order of what its heaviest item
    is sure to reach; its words. And the order of its largest value, in the low six bits the lane that has it."""
    unit = frame[1]
    lane = tl.arange(0, BLOCK)[None, :]
    order = _spread(tl.max((order_of(x, WEIGHTS) & 0xFFFFFFC0) | lane.to(tl.uint32), axis=1))

    index = first_block.to(tl.uint32) + tl.arange(0, BLOCKS).to(tl.uint32)
    upper, lower = value_of(order | 63, WEIGHTS), value_of(order & 0xFFFFFFC0, WEIGHTS)
    high, low, c0, c1, c2 = block_bounds(upper, lower, order & 63, index, seed, step, copy, frame, WEIGHTS)
    known = order >= 64  # else there is no finite logit
    if WEIGHTS:
        low -= LOG2_GAP
        known = order >= 0x800000  # of subnormal weights fact 2 gives no lower end
    sure = lowered(low, unit)
    sure = order_of(tl.where(known & (sure == sure), sure, -_INF), False)
    high = (order_of(high, False) & (0x100000000 - BLOCKS)) | tl.arange(0, BLOCKS).to(tl.uint32)
    if not WEIGHTS:  # the least weights cannot be told from 0 by their order: their bounds are low enough
        high = tl.where(order >= 64, high, 0)
    return high, sure, c0, c1, c2, order


@triton.jit
def _open(
    x_ptr, x_item, left, pad, seed, step, copy, t, frame, index, c0, c1, J, threshold,
    WEIGHTS: tl.constexpr, MARGIN: tl.constexpr,
):  # fmt: skip
    """Race the lanes of a block that reach the threshold: the best score, its lane and the second-best score."""
    lane = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + lane.to(tl.int64) * x_item, mask=lane < left, other=pad).to(tl.float32)
    w0, w1, w2, w3 = words(seed, step, copy, index * 16 + tl.arange(0, BLOCK // 4).to(tl.uint32), DOMAIN_LANE)
    word = tl.reshape(tl.join(tl.join(w0, w2), tl.join(w1, w3)), (BLOCK,))
    later = lane != J
    bound = lane_bounds(x, word, later, c0, pad, frame, WEIGHTS)
    take = (bound >= threshold) & (bound > -_INF)
    best = tl.full((), -_INF, tl.float64)
    second = best
    at = tl.full((), 0, tl.int32)
    if tl.max(take.to(tl.int32), axis=0) != 0:
        score = scores_of(tl.where(take, x, 1.0), word, later, block_clock(c0, c1), t, WEIGHTS)
        best, at, second = winner_of(tl.where(take, score, -_INF), lane, BLOCK, MARGIN)
    return best, at, second


@triton.jit
def _merge(tails, chunks, MARGIN: tl.constexpr):
    """The winner of all programs of a row, and the largest order."""
    best = tl.full((), -_INF, tl.float64)
    second = best
    item = tl.full((), NOBODY, tl.int64)
    largest = tl.full((), 0, tl.uint32)
    done = tl.full((), 0, tl.int32)
    while done < chunks:
        c = done + tl.arange(0, 64)
        there = tails + TAIL * c
        take = c < chunks
        scores = tl.load(there, mask=take, other=0, cache_modifier=".cg").to(tl.float64, bitcast=True)
        items = tl.load(there + 1, mask=take, other=NOBODY, cache_modifier=".cg")
        orders = tl.load(there + 2, mask=take, other=0, cache_modifier=".cg").to(tl.uint32)
        top, number, rest = winner_of(tl.where(take, scores, -_INF), items, NOBODY, MARGIN)
        if MARGIN:
            seconds = tl.load(there + 3, mask=take, other=0, cache_modifier=".cg").to(tl.float64, bitcast=True)
            rest = tl.maximum(rest, tl.max(tl.where(take, seconds, -_INF), axis=0))
        best, item, second = better_of(top, number, rest, best, item, second)
        largest = tl.maximum(largest, tl.max(orders, axis=0))
        done += 64
    return best, item, second, largest


@triton.jit(do_not_specialize=[
    "space_row", "first_block", "seed_low", "seed_high", "step_low", "step_high", "stream", "temperature_low",
    "temperature_high",
])  # fmt: skip
def race(
    x_ptr, x_row, x_item, n, chunks, space_ptr, space_row, first_block,
    seed_ptr, seed_stride, seed_low, seed_high, step_ptr, step_stride, step_low, step_high,
    stream_ptr, stream_stride, stream, temperature_ptr, temperature_stride, temperature_low, temperature_high,
    item_ptr, item_stride, score_ptr, score_stride, margin_ptr, margin_stride, edge_ptr, edge_stride,
    WEIGHTS: tl.constexpr, TRUNCATED: tl.constexpr, BLOCKS: tl.constexpr, ALONE: tl.constexpr,
):  # fmt: skip
    """Race a chunk of BLOCKS blocks of a row; the last program of the row to end names the winner of the row.

    A row that has no winner gets item -1. Of the words of a row in the workspace the first three are 0 before and after
    (two thresholds and how many programs have ended), the fourth is free; then come four per program. For a row that
    is truncated, what `_kept.py` is to know of it comes after that: the mass of each chunk, and the order of the
    largest logit of each block, in the low six bits the lane that has it.
    """
    MARGIN: tl.constexpr = margin_ptr is not None
    # Row after row, so that the first programs to run are of all rows, and the many after them know good thresholds.
    rows = tl.num_programs(0) // chunks
    row = (tl.program_id(0) % rows).to(tl.int64)
    chunk = tl.program_id(0) // rows
    start = chunk.to(tl.int64) * (BLOCKS * BLOCK)
    x_ptr += row * x_row
    pad = 0.0 if WEIGHTS else -_INF
    seed, step, copy, t, good = draw_of(
        row, seed_ptr, seed_stride, seed_low, seed_high, step_ptr, step_stride, step_low, step_high,
        stream_ptr, stream_stride, stream, temperature_ptr, temperature_stride, temperature_low, temperature_high,
    )  # fmt: skip
    frame = frame_of(t, WEIGHTS)
    _, unit, scale = frame
    at = tl.arange(0, BLOCKS)[:, None] * BLOCK + tl.arange(0, BLOCK)[None, :]
    x = tl.load(x_ptr + (start + at.to(tl.int64)) * x_item, mask=at < n - start, other=pad).to(tl.float32)
    high, sure, c0, c1, c2, order = _read(
        x, seed, step, copy, frame, first_block + chunk * BLOCKS, WEIGHTS, BLOCKS
    )  # fmt: skip
    largest = tl.max(order, axis=0)

    head = space_ptr + row * space_row
    tails = head + HEAD
    if TRUNCATED:
        noted = tails + TAIL * chunks
        tl.store(noted + chunk, mass_of(x, rate_of(tl.where(t > 0, t, 1.0))))
        block = chunk * BLOCKS + tl.arange(0, BLOCKS)
        tl.store(noted + chunks + block, order.to(tl.int64), mask=block.to(tl.int64) * BLOCK < n)
    mine = head + chunk % 2
    known = tl.max(sure, axis=0)
    if MARGIN:  # two items are to reach it: of two blocks, or of programs that publish in different places
        alone = tl.sum((sure == known).to(tl.int32), axis=0) == 1
        both = tl.where(alone, tl.max(tl.where(sure < known, sure, 0), axis=0), known)
        if not ALONE:
            theirs = _publish(head + 1 - chunk % 2, tl.full((), 0, tl.uint32))
            both = tl.maximum(both, tl.minimum(_publish(mine, known), theirs))
        known = both
    elif not ALONE:
        known = _publish(mine, known)
    threshold = _reached(known)

    best = tl.full((), -_INF, tl.float64)
    second = best
    item = tl.full((), NOBODY, tl.int64)
    block = tl.arange(0, BLOCKS)
    peak = tl.max(high, axis=0)
    while (peak > 0) & (value_of(peak | (BLOCKS - 1), False) >= threshold):
        if not ALONE:  # what others have found meanwhile
            known = _known(mine)
            if MARGIN:
                known = tl.minimum(known, _known(head + 1 - chunk % 2))
            threshold = tl.maximum(threshold, _reached(known))
        b = (peak & (BLOCKS - 1)).to(tl.int32)
        this = block == b
        from_here = start + b * BLOCK
        score, lane, rest = _open(
            x_ptr + from_here * x_item, x_item, n - from_here, pad, seed, step, copy, t, frame,
            (first_block + chunk * BLOCKS + b).to(tl.uint32), tl.max(tl.where(this, c0, 0), axis=0),
            tl.max(tl.where(this, c1, 0), axis=0), tl.max(tl.where(this, c2 >> 26, 0), axis=0).to(tl.int32),
            threshold, WEIGHTS, MARGIN,
        )  # fmt: skip
        if score > -_INF:
            best, item, second = better_of(score, from_here + lane, rest, best, item, second)
            known = order_of(threshold_of(best, unit, scale, WEIGHTS), False)
            if not ALONE:
                known = _publish(mine, known)
            if MARGIN:
                known = order_of(threshold_of(second, unit, scale, WEIGHTS), False)
            threshold = tl.maximum(threshold, _reached(known))
        high = tl.where(this, 0, high)
        peak = tl.max(high, axis=0)

    if not ALONE:
        tail = tails + TAIL * chunk
        tl.store(tail, best.to(tl.int64, bitcast=True))
        tl.store(tail + 1, item)
        tl.store(tail + 2, largest.to(tl.int64))
        if MARGIN:
            tl.store(tail + 3, second.to(tl.int64, bitcast=True))
        tl.debug_barrier()
        if tl.atomic_add(head + 2, 1, sem="acq_rel") != chunks - 1:
            return
        best, item, second, largest = _merge(tails, chunks, MARGIN)
        tl.store(head, 0)
        tl.store(head + 1, 0)
        tl.store(head + 2, 0)
    good = good & (item != NOBODY) & (not is_bad(largest, WEIGHTS))
    if not WEIGHTS:
        if good & (t > 0) & (t < 2.0**-800):  # |logit| < 2^128
            top, bottom = extremes_of(x_ptr, x_item, n, 1024)
            good = tl.maximum(tl.abs(top / t), tl.abs(bottom / t)) < _INF
    tl.store(item_ptr + row * item_stride, tl.where(good, item + first_block.to(tl.int64) * BLOCK, -1))
    if MARGIN:
        tl.store(score_ptr + row * score_stride, tl.where(good, best, float("nan")))
        tl.store(margin_ptr + row * margin_stride, tl.where(good, tl.abs(best - second), float("nan")))
        tl.store(edge_ptr + row * edge_stride, tl.where(good, _INF, float("nan")))
