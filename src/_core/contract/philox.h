/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11), scalar.
 *
 * Exact: integer arithmetic modulo 2^32 only. simd/philox.h holds the vector form of the same rounds. */
#ifndef PC_CONTRACT_PHILOX_H
#define PC_CONTRACT_PHILOX_H

#include <stdint.h>

#define PC_PHILOX_M0 0xD2511F53u
#define PC_PHILOX_M1 0xCD9E8D57u
#define PC_PHILOX_W0 0x9E3779B9u
#define PC_PHILOX_W1 0xBB67AE85u
#define PC_PHILOX_ROUNDS 10

static inline void pc_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < PC_PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)PC_PHILOX_M0 * x0;
        uint64_t p1 = (uint64_t)PC_PHILOX_M1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += PC_PHILOX_W0;
        k1 += PC_PHILOX_W1;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

#endif
