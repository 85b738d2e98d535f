/* Topics: the functions of the contract by themselves. */
#include "conformance.h"

enum { COUNT = 4096 };

static void philox(digest *d, int what) {
    (void)what;
    for (uint64_t i = 0; i < COUNT; i++) {
        const pc_draw draw = {word(1, 4 * i), word(1, 4 * i + 1), (uint32_t)(word(1, 4 * i + 2) & PC_MAX_STREAM)};
        uint32_t words[4];
        pc_words(&draw, (uint32_t)word(1, 4 * i + 3), (uint32_t)(1 + i % 10), words);
        for (int w = 0; w < 4; w++)
            digest_u64(d, words[w]);
    }
}

/* Positive normal doubles: of all exponents, and of those that the race needs. */
static void ln(digest *d, int what) {
    (void)what;
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t w = word(2, i), field = i % 2 ? 1 + (w & 0xfff) % 2046 : 1023 - 59 + (w & 0xfff) % 64;
        digest_f64(d, pc_ln(pc_double(field << 52 | w >> 12)));
    }
}

/* One call of many numbers; the last two have a stream and an item that there are none of. */
static void numbers(digest *d, int what) {
    static uint64_t seed[COUNT], step[COUNT], stream[COUNT], item[COUNT];
    static double out[COUNT];
    const uint64_t items = (what == PC_UNIFORMS ? PC_MAX_UNIFORM_ITEM : PC_MAX_RACE_ITEM) + 1;
    for (uint64_t i = 0; i < COUNT; i++) {
        seed[i] = word(4, 4 * i);
        step[i] = word(4, 4 * i + 1);
        stream[i] = word(4, 4 * i + 2) & PC_MAX_STREAM;
        item[i] = i % 2 ? word(4, 4 * i + 3) % items : i;
    }
    stream[COUNT - 2] = PC_MAX_STREAM + 1;
    item[COUNT - 1] = items;
    char *args[] = {(char *)seed, (char *)step, (char *)stream, (char *)item, (char *)out};
    const intptr_t dims[] = {COUNT}, strides[] = {8, 8, 8, 8, 8};
    pc_random_loop(args, dims, strides, what);
    for (int i = 0; i < COUNT; i++)
        digest_f64(d, out[i]);
}

const topic random_topics[] = {
    {"philox", philox, 0},
    {"ln", ln, 0},
    {"clocks", numbers, PC_CLOCKS},
    {"gumbels", numbers, PC_GUMBELS},
    {"uniforms", numbers, PC_UNIFORMS},
    {NULL, NULL, 0},
};
