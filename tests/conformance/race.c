/* Topics: draws from rows of every kind, by every rule; and softmax terms. */
#include <stdlib.h>
#include <string.h>

#include "batch/loops.h"
#include "conformance.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"

enum { ROWS = 8 };

/* From one item to many blocks of 64, on both sides of their edges. */
static const int64_t lengths[] = {1, 2, 5, 63, 64, 65, 127, 128, 129, 257, 1000, 1023, 1025, 2049, 4099};
static const double temperatures[ROWS] = {1, 0, 0x1.6666666666666p-1, 0x1p-10, 0x1p-1000, 3, 1000, 0x1p60};

/* Draw rows * n items and hash what the loop gives. Row i has the draw of words from sequence `keys`. */
static void draw(digest *d, const pc_row *row, ptrdiff_t row_stride, int64_t rows, uint64_t keys, pc_rule rule,
                 int outputs) {
    const int logits = rule == PC_LOGITS, count = 5 + logits + outputs;
    uint64_t *in = memory_for(4 * rows, sizeof *in);
    double *temperature = memory_for(rows, sizeof *temperature), *score = memory_for(2 * rows, sizeof *score);
    int64_t *item = memory_for(rows, sizeof *item);
    for (int64_t i = 0; i < rows; i++) {
        for (int a = 0; a < 4; a++) /* seed, step, stream, first item */
            in[a * rows + i] = word(keys, 4 * (uint64_t)i + (uint64_t)a);
        in[2 * rows + i] &= PC_MAX_STREAM;
        in[3 * rows + i] = (in[3 * rows + i] & 0x1ffffff) * PC_BLOCK;
        temperature[i] = temperatures[i % ROWS];
    }
    char *args[9];
    intptr_t strides[10], dims[] = {(intptr_t)rows, (intptr_t)row->n};
    int a = 0;
    args[a++] = (char *)(uintptr_t)row->data;
    args[a++] = (char *)in;
    args[a++] = (char *)(in + rows);
    if (logits)
        args[a++] = (char *)temperature;
    args[a++] = (char *)(in + 2 * rows);
    args[a++] = (char *)(in + 3 * rows);
    args[a++] = (char *)item;
    args[a++] = (char *)score;
    args[a++] = (char *)(score + rows);
    for (int i = 0; i < count; i++)
        strides[i] = i ? 8 : row_stride;
    strides[count] = row->stride;
    const pc_race_loop_data data = {.kind = row->kind, .rule = rule, .outputs = outputs};
    pc_race_loop(args, dims, strides, &data);
    for (int64_t i = 0; i < rows; i++) {
        digest_u64(d, (uint64_t)item[i]);
        for (int o = 0; o < outputs - 1; o++)
            digest_f64(d, score[o * rows + i]);
    }
    free(in);
    free(temperature);
    free(score);
    free(item);
}

static void all_rows(digest *d, int kind, pc_rule rule, int outputs) {
    for (int recipe = 0; recipe < RECIPES; recipe++)
        for (int l = 0; l < LENGTH(lengths); l++) {
            pc_row row;
            void *memory = make_row(&row, (pc_kind)kind, rule == PC_LOGITS, recipe, lengths[l], (recipe + l) % LAYOUTS);
            draw(d, &row, 0, ROWS, (uint64_t)(1000 + recipe * LENGTH(lengths) + l), rule, outputs);
            free(memory);
        }
}

static void logits(digest *d, int kind) { all_rows(d, kind, PC_LOGITS, 1); }
static void margins(digest *d, int kind) { all_rows(d, kind, PC_LOGITS, 3); }
static void weights(digest *d, int kind) { all_rows(d, kind, PC_KEYS, 1); }
static void keys(digest *d, int kind) { all_rows(d, kind, PC_KEYS, 2); }
static void times(digest *d, int kind) { all_rows(d, kind, PC_TIMES, 2); }
static void minhash(digest *d, int kind) { all_rows(d, kind, PC_MINHASH, 1); }

/* Many rows, so that workers share them: the items of one long row, cut. */
static void batches(digest *d, int kind) {
    const int64_t rows = 450, n = 300;
    for (int turn = 0; turn < 2; turn++) {
        const pc_rule rule = turn ? PC_MINHASH : PC_LOGITS;
        pc_row row;
        void *memory = make_row(&row, (pc_kind)kind, rule == PC_LOGITS, SPREAD, rows * n, 0);
        row.n = n;
        draw(d, &row, row.stride * n, rows, (uint64_t)(3000 + turn), rule, turn ? 1 : 3);
        free(memory);
    }
}

/* The terms of a softmax and their sum, of rows without +inf and NaN in which something is finite; every second row
 * lies at an odd address. */
static void softmax(digest *d, int kind) {
    const size_t size = kind == PC_F32 ? 4 : 8;
    const pc_kernels *kernels = pc_isa_current();
    for (int recipe = 0; recipe < NONE; recipe++)
        for (int l = 0; l < LENGTH(lengths); l++) {
            const int64_t n = lengths[l];
            const double temperature = temperatures[2 + l % 2 * 3];
            pc_row row;
            double *terms = memory_for(n, sizeof *terms), top = -INFINITY;
            void *memory = make_row(&row, (pc_kind)kind, 1, recipe, n, 0);
            char *moved = memory_for(n + 1, size), *x = moved + l % 2;
            memcpy(x, row.data, (size_t)n * size);
            for (int64_t i = 0; i < n; i++) {
                float f32 = 0;
                double f64 = 0;
                memcpy(kind == PC_F32 ? (void *)&f32 : (void *)&f64, x + i * (int64_t)size, size);
                f64 = kind == PC_F32 ? (double)f32 : f64;
                top = f64 > top ? f64 : top;
            }
            if (top > -INFINITY) {
                const pc_fpmode mode = pc_fp_enter();
                digest_f64(
                    d, (kind == PC_F32 ? kernels->softmax_f32 : kernels->softmax_f64)(x, n, top, temperature, terms));
                pc_fp_leave(mode);
                for (int64_t i = 0; i < n; i++)
                    digest_f64(d, terms[i]);
            }
            free(memory);
            free(moved);
            free(terms);
        }
}

#define OF_EVERY_KIND(name)                                                                                            \
    {#name "-float16", name, PC_F16}, {#name "-bfloat16", name, PC_BF16}, {#name "-float32", name, PC_F32}, {          \
        #name "-float64", name, PC_F64                                                                                 \
    }

const topic race_topics[] = {
    OF_EVERY_KIND(logits),
    OF_EVERY_KIND(margins),
    OF_EVERY_KIND(weights),
    OF_EVERY_KIND(keys),
    OF_EVERY_KIND(times),
    OF_EVERY_KIND(minhash),
    OF_EVERY_KIND(batches),
    {"softmax-float32", softmax, PC_F32},
    {"softmax-float64", softmax, PC_F64},
    {NULL, NULL, 0},
};
