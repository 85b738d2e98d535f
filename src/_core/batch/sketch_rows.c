#include "batch/sketch_rows.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "batch/pool.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"
#include "sketch/table.h"

/* A chunk of less work (items and registers) is not worth waking a thread for. */
#define WORK_PER_CHUNK 8192

static int give_table(pc_sketch_kind *kind) {
    kind->table = kind->minhash ? NULL : pc_table_of(kind->k);
    return kind->minhash || kind->table;
}

/* ---- Registers and workspaces. */

static int make_registers(pc_registers *best, int64_t k) {
    best->time = malloc((size_t)k * (sizeof *best->time + sizeof *best->id + sizeof *best->tag));
    if (!best->time)
        return 0;
    best->id = (uint64_t *)(void *)(best->time + k);
    best->tag = best->id + k;
    return 1;
}

static void clear_registers(pc_registers *best, int64_t k) {
    for (int64_t r = 0; r < k; r++) {
        best->time[r] = INFINITY;
        best->id[r] = best->tag[r] = UINT64_MAX;
    }
}

static void free_workspace(pc_workspace *work) {
    free(work->candidates);
    free(work->weights);
    free(work->ids);
}

/* ---- Rows. */

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

static void sketch_rows(void *argument, pc_rows *rows) {
    sketch_batch *b = argument;
    pc_workspace work = {0};
    pc_registers best;
    const int ready = make_registers(&best, b->kind->k);
    pc_fpmode mode = pc_fp_enter();
    for (int64_t from, to; pc_next_rows(rows, &from, &to);)
        for (int64_t r = from; r < to; r++)
            if (!ready || sketch_row(b, r, &best, &work) != PC_OK)
                note_failure(b, r);
    pc_fp_leave(mode);
    if (ready)
        free(best.time);
    free_workspace(&work);
}

int64_t pc_sketch_rows(const pc_matrix *matrix, const pc_sketch_kind *kind, int bits, int workers, uint64_t *out,
                       pc_status *status) {
    if (!matrix->rows)
        return -1;
    pc_sketch_kind whole = *kind;
    if (!give_table(&whole)) {
        *status = PC_NO_MEMORY;
        return 0;
    }
    const int64_t items = matrix->starts ? matrix->starts[matrix->rows] / matrix->rows : matrix->first.n;
    sketch_batch b = {
        .matrix = matrix,
        .kind = &whole,
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
    if (make_registers(&best, kind->k)) {
        pc_fpmode mode = pc_fp_enter();
        *status = sketch_row(&b, b.failed, &best, &work);
        pc_fp_leave(mode);
        free(best.time);
    }
    free_workspace(&work);
    return b.failed;
}

/* ---- Running sketches. */

/* What an exponent adds to a key. 512 more are taken from every key: exponents of times span some 2,300 numbers, which
 * then fit an int64. */
static int64_t key_offset(int exponent) { return (exponent + INT64_C(512)) * (INT64_C(1) << 52); }

static int64_t key_of(double time, int exponent) { return (int64_t)pc_bits(time) - key_offset(exponent); }

/* A key as a time in a set's frame, 0 or INFINITY if no double can hold it there. The set's own arrivals are not before
 * 2^-60, and its largest item alone has one at each register before 2^60: so the first stays, and the second goes. */
static double time_of(int64_t key, int exponent) {
    if (key == PC_NEVER)
        return INFINITY;
    const int64_t power = (key >> 52) + exponent + 512;
    if (power <= 0)
        return 0;
    return power >= 2047 ? INFINITY : pc_double((uint64_t)(key + key_offset(exponent)));
}

pc_status pc_sketch_update(const pc_sketch_kind *kind, const pc_items *items, pc_running *running) {
    const pc_kernels *kernels = pc_isa_current();
    pc_workspace work = {0};
    pc_sketch_kind whole = *kind;
    pc_registers best;
    pc_set set;
    if (!give_table(&whole) || !make_registers(&best, kind->k))
        return PC_NO_MEMORY;
    pc_fpmode mode = pc_fp_enter();
    pc_status status = kernels->read_set(items, &work, &set);
    if (status == PC_OK) {
        for (int64_t r = 0; r < kind->k; r++) {
            best.time[r] = time_of(running->key[r], set.exponent);
            best.id[r] = running->id[r];
            best.tag[r] = running->tag[r];
        }
        status = kernels->sketch(&whole, &set, &best, &work);
    }
    if (status == PC_OK) {
        for (int64_t r = 0; r < kind->k; r++) {
            if (best.time[r] == time_of(running->key[r], set.exponent) && best.id[r] == running->id[r] &&
                best.tag[r] == running->tag[r])
                continue;
            running->key[r] = key_of(best.time[r], set.exponent);
            running->id[r] = best.id[r];
            running->tag[r] = best.tag[r];
        }
    }
    pc_fp_leave(mode);
    free(best.time);
    free_workspace(&work);
    return status;
}

pc_status pc_sketch_finish(const pc_sketch_kind *kind, int bits, const pc_running *running, uint64_t *out) {
    pc_registers best;
    if (!make_registers(&best, kind->k))
        return PC_NO_MEMORY;
    for (int64_t r = 0; r < kind->k; r++) {
        best.time[r] = running->key[r] == PC_NEVER ? INFINITY : 0;
        best.id[r] = running->id[r];
        best.tag[r] = running->tag[r];
    }
    pc_isa_current()->sketch_values(kind, bits, &best, out);
    free(best.time);
    return PC_OK;
}

void pc_sketch_merge(int64_t k, pc_running *running, const pc_running *other) {
    for (int64_t r = 0; r < k; r++) {
        if (other->key[r] > running->key[r])
            continue;
        if (other->key[r] == running->key[r] &&
            (other->id[r] > running->id[r] || (other->id[r] == running->id[r] && other->tag[r] >= running->tag[r])))
            continue;
        running->key[r] = other->key[r];
        running->id[r] = other->id[r];
        running->tag[r] = other->tag[r];
    }
}
