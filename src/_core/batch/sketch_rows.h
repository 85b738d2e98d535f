/* The sketches of many sets, without Python. */
#ifndef PC_BATCH_SKETCH_ROWS_H
#define PC_BATCH_SKETCH_ROWS_H

#include "sketch/sketch.h"

/* Rows of a dense matrix, or of a compressed sparse one. */
typedef struct {
    pc_row first;         /* the weights of row 0; for a sparse matrix all of them, side by side */
    ptrdiff_t row_stride; /* dense: bytes from row to row */
    const char *ids;      /* as in pc_items; dense: all rows share them; sparse: of all rows, side by side */
    int id_bytes;
    const int64_t *starts; /* sparse: rows + 1 numbers; row r has the items starts[r] .. starts[r + 1] - 1 */
    int64_t rows;
    int normalize;
} pc_matrix;

/* The sketches of all rows into out[rows][k]; a row without an item has PC_EMPTY in every register. Returns the first
 * row that could not be read or made, with why in *status, or -1. */
int64_t pc_sketch_rows(const pc_matrix *matrix, const pc_sketch_kind *kind, int bits, int workers, uint64_t *out,
                       pc_status *status);

#endif
