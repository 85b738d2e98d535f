/* The C interface for other languages: ISA levels, public randomness and sketches; interface/pycouple.h describes it.
 */
#include "batch/sketch_rows.h"
#include "dispatch/answers.h"
#include "dispatch/isa.h"
#include "interface/call.h"

_Static_assert(PYCOUPLE_EMPTY == PC_EMPTY, "PYCOUPLE_EMPTY");

/* ---- ISA levels */

/* When the library is loaded, so that no call can come between. Whoever draws earlier, in a constructor of their own,
 * runs the baseline and gets the same bits. */
__attribute__((constructor)) static void use_best_level(void) { pc_isa_use(NULL); }

const char *pycouple_level(void) { return pc_isa_current()->name; }

int pycouple_use_level(const char *name) { return pc_isa_use(name) ? PYCOUPLE_OK : PYCOUPLE_BAD_LEVEL; }

int pycouple_check_level(void) {
    const outside before = enter(1);
    const char *wrong = pc_wrong_answer(pc_isa_current());
    leave(before);
    return wrong ? PYCOUPLE_BAD_BUILD : PYCOUPLE_OK;
}

/* ---- Public randomness */

static int numbers(int what, uint64_t seed, uint64_t step, uint64_t stream, const uint64_t *items, int64_t count,
                   double *values) {
    if (!is_size(count))
        return PYCOUPLE_BAD_SIZE;
    if (stream > PC_MAX_STREAM)
        return PYCOUPLE_BAD_STREAM;
    if (count == 0)
        return PYCOUPLE_OK;
    if (!items || !values)
        return PYCOUPLE_NULL_POINTER;
    for (int64_t i = 0; i < count; i++)
        if (items[i] > (what == PC_UNIFORMS ? PC_MAX_UNIFORM_ITEM : PC_MAX_RACE_ITEM))
            return PYCOUPLE_BAD_ITEM;
    arguments a = {.count = 0};
    add(&a, &seed, 0);
    add(&a, &step, 0);
    add(&a, &stream, 0);
    add(&a, items, sizeof *items);
    add(&a, values, sizeof *values);
    const intptr_t dims[] = {count};
    const outside before = enter(1);
    pc_random_loop(a.args, dims, a.strides, what);
    leave(before);
    return PYCOUPLE_OK;
}

int pycouple_clocks(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                    double *values) {
    return numbers(PC_CLOCKS, seed, step, stream, items, count, values);
}

int pycouple_gumbels(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                     double *values) {
    return numbers(PC_GUMBELS, seed, step, stream, items, count, values);
}

int pycouple_uniforms(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                      double *values) {
    return numbers(PC_UNIFORMS, seed, step, stream, items, count, values);
}

/* ---- Sketches */

static int sketch(const pc_sketch_kind *kind, const table *set, const uint64_t *ids, int normalize, int bits,
                  uint64_t *registers) {
    const int wrong = check_table(set);
    if (wrong != PYCOUPLE_OK)
        return wrong;
    if (kind->k < 1 || kind->k > PC_MAX_REGISTERS)
        return PYCOUPLE_BAD_K;
    if (bits < 0 || bits > 32)
        return PYCOUPLE_BAD_BITS;
    if (!registers)
        return PYCOUPLE_NULL_POINTER;
    for (int64_t i = 1; ids && i < set->n; i++)
        if (ids[i] <= ids[i - 1])
            return PYCOUPLE_BAD_IDS;
    const pc_matrix matrix = {
        .first = {.data = first_of(set), .stride = set->stride, .n = set->n, .kind = (pc_kind)set->dtype},
        .ids = (const char *)ids,
        .id_bytes = sizeof *ids,
        .rows = 1,
        .normalize = normalize,
    };
    pc_status status = PC_OK;
    const outside before = enter(1);
    pc_sketch_rows(&matrix, kind, bits, 1, registers, &status);
    leave(before);
    return (int)status;
}

int pycouple_sketch_gumbel(const void *weights, int dtype, int64_t n, ptrdiff_t stride, const uint64_t *ids, int64_t k,
                           uint64_t seed, int bits, uint64_t *registers) {
    const table set = {weights, dtype, 1, n, 0, stride};
    const pc_sketch_kind kind = {.minhash = 0, .k = k, .seed = seed};
    return sketch(&kind, &set, ids, 0, bits, registers);
}

int pycouple_sketch_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride, const uint64_t *ids, int64_t k,
                            uint64_t seed, int normalize, int bits, uint64_t *registers) {
    const table set = {weights, dtype, 1, n, 0, stride};
    const pc_sketch_kind kind = {.minhash = 1, .k = k, .seed = seed};
    return sketch(&kind, &set, ids, normalize, bits, registers);
}
