/* The C interface for other languages: what is passed is checked, and handed to the loops. interface/pycouple.h
 * describes it. */
#include "interface/pycouple.h"

#include <errno.h>

#include "batch/call.h"
#include "batch/loops.h"
#include "batch/sketch_rows.h"
#include "dispatch/answers.h"
#include "dispatch/isa.h"

_Static_assert(PYCOUPLE_FLOAT16 == (int)PC_F16 && PYCOUPLE_BFLOAT16 == (int)PC_BF16 &&
                   PYCOUPLE_FLOAT32 == (int)PC_F32 && PYCOUPLE_FLOAT64 == (int)PC_F64,
               "a dtype is a pc_kind");
_Static_assert(PYCOUPLE_EMPTY == PC_EMPTY, "PYCOUPLE_EMPTY");

/* ---- Calls */

/* Marks are noted in a pc_call, for without one they would raise a floating-point flag of the caller. */
typedef struct {
    pc_call call;
    int error;
} outside;

static int go_on(void **raised) {
    (void)raised;
    return 0;
}

static outside enter(int workers) { return (outside){pc_call_begin(workers, go_on), errno}; }

/* Whether an element was marked. */
static int leave(outside before) {
    errno = before.error;
    return pc_call_end(before.call).marked;
}

/* ---- ISA levels */

/* When the library is loaded, so that no call can come between. Whoever draws earlier, in a constructor of their own,
 * runs the baseline and gets the same bits. */
__attribute__((constructor)) static void use_best_level(void) { pc_isa_use(NULL); }

const char *pycouple_level(void) { return pc_isa_current()->name; }

int pycouple_use_level(const char *name) { return pc_isa_use(name) ? PYCOUPLE_OK : PYCOUPLE_BAD_LEVEL; }

int pycouple_check_level(void) {
    const outside before = enter(1);
    const char *wrong = pc_wrong_answer(pc_isa_current());
    leave(before);
    return wrong ? PYCOUPLE_BAD_BUILD : PYCOUPLE_OK;
}

/* ---- Rows */

/* All bytes of an array have an address, and there is room for 8 bytes per element in a ptrdiff_t. */
static int is_size(int64_t count) { return count >= 0 && count <= PTRDIFF_MAX / 8; }

typedef struct {
    const void *data;
    int dtype;
    int64_t rows, n;
    ptrdiff_t row_stride, stride;
} table;

static int check_table(const table *t) {
    static const uintptr_t sizes[] = {2, 2, 4, 8};
    if (t->dtype < PYCOUPLE_FLOAT16 || t->dtype > PYCOUPLE_FLOAT64)
        return PYCOUPLE_BAD_DTYPE;
    if (!is_size(t->rows) || !is_size(t->n))
        return PYCOUPLE_BAD_SIZE;
    if (!t->data && t->rows && t->n)
        return PYCOUPLE_NULL_POINTER;
    if (((uintptr_t)t->data | (uintptr_t)t->row_stride | (uintptr_t)t->stride) % sizes[t->dtype])
        return PYCOUPLE_MISALIGNED;
    return PYCOUPLE_OK;
}

/* Where there are no numbers, data may be NULL, to which nothing may be added. */
static const void *first(const table *t) { return t->data ? t->data : ""; }

/* ---- Draws */

typedef struct {
    const uint64_t *seeds, *steps;
    const double *temperatures; /* logits only */
    uint64_t stream, item_offset;
    int workers;
} parameters;

typedef struct {
    char *args[9];
    intptr_t strides[10];
    int count;
} arguments;

static void add(arguments *to, const void *data, ptrdiff_t stride) {
    to->args[to->count] = (char *)data;
    to->strides[to->count++] = stride;
}

static int draw(pc_rule rule, const table *rows, const parameters *p, int64_t *items, double *scores, double *margins) {
    const int status = check_table(rows);
    if (status != PYCOUPLE_OK)
        return status;
    if (p->workers < 1)
        return PYCOUPLE_BAD_WORKERS;
    if (rows->rows == 0)
        return PYCOUPLE_OK;
    if (!p->seeds || !p->steps || (rule == PC_LOGITS && !p->temperatures) || !items)
        return PYCOUPLE_NULL_POINTER;

    const pc_race_loop_data data = {(pc_kind)rows->dtype, rule, margins ? 3 : scores ? 2 : 1};
    const intptr_t dims[] = {rows->rows, rows->n};
    arguments a = {.count = 0};
    add(&a, first(rows), rows->row_stride);
    add(&a, p->seeds, sizeof *p->seeds);
    add(&a, p->steps, sizeof *p->steps);
    if (rule == PC_LOGITS)
        add(&a, p->temperatures, sizeof *p->temperatures);
    add(&a, &p->stream, 0);
    add(&a, &p->item_offset, 0);
    add(&a, items, sizeof *items);
    if (data.outputs > 1)
        add(&a, scores ? scores : margins, sizeof *scores); /* a row's margin is written after its score */
    if (data.outputs > 2)
        add(&a, margins, sizeof *margins);
    a.strides[a.count] = rows->stride;

    const outside before = enter(p->workers);
    pc_race_loop(a.args, dims, a.strides, &data);
    if (!leave(before))
        return PYCOUPLE_OK;
    int wrong = PYCOUPLE_OK;
    for (int64_t r = 0; r < rows->rows; r++)
        if (items[r] < 0) {
            items[r] = PC_NO_WINNER - items[r];
            wrong = wrong == PYCOUPLE_OK ? (int)-items[r] : wrong;
        }
    return wrong;
}

int pycouple_sample_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps,
                                const double *temperatures, uint32_t stream, uint64_t item_offset, int workers,
                                int64_t *items, double *scores, double *margins) {
    const table t = {logits, dtype, rows, n, row_stride, stride};
    const parameters p = {seeds, steps, temperatures, stream, item_offset, workers};
    return draw(PC_LOGITS, &t, &p, items, scores, margins);
}

int pycouple_sample_weights_rows(const void *weights, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                 ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps, uint32_t stream,
                                 uint64_t item_offset, int workers, int64_t *items, double *scores) {
    const table t = {weights, dtype, rows, n, row_stride, stride};
    const parameters p = {seeds, steps, NULL, stream, item_offset, workers};
    return draw(scores ? PC_TIMES : PC_KEYS, &t, &p, items, scores, NULL);
}

int pycouple_sample_minhash_rows(const void *weights, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                 ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps, uint32_t stream,
                                 uint64_t item_offset, int workers, int64_t *items) {
    const table t = {weights, dtype, rows, n, row_stride, stride};
    const parameters p = {seeds, steps, NULL, stream, item_offset, workers};
    return draw(PC_MINHASH, &t, &p, items, NULL, NULL);
}

int pycouple_sample_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                           double temperature, uint32_t stream, uint64_t item_offset, int64_t *item, double *score,
                           double *margin) {
    return pycouple_sample_logits_rows(logits, dtype, 1, n, 0, stride, &seed, &step, &temperature, stream, item_offset,
                                       1, item, score, margin);
}

int pycouple_sample_weights(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                            uint32_t stream, uint64_t item_offset, int64_t *item, double *score) {
    return pycouple_sample_weights_rows(weights, dtype, 1, n, 0, stride, &seed, &step, stream, item_offset, 1, item,
                                        score);
}

int pycouple_sample_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                            uint32_t stream, uint64_t item_offset, int64_t *item) {
    return pycouple_sample_minhash_rows(weights, dtype, 1, n, 0, stride, &seed, &step, stream, item_offset, 1, item);
}

/* ---- Public randomness */

static int numbers(int what, uint64_t seed, uint64_t step, uint64_t stream, const uint64_t *items, int64_t count,
                   double *values) {
    if (!is_size(count))
        return PYCOUPLE_BAD_SIZE;
    if (stream > PC_MAX_STREAM)
        return PYCOUPLE_BAD_STREAM;
    if (count == 0)
        return PYCOUPLE_OK;
    if (!items || !values)
        return PYCOUPLE_NULL_POINTER;
    for (int64_t i = 0; i < count; i++)
        if (items[i] > (what == PC_UNIFORMS ? PC_MAX_UNIFORM_ITEM : PC_MAX_RACE_ITEM))
            return PYCOUPLE_BAD_ITEM;
    arguments a = {.count = 0};
    add(&a, &seed, 0);
    add(&a, &step, 0);
    add(&a, &stream, 0);
    add(&a, items, sizeof *items);
    add(&a, values, sizeof *values);
    const intptr_t dims[] = {count};
    const outside before = enter(1);
    pc_random_loop(a.args, dims, a.strides, what);
    leave(before);
    return PYCOUPLE_OK;
}

int pycouple_clocks(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                    double *values) {
    return numbers(PC_CLOCKS, seed, step, stream, items, count, values);
}

int pycouple_gumbels(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                     double *values) {
    return numbers(PC_GUMBELS, seed, step, stream, items, count, values);
}

int pycouple_uniforms(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                      double *values) {
    return numbers(PC_UNIFORMS, seed, step, stream, items, count, values);
}

/* ---- Sketches */

static int sketch(const pc_sketch_kind *kind, const table *set, const uint64_t *ids, int normalize, int bits,
                  uint64_t *registers) {
    const int wrong = check_table(set);
    if (wrong != PYCOUPLE_OK)
        return wrong;
    if (kind->k < 1 || kind->k > PC_MAX_REGISTERS)
        return PYCOUPLE_BAD_K;
    if (bits < 0 || bits > 32)
        return PYCOUPLE_BAD_BITS;
    if (!registers)
        return PYCOUPLE_NULL_POINTER;
    for (int64_t i = 1; ids && i < set->n; i++)
        if (ids[i] <= ids[i - 1])
            return PYCOUPLE_BAD_IDS;
    const pc_matrix matrix = {
        .first = {.data = first(set), .stride = set->stride, .n = set->n, .kind = (pc_kind)set->dtype},
        .ids = (const char *)ids,
        .id_bytes = sizeof *ids,
        .rows = 1,
        .normalize = normalize,
    };
    pc_status status = PC_OK;
    const outside before = enter(1);
    pc_sketch_rows(&matrix, kind, bits, 1, registers, &status);
    leave(before);
    return (int)status;
}

int pycouple_sketch_gumbel(const void *weights, int dtype, int64_t n, ptrdiff_t stride, const uint64_t *ids, int64_t k,
                           uint64_t seed, int bits, uint64_t *registers) {
    const table set = {weights, dtype, 1, n, 0, stride};
    const pc_sketch_kind kind = {.minhash = 0, .k = k, .seed = seed};
    return sketch(&kind, &set, ids, 0, bits, registers);
}

int pycouple_sketch_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride, const uint64_t *ids, int64_t k,
                            uint64_t seed, int normalize, int bits, uint64_t *registers) {
    const table set = {weights, dtype, 1, n, 0, stride};
    const pc_sketch_kind kind = {.minhash = 1, .k = k, .seed = seed};
    return sketch(&kind, &set, ids, normalize, bits, registers);
}
