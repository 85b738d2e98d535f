/* Darts under a distribution (docs/minhash.md): what the kernels take and give. */
#ifndef PC_DART_H
#define PC_DART_H

#include "race/race.h"

enum { PC_CELL_DARTS = 4096, PC_DART_TIERS = 10 }; /* tiers below the base */

typedef struct {
    double time;
    uint64_t item;
    uint32_t group;
    uint16_t tier, number; /* tier PC_DART_TIERS is the base; number: j */
} pc_dart;

/* The order of darts: by time, then by item, then by tier. */
static inline int pc_dart_before(const pc_dart *a, const pc_dart *b) {
    if (a->time != b->time)
        return a->time < b->time;
    if (a->item != b->item)
        return a->item < b->item;
    return a->tier != b->tier ? a->tier < b->tier : a->number < b->number;
}

/* The darts with time <= until, in any order. `count` goes on beyond `room`: then there are more than fitted. */
typedef struct {
    double until;
    pc_dart *at;
    int64_t count, room;
} pc_darts;

static inline void pc_darts_add(pc_darts *list, const pc_dart *dart) {
    if (list->count < list->room)
        list->at[list->count] = *dart;
    list->count++;
}

#endif
