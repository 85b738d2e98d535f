#include "batch/protocol.h"

#include <math.h>
#include <stdlib.h>

#include "batch/call.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"

enum { MARK_BITS = 12 };

static double end_of(const pc_round *round) { return 0.75 * (double)(1 << round->power); }

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

/* A row that is read once, for several sequences of darts. Its memory is to be freed, whatever the status. */
typedef struct {
    const pc_row *row;
    double *memory;
    pc_scratch scratch;
} reader;

static pc_status begin(reader *r, const pc_row *row) {
    const int64_t blocks = pc_scratch_blocks(row->n);
    *r = (reader){.row = row};
    if (row->n == 0)
        return PC_NO_ITEM;
    if ((uint64_t)row->n > PC_MAX_MINHASH_ITEM + 1)
        return PC_BAD_OFFSET;
    r->memory = malloc((size_t)blocks * PC_BLOCK_BYTES);
    r->scratch = pc_scratch_in(r->memory, blocks);
    return r->memory ? PC_OK : PC_NO_MEMORY;
}

static pc_status find_first(reader *r, const pc_draw *draw, pc_dart *first) {
    const pc_fpmode mode = pc_fp_enter();
    const pc_status status = pc_isa_current()->darts(r->row, draw, 0, &r->scratch, NULL, first);
    pc_fp_leave(mode);
    return status;
}

/* All darts up to the end of the list, for which memory is taken when it has too little. */
static pc_status find_all(reader *r, const pc_draw *draw, pc_darts *list) {
    pc_dart end;
    pc_status status;
    if (!list->at)
        list->count = 64 + (int64_t)(2 * fmin(list->until, 1e6)); /* 4/3 darts per unit of time, and some more */
    do {
        if (list->count > list->room) {
            free(list->at);
            list->room = list->count;
            list->at = malloc((size_t)list->room * sizeof *list->at);
        }
        list->count = 0;
        if (!list->at)
            return PC_NO_MEMORY;
        const pc_fpmode mode = pc_fp_enter();
        status = pc_isa_current()->darts(r->row, draw, 0, &r->scratch, list, &end);
        pc_fp_leave(mode);
    } while (status == PC_OK && list->count > list->room);
    return status;
}

pc_status pc_first_dart(const pc_row *row, const pc_draw *draw, pc_dart *first) {
    reader r;
    pc_status status = begin(&r, row);
    if (status == PC_OK)
        status = find_first(&r, draw, first);
    free(r.memory);
    return status;
}

pc_status pc_meet(const pc_row *row, const pc_draw *draw, const pc_dart *theirs, int *under, int64_t *before) {
    reader r;
    pc_darts list = {.until = theirs->time};
    pc_dart first = *theirs;
    pc_status status = begin(&r, row);
    *under = 0;
    if (status == PC_OK)
        status = find_all(&r, draw, &list);
    for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
        const pc_dart *dart = list.at + i;
        *under |= dart->tier == theirs->tier && dart->group == theirs->group && dart->number == theirs->number;
        if (pc_dart_before(dart, &first))
            first = *dart;
    }
    *before = pc_dart_before(&first, theirs) ? (int64_t)first.item : -1;
    free(list.at);
    free(r.memory);
    return status;
}

pc_draw pc_epoch(const pc_draw *draw, uint32_t epoch) {
    uint32_t c[4];
    pc_words(draw, epoch, PC_DOMAIN_EPOCH, c);
    return (pc_draw){.seed = (uint64_t)c[0] << 32 | c[1], .step = draw->step};
}

/* Where the mark of a dart has its bit in the bitmap of an epoch. */
static uint32_t bucket_of(const pc_round *round, const pc_draw *epoch, const pc_dart *dart) {
    return mark_of(epoch, dart) >> (MARK_BITS - round->power);
}

pc_status pc_set_marks(const pc_row *row, const pc_draw *draw, const pc_round *round, uint8_t *bitmap) {
    reader r;
    pc_darts list = {.until = end_of(round)};
    pc_status status = begin(&r, row);
    for (uint32_t e = 0; status == PC_OK && e < round->epochs && !pc_call_stopped(); e++) {
        const pc_draw epoch = pc_epoch(draw, round->first + e);
        uint8_t *bits = bitmap + ((size_t)e << round->power) / 8;
        status = find_all(&r, &epoch, &list);
        for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
            const uint32_t at = bucket_of(round, &epoch, list.at + i);
            bits[at >> 3] |= (uint8_t)(0x80u >> (at & 7));
        }
    }
    free(list.at);
    free(r.memory);
    return status;
}

pc_status pc_first_unmarked(const pc_row *row, const pc_draw *draw, const pc_round *round, const uint8_t *bitmap,
                            int64_t *item) {
    reader r;
    pc_darts list = {.until = end_of(round)};
    pc_dart first = {.time = INFINITY};
    pc_status status = begin(&r, row);
    for (uint32_t e = 0; status == PC_OK && first.time == INFINITY && e < round->epochs && !pc_call_stopped(); e++) {
        const pc_draw epoch = pc_epoch(draw, round->first + e);
        const uint8_t *bits = bitmap + ((size_t)e << round->power) / 8;
        status = find_all(&r, &epoch, &list);
        for (int64_t i = 0; status == PC_OK && i < list.count; i++) {
            const uint32_t at = bucket_of(round, &epoch, list.at + i);
            if (!(bits[at >> 3] & (0x80u >> (at & 7))) && pc_dart_before(list.at + i, &first))
                first = list.at[i];
        }
    }
    *item = first.time < INFINITY ? (int64_t)first.item : -1;
    free(list.at);
    free(r.memory);
    return status;
}
