/* docs/vectors/kept-v1.json, case by case. */
#include <stdlib.h>

#include "conformance.h"
#include "contract/term.h"

static int same(double a, double b) { return pc_bits(a) == pc_bits(b); }

typedef struct {
    double *x;
    int64_t n, top_k;
    int logits;
    double temperature, top_p, min_p; /* of logits; of both */
} truncated;

static truncated read_case(const vectors *v, double *x, int64_t n, int logits) {
    return (truncated){
        .x = x,
        .n = n,
        .logits = logits,
        .temperature = logits ? field_double(v, "temperature") : 1,
        .top_k = field_int(v, "top_k"),
        .top_p = field_double(v, "top_p"),
        .min_p = field_double(v, "min_p"),
    };
}

/* By the loop over one row: the last item that is kept or, with a draw, the item that wins. */
static int64_t run(truncated *t, const pc_draw *draw, uint64_t offset, double *numbers) {
    uint64_t seed = draw ? draw->seed : 0, step = draw ? draw->step : 0, stream = draw ? draw->stream : 0;
    int64_t item = -1;
    char *args[PC_MAX_RACE_ARGS] = {(char *)t->x};
    int count = 1;
    if (draw) {
        args[count++] = (char *)&seed;
        args[count++] = (char *)&step;
    }
    if (t->logits)
        args[count++] = (char *)&t->temperature;
    args[count++] = (char *)&t->top_k;
    args[count++] = (char *)&t->top_p;
    args[count++] = (char *)&t->min_p;
    if (draw) {
        args[count++] = (char *)&stream;
        args[count++] = (char *)&offset;
    }
    args[count++] = (char *)&item;
    for (int i = 0; numbers && i < 3; i++)
        args[count++] = (char *)(numbers + i);
    const pc_race_loop_data data = {
        .kind = PC_F64, .rule = t->logits ? PC_LOGITS : PC_KEYS, .outputs = numbers ? 4 : 1, .kept = 1};
    const intptr_t dims[] = {1, (intptr_t)t->n};
    intptr_t strides[PC_MAX_RACE_ARGS + 1] = {0};
    strides[count] = sizeof *t->x;
    (draw ? pc_race_loop : pc_last_kept_loop)(args, dims, strides, &data);
    return item;
}

/* How many items are kept, where `last` is the last of them. */
static int64_t count_kept(const truncated *t, int64_t last) {
    int64_t count = 0;
    if (t->logits && t->temperature == 0)
        return 1;
    for (int64_t i = 0; i < t->n; i++)
        count += t->x[i] > t->x[last] || (t->x[i] == t->x[last] && i <= last);
    return count;
}

static int64_t check_set(vectors *v, truncated *t) {
    const int64_t last = run(t, NULL, 0, NULL);
    vectors_check(v, last == field_int(v, "last"), "last");
    if (last == field_int(v, "last"))
        vectors_check(v, count_kept(t, last) == field_int(v, "count"), "count");
    return field_int(v, "last");
}

static void check_functions(vectors *v) {
    for (vectors_section(v, "terms"); vectors_next(v);) {
        const float rate = pc_term_rate(field_double(v, "temperature"));
        const uint32_t term = pc_logit_term(field_double(v, "x"), field_double(v, "top"), rate);
        vectors_check(v, term == field_int(v, "term"), "term");
    }
    for (vectors_section(v, "weight_terms"); vectors_next(v);) {
        const uint32_t term = pc_weight_term(field_double(v, "weight"), field_double(v, "top"));
        vectors_check(v, term == field_int(v, "term"), "term");
    }
    for (vectors_section(v, "limits"); vectors_next(v);) {
        const uint64_t limit = pc_mass_limit(field_double(v, "top_p"), field_hex(v, "total"));
        vectors_check(v, limit == field_hex(v, "limit"), "limit");
    }
}

static void check_sets(vectors *v, const char *section, const char *name, int logits) {
    for (vectors_section(v, section); vectors_next(v);) {
        int64_t n;
        double *x = list_doubles(field(v, name), &n);
        truncated t = read_case(v, x, n, logits);
        check_set(v, &t);
        free(x);
    }
}

static void check_draws(vectors *v) {
    for (vectors_section(v, "draws"); vectors_next(v);) {
        const int64_t n = field_int(v, "n");
        const pc_draw draw = field_key(v);
        double *x = memory_for(n, sizeof *x), numbers[3];
        for (int64_t i = 0; i < n; i++) {
            x[i] = field_double(v, "spread") * (pc_uniform(&draw, (uint64_t)i) - 0.5);
            x[i] = field_int(v, "whole") ? floor(x[i]) : x[i];
        }
        truncated t = read_case(v, x, n, 1);
        check_set(v, &t);
        const int64_t item = run(&t, &draw, (uint64_t)field_int(v, "item_offset"), numbers);
        vectors_check(v, item == field_int(v, "item"), "item");
        vectors_check(v, same(numbers[0], field_double(v, "score")), "score");
        vectors_check(v, same(numbers[1], field_double(v, "margin")), "margin");
        vectors_check(v, same(numbers[2], field_double(v, "edge")), "edge");
        free(x);
    }
}

static int64_t minhash_of_kept(const truncated *t, int64_t last, pc_draw draw, uint64_t offset) {
    double *x = memory_for(t->n, sizeof *x);
    uint64_t stream = draw.stream;
    int64_t item = -1;
    for (int64_t i = 0; i < t->n; i++)
        x[i] = t->x[i] > t->x[last] || (t->x[i] == t->x[last] && i <= last) ? t->x[i] : 0;
    char *args[] = {(char *)x, (char *)&draw.seed, (char *)&draw.step, (char *)&stream, (char *)&offset, (char *)&item};
    const intptr_t dims[] = {1, (intptr_t)t->n}, strides[] = {0, 0, 0, 0, 0, 0, sizeof *x};
    const pc_race_loop_data data = {.kind = PC_F64, .rule = PC_MINHASH, .outputs = 1};
    pc_race_loop(args, dims, strides, &data);
    free(x);
    return item;
}

static void check_draws_of_weights(vectors *v) {
    for (vectors_section(v, "draws_of_weights"); vectors_next(v);) {
        const int64_t n = field_int(v, "n");
        const pc_draw draw = field_key(v);
        const uint64_t offset = (uint64_t)field_int(v, "item_offset");
        double *x = memory_for(n, sizeof *x);
        for (int64_t i = 0; i < n; i++) {
            const double u = pc_uniform(&draw, (uint64_t)i);
            x[i] = 1;
            for (int64_t power = field_int(v, "power"); power > 0; power--)
                x[i] *= u;
            x[i] = field_int(v, "whole") ? floor(8 * x[i]) / 8 : x[i];
        }
        truncated t = read_case(v, x, n, 0);
        const int64_t last = check_set(v, &t);
        vectors_check(v, run(&t, &draw, offset, NULL) == field_int(v, "item"), "item");
        vectors_check(v, minhash_of_kept(&t, last, draw, offset) == field_int(v, "minhash_item"), "minhash_item");
        free(x);
    }
}

void check_kept(vectors *v) {
    check_functions(v);
    check_sets(v, "sets", "logits", 1);
    check_sets(v, "sets_of_weights", "weights", 0);
    check_draws(v);
    check_draws_of_weights(v);
}
