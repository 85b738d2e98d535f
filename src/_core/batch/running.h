/* A sketch into which sets are put one after the other, without Python. */
#ifndef PC_BATCH_RUNNING_H
#define PC_BATCH_RUNNING_H

#include "sketch/sketch.h"

/* A running sketch: the time of each register's best arrival, as a number with an exponent of its own. The double t
 * in the frame of a set with exponent e is bits(t) - (e + 512) * 2^52, which orders as the times do; PC_NEVER: none
 * yet. */
#define PC_NEVER INT64_MAX
typedef struct {
    int64_t *key;
    uint64_t *id, *tag;
} pc_running;

pc_status pc_sketch_update(const pc_sketch_kind *kind, const pc_items *items, pc_running *running);
pc_status pc_sketch_finish(const pc_sketch_kind *kind, int bits, const pc_running *running, uint64_t *out);

/* Keep in `running` the better of each register's two arrivals. */
void pc_sketch_merge(int64_t k, pc_running *running, const pc_running *other);

#endif
