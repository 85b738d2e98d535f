/* Terms of docs/kept.md, and what they are compared with, scalar.
 *
 * Precision policy: single and double operations, each rounded once, in the order of the page; a term is an integer, so
 * that sums of terms are exact and do not depend on their order. No FMA, no libm. */
#ifndef PC_CONTRACT_TERM_H
#define PC_CONTRACT_TERM_H

#include "contract/ln.h"

#define PC_LEAST_EXPONENT (-29.0f) /* t at and below it has the term 0 */
#define PC_TERM_ONE 0x1p28f        /* the term of the first item */
#define PC_TERM_1 0x1.62e39ep+27f
#define PC_TERM_2 0x1.ebfa4ep+25f
#define PC_TERM_3 0x1.c74322p+23f
#define PC_TERM_4 0x1.3cbea8p+21f
#define PC_TERM_5 0x1.23a604p+18f
#define PC_TERM_SHIFT 0x1.8p23f /* adding it rounds to an integer, which stands in the low bits */

/* r: what times x - top is the base-2 exponent of a term. */
static inline float pc_term_rate(double temperature) {
    const double rate = 0x1.71547652b82fep+0 / temperature;
    return (float)(rate < 0x1p127 ? rate : 0x1p127);
}

#define PC_ROUND 0x1.8p52 /* the same of doubles */

/* A number in 0 .. 2^31, rounded to an integer, half to even. */
static inline uint32_t pc_rounded(double x) { return (uint32_t)pc_bits(x + PC_ROUND); }

static inline uint32_t pc_logit_term(double x, double top, float rate) {
    const float t = (float)(x - top) * rate;
    if (!(t > PC_LEAST_EXPONENT))
        return 0;
    const float shifted = t + PC_TERM_SHIFT;
    const float k = shifted - PC_TERM_SHIFT, f = t - k;
    const float q = ((((PC_TERM_5 * f + PC_TERM_4) * f + PC_TERM_3) * f + PC_TERM_2) * f + PC_TERM_1) * f + PC_TERM_ONE;
    return pc_rounded((double)q * pc_double((uint64_t)(1023 + (int64_t)k) << 52));
}

static inline uint32_t pc_weight_term(double weight, double top) { return pc_rounded(weight / top * 0x1p28); }

/* The least logit or weight that min-p keeps. */
static inline double pc_least_logit(double top, double temperature, double min_p) {
    return top + temperature * pc_ln(min_p > 0x1p-1022 ? min_p : 0x1p-1022);
}

static inline double pc_least_weight(double top, double min_p) { return min_p * top; }

/* max(1, ceil(p * total)) for p in [0, 1) and a total up to 2^62, exactly: p is m * 2^-e with m below 2^53 and e at
 * least 53, and the product of m and total has its high word in `high`. */
static inline uint64_t pc_mass_limit(double p, uint64_t total) {
    const uint64_t bits = pc_bits(p), field = bits >> 52 & 2047, fraction = bits & ((UINT64_C(1) << 52) - 1);
    const uint64_t m = field ? fraction | UINT64_C(1) << 52 : fraction;
    const uint64_t e = 1075 - (field ? field : 1);
    const uint64_t low_m = m & 0xffffffffu, high_m = m >> 32, low_t = total & 0xffffffffu, high_t = total >> 32;
    const uint64_t middle = high_m * low_t + (low_m * low_t >> 32); /* below 2^53 + 2^32 */
    const uint64_t carry = low_m * high_t + (middle & 0xffffffffu);
    uint64_t high = high_m * high_t + (middle >> 32) + (carry >> 32);
    uint64_t low = carry << 32 | (low_m * low_t & 0xffffffffu);
    if (m == 0 || e >= 128) /* the product is below 2^115 */
        return 1;
    if (e >= 64) {
        const uint64_t rest = (e > 64 ? high << (128 - e) : 0) | low;
        high = e > 64 ? high >> (e - 64) : high;
        return high + (rest != 0) > 0 ? high + (rest != 0) : 1;
    }
    const uint64_t whole = high << (64 - e) | low >> e, rest = low << (64 - e);
    return whole + (rest != 0) > 0 ? whole + (rest != 0) : 1;
}

#endif
