"""Draws from rows that top-k, top-p and min-p truncate (docs/kept.md) on a GPU: one program per row, after the race.

The race of all items (`_kernel.py`) has named a winner, which is the draw if it is kept; and it has noted the largest
logit of each block of 64 items and the mass of each chunk. The kept set is the beginning of the order of logits, so it
need not be made: the terms before a winner are added up, over the blocks whose largest logit reaches the winner's. If
the sum reaches the limit, the winner and all items after it are out, and what is before it is raced, until a winner is
inside. That ends for sure, since the first item is inside, and mostly at once. For a margin the race goes on among the
others, by the same rule. The limit and the sums are known within bounds, by float32; the exact integers are made only
where the bounds do not decide, and for a margin.

What is stored in the workspace is read by the same program, so programs need not wait for each other. Lists and words:
`_top_k.py`, keys: `_keys.py`. Precision policy: `_bounds.py`, `_contract.py`, `_terms.py`.
"""

import triton
import triton.language as tl

from pycouple.torch._bounds import block_bounds, frame_of, lane_bounds, lowered, order_of, threshold_of, value_of
from pycouple.torch._contract import BLOCK, DOMAIN_BLOCK, DOMAIN_LANE, block_clock, scores_of, words
from pycouple.torch._keys import key_of, race_keys, sum_of_keys
from pycouple.torch._row import HEAD, NOBODY, TAIL, better_of, draw_of, truncation_of, winner_of
from pycouple.torch._terms import (
    FINITE,
    between,
    least_live,
    least_of_min_p,
    limit_of,
    rate_of,
    share_of,
    terms_of,
    top_of,
    total_between,
    value_below,
)
from pycouple.torch._top_k import READ, WIDE, items_of, least_of_top_k, listed_from

_INF = tl.constexpr(float("inf"))
RACED = tl.constexpr(16)  # blocks whose items are raced at a time


@triton.jit
def _is_before(order, item, cut_order, cut_item):
    return (order > cut_order) | ((order == cut_order) & (item < cut_item))


@triton.jit
def _bound(
    words_ptr, bounds_ptr, blocks, first_block, seed, step, copy, frame, cut_order, cut_item, but,
):  # fmt: skip
    """Store the orders of the bounds of blocks, 0 for those after the cut; gives what one of the items before it, but
    not `but`, is sure to reach."""
    threshold = tl.full((), -_INF, tl.float32)
    done = tl.full((), 0, tl.int32)
    while done < blocks:
        block = done + tl.arange(0, WIDE)
        word = tl.load(words_ptr + block, mask=block < blocks, other=0)
        lane = word & 63
        most, least = word | 63, word - lane
        upper, lower = value_of(most.to(tl.uint32), False), value_of(least.to(tl.uint32), False)
        index = (first_block + block).to(tl.uint32)
        high, low, _, _, _ = block_bounds(upper, lower, lane.to(tl.uint32), index, seed, step, copy, frame, False)
        bound = tl.where(most >= cut_order, order_of(high, False), 0)
        tl.store(bounds_ptr + block, bound.to(tl.int64), mask=block < blocks)
        item = block.to(tl.int64) * BLOCK + lane
        sure = lowered(low, frame[1])
        take = _is_before(least, item, cut_order, cut_item) & (item != but) & (sure == sure)
        threshold = tl.maximum(threshold, tl.max(tl.where(take, sure, -_INF), axis=0))
        done += WIDE
    return threshold


@triton.jit
def _race(
    x_ptr, x_item, n, words_ptr, bounds_ptr, list_ptr, blocks, first_block, seed, step, copy, t,
    cut_order, cut_item, but, EXACT_ZERO: tl.constexpr,
):  # fmt: skip
    """Race the items before a cut, all but one: the best score and its item, NOBODY if there is none."""
    frame = frame_of(t, False)
    threshold = _bound(
        words_ptr, bounds_ptr, blocks, first_block, seed, step, copy, frame, cut_order, cut_item, but
    )  # fmt: skip
    listed = listed_from(bounds_ptr, blocks, order_of(threshold, False).to(tl.int64), list_ptr)
    best = tl.full((), -_INF, tl.float64)
    winner = tl.full((), NOBODY, tl.int64)
    done = tl.full((), 0, tl.int32)
    while done < listed:
        at = done + tl.arange(0, RACED)
        block = tl.load(list_ptr + at, mask=at < listed, other=0)
        bounds = tl.load(bounds_ptr + block, mask=at < listed, other=0)
        if tl.max(bounds, axis=0) >= order_of(threshold, False).to(tl.int64):
            x, item, block = items_of(x_ptr, x_item, n, list_ptr, listed, done, RACED)
            index = (first_block + block).to(tl.uint32)[:, None]
            c0, c1, c2, _ = words(seed, step, copy, index, DOMAIN_BLOCK)
            lane_index = index * 16 + tl.arange(0, BLOCK // 4).to(tl.uint32)[None, :]
            w0, w1, w2, w3 = words(seed, step, copy, lane_index, DOMAIN_LANE)
            word = tl.reshape(tl.join(tl.join(w0, w2), tl.join(w1, w3)), (RACED, BLOCK))
            later = tl.arange(0, BLOCK)[None, :].to(tl.uint32) != c2 >> 26
            bound = lane_bounds(x, word, later, c0, -_INF, frame, False)
            take = _is_before(order_of(x, False).to(tl.int64), item, cut_order, cut_item) & (item != but)
            take = (take & (bound >= threshold) & (bound > -_INF)).to(tl.int32)
            if tl.max(tl.max(take, axis=1), axis=0) != 0:
                score = scores_of(tl.where(take != 0, x, 1.0), word, later, block_clock(c0, c1), t, False)
                score = tl.reshape(tl.where(take != 0, score, -_INF), (RACED * BLOCK,))
                top, first, rest = winner_of(score, tl.reshape(item, (RACED * BLOCK,)), NOBODY, EXACT_ZERO)
                best, winner, rest = better_of(top, first, rest, best, winner, rest)
                threshold = tl.maximum(threshold, threshold_of(best, frame[1], frame[2], False))
        done += RACED
    return best, winner


@triton.jit
def _sum(x_ptr, x_item, n, words_ptr, list_ptr, blocks, live, top, rate, order, item, EXACT: tl.constexpr):
    """The terms of the items before a place, added up, or their shares; terms of orders below `live` are 0."""
    FEW: tl.constexpr = 4  # terms whose sum int32 holds
    listed = listed_from(words_ptr, blocks, tl.maximum(order, live), list_ptr)
    # Before the place are its equals in earlier blocks, what is above it in later ones, and its equals in lower lanes.
    equal, below = value_of(order.to(tl.uint32), False), value_below(order)
    own = item >> 6
    total = tl.zeros((READ, BLOCK // FEW), tl.int64 if EXACT else tl.float64)
    done = tl.full((), 0, tl.int32)
    x, _, block = items_of(x_ptr, x_item, n, list_ptr, listed, done, READ)
    while done < listed:
        done += READ
        next_x, _, next_block = items_of(x_ptr, x_item, n, list_ptr, listed, done, READ)  # on their way meanwhile
        border = tl.where(block < own, below, equal)[:, None]
        if EXACT:  # a comparison by its sign bit: of so many at a time, predicates run out
            each = terms_of(x, top, rate) & ((border - x).to(tl.int32, bitcast=True) >> 31)
        else:
            each = share_of(tl.where(x > border, x, -_INF), top, rate)
        total += tl.sum(tl.reshape(each, (READ, BLOCK // FEW, FEW)), axis=2).to(total.dtype)
        x, block = next_x, next_block
    at = own * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at * x_item, mask=at < item, other=-_INF).to(tl.float32)
    equals = tl.sum((x == equal).to(tl.int64), axis=0).to(total.dtype)
    one = terms_of(equal, top, rate) if EXACT else share_of(equal, top, rate)
    return tl.sum(tl.sum(total, axis=1), axis=0) + equals * one.to(total.dtype)


_ONE_KERNEL = [  # for all values of these: what matters is how rows lie
    "blocks", "chunks", "space_row", "first_block", "seed_stride", "seed_low", "seed_high", "step_stride", "step_low",
    "step_high", "stream_stride", "stream", "temperature_stride", "temperature_low", "temperature_high", "top_k_stride",
    "top_k", "top_p_stride", "top_p_low", "top_p_high", "min_p_stride", "min_p_low", "min_p_high", "item_stride",
    "score_stride", "margin_stride", "edge_stride",
]  # fmt: skip
_ANYWHERE = [
    "seed_ptr", "step_ptr", "stream_ptr", "temperature_ptr", "top_k_ptr", "top_p_ptr", "min_p_ptr", "item_ptr",
    "score_ptr", "margin_ptr", "edge_ptr",
]  # fmt: skip


@triton.jit(do_not_specialize=_ONE_KERNEL, do_not_specialize_on_alignment=_ANYWHERE)
def draw(
    x_ptr, x_row, x_item, n, blocks, chunks, space_ptr, space_row, first_block,
    seed_ptr, seed_stride, seed_low, seed_high, step_ptr, step_stride, step_low, step_high,
    stream_ptr, stream_stride, stream, temperature_ptr, temperature_stride, temperature_low, temperature_high,
    top_k_ptr, top_k_stride, top_k, top_p_ptr, top_p_stride, top_p_low, top_p_high,
    min_p_ptr, min_p_stride, min_p_low, min_p_high,
    item_ptr, item_stride, score_ptr, score_stride, margin_ptr, margin_stride, edge_ptr, edge_stride,
):  # fmt: skip
    """Make of the race of a row its draw; what has item -1, and what keeps all, stays."""
    MARGIN: tl.constexpr = margin_ptr is not None
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_row
    head = space_ptr + row * space_row
    masses_ptr = head + HEAD + TAIL * chunks
    words_ptr = masses_ptr + chunks
    spare_ptr = words_ptr + blocks
    list_ptr = spare_ptr + blocks
    seed, step, copy, t, _ = draw_of(
        row, seed_ptr, seed_stride, seed_low, seed_high, step_ptr, step_stride, step_low, step_high,
        stream_ptr, stream_stride, stream, temperature_ptr, temperature_stride, temperature_low, temperature_high,
    )  # fmt: skip
    k, p, m, fits = truncation_of(
        row, top_k_ptr, top_k_stride, top_k, top_p_ptr, top_p_stride, top_p_low, top_p_high,
        min_p_ptr, min_p_stride, min_p_low, min_p_high,
    )  # fmt: skip
    item_ptr += row * item_stride
    if MARGIN:
        score_ptr += row * score_stride
        margin_ptr += row * margin_stride
        edge_ptr += row * edge_stride
    drawn = tl.load(item_ptr)
    if not fits:
        tl.store(item_ptr, -1)
        if MARGIN:
            tl.store(score_ptr, float("nan"))
            tl.store(margin_ptr, float("nan"))
            tl.store(edge_ptr, float("nan"))
        return
    selects, decides = (k > 0) & (k < n), p < 1
    if (drawn < 0) | (t == 0) | (not (selects | decides | (m > 0))):
        return

    start = first_block.to(tl.int64) * BLOCK
    top, rate = top_of(masses_ptr, chunks), rate_of(t)
    kth = tl.full((), FINITE, tl.int64)  # what top-k keeps reaches this order
    picked = tl.full((), 0, tl.int32)
    if selects:
        largest = order_of(top, False).to(tl.int64)
        kth, picked = least_of_top_k(
            x_ptr, x_item, n, words_ptr, spare_ptr, list_ptr, head + 3, blocks, k, largest
        )  # fmt: skip
    cut_order = tl.maximum(kth, least_of_min_p(top, t, m))
    cut_item = tl.full((), NOBODY, tl.int64)
    # The limit is one of these and what is between; the total is 0 as long as it is not known.
    total = tl.full((), 0, tl.int64)
    limit = tl.full((), 0, tl.int64)
    most = tl.full((), NOBODY, tl.int64)
    live = tl.full((), FINITE, tl.int64)
    if decides:
        live = least_live(top, rate)
        if (not selects) & (not MARGIN):
            limit, most = total_between(masses_ptr, chunks, n, top, rate)
            limit, most = limit_of(p, limit), limit_of(p, most)

    item = drawn - start
    score = tl.full((), -_INF, tl.float64)
    if MARGIN:
        score = tl.load(score_ptr)
    raced = order_of(tl.load(x_ptr + item * x_item).to(tl.float32), False).to(tl.int64) >= cut_order
    best = tl.full((), -_INF, tl.float64)
    second = best
    winner = tl.full((), NOBODY, tl.int64)
    nearest = tl.full((), NOBODY, tl.int64)  # how near to the limit the sum of a decision was
    looking = tl.full((), 1, tl.int1)
    while looking:
        if not raced:
            if picked > 0:
                score, item = race_keys(
                    x_ptr, x_item, spare_ptr, picked, first_block, seed, step, copy, t, key_of(cut_order, cut_item),
                    winner, MARGIN,
                )  # fmt: skip
            else:
                score, item = _race(
                    x_ptr, x_item, n, words_ptr, spare_ptr, list_ptr, blocks, first_block, seed, step, copy, t,
                    cut_order, cut_item, winner, MARGIN,
                )  # fmt: skip
        raced = tl.full((), 0, tl.int1)
        found = item != NOBODY
        kept = found
        if found & decides:
            order = order_of(tl.load(x_ptr + item * x_item).to(tl.float32), False).to(tl.int64)
            if picked > 0:
                before = sum_of_keys(spare_ptr, picked, key_of(order, item), top, rate)
                beyond = before
            else:
                before, beyond = tl.full((), 0, tl.int64), tl.full((), NOBODY, tl.int64)
                if not MARGIN:
                    share = _sum(x_ptr, x_item, n, words_ptr, list_ptr, blocks, live, top, rate, order, item, False)
                    before, beyond = between(share, n)
                if (beyond >= limit) & (before < most):
                    before = _sum(x_ptr, x_item, n, words_ptr, list_ptr, blocks, live, top, rate, order, item, True)
                    beyond = before
            if (beyond >= limit) & (before < most):
                if picked > 0:
                    total = sum_of_keys(spare_ptr, picked, key_of(kth, tl.full((), NOBODY, tl.int64)), top, rate)
                else:
                    total = _sum(
                        x_ptr, x_item, n, words_ptr, list_ptr, blocks, live, top, rate, tl.maximum(kth, live),
                        tl.full((), NOBODY, tl.int64), True,
                    )  # fmt: skip
                limit = limit_of(p, total)
                most = limit
            kept = before < limit
            if winner == NOBODY:  # of those that are rejected before the winner the last is the nearest
                nearest = tl.where(kept, tl.minimum(nearest, limit - before), before - limit)
            cut_order = tl.where(kept, cut_order, order)
            cut_item = tl.where(kept, cut_item, item)
        wins = kept & (winner == NOBODY)
        looking = found & ((wins & MARGIN) | (not kept))
        second = tl.where(kept & (winner != NOBODY), score, second)
        best = tl.where(wins, score, best)
        winner = tl.where(wins, item, winner)
    tl.store(item_ptr, winner + start)
    if MARGIN:
        tl.store(score_ptr, best)
        tl.store(margin_ptr, tl.abs(best - second))
        tl.store(edge_ptr, tl.where(decides, nearest.to(tl.float64) / tl.maximum(total, 1).to(tl.float64), _INF))
