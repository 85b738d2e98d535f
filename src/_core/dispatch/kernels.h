/* What every ISA level provides, and how its files name it. */
#ifndef PC_KERNELS_H
#define PC_KERNELS_H

#include "contract/dart.h"
#include "sketch/sketch.h"

typedef pc_status (*pc_race_fn)(const pc_row *, const pc_race *, pc_scratch *, pc_winner *);

/* The first dart under weights into *first or, if there is a list, all those up to its end into the list. */
typedef pc_status (*pc_darts_fn)(const pc_row *, const pc_race *, pc_scratch *, pc_darts *list, pc_dart *first);

typedef pc_status (*pc_read_fn)(const pc_items *, pc_workspace *, pc_set *);
typedef pc_status (*pc_sketch_fn)(const pc_sketch_kind *, const pc_set *, pc_registers *, pc_workspace *);
typedef void (*pc_values_fn)(const pc_sketch_kind *, int bits, const pc_registers *, uint64_t *);
typedef int64_t (*pc_equal_fn)(const void *, const void *, int64_t);

/* The terms exp((x - top) / temperature) of n logits, and their sum. */
typedef double (*pc_softmax_f32_fn)(const float *, int64_t n, double top, double temperature, double *terms);
typedef double (*pc_softmax_f64_fn)(const double *, int64_t n, double top, double temperature, double *terms);

typedef struct {
    const char *name;
    pc_race_fn race_f32; /* float16, bfloat16 and float32 rows */
    pc_race_fn race_f64;
    pc_race_fn minhash_f32; /* weights only; the score is minus the time of the dart */
    pc_race_fn minhash_f64;
    pc_darts_fn darts;
    pc_read_fn read_set;
    pc_sketch_fn sketch;
    pc_values_fn sketch_values;
    pc_softmax_f32_fn softmax_f32;
    pc_softmax_f64_fn softmax_f64;
    pc_equal_fn equal[4]; /* of how many elements of 1, 2, 4 and 8 bytes two arrays are equal */
} pc_kernels;

/* PC_HERE(name) is the name with the level's behind it, in a file compiled with PC_LEVEL (CMakeLists.txt). */
#define PC_JOIN_(name, level) name##_##level
#define PC_JOIN(name, level) PC_JOIN_(name, level)
#define PC_HERE(name) PC_JOIN(name, PC_LEVEL)

#endif
