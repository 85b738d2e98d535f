/* What every ISA level provides, and how its files name it. */
#ifndef PC_KERNELS_H
#define PC_KERNELS_H

#include "race.h"

typedef pc_status (*pc_race_fn)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);

typedef struct {
    const char *name;
    pc_race_fn race_f32; /* float16 and float32 rows */
    pc_race_fn race_f64;
} pc_kernels;

/* PC_HERE(name) is the name with the level's behind it, in a file compiled with PC_LEVEL (CMakeLists.txt). */
#define PC_JOIN_(name, level) name##_##level
#define PC_JOIN(name, level) PC_JOIN_(name, level)
#define PC_HERE(name) PC_JOIN(name, PC_LEVEL)

#endif
