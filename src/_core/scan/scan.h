/* Reading a row once: block maxima, a check for values that are amiss and, for the race, the hashes of the blocks.
 *
 * Exact: comparisons and integers, and sums that only say whether every value must be looked at. */
#ifndef PC_SCAN_SCAN_H
#define PC_SCAN_SCAN_H

#include <float.h>
#include <math.h>

#include "scan/row.h"
#include "scan/widen.h"
#include "simd/philox.h"

/* The hash words of PC_W blocks from block `index` on: begin, eight rounds, end. A hash word has, in the high 24 bits,
 * those of the complement of c0, from which the block's first clock is made, and in the low byte J, the lane that has
 * it (docs/contract.md). */
static inline __attribute__((always_inline)) void pc_hash_begin(pc_philox_lanes *p, const pc_rounds *r,
                                                                uint32_t index) {
    pc_vq at[2];
    for (int i = 0; i < PC_W; i++)
        at[i / PC_Q][i % PC_Q] = (uint64_t)i;
    pc_philox_begin(p, r, at[0] + index, at[1] + index);
}

static inline __attribute__((always_inline)) void pc_hash_end(const pc_philox_lanes *p, uint32_t *hash) {
    for (int h = 0; h < 2; h++) {
        const pc_vq word = (~p->x[0][h] & 0xffffff00u) | ((p->x[2][h] >> 26) & 63);
        *(pc_vh_at *)(hash + h * PC_Q) = __builtin_convertvector(word, pc_vh);
    }
}

static inline __attribute__((always_inline)) void pc_hash_blocks(const pc_rounds *r, uint32_t index, uint32_t *hash) {
    pc_philox_lanes p;
    pc_hash_begin(&p, r, index);
    pc_philox_finish(&p, r, 2);
    pc_hash_end(&p, hash);
}

static float pc_largest_lane(pc_vf v) {
    float lane[PC_W];
    memcpy(lane, &v, sizeof v);
    for (int half = PC_W / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = lane[i + half] > lane[i] ? lane[i + half] : lane[i];
    return lane[0];
}

static inline int64_t signed_bits_f32(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline int64_t signed_bits_f64(double x) { return (int64_t)pc_bits(x); }

static inline float of_bits_f32(int64_t bits) { return float_of_bits((uint32_t)bits); }

static inline double of_bits_f64(int64_t bits) { return pc_double((uint64_t)bits); }

/* Which of 64 numbers are at least a value. */
static inline uint64_t reaching_f32(const float *x, float value) {
    uint64_t mask = 0;
    for (int i = 0; i < PC_BLOCK; i += PC_W)
        mask |= (uint64_t)pc_ge_mask(*(const pc_vf_at *)(x + i), (pc_vf){0} + value) << i;
    return mask;
}

static inline uint64_t reaching_f64(const double *x, double value) {
    uint64_t mask = 0;
    for (int i = 0; i < PC_BLOCK; i += PC_Q)
        mask |= (uint64_t)pc_le_mask((pc_vd){0} + value, *(const pc_vd_at *)(x + i)) << i;
    return mask;
}

#define REAL float
#define REAL_BITS INT64_C(0x7fffffff) /* all but the sign */
#define FN(name) name##_f32
#include "scan/f32.inc"

#include "scan/place.inc"
#include "scan/row.inc"
#undef REAL
#undef REAL_BITS
#undef FN

#define REAL double
#define REAL_BITS INT64_MAX
#define FN(name) name##_f64
#include "scan/f64.inc"

#include "scan/place.inc"
#include "scan/row.inc"
#undef REAL
#undef REAL_BITS
#undef FN

#endif
