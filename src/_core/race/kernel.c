/* The race of one row, compiled once per ISA level (PC_LEVEL_*): bounds; race/frame.inc, race/blocks.inc and
 * race/row.inc follow.
 *
 * Precision policy. Two kinds of number live here and never mix:
 *   exact   the score of an item, made in double by the very operations of docs/contract.md (race/frame.inc: score_of).
 *           Only these are compared to name a winner.
 *   bound   float, base-2 logarithms relative to the row's largest value. They only say what need not be looked at.
 * The result is exact if no skipped item could have won. An item is skipped when its bound is below the threshold
 * made from the best exact score so far, so it is enough that for every item that can still win
 *     bound(item) - threshold >= log2(e) * (score(item) - best score), with all rounding counted.
 * The bounds rest on three facts.
 *   1. E_i >= M_b in a block, and E_i = M_b + F_i; and -ln(u) >= 1 - u. So with D = floor(2^24 (1 - u)) 2^-24 made
 *      from the high bits of the same Philox word, M_b >= D / 64 and F_i >= D_i. (u is the word's cell centre, 1 - u is
 *      at least the word's complement times 2^-32, and D drops bits of that.) For D = 0 nothing is claimed: see 2.
 *   2. A positive float read as an integer is a logarithm: bits / 2^23 - 127 <= log2(v) <= bits / 2^23 - 127 + 0.0861
 *      (v = 2^e (1 + t); 0 <= log2(1 + t) - t < 0.08608). For v = 0 the left side is -127, below log2 of any clock
 *      (M_b >= 2^-60), so D = 0 is safe too. For a subnormal v the right side holds as well, since log2(t) <= t - 1.
 *   3. Every rounding in a bound is covered by PC_SLACK, or by the relative slack where numbers can be large. */

#include "race/race.h"
#include "scan/scan.h"
#include "simd/level.h"

#define PC_LOG2E 0x1.71547652b82fep+0
#define PC_LOG2_GAP 0.0861f /* fact 2 */

/* Base-2 units. A bound is a sum of at most four floats below 2^11 in size, each rounded to 2^-14 at worst (f64
 * weights: exponent bits up to 2^11), plus 2^-20 for the words cut off and 1e-14 for ln's ulp: below 2^-11 together.
 * Scores and quotients below PC_FINE are rounded by 2^-18 at most, two quotients and half a distance by 2^-16. */
#define PC_SLACK 0x1p-10
#define PC_FINE 0x1p35

/* An item whose x / T is above that of all others by so much wins strictly, and its score needs no search: -ln E_i is
 * between -3.2 and 41.6 (2^-60 <= E_i < 24). Let u be the distance from its x / T to the next lower double. If u <= 64,
 * the difference is rounded by 64 at most (doubles are 2u apart below a power of two), so it is 192 or more, and sums
 * that are 147 apart do not round to one double, as doubles there are at most 128 apart. Otherwise all other x / T are
 * below it by u >= 128 at least, and no sum is rounded away from its own x / T towards the other's by as much as u / 2.
 */
#define PC_LONE 256.0

/* Of a bound that is large because logits are far apart: float products and sums round by 2^-22 of it in all. */
#define PC_RELATIVE_SLACK 0x1p-18

/* The 64 lane words of block `index`, in the order of the items. Word w of counter c is lane 4c + w: the counters are
 * dealt to the 64-bit lanes so that unpacking pairs of words puts them in order. */
static void lane_words(const pc_rounds *r, uint32_t index, uint32_t word[PC_BLOCK]) {
    pc_vq deal = {0};
    for (int i = 0; i < PC_Q; i++)
        deal[i] = (uint64_t)(i >> 1) + (uint64_t)(i & 1) * (PC_Q / 2);
#pragma GCC unroll 4
    for (int i = 0; i < PC_BLOCK / 4; i += PC_W) {
        const uint32_t first = 16 * index + (uint32_t)i;
        pc_philox_lanes p;
        pc_philox_begin(&p, r, deal + first, deal + (first + PC_Q));
        pc_philox_finish(&p, r, 2);
        for (int h = 0; h < 2; h++) {
            const pc_vq low = pc_pair(p.x[0][h], p.x[1][h]), high = pc_pair(p.x[2][h], p.x[3][h]);
            uint32_t *out = word + 4 * (i + h * PC_Q);
            *(pc_vu_at *)out = (pc_vu)pc_unpack_low(low, high);
            *(pc_vu_at *)(out + PC_W) = (pc_vu)pc_unpack_high(low, high);
        }
    }
}

/* The hash word of one block (scan/scan.h). */
static uint32_t hash_of(const pc_draw *draw, uint32_t block) {
    uint32_t c[4];
    pc_words(draw, block, PC_DOMAIN_BLOCK, c);
    return (~c[0] & 0xffffff00u) | c[2] >> 26;
}

/* ---- Bounds, from block maxima or lane values (relative logarithms a) and complements of Philox words. */

static inline pc_vf to_float(pc_vu x) { return __builtin_convertvector((pc_vi)x, pc_vf); }

/* bits / 2^23 of v >= 0: its logarithm plus 127, at least (fact 2). */
static inline pc_vf low_log2(pc_vf v) { return to_float((pc_vu)v) * 0x1p-23f; }

/* bound[b] of every block from a[b], which is in bound[b] already: a - log2(D / 64). Returns the largest. */
static float block_bounds(const uint32_t *hash, float *bound, int64_t blocks) {
    pc_vf top = (pc_vf){0} - INFINITY;
    for (int64_t b = 0; b < blocks; b += PC_W) {
        const pc_vf D = to_float(*(const pc_vu_at *)(hash + b) >> 8); /* times 2^24 */
        const pc_vf value = *(const pc_vf_at *)(bound + b) + ((127.0f + 24.0f + 6.0f) - low_log2(D));
        *(pc_vf_at *)(bound + b) = value;
        top = pc_max_f(value, top);
    }
    return pc_largest_lane(top);
}

/* The largest of the bounds of blocks that are not NaN, or -inf. */
static float largest_bound(const float *bound, int64_t blocks) {
    pc_vf top = (pc_vf){0} - INFINITY;
    for (int64_t b = 0; b < (blocks + PC_W - 1) / PC_W * PC_W; b += PC_W)
        top = pc_max_f(*(const pc_vf_at *)(bound + b), top);
    return pc_largest_lane(top);
}

/* bound[l] of the 64 lanes of a block from a[l]; first is at most M_b, and J is the lane that has M_b itself. */
static void lane_bounds(const uint32_t word[PC_BLOCK], float first, uint32_t J, const float a[PC_BLOCK],
                        float bound[PC_BLOCK]) {
    pc_vu lane;
    for (uint32_t i = 0; i < PC_W; i++)
        lane[i] = i;
    for (int i = 0; i < PC_BLOCK; i += PC_W, lane += PC_W) {
        const pc_vf D = to_float(~*(const pc_vu_at *)(word + i) >> 8) * 0x1p-24f;
        const pc_vf clock = first + (pc_vf)((pc_vu)D & (pc_vu)(lane != J));
        *(pc_vf_at *)(bound + i) = *(const pc_vf_at *)(a + i) + (127.0f - low_log2(clock));
    }
}

/* Which of 64 bounds are the largest. */
static uint64_t most_promising(const float *bound) {
    pc_vf top = *(const pc_vf_at *)bound;
    for (int i = PC_W; i < PC_BLOCK; i += PC_W)
        top = pc_max_f(*(const pc_vf_at *)(bound + i), top);
    return reaching_f32(bound, pc_largest_lane(top));
}

/* What is as low as this becomes -inf, which all bounds reach. For a, or its lift, may be too large for a float. An
 * item that reaches a threshold above -2^120 has (x / T - base) log2(e) above -2^121, so a is a float unless the lift
 * is above 2^127. Then doubles at base are 2^125 or more apart: no sum is above base, rounded, and a threshold is above
 * 2^120, which asks for more, or below -2^120. */
static float below(double threshold) { return threshold > -0x1p120 ? (float)threshold : -INFINITY; }

/* ---- What depends on the type: the exponent of fact 2, and the lowest finite value of a block. */

/* All bits, as an integer. */
static inline int32_t exponent_bits_f32(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The high word of the bits. */
static inline int32_t exponent_bits_f64(double x) { return (int32_t)(pc_bits(x) >> 32); }

/* The largest of minus the finite values, times -1. */
static inline float block_lowest_f32(const float *x) {
    const pc_vf none = (pc_vf){0} - FLT_MAX;
    pc_vf most = none;
    for (int i = 0; i < PC_BLOCK; i += PC_W) {
        const pc_vf v = *(const pc_vf_at *)(x + i);
        const pc_vu finite = (pc_vu)(v > -INFINITY);
        most = pc_max_f((pc_vf)(((pc_vu)-v & finite) | ((pc_vu)none & ~finite)), most);
    }
    return -pc_largest_lane(most);
}

static inline double block_lowest_f64(const double *x) {
    const pc_vd none = (pc_vd){0} - DBL_MAX;
    pc_vd most = none;
    for (int i = 0; i < PC_BLOCK; i += PC_Q) {
        const pc_vd v = *(const pc_vd_at *)(x + i);
        const pc_vq finite = (pc_vq)(v > -(double)INFINITY);
        most = pc_max_d((pc_vd)(((pc_vq)-v & finite) | ((pc_vq)none & ~finite)), most);
    }
    return -pc_hmax(most);
}

/* ---- Times of arrival, which compare between slices of one set of weights.
 *
 * The key of an item is E_i / (2^s weight_i), where 2^s puts the largest weight of the row in [1, 2). Slices have
 * different s, so their keys do not compare. Let t_i be E_i / weight_i, rounded once to 53 bits as a double is, but
 * with an exponent of any size. The winner of a row, be it a slice or the whole, is the item with the smallest t_i, the
 * lowest item among equals:
 *   - Correct rounding commutes with a power of two as long as all numbers are normal. So if 2^s weight_i and the key
 *     are normal, the key is exactly 2^-s t_i: among such items keys are in the order of the t_i, and equal where the
 *     t_i are equal.
 *   - Other items win neither by their keys nor by their t_i. The item with the largest weight has a key below 2^5,
 *     since clocks are below 24. Clocks are at least 2^-60, so a 2^s weight_i below 2^-1022 makes a key of at least
 *     2^962, rounded or not; and a key that is not normal although 2^s weight_i is has overflowed, as a quotient of at
 *     least 2^-60 / 2 is not subnormal.
 * So the smallest t_i among the winners of the slices, the lowest item among equals, names the winner of the whole. The
 * t_i of a winner is its key times 2^s, and that product is exact if it is a normal double. Otherwise the row is
 * marked: its largest weight is then near an end of the range of doubles, above 2^962 or below 2^-1019. */
static pc_status key_to_time(int shift, double *score) {
    *score = ldexp(*score, shift);
    return isnormal(*score) ? PC_OK : PC_OVERFLOW;
}

#define REAL float
#define PC_EXPONENT_UNIT 0x1p-23f
#define PC_EXPONENT_BIAS (-127.0f)
#define FN(name) name##_f32
#include "race/frame.inc"

#include "race/blocks.inc"

#include "race/row.inc"
#undef REAL
#undef FN
#undef PC_EXPONENT_UNIT
#undef PC_EXPONENT_BIAS

#define REAL double
#define PC_EXPONENT_UNIT 0x1p-20f
#define PC_EXPONENT_BIAS (-1023.0f) /* the low word, which is left out, is below 2^-20: in PC_SLACK */
#define FN(name) name##_f64
#include "race/frame.inc"

#include "race/blocks.inc"

#include "race/row.inc"
#undef REAL
#undef FN
#undef PC_EXPONENT_UNIT
#undef PC_EXPONENT_BIAS

pc_scan_fn PC_HERE(pc_scan);
pc_status PC_HERE(pc_scan)(const pc_row *row, const pc_race *race, pc_scratch *scratch) {
    return row->kind == PC_F64 ? read_f64(row, race, scratch) : read_f32(row, race, scratch);
}

pc_race_fn PC_HERE(pc_race);
pc_status PC_HERE(pc_race)(const pc_row *row, const pc_race *race, pc_scratch *scratch, pc_winner *winner) {
    return row->kind == PC_F64 ? race_f64(row, race, scratch, winner) : race_f32(row, race, scratch, winner);
}
