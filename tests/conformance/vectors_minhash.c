/* docs/vectors/minhash-v1.json, case by case. */
#include <stdlib.h>
#include <string.h>

#include "batch/loops.h"
#include "batch/sketch_rows.h"
#include "conformance.h"

static void check_draws(vectors *v) {
    for (vectors_section(v, "draws"); vectors_next(v);) {
        const pc_draw draw = field_key(v);
        const int64_t n = field_int(v, "n");
        uint64_t seed = draw.seed, step = draw.step, stream = draw.stream,
                 offset = (uint64_t)field_int(v, "item_offset");
        int64_t item = -1;
        double *w = uniform_powers(seed, n, (int)field_int(v, "power"), (int)field_int(v, "exponent"));
        char *args[] = {(char *)w, (char *)&seed, (char *)&step, (char *)&stream, (char *)&offset, (char *)&item};
        const intptr_t dims[] = {1, (intptr_t)n}, strides[7] = {[6] = 8};
        const pc_race_loop_data data = {.kind = PC_F64, .rule = PC_MINHASH, .outputs = 1};
        pc_race_loop(args, dims, strides, &data);
        vectors_check(v, item == field_int(v, "item"), "item");
        free(w);
    }
}

typedef struct {
    uint64_t id;
    double weight;
} named;

static int by_id(const void *a, const void *b) {
    const uint64_t x = ((const named *)a)->id, y = ((const named *)b)->id;
    return (x > y) - (x < y);
}

/* Items in increasing order of their ids, as normalize wants them. */
static void make_items(const vectors *v, uint64_t seed, int64_t n, double *weights, uint64_t *ids) {
    double *w = uniform_powers(seed, n, (int)field_int(v, "power"), (int)field_int(v, "exponent"));
    named *items = memory_for(n, sizeof *items);
    const pc_draw draw = {.seed = seed, .step = 1};
    for (int64_t i = 0; i < n; i++) {
        uint32_t c[4];
        pc_words(&draw, (uint32_t)i, PC_DOMAIN_UNIFORM, c);
        items[i] = (named){(uint64_t)c[0] << 32 | c[1], w[i]};
    }
    qsort(items, (size_t)n, sizeof *items, by_id);
    for (int64_t i = 0; i < n; i++) {
        ids[i] = items[i].id;
        weights[i] = items[i].weight;
    }
    free(items);
    free(w);
}

static void check_sketches(vectors *v) {
    static const struct {
        const char *name;
        int bits, base;
    } forms[] = {{"values", 0, 16}, {"bits_5", 5, 10}, {"bits_17", 17, 10}};
    for (vectors_section(v, "sketches"); vectors_next(v);) {
        const int64_t n = field_int(v, "n"), k = field_int(v, "k");
        const uint64_t seed = field_hex(v, "seed");
        double *weights = memory_for(n, sizeof *weights);
        uint64_t *ids = memory_for(n, sizeof *ids), *out = memory_for(k, sizeof *out);
        make_items(v, seed, n, weights, ids);
        const pc_matrix m = {
            .first = {(const char *)weights, 8, n, PC_F64},
            .ids = (const char *)ids,
            .id_bytes = 8,
            .rows = 1,
            .normalize = !strncmp(field(v, "normalize"), "true", 4),
        };
        const pc_sketch_kind kind = {field_is(v, "method", "minhash"), k, seed, NULL};
        for (int f = 0; f < LENGTH(forms); f++) {
            pc_status status = PC_OK;
            const char *at = field(v, forms[f].name);
            vectors_check(v, pc_sketch_rows(&m, &kind, forms[f].bits, workers, out, &status) < 0, "a status");
            for (int64_t r = 0; r < k; r++) {
                uint64_t expected = 0;
                at = list_number(at, forms[f].base, &expected);
                vectors_check(v, at && out[r] == expected, forms[f].name);
            }
        }
        free(weights);
        free(ids);
        free(out);
    }
}

void check_minhash(vectors *v) {
    check_draws(v);
    check_sketches(v);
}
