/* Topics: draws from rows of every kind, by every rule; and the draws that those of kept sets share. */
#include <stdlib.h>

#include "conformance.h"

enum { ROWS = 8 };

/* From one item to many blocks of 64, on both sides of their edges. */
static const int64_t lengths[] = {1, 2, 5, 63, 64, 65, 127, 128, 129, 257, 1000, 1023, 1025, 2049, 4099};
static const double temperatures[ROWS] = {1, 0, 0x1.6666666666666p-1, 0x1p-10, 0x1p-1000, 3, 1000, 0x1p60};

typedef struct {
    int64_t top_k;
    double top_p, min_p;
} truncation;

/* The last three are errors. */
static const truncation truncations[] = {
    {0, 1, 0},
    {0, 0x1.e666666666666p-1, 0},
    {50, 1, 0},
    {0, 1, 0x1p-4},
    {20, 0x1.ccccccccccccdp-1, 0x1p-6},
    {0, 0x1.fffffffffffffp-1, 0},
    {1, 0.5, 1},
    {-1, 0, 0},
    {3, 0x1p-1074, 0x1p-1074},
    {0, 0x1p-5, 0x1.8p-1},
    {-2, 0.5, 0},
    {0, 1.5, 0},
    {2, 1, -1},
};

typedef struct {
    char *args[PC_MAX_RACE_ARGS];
    intptr_t strides[PC_MAX_RACE_ARGS + 1];
    int count;
} arguments;

static void add(arguments *to, const void *data, intptr_t stride) {
    to->args[to->count] = (char *)(uintptr_t)data;
    to->strides[to->count++] = stride;
}

void draw_rows(digest *d, const pc_row *row, ptrdiff_t row_stride, int64_t rows, uint64_t keys,
               const pc_race_loop_data *data, int last_kept) {
    const int64_t choices = LENGTH(truncations);
    uint64_t *in = memory_for(4 * rows, sizeof *in);
    int64_t *item = memory_for(2 * rows, sizeof *item), *top_k = item + rows;
    double *real = memory_for(6 * rows, sizeof *real), *temperature = real + 3 * rows, *top_p = real + 4 * rows,
           *min_p = real + 5 * rows;
    for (int64_t i = 0; i < rows; i++) {
        for (int a = 0; a < 4; a++) /* seed, step, stream, first item */
            in[a * rows + i] = word(keys, 4 * (uint64_t)i + (uint64_t)a);
        in[2 * rows + i] &= PC_MAX_STREAM;
        in[3 * rows + i] = (in[3 * rows + i] & 0x1ffffff) * PC_BLOCK;
        temperature[i] = temperatures[i % ROWS];
        const truncation *t = &truncations[((int64_t)keys + i) % choices];
        top_k[i] = t->top_k;
        top_p[i] = t->top_p;
        min_p[i] = t->min_p;
    }
    const intptr_t dims[] = {(intptr_t)rows, (intptr_t)row->n};
    arguments a = {.count = 0};
    add(&a, row->data, row_stride);
    for (int i = 0; i < 2 && !last_kept; i++)
        add(&a, in + i * rows, 8);
    if (data->rule == PC_LOGITS)
        add(&a, temperature, 8);
    if (data->kept) {
        add(&a, top_k, 8);
        add(&a, top_p, 8);
        add(&a, min_p, 8);
    }
    for (int i = 2; i < 4 && !last_kept; i++)
        add(&a, in + i * rows, 8);
    add(&a, item, 8);
    for (int o = 0; o < data->outputs - 1; o++)
        add(&a, real + o * rows, 8);
    a.strides[a.count] = row->stride;
    (last_kept ? pc_last_kept_loop : pc_race_loop)(a.args, dims, a.strides, data);
    for (int64_t i = 0; i < rows; i++) {
        digest_u64(d, (uint64_t)item[i]);
        for (int o = 0; o < data->outputs - 1; o++)
            digest_f64(d, real[o * rows + i]);
    }
    free(in);
    free(item);
    free(real);
}

void draw_all_rows(digest *d, const pc_race_loop_data *data, int last_kept) {
    for (int recipe = 0; recipe < RECIPES; recipe++)
        for (int l = 0; l < LENGTH(lengths); l++) {
            pc_row row;
            void *memory =
                make_row(&row, data->kind, data->rule == PC_LOGITS, recipe, lengths[l], (recipe + l) % LAYOUTS);
            draw_rows(d, &row, 0, ROWS, (uint64_t)(1000 + recipe * LENGTH(lengths) + l), data, last_kept);
            free(memory);
        }
}

void draw_batch(digest *d, uint64_t keys, const pc_race_loop_data *data) {
    const int64_t rows = 450, n = 300;
    pc_row row;
    void *memory = make_row(&row, data->kind, data->rule == PC_LOGITS, SPREAD, rows * n, 0);
    row.n = n;
    draw_rows(d, &row, row.stride * n, rows, keys, data, 0);
    free(memory);
}

static void all_rows(digest *d, int kind, pc_rule rule, int outputs) {
    const pc_race_loop_data data = {.kind = (pc_kind)kind, .rule = rule, .outputs = outputs};
    draw_all_rows(d, &data, 0);
}

static void logits(digest *d, int kind) { all_rows(d, kind, PC_LOGITS, 1); }
static void margins(digest *d, int kind) { all_rows(d, kind, PC_LOGITS, 3); }
static void weights(digest *d, int kind) { all_rows(d, kind, PC_KEYS, 1); }
static void keys(digest *d, int kind) { all_rows(d, kind, PC_KEYS, 2); }
static void times(digest *d, int kind) { all_rows(d, kind, PC_TIMES, 2); }
static void minhash(digest *d, int kind) { all_rows(d, kind, PC_MINHASH, 1); }

static void batches(digest *d, int kind) {
    const pc_race_loop_data race = {.kind = (pc_kind)kind, .rule = PC_LOGITS, .outputs = 3},
                            darts = {.kind = (pc_kind)kind, .rule = PC_MINHASH, .outputs = 1};
    draw_batch(d, 3000, &race);
    draw_batch(d, 3001, &darts);
}

const topic race_topics[] = {
    OF_EVERY_KIND("logits", logits),   OF_EVERY_KIND("margins", margins),
    OF_EVERY_KIND("weights", weights), OF_EVERY_KIND("keys", keys),
    OF_EVERY_KIND("times", times),     OF_EVERY_KIND("minhash", minhash),
    OF_EVERY_KIND("batches", batches), {NULL, NULL, 0},
};
