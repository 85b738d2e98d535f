/* float16 and bfloat16 rows are widened a group at a time, which is exact. */
#ifndef PC_SCAN_WIDEN_H
#define PC_SCAN_WIDEN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scan/row.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    if (rest >= 0x7c00) /* inf, NaN */
        return float_of_bits(sign | 0x7f800000u | (rest << 13));
    float value = rest >= 0x400 ? float_of_bits((rest + (112u << 10)) << 13) : (float)rest * 0x1p-24f;
    return sign ? -value : value;
}

static inline uint16_t load_half(const char *data) {
    uint16_t half;
    memcpy(&half, data, sizeof half);
    return half;
}

static void widen_float16(const char *data, ptrdiff_t stride, int64_t count, float *out) {
    int64_t i = 0;
#if defined(__F16C__)
    if (stride == 2)
        for (; i + 8 <= count; i += 8)
            _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(data + 2 * i))));
#endif
    for (; i < count; i++)
        out[i] = half_to_float(load_half(data + i * stride));
}

static inline __attribute__((always_inline)) void widen_bfloat16(const char *data, ptrdiff_t stride, int64_t count,
                                                                 float *out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = float_of_bits((uint32_t)load_half(data + i * stride) << 16);
}

static inline int pc_is_half(pc_kind kind) { return kind == PC_F16 || kind == PC_BF16; }

static void pc_widen_halves(pc_kind kind, const char *data, ptrdiff_t stride, int64_t count, float *out) {
    if (kind == PC_F16)
        widen_float16(data, stride, count, out);
    else if (stride == 2) /* apart, so that it becomes vectors */
        widen_bfloat16(data, 2, count, out);
    else
        widen_bfloat16(data, stride, count, out);
}

#endif
