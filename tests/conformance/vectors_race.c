/* docs/vectors/race-v1.json, case by case. */
#include <stdlib.h>

#include "batch/loops.h"
#include "conformance.h"

static int same(double a, double b) { return pc_bits(a) == pc_bits(b); }

static void check_functions(vectors *v) {
    for (vectors_section(v, "philox"); vectors_next(v);) {
        const pc_draw draw = field_key(v);
        const char *at = field(v, "words");
        uint32_t words[4];
        pc_words(&draw, (uint32_t)field_int(v, "index"), (uint32_t)field_int(v, "domain"), words);
        for (int i = 0; i < 4; i++) {
            uint64_t expected = UINT64_MAX;
            at = list_number(at, 16, &expected);
            vectors_check(v, words[i] == expected, "words");
        }
    }
    for (vectors_section(v, "ln"); vectors_next(v);) { /* ["x", "ln x"] */
        char *stop;
        const double x = strtod(v->line + 6, &stop);
        vectors_check(v, same(pc_ln(x), strtod(stop + 4, NULL)), "ln");
    }
    for (vectors_section(v, "clock"); vectors_next(v);) {
        const pc_draw draw = field_key(v);
        const double clock = pc_clock(&draw, (uint64_t)field_int(v, "item"));
        vectors_check(v, same(clock, field_double(v, "clock")), "clock");
    }
    for (vectors_section(v, "uniform"); vectors_next(v);) {
        const pc_draw draw = field_key(v);
        const double uniform = pc_uniform(&draw, (uint64_t)field_int(v, "item"));
        vectors_check(v, same(uniform, field_double(v, "uniform")), "uniform");
    }
}

static int64_t draw_row(const vectors *v, double *row, pc_rule rule, double *score, double *margin) {
    const pc_draw draw = field_key(v);
    uint64_t seed = draw.seed, step = draw.step, stream = draw.stream, offset = (uint64_t)field_int(v, "item_offset");
    double temperature = field_double(v, "temperature");
    int64_t item = -1;
    char *weights[] = {(char *)row, (char *)&seed, (char *)&step, (char *)&stream, (char *)&offset, (char *)&item};
    char *logits[] = {(char *)row,     (char *)&seed, (char *)&step, (char *)&temperature, (char *)&stream,
                      (char *)&offset, (char *)&item, (char *)score, (char *)margin};
    const intptr_t dims[] = {1, (intptr_t)field_int(v, "n")};
    const intptr_t strides[10] = {[6] = rule == PC_KEYS ? 8 : 0, [9] = 8};
    const pc_race_loop_data data = {.kind = PC_F64, .rule = rule, .outputs = rule == PC_KEYS ? 1 : 3};
    pc_race_loop(rule == PC_KEYS ? weights : logits, dims, strides, &data);
    return item;
}

void check_race(vectors *v) {
    check_functions(v);
    for (vectors_section(v, "draws"); vectors_next(v);) {
        const int64_t n = field_int(v, "n");
        const pc_draw draw = field_key(v);
        double *x = memory_for(n, sizeof *x), least = INFINITY, score, margin;
        for (int64_t i = 0; i < n; i++) {
            x[i] = field_double(v, "spread") * (pc_uniform(&draw, (uint64_t)i) - 0.5);
            least = x[i] < least ? x[i] : least;
        }
        vectors_check(v, draw_row(v, x, PC_LOGITS, &score, &margin) == field_int(v, "logits_item"), "logits_item");
        vectors_check(v, same(score, field_double(v, "logits_score")), "logits_score");
        vectors_check(v, same(margin, field_double(v, "logits_margin")), "logits_margin");
        for (int64_t i = 0; i < n; i++)
            x[i] = x[i] - least + 0.125;
        vectors_check(v, draw_row(v, x, PC_KEYS, NULL, NULL) == field_int(v, "weights_item"), "weights_item");
        free(x);
    }
}
