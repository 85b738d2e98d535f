#include "batch/loops.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "batch/call.h"
#include "batch/pool.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"

static inline uint64_t load_u64(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline double load_f64(const char *p) { return pc_double(load_u64(p)); }

/* ---- races */

enum { MAX_ARGS = 9, STACK_BLOCKS = 128 };

/* A chunk of fewer items is not worth waking a thread for. */
#define ITEMS_PER_CHUNK 32768

typedef struct {
    const pc_race_loop_data *data;
    const pc_kernels *kernels;
    char *args[MAX_ARGS];
    intptr_t strides[MAX_ARGS];
    pc_row row; /* but for its data */
    _Atomic int marked;
} race_batch;

static pc_status race_row(const race_batch *b, int64_t i, pc_scratch *scratch, pc_winner *winner) {
    const int logits = b->data->rule == PC_LOGITS;
    const char *at[MAX_ARGS];
    for (int a = 0; a < 5 + logits; a++)
        at[a] = b->args[a] + i * b->strides[a];
    pc_row row = b->row;
    row.data = at[0];
    const uint64_t stream = load_u64(at[3 + logits]);
    pc_race race = {
        .draw = {.seed = load_u64(at[1]), .step = load_u64(at[2]), .stream = (uint32_t)stream},
        .first_item = load_u64(at[4 + logits]),
        .logits = logits,
        .temperature = logits ? load_f64(at[3]) : 1.0,
        .want_margin = b->data->outputs == 3,
        .want_time = b->data->rule == PC_TIMES,
    };
    if (stream > PC_MAX_STREAM)
        return PC_BAD_STREAM;
    const uint64_t items = (b->data->rule == PC_MINHASH ? PC_MAX_MINHASH_ITEM : PC_MAX_RACE_ITEM) + 1;
    if (race.first_item % PC_BLOCK || race.first_item > items || (uint64_t)row.n > items - race.first_item)
        return PC_BAD_OFFSET;
    if (!(race.temperature >= 0 && race.temperature < INFINITY))
        return PC_BAD_TEMPERATURE;
    if (row.n == 0)
        return PC_NO_ITEM;
    if (!scratch->maxima)
        return PC_NO_MEMORY;
    if (b->data->rule == PC_MINHASH) {
        pc_dart first = {0};
        const pc_status status = b->kernels->darts(&row, &race.draw, race.first_item, scratch, NULL, &first);
        winner->item = (int64_t)first.item;
        return status;
    }
    const pc_status status = b->kernels->race(&row, &race, scratch, winner);
    winner->item += (int64_t)race.first_item;
    return status;
}

static void race_rows(void *argument, pc_ranges *ranges) {
    race_batch *b = argument;
    const int logits = b->data->rule == PC_LOGITS;
    const int64_t blocks = pc_scratch_blocks(b->row.n);
    double on_stack[STACK_BLOCKS * PC_BLOCK_BYTES / sizeof(double)];
    double *memory = blocks <= STACK_BLOCKS ? on_stack : malloc((size_t)blocks * PC_BLOCK_BYTES);
    pc_scratch scratch = pc_scratch_in(memory, blocks);

    int marked = 0;
    pc_fpmode mode = pc_fp_enter();
    for (int64_t from, to; pc_next_range(ranges, &from, &to);) {
        for (int64_t i = from; i < to; i++) {
            pc_winner winner = {0, NAN, NAN};
            pc_status status = race_row(b, i, &scratch, &winner);
            if (status != PC_OK) {
                winner = (pc_winner){PC_NO_WINNER + (int64_t)status, NAN, NAN};
                marked = 1;
            }
            const int out = 5 + logits;
            memcpy(b->args[out] + i * b->strides[out], &winner.item, sizeof winner.item);
            if (b->data->outputs > 1)
                memcpy(b->args[out + 1] + i * b->strides[out + 1], &winner.score, sizeof winner.score);
            if (b->data->outputs > 2)
                memcpy(b->args[out + 2] + i * b->strides[out + 2], &winner.margin, sizeof winner.margin);
        }
    }
    pc_fp_leave(mode);
    if (memory != on_stack)
        free(memory);
    if (marked)
        atomic_store(&b->marked, 1);
}

void pc_race_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data) {
    const int count = 5 + (data->rule == PC_LOGITS) + data->outputs;
    race_batch b = {
        .data = data,
        .kernels = pc_isa_current(),
        .row = {.data = NULL, .stride = strides[count], .n = dims[1], .kind = data->kind},
    };
    memcpy(b.args, args, (size_t)count * sizeof *args);
    memcpy(b.strides, strides, (size_t)count * sizeof *strides);
    const int64_t n = b.row.n ? b.row.n : 1;
    pc_parallel(pc_call_workers(), dims[0], (ITEMS_PER_CHUNK + n - 1) / n, race_rows, &b);
    if (b.marked)
        pc_call_mark();
}

/* ---- random access */

enum { NUMBERS_BETWEEN_STOPS = 4096 };

void pc_random_loop(char **args, const intptr_t *dims, const intptr_t *strides, int what) {
    const uint64_t last = what == PC_UNIFORMS ? PC_MAX_UNIFORM_ITEM : PC_MAX_RACE_ITEM;
    int marked = 0;
    pc_fpmode mode = pc_fp_enter();
    for (int64_t i = 0; i < dims[0]; i++) {
        if (i % NUMBERS_BETWEEN_STOPS == 0 && pc_call_stopped())
            break;
        const uint64_t stream = load_u64(args[2] + i * strides[2]), item = load_u64(args[3] + i * strides[3]);
        const pc_draw draw = {load_u64(args[0] + i * strides[0]), load_u64(args[1] + i * strides[1]), (uint32_t)stream};
        double value = NAN;
        if (stream > PC_MAX_STREAM || item > last)
            marked = 1;
        else if (what == PC_UNIFORMS)
            value = pc_uniform(&draw, item);
        else
            value = what == PC_CLOCKS ? pc_clock(&draw, item) : -pc_ln(pc_clock(&draw, item));
        memcpy(args[4] + i * strides[4], &value, sizeof value);
    }
    pc_fp_leave(mode);
    if (marked)
        pc_call_mark();
}

/* ---- equal registers */

#define REGISTERS_PER_CHUNK 65536

typedef struct {
    pc_equal_fn *equal;
    char *args[3];
    intptr_t strides[5];
    int64_t k;
    int power;
} equal_batch;

static int64_t equal_strided(const equal_batch *b, const char *left, const char *right) {
    const size_t size = (size_t)1 << b->power;
    int64_t equal = 0;
    for (int64_t i = 0; i < b->k; i++)
        equal += !memcmp(left + i * b->strides[3], right + i * b->strides[4], size);
    return equal;
}

static void equal_rows(void *argument, pc_ranges *ranges) {
    const equal_batch *b = argument;
    const intptr_t size = (intptr_t)1 << b->power;
    const int whole = b->strides[3] == size && b->strides[4] == size;
    for (int64_t from, to; pc_next_range(ranges, &from, &to);) {
        for (int64_t i = from; i < to; i++) {
            const char *left = b->args[0] + i * b->strides[0], *right = b->args[1] + i * b->strides[1];
            const int64_t equal = whole ? b->equal(left, right, b->k) : equal_strided(b, left, right);
            memcpy(b->args[2] + i * b->strides[2], &equal, sizeof equal);
        }
    }
}

void pc_equal_loop(char **args, const intptr_t *dims, const intptr_t *strides, int power) {
    equal_batch b = {.equal = pc_isa_current()->equal[power], .k = dims[1], .power = power};
    memcpy(b.args, args, sizeof b.args);
    memcpy(b.strides, strides, sizeof b.strides);
    pc_parallel(pc_call_workers(), dims[0], 1 + REGISTERS_PER_CHUNK / (b.k + 1), equal_rows, &b);
}
