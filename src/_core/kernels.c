/* The table of one ISA level, compiled once per level beside its kernels. */
#include "kernels.h"

#define PC_TEXT_(level) #level
#define PC_TEXT(level) PC_TEXT_(level)

pc_status PC_HERE(pc_race_f32)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);
pc_status PC_HERE(pc_race_f64)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);

extern const pc_kernels PC_HERE(pc_kernels);
const pc_kernels PC_HERE(pc_kernels) = {PC_TEXT(PC_LEVEL), PC_HERE(pc_race_f32), PC_HERE(pc_race_f64)};
