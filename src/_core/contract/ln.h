/* The natural logarithm of the contract: one written sequence of IEEE-754 double operations.
 *
 * Precision policy: every operation below is one correctly rounded double operation, in the order written; no fused
 * multiply-add (the build sets -ffp-contract=off), no excess precision (contract/target.h), no libm. So the bits are
 * the same on every machine that has IEEE-754 doubles with round-to-nearest and subnormals (simd/fpmode.h sees to the
 * mode).
 *
 * Domain: positive normal doubles. The race needs [2^-59, 24) only.
 *
 * Method: x = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1 (exact), s = f / (2 + f). Then ln m = 2 atanh(s) and
 *     ln m = f - (f^2/2 - s (f^2/2 + R(s^2))),   R(z) = 2 z/3 + 2 z^2/5 + 2 z^3/7 + ...
 * R/z is replaced by the degree-6 minimax polynomial in z on [0, (3 - 2 sqrt(2))^2] (Remez; error 3.1e-16, which is
 * 1.5e-18 in ln, 1/36 of an ulp at most). The rounding of 2 + f and of s only reaches the result times f^2/2, so the
 * total stays below 1 ulp; tests/core/test_ln.py measures it against mpmath. */
#ifndef PC_CONTRACT_LN_H
#define PC_CONTRACT_LN_H

#include <stdint.h>
#include <string.h>

#include "contract/target.h"

static inline uint64_t pc_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double pc_double(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline double pc_ln(double x) {
    const double ln2_hi = 0x1.62e42feep-1; /* 32 significant bits: k * ln2_hi is exact */
    const double ln2_lo = 0x1.a39ef35793c76p-33;
    const double c1 = 0x1.5555555555558p-1, c2 = 0x1.999999999522ep-2, c3 = 0x1.2492492e02b24p-2;
    const double c4 = 0x1.c71c62d1c5f64p-3, c5 = 0x1.7462b9b81a6abp-3, c6 = 0x1.39fdc7d78a05fp-3;
    const double c7 = 0x1.2b5f0a9670293p-3;
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu; /* the double nearest sqrt(1/2) */

    uint64_t bits = pc_bits(x);
    int64_t k = (int64_t)(bits - sqrt_half) >> 52;
    double m = pc_double(bits - ((uint64_t)k << 52));
    double f = m - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double even = w * (c2 + w * (c4 + w * c6));
    double odd = z * (c1 + w * (c3 + w * (c5 + w * c7)));
    double r = even + odd;
    double h = (0.5 * f) * f;
    double n = (double)k;
    return n * ln2_hi - ((h - (s * (h + r) + n * ln2_lo)) - f);
}

#endif
