"""Lists of a row's blocks, and the k-th largest of its items, for the kernel of `_kept.py`.

A block is known by a word: the order of its largest logit, in whose low six bits is the lane that has it. The items
among which the k largest are get keys (`_keys.py`). Words, lists and keys are in the workspace.
"""

import triton
import triton.language as tl

from pycouple.torch._bounds import order_of
from pycouple.torch._contract import BLOCK
from pycouple.torch._keys import KEYED, key_of
from pycouple.torch._row import NOBODY
from pycouple.torch._terms import FINITE

_INF = tl.constexpr(float("inf"))
WIDE = tl.constexpr(1024)  # blocks that are taken at a time by their words alone
READ = tl.constexpr(64)  # blocks whose items are read at a time
COUNTED = tl.constexpr(2048)  # words that are counted at a time
PIVOTS = tl.constexpr(4)  # numbers between two others, at equal steps
FIELD = tl.constexpr(15)  # bits that hold how many of a tile reach a pivot
FULL = tl.constexpr(2**15 - 1)


@triton.jit
def listed_from(words_ptr, count, floor, list_ptr):
    """Store the numbers of the words whose order may reach `floor` and is finite; gives how many they are."""
    floor = tl.maximum(floor, FINITE)
    listed = tl.full((), 0, tl.int32)
    done = tl.full((), 0, tl.int32)
    tl.debug_barrier()  # all threads have stored the words, and have read what was in the list
    while done < count:
        at = done + tl.arange(0, WIDE)
        take = ((tl.load(words_ptr + at, mask=at < count, other=0) | 63) >= floor).to(tl.int32)
        tl.store(list_ptr + listed + tl.cumsum(take, axis=0) - 1, at.to(tl.int64), mask=take != 0)
        listed += tl.sum(take, axis=0)
        done += WIDE
    tl.debug_barrier()
    return listed


@triton.jit
def items_of(x_ptr, x_item, n, list_ptr, listed, done, BLOCKS: tl.constexpr):
    """The logits of the next blocks of a list, with their numbers and those of the blocks; beyond its end -inf."""
    at = done + tl.arange(0, BLOCKS)
    block = tl.load(list_ptr + at, mask=at < listed, other=0)
    item = block[:, None] * BLOCK + tl.arange(0, BLOCK)[None, :]
    x = tl.load(x_ptr + item * x_item, mask=(at < listed)[:, None] & (item < n), other=-_INF).to(tl.float32)
    return x, item, block


@triton.jit
def _listed_items(x_ptr, x_item, n, list_ptr, listed, done):
    """As items_of, in one dimension: orders and numbers below KEYED."""
    at = done.to(tl.int64) * BLOCK + tl.arange(0, READ * BLOCK)
    block = tl.load(list_ptr + (at >> 6), mask=at >> 6 < listed, other=0)
    item = block * BLOCK + (at & 63)
    x = tl.load(x_ptr + item * x_item, mask=(at >> 6 < listed) & (item < n), other=-_INF).to(tl.float32)
    return order_of(x, False), item.to(tl.int32)


@triton.jit
def _pick(x_ptr, x_item, n, list_ptr, listed, floor, count_ptr, keys_ptr, room):
    """Store the keys of the items of listed blocks that reach `floor`, in any order; gives how many, or over `room`."""
    tl.store(count_ptr, 0)
    tl.debug_barrier()
    picked = tl.full((), 0, tl.int32) + tl.where(n <= KEYED, 0, room + 1)
    done = tl.full((), 0, tl.int32)
    order, item = _listed_items(x_ptr, x_item, n, list_ptr, listed, done)
    while (done < listed) & (picked <= room):
        done += READ
        next_order, next_item = _listed_items(x_ptr, x_item, n, list_ptr, listed, done)  # on their way meanwhile
        take = order >= floor.to(tl.uint32)
        place = tl.atomic_add(count_ptr + tl.zeros((READ * BLOCK,), tl.int32), 1, mask=take, sem="relaxed")
        key = key_of(order.to(tl.int64), item.to(tl.int64))
        tl.store(keys_ptr + place, key, mask=take & (place < room))
        picked += tl.sum(take.to(tl.int32), axis=0)
        order, item = next_order, next_item
    tl.debug_barrier()
    return picked


@triton.jit
def _reaching(numbers, low, step):
    """How many of a tile of numbers reach each pivot: summed at once, as fields of one integer."""
    fields = tl.zeros(numbers.shape, tl.int64)
    for i in tl.static_range(PIVOTS):
        fields += (numbers >= low + step * (i + 1)).to(tl.int64) << (FIELD * i)
    return (tl.sum(tl.ravel(fields), axis=0) >> (FIELD * tl.arange(0, PIVOTS))) & FULL


@triton.jit
def _words_reaching(words_ptr, count, low, step):
    """How many words reach each pivot."""
    found = tl.zeros((PIVOTS,), tl.int64)
    done = tl.full((), 0, tl.int32)
    while done < count:
        at = done + tl.arange(0, COUNTED)
        found += _reaching(tl.load(words_ptr + at, mask=at < count, other=0), low, step)
        done += COUNTED
    return found


@triton.jit
def _items_reaching(x_ptr, x_item, n, list_ptr, listed, low, step):
    """How many items of listed blocks have orders that reach each pivot."""
    found = tl.zeros((PIVOTS,), tl.int64)
    done = tl.full((), 0, tl.int32)
    while done < listed:
        x, _, _ = items_of(x_ptr, x_item, n, list_ptr, listed, done, READ)
        found += _reaching(order_of(x, False).to(tl.int64), low, step)
        done += READ
    return found


@triton.jit
def _kth(x_ptr, x_item, n, words_ptr, count, k, enough, low, high, SHIFT: tl.constexpr, ITEMS: tl.constexpr):
    """The largest number from `low` below `high` that at least k words reach, without their low bits (or the orders of
    k items of the blocks listed there), or a lower one that no more than `enough` reach; `low` if there is none."""
    found = tl.full((), -1, tl.int64)
    while (high - low > 1) & ((found < k) | (found > enough)):
        step = tl.maximum((high - low) // (PIVOTS + 1), 1)
        if ITEMS:
            reaching = _items_reaching(x_ptr, x_item, n, words_ptr, count, low, step)
        else:
            reaching = _words_reaching(words_ptr, count, low << SHIFT, step << SHIFT)
        reached = tl.sum((reaching >= k).to(tl.int64), axis=0)  # so many of the pivots, the first ones
        found = tl.where(reached > 0, tl.min(tl.where(reaching >= k, reaching, NOBODY), axis=0), found)
        high = tl.where(reached < PIVOTS, tl.minimum(high, low + step * (reached + 1)), high)
        low += step * reached
    return low


@triton.jit
def least_of_top_k(x_ptr, x_item, n, words_ptr, keys_ptr, list_ptr, count_ptr, blocks, k, largest):
    """An order that the k largest items reach and those equal to the last of them, and no others. And how many keys of
    these and of other items are stored: none, if there is no room for them."""
    # Where k blocks reach an order k items do: so much is known from the words alone.
    lowest = tl.full((), FINITE // 64, tl.int64)
    enough = k + (k >> 3) + 8
    floor = _kth(x_ptr, x_item, n, words_ptr, blocks, k, enough, lowest, (largest >> 6) + 1, 6, False) << 6
    listed = listed_from(words_ptr, blocks, floor, list_ptr)
    picked = _pick(x_ptr, x_item, n, list_ptr, listed, floor, count_ptr, keys_ptr, blocks)
    if picked <= blocks:
        floor = _kth(x_ptr, x_item, n, keys_ptr, picked, k, k, floor, largest + 1, 31, False)
    else:
        picked = tl.full((), 0, tl.int32)
        floor = _kth(x_ptr, x_item, n, list_ptr, listed, k, k, floor, largest + 1, 0, True)
    return floor, picked
