/* Each call covers whole vectors and an incomplete one. Rows are made from integers by exact operations, and what comes
 * out is folded into 64 bits as integers, so the answers below are those of every level and every machine. */
#include "dispatch/answers.h"

#include <math.h>

#include "simd/fpmode.h"
#include "sketch/memory.h"
#include "sketch/table.h"

enum { ITEMS = 1100, SET = 70, REGISTERS = 24 };

static uint64_t fold(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* Item i's weight or logit: 12 bits that look random. */
static float value_of(int i) { return (float)(((uint32_t)i * 0x9E3779B1u) >> 20) * 0x1p-9f; }

static uint64_t race(const pc_kernels *level, const void *data, pc_kind kind, int logits, int n) {
    double memory[PC_BLOCK * PC_BLOCK_BYTES / sizeof(double)]; /* one piece of blocks is enough for ITEMS */
    pc_scratch scratch = pc_scratch_in(memory, PC_BLOCK);
    const pc_row row = {.data = data, .stride = kind == PC_F64 ? 8 : 4, .n = n, .kind = kind};
    uint64_t hash = 0;
    for (uint64_t step = 0; step < 3; step++) {
        const pc_race race = {
            .draw = {.seed = UINT64_C(0x123456789ABCDEF0), .step = step << 31, .stream = (uint32_t)step},
            .logits = logits,
            .temperature = 0.75,
            .want_margin = logits,
        };
        pc_winner winner = {0, 0, 0};
        hash = fold(hash, (uint64_t)level->race(&row, &race, &scratch, &winner));
        hash = fold(fold(hash, (uint64_t)winner.item), pc_bits(winner.score));
        hash = logits ? fold(hash, pc_bits(winner.margin)) : hash;
    }
    return hash;
}

static uint64_t darts(const pc_kernels *level, const void *data, pc_kind kind) {
    double memory[PC_BLOCK * PC_BLOCK_BYTES / sizeof(double)];
    pc_scratch scratch = pc_scratch_in(memory, PC_BLOCK);
    const pc_row row = {.data = data, .stride = kind == PC_F64 ? 8 : 4, .n = ITEMS, .kind = kind};
    const pc_draw draw = {.seed = 7, .step = 9};
    pc_dart first = {0};
    uint64_t hash = fold(0, (uint64_t)level->darts(&row, &draw, 0, &scratch, NULL, &first));
    hash = fold(fold(hash, first.item), pc_bits(first.time));
    return fold(hash, (uint64_t)first.tier << 16 | first.number);
}

static uint64_t sketch(const pc_kernels *level, const double *data, int minhash) {
    pc_sketch_kind kind = {.minhash = minhash, .k = REGISTERS, .seed = 3};
    const pc_items items = {.weights = {.data = (const char *)data, .stride = 8, .n = SET, .kind = PC_F64}};
    double time[REGISTERS];
    uint64_t id[REGISTERS], tag[REGISTERS], out[REGISTERS], hash = 0;
    pc_registers best = {time, id, tag};
    pc_workspace work = {0};
    pc_set set;
    for (int r = 0; r < REGISTERS; r++) {
        time[r] = INFINITY;
        id[r] = tag[r] = UINT64_MAX;
    }
    if (!pc_take_table(&kind))
        return 0;
    pc_status status = level->read_set(&items, &work, &set);
    if (status == PC_OK)
        status = level->sketch(&kind, &set, &best, &work);
    if (status == PC_OK) {
        level->sketch_values(&kind, 0, &best, out);
        for (int r = 0; r < REGISTERS; r++)
            hash = fold(hash, out[r]);
        for (int power = 0; power < 4; power++)
            hash = fold(hash, (uint64_t)level->equal[power](out, out + 1, (REGISTERS - 1) * 8 >> power));
    }
    pc_workspace_free(&work);
    pc_return_table(&kind);
    return hash;
}

static uint64_t softmax(const pc_kernels *level, const float *f32, const double *f64) {
    double terms[SET];
    uint64_t hash = fold(0, pc_bits(level->softmax_f32((const char *)f32, SET, 8, 0.75, terms)));
    hash = fold(hash, pc_bits(level->softmax_f64((const char *)f64, SET, 8, 1.25, terms)));
    return fold(hash, pc_bits(terms[SET - 1]));
}

const char *pc_wrong_answer(const pc_kernels *level) {
    float f32[ITEMS];
    double f64[ITEMS];
    const char *wrong = NULL;
    for (int i = 0; i < ITEMS; i++)
        f64[i] = f32[i] = value_of(i + 1);
    const pc_fpmode mode = pc_fp_enter();
    if (race(level, f32, PC_F32, 1, ITEMS) != UINT64_C(0x187D930F9A2F3EAE))
        wrong = "race of logits";
    else if (race(level, f64, PC_F64, 0, ITEMS) != UINT64_C(0x84382E9845930B78))
        wrong = "race of weights";
    else if (race(level, f64, PC_F64, 1, 40) != UINT64_C(0x020167EB09D35238))
        wrong = "race of few logits";
    else if (darts(level, f32, PC_F32) != UINT64_C(0x543B80407FA0033D))
        wrong = "MinHash draw";
    else if (sketch(level, f64, 0) != UINT64_C(0x42D7B463B8E9DACD))
        wrong = "gumbel sketch";
    else if (sketch(level, f64, 1) != UINT64_C(0x88D140ABA44C8598))
        wrong = "minhash sketch";
    else if (softmax(level, f32, f64) != UINT64_C(0x9FD6F1474BB08289))
        wrong = "softmax";
    pc_fp_leave(mode);
    return wrong;
}
