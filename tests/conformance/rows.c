/* Words and rows: the same on every machine, and written once more in test_conformance.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static uint64_t mix(uint64_t z) {
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t word(uint64_t a, uint64_t b) { return mix(mix(a) + b); }

void *memory_for(int64_t count, size_t size) {
    void *memory = calloc((size_t)(count ? count : 1), size);
    if (!memory) {
        fputs("conformance: no memory\n", stderr);
        exit(3);
    }
    return memory;
}

typedef struct {
    int bytes, fraction, bias;
} format;

static const format formats[] = {
    [PC_F16] = {2, 10, 15},
    [PC_BF16] = {2, 7, 127},
    [PC_F32] = {4, 23, 127},
    [PC_F64] = {8, 52, 1023},
};

/* (-1)^negative 2^exponent (1 + fraction / 2^64) truncated; the nearest binade there is if there is none such. */
static uint64_t number(const format *f, uint64_t negative, int exponent, uint64_t fraction) {
    int field = exponent + f->bias;
    field = field < 0 ? 0 : field > 2 * f->bias ? 2 * f->bias : field;
    return negative << (8 * f->bytes - 1) | (uint64_t)field << f->fraction | fraction >> (64 - f->fraction);
}

static uint64_t infinity(const format *f, uint64_t negative) {
    return negative << (8 * f->bytes - 1) | (uint64_t)(2 * f->bias + 1) << f->fraction;
}

static uint64_t not_a_number(const format *f) { return infinity(f, 0) | UINT64_C(1) << (f->fraction - 1); }

/* The bits of one item. The low 12 bits of its word choose, those above are the fraction. */
static uint64_t item_bits(pc_kind kind, int logits, int recipe, int64_t n, int64_t i) {
    const format *f = &formats[kind];
    const uint64_t a = ((uint64_t)n * RECIPES + (uint64_t)recipe) * 4 + (uint64_t)kind, w = word(a, (uint64_t)i),
                   low = w & 1;
    const uint64_t sign = logits ? low : 0;
    const uint64_t spread = number(f, sign, (int)(w >> 1 & 7) - 4, w);
    const uint64_t nothing = logits ? infinity(f, 1) : low << (8 * f->bytes - 1);
    const int masked = (w >> 4 & 3) != 0, chosen = word(a, UINT64_MAX) % (uint64_t)n == (uint64_t)i;
    switch (recipe) {
    case SKEWED:
        return number(f, logits != 0, -(int)(w >> 1 & 31), w);
    case MASKED:
        return masked ? nothing : spread;
    case MASKED_1E9:
        if (!masked)
            return spread;
        return logits ? number(f, 1, 29, UINT64_C(0xdcd65) << 44) : 1; /* or the smallest weight */
    case MASKED_LEAST:
        if (!masked)
            return spread;
        return logits ? number(f, 1, f->bias, UINT64_MAX) : number(f, 0, 1 - f->bias, 0); /* or the least normal one */
    case TIES:
        return number(f, 0, 0, UINT64_C(1) << 63) | (w >> 1 & 1);
    case GIANT:
        return number(f, sign, f->bias - (int)(w >> 1 & 3), w);
    case SUBNORMAL:
        return number(f, sign, -f->bias, w);
    case ZEROS:
        return (w >> 1 & 15) == 0 ? spread : low << (8 * f->bytes - 1);
    case EQUAL:
        return number(f, 0, 0, 0);
    case ONE:
        return chosen ? spread : nothing;
    case NONE:
        return nothing;
    case BAD:
        if (!chosen)
            return spread;
        return n % 2 ? not_a_number(f) : logits ? infinity(f, 0) : number(f, 1, 0, 0);
    default:
        return spread;
    }
}

static void store(char *at, int bytes, uint64_t bits) {
    const uint16_t two = (uint16_t)bits;
    const uint32_t four = (uint32_t)bits;
    memcpy(at, bytes == 2 ? (const void *)&two : bytes == 4 ? (const void *)&four : (const void *)&bits, (size_t)bytes);
}

void *make_row(pc_row *row, pc_kind kind, int logits, int recipe, int64_t n, int layout) {
    static const int strides[LAYOUTS] = {1, 2, 3, -1, -2, 0};
    const format *f = &formats[kind];
    const int64_t stride = strides[layout], step = stride < 0 ? -stride : stride, room = step * n + 1;
    char *memory = memory_for(room, (size_t)f->bytes), *data = memory + (stride < 0 ? step * (n - 1) * f->bytes : 0);
    for (int64_t i = 0; i < room; i++) /* so that what is read beside the row shows */
        store(memory + i * f->bytes, f->bytes, not_a_number(f));
    for (int64_t i = 0; i < (stride ? n : 1); i++)
        store(data + i * stride * f->bytes, f->bytes, item_bits(kind, logits, recipe, n, i));
    *row = (pc_row){.data = data, .stride = (ptrdiff_t)(stride * f->bytes), .n = n, .kind = kind};
    return memory;
}
