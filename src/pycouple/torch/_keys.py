"""Keys: the few items that top-k may keep, in the order of docs/kept.md, for the kernel of `_kept.py`.

Keys are larger for items that come first: the order of the logit, and below it 31 bits, the item counted from the last
one that a key can have. So whatever is before a place is above one number, and no logit need be read again to tell.
"""

import triton
import triton.language as tl

from pycouple.torch._bounds import lane_word, value_of
from pycouple.torch._contract import DOMAIN_BLOCK, block_clock, scores_of, words
from pycouple.torch._row import NOBODY, better_of, winner_of
from pycouple.torch._terms import terms_of

_INF = tl.constexpr(float("inf"))
KEYED = tl.constexpr(2**31)  # items that a key can have
KEYS = tl.constexpr(512)  # keys that are taken at a time


@triton.jit
def key_of(order, item):
    """The key of an item, or of a place after all items of an order (NOBODY)."""
    return (order << 31) + (KEYED - 1 - tl.minimum(item, KEYED))


@triton.jit
def order_of_key(key):
    return key >> 31


@triton.jit
def item_of_key(key):
    return KEYED - 1 - (key & (KEYED - 1))


@triton.jit
def race_keys(x_ptr, x_item, keys_ptr, count, first_block, seed, step, copy, t, place, but, EXACT_ZERO: tl.constexpr):
    """Race the items of the keys above a place, all but one: the best score and its item, NOBODY if there is none."""
    best = tl.full((), -_INF, tl.float64)
    second = best
    winner = tl.full((), NOBODY, tl.int64)
    done = tl.full((), 0, tl.int32)
    while done < count:
        at = done + tl.arange(0, KEYS)
        key = tl.load(keys_ptr + at, mask=at < count, other=0)
        item = item_of_key(key)
        take = (key > place) & (item != but)
        x = tl.load(x_ptr + item * x_item, mask=take, other=1.0).to(tl.float32)
        index = (first_block + (item >> 6)).to(tl.uint32)
        lane = (item & 63).to(tl.uint32)
        c0, c1, c2, _ = words(seed, step, copy, index, DOMAIN_BLOCK)
        word = lane_word(index, lane, seed, step, copy)
        score = scores_of(x, word, lane != c2 >> 26, block_clock(c0, c1), t, False)
        top, first, rest = winner_of(tl.where(take, score, -_INF), item, NOBODY, EXACT_ZERO)
        first = tl.where(top > -_INF, first, NOBODY)
        best, winner, second = better_of(top, first, rest, best, winner, second)
        done += KEYS
    return best, winner


@triton.jit
def sum_of_keys(keys_ptr, count, place, top, rate):
    """The terms of the items of the keys above a place, added up."""
    total = tl.zeros((KEYS,), tl.int64)
    done = tl.full((), 0, tl.int32)
    while done < count:
        at = done + tl.arange(0, KEYS)
        key = tl.load(keys_ptr + at, mask=at < count, other=0)
        x = value_of(order_of_key(key).to(tl.uint32), False)
        total += tl.where(key > place, terms_of(x, top, rate), 0).to(tl.int64)
        done += KEYS
    return tl.sum(total, axis=0)
