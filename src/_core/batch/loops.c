#include "batch/loops.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "batch/call.h"
#include "batch/kept.h"
#include "batch/pool.h"
#include "contract/term.h"
#include "dispatch/isa.h"
#include "scan/widen.h"
#include "simd/fpmode.h"

static inline uint64_t load_u64(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline double load_f64(const char *p) { return pc_double(load_u64(p)); }

/* ---- races */

enum { STACK_BLOCKS = 128 };

/* A chunk of fewer items is not worth waking a thread for. */
#define ITEMS_PER_CHUNK 32768

typedef struct {
    const pc_race_loop_data *data;
    const pc_kernels *kernels;
    char *args[PC_MAX_RACE_ARGS];
    intptr_t strides[PC_MAX_RACE_ARGS];
    pc_row row; /* but for its data */
    int outputs_from;
    int last_kept; /* the last item that is kept is asked for, and not a draw */
    _Atomic int marked;
} race_batch;

/* What a thread keeps between rows. */
typedef struct {
    pc_scratch scratch;
    pc_kept kept;
} race_memory;

/* Results, in the order of the outputs. */
typedef struct {
    int64_t item;
    double reals[3]; /* score, margin, edge */
} race_results;

static pc_status race_row(const race_batch *b, int64_t i, race_memory *memory, race_results *results) {
    const int logits = b->data->rule == PC_LOGITS;
    const char *at[PC_MAX_RACE_ARGS];
    for (int a = 0; a < b->outputs_from; a++)
        at[a] = b->args[a] + i * b->strides[a];
    const char *const *next = at;
    pc_row row = b->row;
    pc_race race = {.logits = logits, .temperature = 1.0};
    pc_truncation truncation = {0};
    row.data = *next++;
    if (!b->last_kept) {
        race.draw.seed = load_u64(*next++);
        race.draw.step = load_u64(*next++);
    }
    if (logits)
        race.temperature = load_f64(*next++);
    if (b->data->kept) {
        truncation.top_k = (int64_t)load_u64(*next++);
        truncation.top_p = load_f64(*next++);
        truncation.min_p = load_f64(*next++);
    }
    if (!b->last_kept) {
        const uint64_t stream = load_u64(*next++);
        race.draw.stream = (uint32_t)stream;
        race.first_item = load_u64(*next);
        if (stream > PC_MAX_STREAM)
            return PC_BAD_STREAM;
    }
    const uint64_t items = (b->data->rule == PC_MINHASH ? PC_MAX_MINHASH_ITEM : PC_MAX_RACE_ITEM) + 1;
    if (race.first_item % PC_BLOCK || race.first_item > items || (uint64_t)row.n > items - race.first_item)
        return PC_BAD_OFFSET;
    if (!(race.temperature >= 0 && race.temperature < INFINITY))
        return PC_BAD_TEMPERATURE;
    const pc_status wrong = b->data->kept ? pc_check_truncation(&truncation) : PC_OK;
    if (wrong != PC_OK)
        return wrong;
    if (row.n == 0)
        return PC_NO_ITEM;
    if (!memory->scratch.maxima)
        return PC_NO_MEMORY;

    pc_scratch *scratch = &memory->scratch;
    if (b->last_kept)
        return pc_last_kept(b->kernels, &row, &race, &truncation, scratch, &results->item);
    if (b->data->rule == PC_MINHASH) {
        pc_dart first = {0};
        const pc_status status = b->kernels->darts(&row, &race.draw, race.first_item, scratch, NULL, &first);
        results->item = (int64_t)first.item;
        return status;
    }
    pc_winner winner = {.item = 0, .score = NAN, .margin = NAN};
    race.want_margin = b->data->outputs >= 3;
    race.want_time = b->data->rule == PC_TIMES;
    const pc_status status = b->data->kept ? pc_race_kept(b->kernels, &row, &race, &truncation, scratch, &memory->kept,
                                                          &winner, &results->reals[2])
                                           : b->kernels->race(&row, &race, scratch, &winner);
    results->item = winner.item + (int64_t)race.first_item;
    results->reals[0] = winner.score;
    results->reals[1] = winner.margin;
    return status;
}

static void race_rows(void *argument, pc_ranges *ranges) {
    race_batch *b = argument;
    const int64_t blocks = pc_scratch_blocks(b->row.n);
    double on_stack[STACK_BLOCKS * PC_BLOCK_BYTES / sizeof(double)];
    double *room = blocks <= STACK_BLOCKS ? on_stack : malloc((size_t)blocks * PC_BLOCK_BYTES);
    race_memory memory = {.scratch = pc_scratch_in(room, blocks), .kept.row = NULL};

    int marked = 0;
    pc_fpmode mode = pc_fp_enter();
    for (int64_t from, to; pc_next_range(ranges, &from, &to);) {
        for (int64_t i = from; i < to; i++) {
            race_results results = {0, {NAN, NAN, NAN}};
            pc_status status = race_row(b, i, &memory, &results);
            if (status != PC_OK) {
                results = (race_results){PC_NO_WINNER + (int64_t)status, {NAN, NAN, NAN}};
                marked = 1;
            }
            int out = b->outputs_from;
            memcpy(b->args[out] + i * b->strides[out], &results.item, sizeof results.item);
            for (int o = 0; o < b->data->outputs - 1; o++) {
                out++;
                memcpy(b->args[out] + i * b->strides[out], &results.reals[o], sizeof results.reals[o]);
            }
        }
    }
    pc_fp_leave(mode);
    if (room != on_stack)
        free(room);
    if (marked)
        atomic_store(&b->marked, 1);
}

static void run_rows(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data,
                     int inputs, int last_kept) {
    const int count = inputs + data->outputs;
    race_batch b = {
        .data = data,
        .kernels = pc_isa_current(),
        .row = {.data = NULL, .stride = strides[count], .n = dims[1], .kind = data->kind},
        .outputs_from = inputs,
        .last_kept = last_kept,
    };
    memcpy(b.args, args, (size_t)count * sizeof *args);
    memcpy(b.strides, strides, (size_t)count * sizeof *strides);
    const int64_t n = b.row.n ? b.row.n : 1;
    pc_parallel(pc_call_workers(), dims[0], (ITEMS_PER_CHUNK + n - 1) / n, race_rows, &b);
    if (b.marked)
        pc_call_mark();
}

void pc_race_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data) {
    run_rows(args, dims, strides, data, 5 + (data->rule == PC_LOGITS) + 3 * data->kept, 0);
}

void pc_last_kept_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data) {
    run_rows(args, dims, strides, data, 4 + (data->rule == PC_LOGITS), 1);
}

/* ---- terms */

static int64_t term_of(double x, double temperature, double top, float rate) {
    if (!(x <= top))
        return -1;
    if (temperature == 0)
        return x == top ? (int64_t)PC_TERM_ONE : 0;
    return (int64_t)pc_logit_term(x, top, rate);
}

void pc_terms_loop(char **args, const intptr_t *dims, const intptr_t *strides, pc_kind kind) {
    int marked = 0;
    pc_fpmode mode = pc_fp_enter();
    for (int64_t row = 0; row < dims[0] && !pc_call_stopped(); row++) {
        const char *x = args[0] + row * strides[0];
        const double temperature = load_f64(args[1] + row * strides[1]), top = load_f64(args[2] + row * strides[2]);
        const int good = temperature >= 0 && temperature < INFINITY && fabs(top) < INFINITY;
        const float rate = pc_term_rate(temperature);
        for (int64_t i = 0; i < dims[1]; i++, x += strides[4]) {
            float single;
            if (pc_is_half(kind))
                pc_widen_halves(kind, x, 2, 1, &single);
            else if (kind == PC_F32)
                memcpy(&single, x, sizeof single);
            const int64_t term =
                good ? term_of(kind == PC_F64 ? load_f64(x) : (double)single, temperature, top, rate) : -1;
            marked |= term < 0;
            memcpy(args[3] + row * strides[3] + i * strides[5], &term, sizeof term);
        }
    }
    pc_fp_leave(mode);
    if (marked)
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
