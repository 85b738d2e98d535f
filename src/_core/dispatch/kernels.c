/* The table of one ISA level, compiled once per level beside its kernels. */
#include "dispatch/kernels.h"

#include "simd/level.h"

#define PC_TEXT_(level) #level
#define PC_TEXT(level) PC_TEXT_(level)

pc_race_fn PC_HERE(pc_race);
pc_darts_fn PC_HERE(pc_darts);
pc_read_set_fn PC_HERE(pc_read_set);
pc_sketch_fn PC_HERE(pc_sketch);
pc_sketch_values_fn PC_HERE(pc_sketch_values);
pc_equal_fn PC_HERE(pc_equal_8), PC_HERE(pc_equal_16), PC_HERE(pc_equal_32), PC_HERE(pc_equal_64);
pc_softmax_fn PC_HERE(pc_softmax_f32), PC_HERE(pc_softmax_f64);

extern const pc_kernels PC_HERE(pc_kernels);
const pc_kernels PC_HERE(pc_kernels) = {
    .name = PC_TEXT(PC_LEVEL),
    .race = PC_HERE(pc_race),
    .darts = PC_HERE(pc_darts),
    .read_set = PC_HERE(pc_read_set),
    .sketch = PC_HERE(pc_sketch),
    .sketch_values = PC_HERE(pc_sketch_values),
    .equal = {PC_HERE(pc_equal_8), PC_HERE(pc_equal_16), PC_HERE(pc_equal_32), PC_HERE(pc_equal_64)},
    .softmax_f32 = PC_HERE(pc_softmax_f32),
    .softmax_f64 = PC_HERE(pc_softmax_f64),
};
