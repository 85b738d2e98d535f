/* pc_ln on the lanes of one ISA level.
 *
 * Precision policy: the operations of contract/ln.h in their order, one IEEE-754 operation per lane each, so the bits
 * are pc_ln's.
 * The exponent is taken with a bias, which changes nothing: integers below 2^52 become doubles exactly. */
#ifndef PC_SIMD_LN_H
#define PC_SIMD_LN_H

#include "contract/ln.h"
#include "simd/simd.h"

#define PC_TWO_52 0x4330000000000000u /* the bits of 2^52: or-ed to an integer below it they make 2^52 + integer */

static inline pc_vd pc_integers(pc_vq below_2_52) { return (pc_vd)(below_2_52 | PC_TWO_52) - 0x1p52; }

static inline __attribute__((always_inline)) pc_vd pc_ln_lanes(pc_vd x) {
    const double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
    const double c1 = 0x1.5555555555558p-1, c2 = 0x1.999999999522ep-2, c3 = 0x1.2492492e02b24p-2;
    const double c4 = 0x1.c71c62d1c5f64p-3, c5 = 0x1.7462b9b81a6abp-3, c6 = 0x1.39fdc7d78a05fp-3;
    const double c7 = 0x1.2b5f0a9670293p-3;
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu, bias = UINT64_C(1024) << 52;

    const pc_vq bits = (pc_vq)x;
    const pc_vq k = (bits - sqrt_half + bias) >> 52;
    const pc_vd m = (pc_vd)(bits + bias - (k << 52));
    const pc_vd n = pc_integers(k) - 1024.0;
    const pc_vd f = m - 1.0;
    const pc_vd s = f / (2.0 + f);
    const pc_vd z = s * s;
    const pc_vd w = z * z;
    const pc_vd even = w * (c2 + w * (c4 + w * c6));
    const pc_vd odd = z * (c1 + w * (c3 + w * (c5 + w * c7)));
    const pc_vd r = even + odd;
    const pc_vd h = (0.5 * f) * f;
    return n * ln2_hi - ((h - (s * (h + r) + n * ln2_lo)) - f);
}

/* pc_unit of the words in the low halves of c0 and c1. */
static inline pc_vd pc_units(pc_vq c0, pc_vq c1) {
    return (pc_integers(((c0 << 32) | (c1 & 0xffffffffu)) >> 12) + 0.5) * 0x1p-52;
}

#endif
