/* exp of numbers that are not positive: one written sequence of IEEE-754 double operations, as contract/ln.h has it.
 *
 * Method: x = k ln 2 + r with k the integer nearest x / ln 2, so |r| <= 0.35; k ln2_hi is exact for |k| < 2^20. exp(r)
 * is its Taylor polynomial of degree 13 (error below 5e-18), and 2^k is put together from bits. The error is below 1
 * ulp (tests/speculative/test_warpers.py measures it against mpmath). From -708 on, before 2^k becomes subnormal, the
 * result is 0. */
#ifndef PC_CONTRACT_EXP_H
#define PC_CONTRACT_EXP_H

#include "contract/ln.h"

static inline double pc_exp(double x) {
    const double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33, log2_e = 0x1.71547652b82fep+0;
    const double shift = 0x1.8p52; /* adding it rounds to an integer, which stands in the low bits */
    const double c3 = 1.0 / 6, c4 = 1.0 / 24, c5 = 1.0 / 120, c6 = 1.0 / 720, c7 = 1.0 / 5040, c8 = 1.0 / 40320;
    const double c9 = 1.0 / 362880, c10 = 1.0 / 3628800, c11 = 1.0 / 39916800, c12 = 1.0 / 479001600;
    const double c13 = 1.0 / 6227020800.0;

    const double shifted = x * log2_e + shift;
    const double k = shifted - shift;
    const double r = (x - k * ln2_hi) - k * ln2_lo;
    const double high = c8 + r * (c9 + r * (c10 + r * (c11 + r * (c12 + r * c13))));
    const double low = 0.5 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * (c7 + r * high)))));
    const double power = pc_double((pc_bits(shifted) + 1023) << 52);
    return x > -708.0 ? (1.0 + (r + (r * r) * low)) * power : 0.0;
}

#endif
