/* Kept sets of docs/kept.md: what the kernels take and give. */
#ifndef PC_KEPT_KEPT_H
#define PC_KEPT_KEPT_H

#include "scan/row.h"

/* How items become terms. */
typedef struct {
    int logits; /* else weights */
    double top; /* the largest logit or weight of the row */
    float rate; /* logits: pc_term_rate of the temperature */
} pc_terms;

/* The kernels read rows whose block maxima are known (pc_scan).
 *
 * The sum of the terms of the items before a place. */
typedef uint64_t pc_term_sum_fn(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms,
                                const pc_place *before);

/* What the sum of the terms of all logits of a row is not below and not above: faster, and seldom too little to know.
 * The rate must be below PC_MOST_BOUNDED_RATE, so that 2^23 times it is a number. */
#define PC_MOST_BOUNDED_RATE 0x1p100f
typedef struct {
    uint64_t least, most;
} pc_between;
typedef pc_between pc_term_bounds_fn(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms);

/* The value of the k-th largest item, k >= 1, or a value below all items if they are fewer. */
typedef double pc_kth_fn(const pc_row *row, const pc_scratch *scratch, int logits, int64_t k);

/* The place behind the last of the items before `within` that have terms of less than `limit` before them. */
typedef pc_place pc_nucleus_fn(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms,
                               const pc_place *within, uint64_t limit);

/* The last item before a place; -1 if there is none. */
typedef int64_t pc_last_fn(const pc_row *row, const pc_scratch *scratch, int logits, const pc_place *within);

#endif
