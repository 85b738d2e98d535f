/* Philox4x32-10 of one ISA level, PC_W counters at a time.
 *
 * Exact: the integer rounds of contract/philox.h. */
#ifndef PC_SIMD_PHILOX_H
#define PC_SIMD_PHILOX_H

#include "contract/clock.h"
#include "simd/simd.h"

/* The counters stand in two vectors of PC_Q 64-bit lanes whose work interleaves. Of each lane the low word counts; the
 * high word is whatever was left there. */

/* What all counters of one draw and domain share, spread over the lanes. Round 0 multiplies one constant word and round
 * 1 the other, so those products are made here. */
typedef struct {
    pc_vq x2_0, x0_1, x2_1, x3_1;
    pc_vq k0[PC_PHILOX_ROUNDS], k1[PC_PHILOX_ROUNDS];
} pc_rounds;

static inline pc_vq pc_all_q(uint64_t x) { return (pc_vq){0} + x; }

static inline void pc_begin_rounds(pc_rounds *r, const pc_draw *draw, uint32_t domain) {
    uint32_t k0 = (uint32_t)draw->seed, k1 = (uint32_t)(draw->seed >> 32);
    const uint64_t p1 = (uint64_t)PC_PHILOX_M1 * (uint32_t)(draw->step >> 32);
    const uint64_t p0 = (uint64_t)PC_PHILOX_M0 * ((uint32_t)(p1 >> 32) ^ (uint32_t)draw->step ^ k0);
    r->x2_0 = pc_all_q(((draw->stream << 8) | domain) ^ k1);
    r->x0_1 = pc_all_q((uint32_t)p1 ^ (k0 + PC_PHILOX_W0));
    r->x2_1 = pc_all_q((uint32_t)(p0 >> 32) ^ (k1 + PC_PHILOX_W1));
    r->x3_1 = pc_all_q((uint32_t)p0);
    for (int i = 0; i < PC_PHILOX_ROUNDS; i++, k0 += PC_PHILOX_W0, k1 += PC_PHILOX_W1) {
        r->k0[i] = pc_all_q(k0);
        r->k1[i] = pc_all_q(k1);
    }
}

/* Rounds 0 and 1, then one round i = 2..9 at a time; the words are then in x[0..3]. A tag holds bits of the last
 * counter word above the domain and the stream. */
typedef struct {
    pc_vq x[4][2];
} pc_philox_lanes;

static inline __attribute__((always_inline)) void pc_philox_begin_tagged(pc_philox_lanes *p, const pc_rounds *r,
                                                                         const pc_vq index[2], const pc_vq tag[2]) {
    const pc_vq m0 = pc_all_q(PC_PHILOX_M0), m1 = pc_all_q(PC_PHILOX_M1);
    for (int h = 0; h < 2; h++) {
        const pc_vq p0 = pc_mul32(index[h], m0), p1 = pc_mul32(pc_high(p0) ^ r->x2_0 ^ tag[h], m1);
        p->x[0][h] = pc_high(p1) ^ r->x0_1;
        p->x[1][h] = p1;
        p->x[2][h] = p0 ^ r->x2_1;
        p->x[3][h] = r->x3_1;
    }
}

static inline __attribute__((always_inline)) void pc_philox_begin(pc_philox_lanes *p, const pc_rounds *r, pc_vq index0,
                                                                  pc_vq index1) {
    const pc_vq index[2] = {index0, index1}, none[2] = {{0}, {0}};
    pc_philox_begin_tagged(p, r, index, none);
}

static inline __attribute__((always_inline)) void pc_philox_round(pc_philox_lanes *p, const pc_rounds *r, int i) {
    const pc_vq m0 = pc_all_q(PC_PHILOX_M0), m1 = pc_all_q(PC_PHILOX_M1);
    for (int h = 0; h < 2; h++) {
        const pc_vq p0 = pc_mul32(p->x[0][h], m0), p1 = pc_mul32(p->x[2][h], m1);
        p->x[0][h] = pc_xor3(pc_high(p1), p->x[1][h], r->k0[i]);
        p->x[1][h] = p1;
        p->x[2][h] = pc_xor3(pc_high(p0), p->x[3][h], r->k1[i]);
        p->x[3][h] = p0;
    }
}

/* The rounds from `first` on: 2 after pc_philox_begin; 0 for counters of any kind in x[0..3], of which only the key of
 * r is shared. */
static inline __attribute__((always_inline)) void pc_philox_finish(pc_philox_lanes *p, const pc_rounds *r, int first) {
#pragma GCC unroll 10
    for (int i = first; i < PC_PHILOX_ROUNDS; i++)
        pc_philox_round(p, r, i);
}

#endif
