/* The terms of a softmax, exp((x - top) / temperature), and their sum, compiled once per ISA level.
 *
 * Precision policy: doubles, one rounding per operation; the sum is that of contract/sum.h. So nucleus and min-p sets
 * are the same on every machine. Items that are -inf give 0. */
#include "contract/exp.h"
#include "contract/sum.h"
#include "kept/kept.h"
#include "simd/level.h"

#define PC_SOFTMAX(name, real)                                                                                         \
    pc_softmax_fn PC_HERE(name);                                                                                       \
    double PC_HERE(name)(const char *x, int64_t n, double top, double temperature, double *terms) {                    \
        double total[PC_SUMS] = {0};                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            real logit;                                                                                                \
            memcpy(&logit, x + i * (int64_t)sizeof logit, sizeof logit);                                               \
            terms[i] = pc_exp(((double)logit - top) / temperature);                                                    \
        }                                                                                                              \
        int64_t i = 0;                                                                                                 \
        for (; i + PC_SUMS <= n; i += PC_SUMS)                                                                         \
            for (int s = 0; s < PC_SUMS; s++)                                                                          \
                total[s] += terms[i + s];                                                                              \
        for (int s = 0; i + s < n; s++)                                                                                \
            total[s] += terms[i + s];                                                                                  \
        return pc_fold_sums(total);                                                                                    \
    }

PC_SOFTMAX(pc_softmax_f32, float)
PC_SOFTMAX(pc_softmax_f64, double)
