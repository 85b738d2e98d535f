/* The table of one ISA level, compiled once per level beside its kernels. */
#include "dispatch/kernels.h"

#define PC_TEXT_(level) #level
#define PC_TEXT(level) PC_TEXT_(level)

pc_status PC_HERE(pc_race_f32)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);
pc_status PC_HERE(pc_race_f64)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);
pc_status PC_HERE(pc_minhash_f32)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);
pc_status PC_HERE(pc_minhash_f64)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);
pc_status PC_HERE(pc_darts)(const pc_row *, const pc_race *, pc_scratch *, pc_darts *, pc_dart *);
pc_status PC_HERE(pc_read_set)(const pc_items *, pc_workspace *, pc_set *);
pc_status PC_HERE(pc_sketch)(const pc_sketch_kind *, const pc_set *, pc_registers *, pc_workspace *);
void PC_HERE(pc_sketch_values)(const pc_sketch_kind *, int bits, const pc_registers *, uint64_t *);
double PC_HERE(pc_softmax_f32)(const float *, int64_t, double, double, double *);
double PC_HERE(pc_softmax_f64)(const double *, int64_t, double, double, double *);
int64_t PC_HERE(pc_equal_8)(const void *, const void *, int64_t);
int64_t PC_HERE(pc_equal_16)(const void *, const void *, int64_t);
int64_t PC_HERE(pc_equal_32)(const void *, const void *, int64_t);
int64_t PC_HERE(pc_equal_64)(const void *, const void *, int64_t);

extern const pc_kernels PC_HERE(pc_kernels);
const pc_kernels PC_HERE(pc_kernels) = {
    .name = PC_TEXT(PC_LEVEL),
    .race_f32 = PC_HERE(pc_race_f32),
    .race_f64 = PC_HERE(pc_race_f64),
    .minhash_f32 = PC_HERE(pc_minhash_f32),
    .minhash_f64 = PC_HERE(pc_minhash_f64),
    .darts = PC_HERE(pc_darts),
    .read_set = PC_HERE(pc_read_set),
    .sketch = PC_HERE(pc_sketch),
    .sketch_values = PC_HERE(pc_sketch_values),
    .softmax_f32 = PC_HERE(pc_softmax_f32),
    .softmax_f64 = PC_HERE(pc_softmax_f64),
    .equal = {PC_HERE(pc_equal_8), PC_HERE(pc_equal_16), PC_HERE(pc_equal_32), PC_HERE(pc_equal_64)},
};
