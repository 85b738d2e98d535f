/* Topic: what the core says of what it cannot do. */
#include <stdlib.h>

#include "batch/loops.h"
#include "batch/protocol.h"
#include "batch/running.h"
#include "batch/sketch_rows.h"
#include "conformance.h"

typedef struct {
    uint64_t stream, offset;
    double temperature;
} arguments;

/* Draws from rows that are good and bad, with arguments that are good and bad. */
static void races(digest *d, int what) {
    static const int recipes[] = {SPREAD, NONE, BAD, GIANT, SUBNORMAL};
    const arguments cases[] = {
        {0, 0, 1},
        {255, 64, 0},
        {256, 0, 1},
        {UINT64_C(1) << 32, 0, 1},
        {0, 32, 1},
        {0, PC_MAX_MINHASH_ITEM - 63, 1},
        {0, PC_MAX_MINHASH_ITEM + 1, 1},
        {0, PC_MAX_RACE_ITEM - 63, 1},
        {0, PC_MAX_RACE_ITEM + 1, 1},
        {0, UINT64_C(0) - 64, 1},
        {0, 0, -1},
        {0, 0, INFINITY},
        {0, 0, NAN},
        {0, 0, 0x1p-1074},
    };
    (void)what;
    for (int rule = PC_LOGITS; rule <= PC_MINHASH; rule++)
        for (int r = 0; r < LENGTH(recipes); r++)
            for (int c = 0; c < LENGTH(cases); c++)
                for (int64_t n = 64; n >= 0; n -= n > 62 ? 1 : 62) {
                    pc_row row;
                    void *memory = make_row(&row, PC_F64, rule == PC_LOGITS, recipes[r], n ? n : 1, 0);
                    uint64_t seed = word(13, (uint64_t)c), step = word(13, (uint64_t)c + 100);
                    arguments a = cases[c];
                    int64_t item = 0;
                    double score = 0;
                    char *in[5] = {(char *)(uintptr_t)row.data, (char *)&seed, (char *)&step}, *args[8];
                    int count = 0;
                    for (; count < 3; count++)
                        args[count] = in[count];
                    if (rule == PC_LOGITS)
                        args[count++] = (char *)&a.temperature;
                    args[count++] = (char *)&a.stream;
                    args[count++] = (char *)&a.offset;
                    args[count++] = (char *)&item;
                    const int outputs = rule == PC_MINHASH ? 1 : 2;
                    if (outputs > 1)
                        args[count++] = (char *)&score;
                    const intptr_t dims[] = {1, (intptr_t)n};
                    intptr_t strides[9] = {0};
                    strides[count] = row.stride;
                    const pc_race_loop_data data = {.kind = PC_F64, .rule = (pc_rule)rule, .outputs = outputs};
                    pc_race_loop(args, dims, strides, &data);
                    digest_u64(d, (uint64_t)item);
                    digest_f64(d, score);
                    free(memory);
                }
}

/* Sets and the protocol's weights that are good, empty and bad. */
static void sets(digest *d, int what) {
    static const int recipes[] = {SPREAD, NONE, BAD};
    (void)what;
    for (int r = 0; r < LENGTH(recipes); r++)
        for (int64_t n = 1; n < 70; n += 17) {
            pc_row row;
            void *memory = make_row(&row, PC_F64, 0, recipes[r], n, 0);
            for (int minhash = 0; minhash < 2; minhash++) {
                const pc_sketch_kind kind = {minhash, 8, word(14, (uint64_t)n), NULL};
                const pc_matrix m = {.first = row, .rows = 1};
                uint64_t out[8];
                pc_status status = PC_OK;
                digest_u64(d, (uint64_t)pc_sketch_rows(&m, &kind, 0, workers, out, &status));
                digest_u64(d, (uint64_t)status);
            }
            const pc_draw draw = {word(14, (uint64_t)n), word(14, 100), 0};
            pc_dart first;
            digest_u64(d, (uint64_t)pc_first_dart(&row, &draw, &first));
            free(memory);
        }
}

const topic status_topics[] = {
    {"statuses-of-races", races, 0},
    {"statuses-of-sets", sets, 0},
    {NULL, NULL, 0},
};
