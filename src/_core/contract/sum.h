/* The sum of docs/minhash.md: item i is added to sum i mod 32, in order; then each half of the sums to the other.
 *
 * Precision policy: one rounding per addition, in the written order. */
#ifndef PC_CONTRACT_SUM_H
#define PC_CONTRACT_SUM_H

enum { PC_SUMS = 32 };

static inline double pc_fold_sums(double total[PC_SUMS]) {
    for (int half = PC_SUMS / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            total[i] += total[i + half];
    return total[0];
}

#endif
