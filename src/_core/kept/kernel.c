/* Sums of terms and places in the order of a row (docs/kept.md), compiled once per ISA level; kept/sums.inc and
 * kept/places.inc follow.
 *
 * Precision policy: the operations of contract/term.h in their order, one IEEE operation per lane each, so a lane's
 * term is that of its item. Sums are of integers: lanes of 32 bits hold at most PC_UNWIDENED terms of at most 2^28
 * before they are added to lanes of 64 bits, which hold 2^34 of them. Comparisons are exact. So the order of work
 * cannot show.
 *
 * Blocks are left out by their maxima: one whose maximum is below the place has no item before it; and t, a difference
 * times a positive number, keeps the order of items through its roundings, so where the maximum has t <= -29 every item
 * of the block has the term 0. */
#include "contract/term.h"
#include "kept/kept.h"
#include "scan/scan.h"
#include "simd/level.h"

enum { PC_UNWIDENED = 8, TOGETHER = 4, FEW = 1024, MANY = 12 };

#define EACH(j) _Pragma("GCC unroll 4") for (int j = 0; j < TOGETHER; j++)

/* ---- Lanes of terms. */

/* pc_logit_term of differences x - top, rounded to single, of TOGETHER vectors: their operations take turns, since each
 * waits for the one before. At t = -29 the operations below give 0 as well. */
static inline __attribute__((always_inline)) void terms_of_differences(const pc_vf d[TOGETHER], float rate,
                                                                       pc_vu term[TOGETHER]) {
    static const float c[] = {PC_TERM_ONE, PC_TERM_1, PC_TERM_2, PC_TERM_3, PC_TERM_4, PC_TERM_5};
    const pc_vf zero = {0};
    pc_vf shifted[TOGETHER], f[TOGETHER], q[TOGETHER];
    EACH(j) {
        const pc_vf t = pc_max_f(d[j] * rate, zero + PC_LEAST_EXPONENT); /* a NaN, -inf * 0, is dropped */
        shifted[j] = t + PC_TERM_SHIFT;
        f[j] = t - (shifted[j] - PC_TERM_SHIFT);
        q[j] = zero + c[5];
    }
    for (int i = 4; i >= 0; i--)
        EACH(j) {
            q[j] = q[j] * f[j] + c[i];
            PC_SETTLE(q[j]);
        }
    /* The bits of `shifted` are those of PC_TERM_SHIFT plus k, and all but k is shifted out. */
    EACH(j) { term[j] = (pc_vu)pc_round((pc_vf)((pc_vu)q[j] + ((pc_vu)shifted[j] << 23))); }
}

static inline pc_vd wide_f32(const float *x) { return pc_widen(x); }
static inline pc_vd wide_f64(const double *x) { return *(const pc_vd_at *)x; }

static inline uint64_t folded(pc_vq sum) {
    uint64_t total = 0;
    for (int i = 0; i < PC_Q; i++)
        total += sum[i];
    return total;
}

static inline pc_vq widened(pc_vu sum) { return ((pc_vq)sum & 0xffffffffu) + ((pc_vq)sum >> 32); }

/* Bounds of sums. The float whose bits are those of 2^23 (t + 127), rounded to an integer, is 2^floor(t) (1 + t -
 * floor(t)): at least 2^t, and at most 1.06148 times that (the largest value of (1 + f) / 2^f on [0, 1)). Rounding
 * moves t by less than 2^-16 here (2^23 (t + 127) is below 2^30) and by as much in terms, which moves 2^t by less than
 * 2^-15 of itself; the polynomial of a term is off by 2^-20; and BOUNDED_BLOCKS blocks give a lane at most 2^12
 * additions of floats, which round by 2^-12 of the sum. That is within BOUND_SLACK. A term is off by one unit more
 * where it is rounded to an integer, or 0 because of t <= -29; below t = -40 the float here is a small part of a unit.
 */
#define BOUND_FACTOR (1 / 1.0615)
#define BOUND_SLACK 0x1p-10
enum { BOUNDED_BLOCKS = 1024 };

/* The floats of TOGETHER vectors of differences, added to `sum`. */
static inline __attribute__((always_inline)) void add_bounds(const pc_vf d[TOGETHER], float rate, pc_vf sum[TOGETHER]) {
    const pc_vf zero = {0};
    EACH(j) {
        const pc_vf y = d[j] * (rate * 0x1p23f) + 127 * 0x1p23f;
        sum[j] += (pc_vf)pc_round(pc_max_f(y, zero + (127 - 40) * 0x1p23f)); /* a NaN, -inf * 0, is dropped */
    }
}

/* The differences of PC_W numbers from top. */
static inline pc_vf differences_f64(const double *x, double top) {
    return pc_narrow(*(const pc_vd_at *)x - top, *(const pc_vd_at *)(x + PC_Q) - top);
}

static inline pc_vf differences_f32(const float *x, double top) { return *(const pc_vf_at *)x - (float)top; }

static inline pc_vu mask_f32(const float *x, float value) { return (pc_vu)(*(const pc_vf_at *)x >= value); }

static inline pc_vu mask_f64(const double *x, double value) {
    pc_vu mask;
    for (int i = 0; i < PC_W; i++)
        mask[i] = (uint32_t)-(x[i] >= value);
    return mask;
}

/* ---- Places */

/* Between two keys, rounded down; the difference may be that of two numbers of 64 bits. */
static inline int64_t between(int64_t low, int64_t high) { return (low & high) + ((low ^ high) >> 1); }

#define REAL float
#define REAL_LEAST (-FLT_MAX)
#define REAL_TINY 0x1p-149f
#define FN(name) name##_f32
#include "kept/sums.inc"

#include "kept/places.inc"
#undef REAL
#undef REAL_LEAST
#undef REAL_TINY
#undef FN

#define REAL double
#define REAL_LEAST (-DBL_MAX)
#define REAL_TINY 0x1p-1074
#define FN(name) name##_f64
#include "kept/sums.inc"

#include "kept/places.inc"
#undef REAL
#undef REAL_LEAST
#undef REAL_TINY
#undef FN

pc_term_sum_fn PC_HERE(pc_term_sum);
uint64_t PC_HERE(pc_term_sum)(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms,
                              const pc_place *before) {
    return row->kind == PC_F64 ? term_sum_f64(row, scratch, terms, before) : term_sum_f32(row, scratch, terms, before);
}

pc_term_bounds_fn PC_HERE(pc_term_bounds);
pc_between PC_HERE(pc_term_bounds)(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms) {
    return row->kind == PC_F64 ? term_bounds_f64(row, scratch, terms) : term_bounds_f32(row, scratch, terms);
}

pc_kth_fn PC_HERE(pc_kth);
double PC_HERE(pc_kth)(const pc_row *row, const pc_scratch *scratch, int logits, int64_t k) {
    return row->kind == PC_F64 ? kth_f64(row, scratch, logits, k) : (double)kth_f32(row, scratch, logits, k);
}

pc_nucleus_fn PC_HERE(pc_nucleus);
pc_place PC_HERE(pc_nucleus)(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms,
                             const pc_place *within, uint64_t limit) {
    return row->kind == PC_F64 ? nucleus_f64(row, scratch, terms, within, limit)
                               : nucleus_f32(row, scratch, terms, within, limit);
}

pc_last_fn PC_HERE(pc_last);
int64_t PC_HERE(pc_last)(const pc_row *row, const pc_scratch *scratch, int logits, const pc_place *within) {
    return row->kind == PC_F64 ? last_f64(row, scratch, logits, within) : last_f32(row, scratch, logits, within);
}
