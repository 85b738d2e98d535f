#include "sketch/table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "contract/ln.h"
#include "simd/fpmode.h"

static pc_table *_Atomic tables;

static uint32_t prime_from(uint32_t k) {
    for (uint32_t p = k < 2 ? 2 : k;; p++) {
        uint32_t d = 2;
        while (d * d <= p && p % d)
            d++;
        if (d * d > p)
            return p;
    }
}

static pc_table *make_table(int64_t k) {
    const uint32_t prime = prime_from((uint32_t)k);
    pc_table *t = malloc(sizeof *t + (size_t)k * sizeof *t->strata + prime * sizeof *t->inverse);
    if (!t)
        return NULL;
    t->k = k;
    t->prime = prime;
    t->reciprocal = UINT64_MAX / prime + 1;
    t->strata = (double *)(void *)(t + 1);
    t->inverse = (uint32_t *)(void *)(t->strata + k);
    t->inverse[0] = 0;
    t->inverse[1] = 1;
    for (uint64_t i = 2; i < prime; i++)
        t->inverse[i] = (uint32_t)((prime - prime / i) * t->inverse[prime % i] % prime);
    pc_fpmode mode = pc_fp_enter();
    /* x_i / k is below (k - i) / k before rounding, so not above it after rounding; ln may be off by an ulp. */
    for (int64_t i = 0; i < k; i++)
        t->strata[i] = -pc_ln((double)(k - i) / (double)k) / PC_LOOSE;
    pc_fp_leave(mode);
    return t;
}

static const pc_table *table_of(int64_t k) {
    pc_table *first = atomic_load(&tables);
    for (pc_table *t = first; t; t = t->next)
        if (t->k == k)
            return t;
    pc_table *made = make_table(k);
    if (!made)
        return NULL;
    made->next = first;
    while (!atomic_compare_exchange_weak(&tables, &made->next, made))
        ;
    return made;
}

int pc_give_table(pc_sketch_kind *kind) {
    kind->table = kind->minhash ? NULL : table_of(kind->k);
    return kind->minhash || kind->table;
}
