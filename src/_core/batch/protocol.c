#include "batch/protocol.h"

#include <math.h>
#include <stdlib.h>

#include "dispatch/isa.h"
#include "simd/fpmode.h"

enum { MARK_BITS = 12 };

void pc_place_dart(const pc_draw *draw, pc_dart *dart) {
    const pc_fpmode mode = pc_fp_enter();
    pc_dart_at(draw, dart);
    pc_fp_leave(mode);
}

/* The bits of c1 that its time leaves over. */
static uint32_t mark_of(const pc_draw *draw, const pc_dart *dart) {
    uint32_t c[4];
    pc_dart_words(draw, dart, dart->number, c);
    return c[1] & ((1u << MARK_BITS) - 1);
}

/* The first dart under the row or, if there is a list, which is given room here, all up to its end. */
static pc_status find(const pc_row *row, const pc_draw *draw, pc_darts *list, pc_dart *first) {
    const int64_t blocks = pc_scratch_blocks(row->n);
    if (row->n == 0)
        return PC_NO_ITEM;
    if ((uint64_t)row->n > PC_MAX_MINHASH_ITEM + 1)
        return PC_BAD_OFFSET;
    double *memory = malloc((size_t)blocks * PC_BLOCK_BYTES);
    pc_scratch scratch = pc_scratch_in(memory, blocks);
    pc_status status = memory ? PC_OK : PC_NO_MEMORY;
    const pc_fpmode mode = pc_fp_enter();
    if (status == PC_OK && !list)
        status = pc_isa_current()->darts(row, draw, 0, &scratch, NULL, first);
    if (status == PC_OK && list) {
        list->count = 64 + (int64_t)(2 * fmin(list->until, 1e6)); /* 4/3 darts per unit of time, and some more */
        do {
            free(list->at);
            list->room = list->count;
            list->count = 0;
            list->at = malloc((size_t)list->room * sizeof *list->at);
            status = list->at ? pc_isa_current()->darts(row, draw, 0, &scratch, list, first) : PC_NO_MEMORY;
        } while (status == PC_OK && list->count > list->room);
    }
    pc_fp_leave(mode);
    free(memory);
    return status;
}

pc_status pc_first_dart(const pc_row *row, const pc_draw *draw, pc_dart *first) { return find(row, draw, NULL, first); }

pc_status pc_meet(const pc_row *row, const pc_draw *draw, const pc_dart *theirs, int *under, int64_t *before) {
    pc_darts list = {.until = theirs->time};
    pc_dart end, first = *theirs;
    pc_status status = find(row, draw, &list, &end);
    *under = 0;
    for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
        const pc_dart *dart = list.at + i;
        *under |= dart->tier == theirs->tier && dart->group == theirs->group && dart->number == theirs->number;
        if (pc_dart_before(dart, &first))
            first = *dart;
    }
    *before = pc_dart_before(&first, theirs) ? (int64_t)first.item : -1;
    free(list.at);
    return status;
}

pc_draw pc_epoch(const pc_draw *draw, uint32_t epoch) {
    uint32_t c[4];
    pc_words(draw, epoch, PC_DOMAIN_EPOCH, c);
    return (pc_draw){.seed = (uint64_t)c[0] << 32 | c[1], .step = draw->step};
}

pc_status pc_set_marks(const pc_row *row, const pc_draw *epoch, double until, int power, uint8_t *bitmap) {
    pc_darts list = {.until = until};
    pc_dart end;
    pc_status status = find(row, epoch, &list, &end);
    for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
        const uint32_t at = mark_of(epoch, list.at + i) >> (MARK_BITS - power);
        bitmap[at >> 3] |= (uint8_t)(0x80u >> (at & 7));
    }
    free(list.at);
    return status;
}

pc_status pc_first_unmarked(const pc_row *row, const pc_draw *epoch, double until, int power, const uint8_t *bitmap,
                            int64_t *item) {
    pc_darts list = {.until = until};
    pc_dart first = {.time = INFINITY}, end;
    pc_status status = find(row, epoch, &list, &end);
    for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
        const uint32_t at = mark_of(epoch, list.at + i) >> (MARK_BITS - power);
        if (!(bitmap[at >> 3] & (0x80u >> (at & 7))) && pc_dart_before(list.at + i, &first))
            first = list.at[i];
    }
    *item = first.time < INFINITY ? (int64_t)first.item : -1;
    free(list.at);
    return status;
}
