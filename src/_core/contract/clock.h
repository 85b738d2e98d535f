/* The public randomness of the race, version 1, by random access (docs/contract.md), scalar.
 *
 * Precision policy: integers, and doubles whose every operation is exact but ln and the one addition M + F. */
#ifndef PC_CONTRACT_CLOCK_H
#define PC_CONTRACT_CLOCK_H

#include "contract/ln.h"
#include "contract/philox.h"

enum { PC_BLOCK = 64 };
enum {
    PC_DOMAIN_BLOCK = 1,
    PC_DOMAIN_LANE = 2,
    PC_DOMAIN_UNIFORM = 3,
    PC_DOMAIN_MINHASH = 4,
    PC_DOMAIN_SKETCH_ITEM = 5,  /* gumbel sketches: the arrivals of an item */
    PC_DOMAIN_SKETCH_TIER = 6,  /* minhash sketches: the first darts of an item's tiers */
    PC_DOMAIN_SKETCH_DART = 7,  /* where a dart of a tier falls, and when the next one comes */
    PC_DOMAIN_SKETCH_VALUE = 8, /* the 64 bits that name a dart */
    PC_DOMAIN_SKETCH_BITS = 9,  /* b-bit signatures */
    PC_DOMAIN_EPOCH = 10        /* the protocol: seeds of its epochs */
};

#define PC_MAX_STREAM 255u
#define PC_MAX_RACE_ITEM ((UINT64_C(1) << 34) - 1)    /* item >> 2 is a 32-bit counter word */
#define PC_MAX_UNIFORM_ITEM ((UINT64_C(1) << 32) - 1) /* item is a 32-bit counter word */
#define PC_MAX_MINHASH_ITEM ((UINT64_C(1) << 32) - 1) /* so is the number of a group of one item */

typedef struct {
    uint64_t seed, step;
    uint32_t stream;
} pc_draw;

static inline void pc_words(const pc_draw *draw, uint32_t index, uint32_t domain, uint32_t out[4]) {
    const uint32_t counter[4] = {index, (uint32_t)draw->step, (uint32_t)(draw->step >> 32),
                                 (draw->stream << 8) | domain};
    const uint32_t key[2] = {(uint32_t)draw->seed, (uint32_t)(draw->seed >> 32)};
    pc_philox(counter, key, out);
}

/* U in (0, 1): 52 random bits and a half, exact in double. */
static inline double pc_unit(uint32_t c0, uint32_t c1) {
    uint64_t k = (((uint64_t)c0 << 32) | c1) >> 12;
    return ((double)k + 0.5) * 0x1p-52;
}

/* M_b: the smallest of the block's 64 clocks. */
static inline double pc_block_clock(uint32_t c0, uint32_t c1) { return -pc_ln(pc_unit(c0, c1)) * 0x1p-6; }

/* F: how long after M_b a lane that is not J_b comes. */
static inline double pc_lane_delay(uint32_t word) { return -pc_ln(((double)word + 0.5) * 0x1p-32); }

static inline double pc_clock(const pc_draw *draw, uint64_t item) {
    uint32_t block[4], lane[4];
    pc_words(draw, (uint32_t)(item >> 6), PC_DOMAIN_BLOCK, block);
    double first = pc_block_clock(block[0], block[1]);
    if ((item & 63) == block[2] >> 26)
        return first;
    pc_words(draw, (uint32_t)(item >> 2), PC_DOMAIN_LANE, lane);
    return first + pc_lane_delay(lane[item & 3]);
}

static inline double pc_uniform(const pc_draw *draw, uint64_t item) {
    uint32_t word[4];
    pc_words(draw, (uint32_t)item, PC_DOMAIN_UNIFORM, word);
    return pc_unit(word[0], word[1]);
}

#endif
