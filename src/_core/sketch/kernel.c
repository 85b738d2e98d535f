/* Sketches of one weighted set, version 1 (docs/minhash.md), compiled once per ISA level.
 *
 * Precision policy. Times and heights are made in double by the operations of the contract, lane by lane; only they are
 * compared to name what a register holds. What is skipped is skipped by safe bounds:
 *   - An arrival later than the latest of the registers' best ones changes nothing. So arrivals are made up to a limit,
 *     and if every register then has one that is not later than the limit, all is done; else the limit grows.
 *   - -ln(u) >= 1 - u, and 1 - u is at least the complement of u's high word times 2^-32.
 * PC_LOOSE (sketch/sketch.h) covers the rounding of a bound. A register holds the smallest (time, id, tag), so the
 * order of the items does not matter, nor how they are cut into sets whose registers are then combined. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contract/sum.h"
#include "scan/widen.h"
#include "simd/level.h"
#include "simd/ln.h"
#include "simd/philox.h"
#include "sketch/sketch.h"

/* ---- Philox of any counters. */

static void begin_key(pc_rounds *r, uint64_t seed) {
    const pc_draw draw = {.seed = seed};
    pc_begin_rounds(r, &draw, PC_DOMAIN_SKETCH_ITEM);
}

enum { CALLS = 256 }; /* at a time; a multiple of PC_W */

typedef struct {
    uint64_t id[CALLS];
    uint32_t third[CALLS], last[CALLS];
    uint32_t word[4][CALLS];
    int count;
} calls;

/* The four words of each counter (id, third, last). */
static void hash_calls(calls *c, uint64_t seed) {
    pc_rounds r;
    begin_key(&r, seed);
    for (int i = c->count; i % PC_W; i++) {
        c->id[i] = 0;
        c->third[i] = c->last[i] = 0;
    }
    for (int i = 0; i < c->count; i += PC_W) {
        pc_philox_lanes p;
        for (int h = 0; h < 2; h++) {
            memcpy(&p.x[0][h], c->id + i + h * PC_Q, sizeof(pc_vq));
            p.x[1][h] = p.x[0][h] >> 32;
            p.x[2][h] = __builtin_convertvector(*(const pc_vh_at *)(c->third + i + h * PC_Q), pc_vq);
            p.x[3][h] = __builtin_convertvector(*(const pc_vh_at *)(c->last + i + h * PC_Q), pc_vq);
        }
        pc_philox_finish(&p, &r, 0);
        for (int h = 0; h < 2; h++)
            for (int w = 0; w < 4; w++)
                *(pc_vh_at *)(c->word[w] + i + h * PC_Q) = __builtin_convertvector(p.x[w][h], pc_vh);
    }
}

#include "sketch/read.inc"

/* ---- PC_W items of a set at a time. */

typedef struct {
    pc_vq id[2];
    pc_vd weight[2];
} items;

static inline __attribute__((always_inline)) void load_items(items *at, const pc_set *set, int64_t i) {
    if (i + PC_W <= set->n) {
        for (int h = 0; h < 2; h++) {
            at->weight[h] = *(const pc_vd_at *)(set->weights + i + h * PC_Q);
            if (set->ids) {
                memcpy(&at->id[h], set->ids + i + h * PC_Q, sizeof at->id[h]);
            } else {
                for (int l = 0; l < PC_Q; l++)
                    at->id[h][l] = (uint64_t)(h * PC_Q + l);
                at->id[h] += (uint64_t)i;
            }
        }
        return;
    }
    uint64_t id[PC_W] = {0};
    double weight[PC_W] = {0};
    for (int64_t l = 0; i + l < set->n; l++) {
        id[l] = set->ids ? set->ids[i + l] : (uint64_t)(i + l);
        weight[l] = set->weights[i + l];
    }
    memcpy(at->id, id, sizeof id);
    memcpy(at->weight, weight, sizeof weight);
}

/* One more candidate, uninitialised, or NULL. */
static inline pc_candidate *push(pc_workspace *work, int64_t *count) {
    if (*count == work->room) {
        const int64_t room = work->room ? 2 * work->room : 1024;
        void *memory = realloc(work->candidates, (size_t)room * sizeof(pc_candidate));
        if (!memory)
            return NULL;
        work->candidates = memory;
        work->room = room;
    }
    return &work->candidates[(*count)++];
}

/* ---- Registers. */

static inline void enter(pc_registers *best, uint64_t r, double time, uint64_t id, uint64_t tag) {
    if (time > best->time[r])
        return;
    if (time == best->time[r] && (id > best->id[r] || (id == best->id[r] && tag >= best->tag[r])))
        return;
    best->time[r] = time;
    best->id[r] = id;
    best->tag[r] = tag;
}

static double latest(const pc_registers *best, int64_t k) {
    pc_vd top = {0};
    int64_t r = 0;
    for (; r + PC_Q <= k; r += PC_Q)
        top = pc_max_d(*(const pc_vd_at *)(best->time + r), top);
    double last = pc_hmax(top);
    for (; r < k; r++)
        last = best->time[r] > last ? best->time[r] : last;
    return last;
}

#include "sketch/gumbel.inc"

#include "sketch/minhash.inc"

/* Each round finds the candidates that may arrive up to `limit`, and then makes the arrivals of all candidates, one
 * piece of time after the other, up to `made`. It ends when every register holds an arrival that is not later than
 * `made`: all later ones lose. The first limit suffices most often; if not, the next round looks for more candidates
 * from there on (`searched`). The registers may hold arrivals of earlier sets. If all do, the latest of these is a
 * `bound`: no round needs to go beyond it, and the one that gets there is the last. `unit` is the mean time between two
 * arrivals at a register. */
pc_sketch_fn PC_HERE(pc_sketch);
pc_status PC_HERE(pc_sketch)(const pc_sketch_kind *kind, const pc_set *set, pc_registers *best, pc_workspace *work) {
    const double k = (double)kind->k, unit = (kind->minhash ? 3 * k : 1) / set->total;
    const int at_once = set->n > 4 * kind->k; /* nearly all arrivals are then first ones */
    int64_t count = 0;
    double searched = 0, growth = 3 * unit;
    for (double limit = (log(k) + 2) * unit;; limit += growth, growth *= 2) {
        const double bound = latest(best, kind->k);
        const int last = bound <= limit;
        limit = last ? bound : limit;
        const int has_memory = kind->minhash ? find_tiers(kind, set, searched, limit, work, &count)
                                             : find_items(kind, set, searched, limit, work, &count);
        if (!has_memory)
            return PC_NO_MEMORY;
        double made = searched > 0 ? searched : limit - 3 * unit;
        while (made < limit) {
            made = at_once || made + unit > limit ? limit : made + unit;
            if (made <= 0)
                continue;
            if (kind->minhash)
                throw_until(kind, made, best, work, count);
            else
                arrive_until(kind, made, best, work, count);
            if (latest(best, kind->k) <= made)
                return PC_OK;
        }
        if (last) /* the bound is 0 in the frame of this set, so that nothing can come before it */
            return PC_OK;
        searched = limit;
    }
}

pc_sketch_values_fn PC_HERE(pc_sketch_values);
void PC_HERE(pc_sketch_values)(const pc_sketch_kind *kind, int bits, const pc_registers *best, uint64_t *out) {
    calls c;
    for (int64_t start = 0; start < kind->k; start += CALLS) {
        c.count = (int)(kind->k - start < CALLS ? kind->k - start : CALLS);
        for (int i = 0; i < c.count; i++) {
            const uint64_t tag = best->tag[start + i];
            c.id[i] = best->id[start + i];
            c.third[i] = (uint32_t)tag;
            c.last[i] = (uint32_t)(tag >> 32) << 8 | PC_DOMAIN_SKETCH_VALUE;
        }
        if (kind->minhash)
            hash_calls(&c, kind->seed);
        for (int i = 0; i < c.count; i++) {
            uint64_t value = kind->minhash ? (uint64_t)c.word[0][i] << 32 | c.word[1][i] : c.id[i];
            out[start + i] = best->time[start + i] < INFINITY ? value : PC_EMPTY;
        }
        if (!bits)
            continue;
        for (int i = 0; i < c.count; i++) {
            c.id[i] = out[start + i];
            c.third[i] = (uint32_t)(start + i);
            c.last[i] = PC_DOMAIN_SKETCH_BITS;
        }
        hash_calls(&c, kind->seed);
        for (int i = 0; i < c.count; i++)
            out[start + i] = c.word[0][i] >> (32 - bits);
    }
}

#define PC_COUNT_EQUAL(name, type)                                                                                     \
    pc_equal_fn PC_HERE(name);                                                                                         \
    int64_t PC_HERE(name)(const void *a, const void *b, int64_t k) {                                                   \
        const type *x = a, *y = b;                                                                                     \
        int64_t equal = 0;                                                                                             \
        for (int64_t i = 0; i < k; i++)                                                                                \
            equal += x[i] == y[i];                                                                                     \
        return equal;                                                                                                  \
    }
PC_COUNT_EQUAL(pc_equal_8, uint8_t)
PC_COUNT_EQUAL(pc_equal_16, uint16_t)
PC_COUNT_EQUAL(pc_equal_32, uint32_t)
PC_COUNT_EQUAL(pc_equal_64, uint64_t)
