/* Every kernel, every kind of row and every output is touched: what one leaves out a fault could hide in. Each call
 * covers whole vectors and an incomplete one. Rows are made from integers by exact operations, and what comes
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

static pc_row row_of(const void *data, pc_kind kind, int n) {
    static const ptrdiff_t bytes[] = {2, 2, 4, 8};
    return (pc_row){.data = data, .stride = bytes[kind], .n = n, .kind = kind};
}

/* The last step of logits is greedy. */
static uint64_t race(const pc_kernels *level, const void *data, pc_kind kind, int logits, int n) {
    double memory[PC_BLOCK * PC_BLOCK_BYTES / sizeof(double)]; /* one piece of blocks is enough for ITEMS */
    pc_scratch scratch = pc_scratch_in(memory, PC_BLOCK);
    const pc_row row = row_of(data, kind, n);
    uint64_t hash = 0;
    for (uint64_t step = 0; step < 4; step++) {
        const pc_race race = {
            .draw = {.seed = UINT64_C(0x123456789ABCDEF0), .step = step << 31, .stream = (uint32_t)step},
            .logits = logits,
            .temperature = step < 3 ? 0.75 : 0,
            .want_margin = logits,
        };
        pc_winner winner = {.item = 0};
        hash = fold(hash, (uint64_t)level->race(&row, &race, &scratch, &winner));
        hash = fold(fold(hash, (uint64_t)winner.item), pc_bits(winner.score));
        hash = logits ? fold(hash, pc_bits(winner.margin)) : hash;
    }
    return hash;
}

static uint64_t darts(const pc_kernels *level, const void *data, pc_kind kind) {
    double memory[PC_BLOCK * PC_BLOCK_BYTES / sizeof(double)];
    pc_scratch scratch = pc_scratch_in(memory, PC_BLOCK);
    const pc_row row = row_of(data, kind, ITEMS);
    const pc_draw draw = {.seed = 7, .step = 9};
    pc_dart first = {0}, listed[16];
    pc_darts list = {.until = 3, .at = listed, .room = 16};
    uint64_t hash = fold(0, (uint64_t)level->darts(&row, &draw, 0, &scratch, NULL, &first));
    hash = fold(fold(hash, first.item), pc_bits(first.time));
    hash = fold(hash, (uint64_t)first.tier << 16 | first.number);
    hash = fold(hash, (uint64_t)level->darts(&row, &draw, 0, &scratch, &list, &first));
    uint64_t items = 0; /* a list has no order */
    for (int i = 0; i < list.count && i < list.room; i++)
        items += fold(pc_bits(listed[i].time), listed[i].item);
    return fold(fold(hash, (uint64_t)list.count), items);
}

static uint64_t sketch(const pc_kernels *level, const double *data, const uint64_t *ids, int minhash) {
    pc_sketch_kind kind = {.minhash = minhash, .k = REGISTERS, .seed = 3};
    const pc_items items = {
        .weights = row_of(data, PC_F64, SET),
        .ids = (const char *)ids,
        .id_bytes = sizeof *ids,
        .normalize = ids != NULL,
    };
    double time[REGISTERS];
    uint64_t id[REGISTERS], tag[REGISTERS], out[REGISTERS], other[REGISTERS], hash = 0;
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
        level->sketch_values(&kind, 5, &best, other);
        for (int r = 0; r < REGISTERS; r++) {
            hash = fold(fold(fold(hash, out[r]), other[r]), pc_bits(time[r]));
            other[r] = r % 3 ? out[r] : out[r] ^ 0x0100010001;
        }
        for (int power = 0; power < 4; power++)
            hash = fold(hash, (uint64_t)level->equal[power](out, other, REGISTERS * 8 >> power));
    }
    pc_workspace_free(&work);
    pc_return_table(&kind);
    return hash;
}

/* Sums of terms, the k-th largest, where a nucleus ends, and a race within that place. */
static uint64_t kept(const pc_kernels *level, const void *data, pc_kind kind, int logits, int n) {
    double memory[PC_BLOCK * PC_BLOCK_BYTES / sizeof(double)];
    pc_scratch scratch = pc_scratch_in(memory, PC_BLOCK);
    const pc_row row = row_of(data, kind, n);
    pc_race race = {
        .draw = {.seed = UINT64_C(0x123456789ABCDEF0), .step = 5},
        .logits = logits,
        .temperature = 0.75,
        .left_out = -1,
    };
    uint64_t hash = (uint64_t)level->scan(&row, &race, &scratch);
    const pc_terms terms = {.logits = logits, .top = scratch.top, .rate = 0x1.ec71f4p+0f};
    pc_place place = {level->kth(&row, &scratch, logits, n / 3), n};
    const uint64_t total = level->term_sum(&row, &scratch, &terms, &place);
    place = level->nucleus(&row, &scratch, &terms, &place, total / 2);
    const int64_t last = level->last(&row, &scratch, logits, &place);
    hash = fold(fold(fold(hash, total), pc_bits(place.value)), (uint64_t)last);
    place.item = last / 2; /* among what is equal to it */
    hash = fold(hash, level->term_sum(&row, &scratch, &terms, &place));
    if (logits) { /* sums of floats, which are not the same on all levels */
        place = (pc_place){-INFINITY, 0};
        const uint64_t all = level->term_sum(&row, &scratch, &terms, &place);
        const pc_between bounds = level->term_bounds(&row, &scratch, &terms);
        hash = fold(hash, bounds.least <= all && all <= bounds.most);
        place = (pc_place){1, n}; /* something is before it */
    }
    pc_winner winner = {.item = 0};
    race.scanned = 1;
    race.within = &place;
    hash = fold(hash, (uint64_t)level->race(&row, &race, &scratch, &winner));
    return fold(fold(hash, (uint64_t)winner.item), pc_bits(winner.score));
}

const char *pc_wrong_answer(const pc_kernels *level) {
    float f32[ITEMS];
    double f64[ITEMS];
    uint16_t half[ITEMS]; /* finite as float16 and as bfloat16 */
    uint64_t ids[SET];
    for (int i = 0; i < ITEMS; i++) {
        f64[i] = f32[i] = value_of(i + 1);
        half[i] = (uint16_t)(((uint32_t)(i + 1) * 0x9E3779B1u) >> 17) & 0x7bff;
    }
    for (int i = 0; i < SET; i++)
        ids[i] = (uint64_t)i << 40 | (uint64_t)i;
    const pc_fpmode mode = pc_fp_enter();
    const struct {
        const char *what;
        uint64_t found, right;
    } answers[] = {
        {"race of float16 logits", race(level, half, PC_F16, 1, ITEMS), UINT64_C(0x58FD977EFB8DF783)},
        {"race of bfloat16 logits", race(level, half, PC_BF16, 1, ITEMS), UINT64_C(0x7B5C6B118F575195)},
        {"race of float32 logits", race(level, f32, PC_F32, 1, ITEMS), UINT64_C(0xD8D8000998C93C0B)},
        {"race of float64 logits", race(level, f64, PC_F64, 1, ITEMS), UINT64_C(0xD8D8000998C93C0B)},
        {"race of float32 weights", race(level, f32, PC_F32, 0, ITEMS), UINT64_C(0x6519A78C5E3D3042)},
        {"race of float64 weights", race(level, f64, PC_F64, 0, ITEMS), UINT64_C(0x6519A78C5E3D3042)},
        {"race of few logits", race(level, f64, PC_F64, 1, 40), UINT64_C(0x814BD625AAA15B34)},
        {"race of few weights", race(level, f32, PC_F32, 0, 40), UINT64_C(0x364331A6F7E68FBF)},
        {"MinHash draw of float32 weights", darts(level, f32, PC_F32), UINT64_C(0x4879DD103B083ACD)},
        {"MinHash draw of float64 weights", darts(level, f64, PC_F64), UINT64_C(0x4879DD103B083ACD)},
        {"gumbel sketch", sketch(level, f64, NULL, 0), UINT64_C(0x14EE4E0B6C4C0BC9)},
        {"gumbel sketch of ids", sketch(level, f64, ids, 0), UINT64_C(0x76E75FC87A643BCD)},
        {"minhash sketch", sketch(level, f64, NULL, 1), UINT64_C(0x5024E1F29B6C130B)},
        {"minhash sketch of ids", sketch(level, f64, ids, 1), UINT64_C(0xCB8E88231659AA5B)},
        {"kept set of float16 logits", kept(level, half, PC_F16, 1, ITEMS), UINT64_C(0xBBBC9F62BBBE7543)},
        {"kept set of float32 logits", kept(level, f32, PC_F32, 1, ITEMS), UINT64_C(0xB02DE446BAF8C49D)},
        {"kept set of float64 logits", kept(level, f64, PC_F64, 1, ITEMS), UINT64_C(0xB02DE446BAF8C49D)},
        {"kept set of float32 weights", kept(level, f32, PC_F32, 0, ITEMS), UINT64_C(0x5788A31E2C574928)},
        {"kept set of few logits", kept(level, f64, PC_F64, 1, 40), UINT64_C(0xDF0E602E2D2D675A)},
    };
    pc_fp_leave(mode);
    for (int i = 0; i < (int)(sizeof answers / sizeof *answers); i++)
        if (answers[i].found != answers[i].right)
            return answers[i].what;
    return NULL;
}
