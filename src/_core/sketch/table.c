#include "sketch/table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "contract/ln.h"
#include "simd/fpmode.h"

/* Tables that nobody uses, at most 12 PC_MAX_REGISTERS bytes each. Whoever takes one out has it alone, so that it can
 * be freed when another takes its place: no lock, which a fork could leave locked. */
enum { KEPT = 8 };
static pc_table *_Atomic kept[KEPT];
static atomic_uint replaced;

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

static void keep(pc_table *table) {
    for (int i = 0; i < KEPT; i++) {
        pc_table *none = NULL;
        if (atomic_compare_exchange_strong(&kept[i], &none, table))
            return;
    }
    free(atomic_exchange(&kept[atomic_fetch_add(&replaced, 1) % KEPT], table));
}

static pc_table *table_of(int64_t k) {
    for (int i = 0; i < KEPT; i++) {
        pc_table *table = atomic_exchange(&kept[i], NULL);
        if (table && table->k == k)
            return table;
        if (table)
            keep(table);
    }
    return make_table(k);
}

int pc_take_table(pc_sketch_kind *kind) {
    kind->table = kind->minhash ? NULL : table_of(kind->k);
    return kind->minhash || kind->table;
}

void pc_return_table(pc_sketch_kind *kind) {
    if (kind->table)
        keep(kind->table);
    kind->table = NULL;
}
