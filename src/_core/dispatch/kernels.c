/* The table of one ISA level, compiled once per level beside its kernels. */
#include "dispatch/kernels.h"

#include "simd/level.h"

#define PC_TEXT_(level) #level
#define PC_TEXT(level) PC_TEXT_(level)

pc_scan_fn PC_HERE(pc_scan);
pc_race_fn PC_HERE(pc_race);
pc_darts_fn PC_HERE(pc_darts);
pc_read_set_fn PC_HERE(pc_read_set);
pc_sketch_fn PC_HERE(pc_sketch);
pc_sketch_values_fn PC_HERE(pc_sketch_values);
pc_equal_fn PC_HERE(pc_equal_8), PC_HERE(pc_equal_16), PC_HERE(pc_equal_32), PC_HERE(pc_equal_64);
pc_term_sum_fn PC_HERE(pc_term_sum);
pc_term_bounds_fn PC_HERE(pc_term_bounds);
pc_kth_fn PC_HERE(pc_kth);
pc_nucleus_fn PC_HERE(pc_nucleus);
pc_last_fn PC_HERE(pc_last);

extern const pc_kernels PC_HERE(pc_kernels);
const pc_kernels PC_HERE(pc_kernels) = {
    .name = PC_TEXT(PC_LEVEL),
    .scan = PC_HERE(pc_scan),
    .race = PC_HERE(pc_race),
    .darts = PC_HERE(pc_darts),
    .read_set = PC_HERE(pc_read_set),
    .sketch = PC_HERE(pc_sketch),
    .sketch_values = PC_HERE(pc_sketch_values),
    .equal = {PC_HERE(pc_equal_8), PC_HERE(pc_equal_16), PC_HERE(pc_equal_32), PC_HERE(pc_equal_64)},
    .term_sum = PC_HERE(pc_term_sum),
    .term_bounds = PC_HERE(pc_term_bounds),
    .kth = PC_HERE(pc_kth),
    .nucleus = PC_HERE(pc_nucleus),
    .last = PC_HERE(pc_last),
};
