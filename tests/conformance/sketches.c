/* Topics: sketches of both methods. */
#include <stdlib.h>

#include "batch/loops.h"
#include "batch/running.h"
#include "batch/sketch_rows.h"
#include "conformance.h"

enum { GUMBEL, MINHASH };

static const int64_t registers[] = {1, 2, 16, 23, 97};
static const int64_t lengths[] = {1, 5, 64, 65, 500};
static const int sizes_of_bits[] = {0, 5, 17, 32};
static const pc_kind kinds[] = {PC_F64, PC_F32, PC_F16};

/* Ids that increase, of 32 or of 64 bits. */
static char *make_ids(int64_t n, int bytes) {
    char *ids = memory_for(n, (size_t)bytes);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t w = word(5, (uint64_t)i);
        if (bytes == 4)
            ((int32_t *)(void *)ids)[i] = (int32_t)(3 * i + (int64_t)(w & 1));
        else
            ((uint64_t *)(void *)ids)[i] = (uint64_t)i << 48 | w >> 16;
    }
    return ids;
}

static void digest_sketches(digest *d, const pc_matrix *m, const pc_sketch_kind *kind, int bits) {
    pc_status status = PC_OK;
    uint64_t *out = memory_for(m->rows * kind->k, sizeof *out);
    const int64_t failed = pc_sketch_rows(m, kind, bits, workers, out, &status);
    digest_u64(d, (uint64_t)failed);
    for (int64_t i = 0; i < m->rows * kind->k; i++)
        digest_u64(d, out[i]);
    free(out);
}

/* One set at a time: without ids, with ids of 32 and of 64 bits; as they are and, for minhash, divided by their sum. */
static void sets(digest *d, int method) {
    int turn = 0;
    for (int recipe = 0; recipe < BAD; recipe++)
        for (int l = 0; l < LENGTH(lengths); l++)
            for (int r = 0; r < LENGTH(registers); r++, turn++) {
                const int id_bytes = (int[]){0, 4, 8}[turn % 3];
                char *ids = make_ids(lengths[l], id_bytes ? id_bytes : 4);
                pc_matrix m = {
                    .ids = id_bytes ? ids : NULL,
                    .id_bytes = id_bytes,
                    .rows = 1,
                    .normalize = method == MINHASH && turn % 2,
                };
                void *memory = make_row(&m.first, kinds[(turn + l) % 3], 0, recipe, lengths[l], turn % (LAYOUTS - 1));
                const pc_sketch_kind kind = {method == MINHASH, registers[r], word(6, (uint64_t)turn), NULL};
                digest_sketches(d, &m, &kind, sizes_of_bits[(turn + r) % 4]);
                free(memory);
                free(ids);
            }
}

/* Many rows at a time, dense ones, and sparse ones of 0, 1, 2, ... items. */
static void matrices(digest *d, int method) {
    enum { ROWS = 100, N = 200, SPARSE = ROWS * (ROWS - 1) / 2 };
    const pc_sketch_kind kind = {method == MINHASH, 64, word(6, UINT64_MAX), NULL};
    int64_t starts[ROWS + 1];
    pc_matrix dense = {.rows = ROWS}, sparse = {.rows = ROWS, .starts = starts, .id_bytes = 4};
    void *memory = make_row(&dense.first, PC_F32, 0, SPREAD, ROWS * N, 0);
    dense.first.n = N;
    dense.row_stride = dense.first.stride * N;
    digest_sketches(d, &dense, &kind, 0);
    free(memory);

    memory = make_row(&sparse.first, PC_F64, 0, SKEWED, SPARSE, 0);
    char *ids = make_ids(SPARSE, 4);
    sparse.first.n = 0;
    sparse.ids = ids;
    for (int64_t row = 0; row <= ROWS; row++)
        starts[row] = row * (row - 1) / 2;
    digest_sketches(d, &sparse, &kind, 0);
    free(memory);
    free(ids);
}

static pc_running new_running(int64_t k) {
    const pc_running new = {
        memory_for(k, sizeof *new.key),
        memory_for(k, sizeof *new.id),
        memory_for(k, sizeof *new.tag),
    };
    for (int64_t r = 0; r < k; r++) {
        new.key[r] = PC_NEVER;
        new.id[r] = new.tag[r] = UINT64_MAX;
    }
    return new;
}

static void free_running(pc_running *running) {
    free(running->key);
    free(running->id);
    free(running->tag);
}

/* Sets whose first third is put in on one side, and the rest on another, one after the other; then both are merged. */
static void running(digest *d, int method) {
    int turn = 0;
    for (int recipe = 0; recipe < NONE; recipe++)
        for (int l = 1; l < LENGTH(lengths); l++, turn++) {
            const int64_t n = lengths[l], third = n / 3;
            const pc_sketch_kind kind = {method == MINHASH, registers[turn % LENGTH(registers)],
                                         word(7, (uint64_t)turn), NULL};
            pc_running left = new_running(kind.k), right = new_running(kind.k);
            char *ids = make_ids(n, 8);
            pc_items items = {.ids = ids, .id_bytes = 8};
            void *memory = make_row(&items.weights, kinds[turn % 3], 0, recipe, n, 0);
            for (int part = 0; part < 3; part++) {
                pc_items some = items;
                some.weights.data += part * third * items.weights.stride;
                some.weights.n = part < 2 ? third : n - 2 * third;
                some.ids += part * third * 8;
                const pc_status status = pc_sketch_update(&kind, &some, part ? &right : &left);
                digest_u64(d, status == PC_OK);
            }
            pc_sketch_merge(kind.k, &left, &right);
            uint64_t *out = memory_for(kind.k, sizeof *out);
            for (int b = 0; b < 2; b++) {
                digest_u64(d, (uint64_t)pc_sketch_finish(&kind, b ? 17 : 0, &left, out));
                for (int64_t r = 0; r < kind.k; r++)
                    digest_u64(d, out[r]);
            }
            free(out);
            free(memory);
            free(ids);
            free_running(&left);
            free_running(&right);
        }
}

/* In how many of some registers of 1, 2, 4 and 8 bytes two arrays are equal, side by side and every second one. */
static void equal(digest *d, int what) {
    enum { ROWS = 70, K = 2100 };
    (void)what;
    for (int power = 0; power < 4; power++)
        for (int stride = 1; stride <= 2; stride++) {
            const intptr_t size = (intptr_t)1 << power, k = K / stride;
            char *a = memory_for(ROWS * K, (size_t)size), *b = memory_for(ROWS * K, (size_t)size);
            int64_t out[ROWS];
            for (int64_t i = 0; i < ROWS * K; i++) /* all bytes of a register alike, so that their order says nothing */
                for (intptr_t byte = 0; byte < size; byte++) {
                    a[i * size + byte] = (char)(word(8, (uint64_t)i) & 3);
                    b[i * size + byte] = (char)(word(9, (uint64_t)i) & 3);
                }
            char *args[] = {a, b, (char *)out};
            const intptr_t dims[] = {ROWS, k}, strides[] = {K * size, K * size, 8, stride * size, stride * size};
            pc_equal_loop(args, dims, strides, power);
            for (int i = 0; i < ROWS; i++)
                digest_u64(d, (uint64_t)out[i]);
            free(a);
            free(b);
        }
}

const topic sketch_topics[] = {
    {"gumbel-sketches", sets, GUMBEL},
    {"minhash-sketches", sets, MINHASH},
    {"gumbel-matrices", matrices, GUMBEL},
    {"minhash-matrices", matrices, MINHASH},
    {"gumbel-running", running, GUMBEL},
    {"minhash-running", running, MINHASH},
    {"equal", equal, 0},
    {NULL, NULL, 0},
};
