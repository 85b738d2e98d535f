/* What every ISA level provides: one table of functions per level. */
#ifndef PC_DISPATCH_KERNELS_H
#define PC_DISPATCH_KERNELS_H

#include "kept/kept.h"
#include "minhash/minhash.h"
#include "race/race.h"
#include "sketch/sketch.h"

typedef struct {
    const char *name;
    pc_scan_fn *scan;
    pc_race_fn *race;
    pc_darts_fn *darts;
    pc_read_set_fn *read_set;
    pc_sketch_fn *sketch;
    pc_sketch_values_fn *sketch_values;
    pc_equal_fn *equal[4]; /* of elements of 1, 2, 4 and 8 bytes */
    pc_term_sum_fn *term_sum;
    pc_term_bounds_fn *term_bounds;
    pc_kth_fn *kth;
    pc_nucleus_fn *nucleus;
    pc_last_fn *last;
} pc_kernels;

#endif
