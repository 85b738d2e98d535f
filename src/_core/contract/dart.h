/* Darts under a distribution, version 1, by random access (docs/minhash.md and docs/protocol.md), scalar.
 *
 * Precision policy: integers, and doubles. A time is a sum of gaps in the order of their numbers, one rounding per
 * operation. */
#ifndef PC_CONTRACT_DART_H
#define PC_CONTRACT_DART_H

#include "contract/clock.h"

enum { PC_CELL_DARTS = 4096, PC_DART_TIERS = 10 }; /* tiers below the base */

typedef struct {
    double time;
    uint64_t item;
    uint32_t group;
    uint16_t tier, number; /* tier PC_DART_TIERS is the base; number: j */
} pc_dart;

/* The order of darts: by time, then by item, then by tier, then by number. */
static inline int pc_dart_before(const pc_dart *a, const pc_dart *b) {
    if (a->time != b->time)
        return a->time < b->time;
    if (a->item != b->item)
        return a->item < b->item;
    return a->tier != b->tier ? a->tier < b->tier : a->number < b->number;
}

/* The words of dart `number` of the dart's cell: number and tier stand above the stream in the last counter word. */
static inline void pc_dart_words(const pc_draw *draw, const pc_dart *dart, uint32_t number, uint32_t words[4]) {
    const pc_draw tagged = {draw->seed, draw->step, number << 12 | (uint32_t)dart->tier << 8 | draw->stream};
    pc_words(&tagged, dart->group, PC_DOMAIN_MINHASH, words);
}

/* The item on which a dart falls; `place` is its word c2. */
static inline uint64_t pc_dart_item(uint32_t group, int tier, uint32_t place) {
    return ((uint64_t)group << 2 * tier) + (((uint64_t)place << 2 * tier) >> 32);
}

/* Time and item of the dart that has a tier, a group and a number. */
static inline void pc_dart_at(const pc_draw *draw, pc_dart *dart) {
    uint32_t c[4];
    dart->time = 0;
    for (uint32_t j = 0; j <= dart->number; j++) {
        pc_dart_words(draw, dart, j, c);
        const double gap = -pc_ln(pc_unit(c[0], c[1]));
        dart->time += dart->tier < PC_DART_TIERS ? gap : gap * 0.75;
    }
    dart->item = pc_dart_item(dart->group, dart->tier, c[2]);
}

#endif
