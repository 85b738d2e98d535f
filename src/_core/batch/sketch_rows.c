#include "batch/sketch_rows.h"

#include <math.h>
#include <stdatomic.h>

#include "batch/pool.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"
#include "sketch/memory.h"
#include "sketch/table.h"

/* A chunk of less work (items and registers) is not worth waking a thread for. */
#define WORK_PER_CHUNK 8192

static void clear_registers(pc_registers *best, int64_t k) {
    for (int64_t r = 0; r < k; r++) {
        best->time[r] = INFINITY;
        best->id[r] = best->tag[r] = UINT64_MAX;
    }
}

typedef struct {
    const pc_matrix *matrix;
    const pc_sketch_kind *kind;
    const pc_kernels *kernels;
    int bits;
    uint64_t *out;
    _Atomic int64_t failed; /* the first row that failed, or rows */
} sketch_batch;

static pc_status sketch_row(const sketch_batch *b, int64_t r, pc_registers *best, pc_workspace *work) {
    const pc_matrix *m = b->matrix;
    pc_items items = {.weights = m->first, .ids = m->ids, .id_bytes = m->id_bytes, .normalize = m->normalize};
    if (m->starts) {
        items.weights.n = m->starts[r + 1] - m->starts[r];
        items.weights.data += m->starts[r] * m->first.stride;
        items.ids += m->starts[r] * m->id_bytes;
    } else {
        items.weights.data += r * m->row_stride;
    }
    pc_set set;
    clear_registers(best, b->kind->k);
    pc_status status = items.weights.n ? b->kernels->read_set(&items, work, &set) : PC_NO_ITEM;
    if (status == PC_OK)
        status = b->kernels->sketch(b->kind, &set, best, work);
    if (status != PC_OK && status != PC_NO_ITEM)
        return status;
    b->kernels->sketch_values(b->kind, b->bits, best, b->out + r * b->kind->k);
    return PC_OK;
}

static void note_failure(sketch_batch *b, int64_t row) {
    int64_t seen = atomic_load(&b->failed);
    while (row < seen && !atomic_compare_exchange_weak(&b->failed, &seen, row))
        ;
}

static void sketch_rows(void *argument, pc_ranges *ranges) {
    sketch_batch *b = argument;
    pc_workspace work = {0};
    pc_registers best;
    const int ready = pc_registers_make(&best, b->kind->k);
    pc_fpmode mode = pc_fp_enter();
    for (int64_t from, to; pc_next_range(ranges, &from, &to);)
        for (int64_t r = from; r < to; r++)
            if (!ready || sketch_row(b, r, &best, &work) != PC_OK)
                note_failure(b, r);
    pc_fp_leave(mode);
    if (ready)
        pc_registers_free(&best);
    pc_workspace_free(&work);
}

static int64_t sketch_all(const pc_matrix *matrix, const pc_sketch_kind *kind, int bits, int workers, uint64_t *out,
                          pc_status *status) {
    const int64_t items = matrix->starts ? matrix->starts[matrix->rows] / matrix->rows : matrix->first.n;
    sketch_batch b = {
        .matrix = matrix,
        .kind = kind,
        .kernels = pc_isa_current(),
        .bits = bits,
        .out = out,
        .failed = matrix->rows,
    };
    pc_parallel(workers, matrix->rows, 1 + WORK_PER_CHUNK / (1 + items + 4 * kind->k), sketch_rows, &b);
    if (b.failed == matrix->rows)
        return -1;

    /* Once more, alone, to say why. */
    pc_workspace work = {0};
    pc_registers best;
    *status = PC_NO_MEMORY;
    if (pc_registers_make(&best, kind->k)) {
        pc_fpmode mode = pc_fp_enter();
        *status = sketch_row(&b, b.failed, &best, &work);
        if (*status == PC_OK) /* the row has changed since */
            *status = PC_BAD_VALUE;
        pc_fp_leave(mode);
        pc_registers_free(&best);
    }
    pc_workspace_free(&work);
    return b.failed;
}

int64_t pc_sketch_rows(const pc_matrix *matrix, const pc_sketch_kind *kind, int bits, int workers, uint64_t *out,
                       pc_status *status) {
    pc_sketch_kind whole = *kind;
    if (!matrix->rows)
        return -1;
    if (!pc_take_table(&whole)) {
        *status = PC_NO_MEMORY;
        return 0;
    }
    const int64_t failed = sketch_all(matrix, &whole, bits, workers, out, status);
    pc_return_table(&whole);
    return failed;
}
