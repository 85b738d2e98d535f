/* The weighted MinHash draw of one row, version 1 (docs/minhash.md), compiled once per ISA level: the first dart under
 * p = weights / sum, and lists of the darts under p (docs/protocol.md).
 *
 * Precision policy. Everything that names the draw is made in double by the operations of the contract: the sum, in its
 * written order; p of an item, one division; the time of a dart, a sum of logarithms; its height, exactly. Groups are
 * left out by comparing exact numbers: a cell of tier t holds darts of height >= 4^-(t+1) =: low, and when
 *     max <= low * sum      (exact: low is a power of two and the sum is far from the subnormal numbers)
 * then weight / sum <= low for every weight of the group, before rounding and, since low is a double and rounding is
 * monotone, after it: no dart of the cell is under p. A sum below 2^-900 is made again from weights times 2^200, which
 * is exact for all of them and scales every partial sum, so p has the same bits. Larger groups of the next tier hold
 * every cell that is not left out: from max > 4^-(t+1) sum follows max > 4^-(t+2) sum. So the cells to visit are a tree
 * that is walked from its root. A cell is dropped when its time is past the best one, or the end of a list, and, unless
 * there is a list, once it has offered a dart: later darts of a cell come later. */

#include "contract/sum.h"
#include "minhash/minhash.h"
#include "scan/scan.h"
#include "simd/level.h"
#include "simd/ln.h"

enum {
    TIERS = PC_DART_TIERS, /* tier t < 10: heights in [4^-(t+1), 4^-t), groups of 4^t items; 1 dart per unit of time */
    BASE = TIERS,          /* heights below 4^-10, groups of 4^10 items; 4/3 darts per unit of time */
    BLOCK_TIER = 3,        /* whose groups are the blocks of 64 items */
    CELLS = 512            /* visited at a time */
};

typedef struct {
    uint32_t group[CELLS]; /* number of the group */
    uint32_t tag[CELLS];   /* tier << 16 */
    double time[CELLS];    /* of the latest dart */
    int count;
} cells;

/* The next dart of each cell: its number is j for all. Adds to the times, and gives the words that place the darts. */
static void throw_darts(cells *c, const pc_rounds *r, uint32_t j, uint32_t *place, uint32_t *height) {
    for (int i = c->count; i % PC_W; i++) { /* a vector may reach past the last cell */
        c->group[i] = c->tag[i] = 0;
        c->time[i] = 0;
    }
    for (int i = 0; i < c->count; i += PC_W) {
        pc_vq group[2], tag[2];
        for (int h = 0; h < 2; h++) {
            group[h] = __builtin_convertvector(*(const pc_vh_at *)(c->group + i + h * PC_Q), pc_vq);
            tag[h] = __builtin_convertvector(*(const pc_vh_at *)(c->tag + i + h * PC_Q), pc_vq);
        }
        const pc_vq numbered[2] = {tag[0] | ((uint64_t)j << 20), tag[1] | ((uint64_t)j << 20)};
        pc_philox_lanes p;
        pc_philox_begin_tagged(&p, r, group, numbered);
        pc_philox_finish(&p, r, 2);
        for (int h = 0; h < 2; h++) {
            const pc_vq in_base = (pc_vq)(tag[h] == (uint64_t)BASE << 16);
            const pc_vd scale = 1.0 - (pc_vd)((pc_vq)((pc_vd){0} + 0.25) & in_base);
            const pc_vd gap = -pc_ln_lanes(pc_units(p.x[0][h], p.x[1][h])) * scale;
            *(pc_vd_at *)(c->time + i + h * PC_Q) = *(const pc_vd_at *)(c->time + i + h * PC_Q) + gap;
            *(pc_vh_at *)(place + i + h * PC_Q) = __builtin_convertvector(p.x[2][h], pc_vh);
            *(pc_vh_at *)(height + i + h * PC_Q) = __builtin_convertvector(p.x[3][h], pc_vh);
        }
    }
}

static inline pc_vd lanes_f32(const float *x) { return pc_widen(x); }
static inline pc_vd lanes_f64(const double *x) { return *(const pc_vd_at *)x; }

#define REAL float
#define FN(name) name##_f32
#include "minhash/row.inc"
#undef REAL
#undef FN

#define REAL double
#define FN(name) name##_f64
#include "minhash/row.inc"
#undef REAL
#undef FN

pc_darts_fn PC_HERE(pc_darts);
pc_status PC_HERE(pc_darts)(const pc_row *row, const pc_draw *draw, uint64_t first_item, pc_scratch *scratch,
                            pc_darts *list, pc_dart *first) {
    return row->kind == PC_F64 ? darts_f64(row, draw, first_item, scratch, list, first)
                               : darts_f32(row, draw, first_item, scratch, list, first);
}
