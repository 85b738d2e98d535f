/* Darts under one row of weights: what the kernel takes and gives. */
#ifndef PC_MINHASH_MINHASH_H
#define PC_MINHASH_MINHASH_H

#include "contract/dart.h"
#include "scan/row.h"

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

/* The first dart under the row, which is the MinHash draw, into *first or, if `list` is not NULL, all darts up to its
 * end into the list. `first_item` is the number of the row's first item, a multiple of 64. */
typedef pc_status pc_darts_fn(const pc_row *row, const pc_draw *draw, uint64_t first_item, pc_scratch *scratch,
                              pc_darts *list, pc_dart *first);

#endif
