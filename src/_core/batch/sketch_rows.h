/* Batches of sketches, without Python. */
#ifndef PC_SKETCHES_H
#define PC_SKETCHES_H

#include "sketch/sketch.h"

/* Rows of a dense matrix, or of a compressed sparse one. */
typedef struct {
    pc_row first;         /* the weights of row 0; for a sparse matrix all of them, side by side */
    ptrdiff_t row_stride; /* dense: bytes from row to row */
    const char *ids;      /* as in pc_items; sparse: of all rows, side by side */
    int id_bytes;
    const int64_t *starts; /* sparse: rows + 1 numbers; row r has the items starts[r] .. starts[r + 1] - 1 */
    int64_t rows;
    int normalize;
} pc_matrix;

/* The sketches of all rows into out[rows][k]; a row without an item has PC_EMPTY in every register. Returns the first
 * row that could not be read or made, with why in *status, or -1. */
int64_t pc_sketch_rows(const pc_matrix *matrix, const pc_sketch_kind *kind, int bits, int workers, uint64_t *out,
                       pc_status *status);

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
