#include "batch/running.h"

#include <math.h>

#include "contract/ln.h"
#include "dispatch/isa.h"
#include "simd/fpmode.h"
#include "sketch/memory.h"
#include "sketch/table.h"

/* What an exponent adds to a key. 512 more are taken from every key: exponents of times span some 2,300 numbers, which
 * then fit an int64. */
static int64_t key_offset(int exponent) { return (exponent + INT64_C(512)) * (INT64_C(1) << 52); }

static int64_t key_of(double time, int exponent) { return (int64_t)pc_bits(time) - key_offset(exponent); }

/* A key as a time in a set's frame, 0 or INFINITY if no double can hold it there. The set's own arrivals are not before
 * 2^-60, and its largest item alone has one at each register before 2^60: so the first stays, and the second goes. */
static double time_of(int64_t key, int exponent) {
    if (key == PC_NEVER)
        return INFINITY;
    const int64_t power = (key >> 52) + exponent + 512;
    if (power <= 0)
        return 0;
    return power >= 2047 ? INFINITY : pc_double((uint64_t)(key + key_offset(exponent)));
}

pc_status pc_sketch_update(const pc_sketch_kind *kind, const pc_items *items, pc_running *running) {
    const pc_kernels *kernels = pc_isa_current();
    pc_workspace work = {0};
    pc_sketch_kind whole = *kind;
    pc_registers best;
    pc_set set;
    if (!pc_take_table(&whole) || !pc_registers_make(&best, kind->k)) {
        pc_return_table(&whole);
        return PC_NO_MEMORY;
    }
    pc_fpmode mode = pc_fp_enter();
    pc_status status = kernels->read_set(items, &work, &set);
    if (status == PC_OK) {
        for (int64_t r = 0; r < kind->k; r++) {
            best.time[r] = time_of(running->key[r], set.exponent);
            best.id[r] = running->id[r];
            best.tag[r] = running->tag[r];
        }
        status = kernels->sketch(&whole, &set, &best, &work);
    }
    if (status == PC_OK) {
        for (int64_t r = 0; r < kind->k; r++) {
            if (best.time[r] == time_of(running->key[r], set.exponent) && best.id[r] == running->id[r] &&
                best.tag[r] == running->tag[r])
                continue;
            running->key[r] = key_of(best.time[r], set.exponent);
            running->id[r] = best.id[r];
            running->tag[r] = best.tag[r];
        }
    }
    pc_fp_leave(mode);
    pc_registers_free(&best);
    pc_workspace_free(&work);
    pc_return_table(&whole);
    return status;
}

pc_status pc_sketch_finish(const pc_sketch_kind *kind, int bits, const pc_running *running, uint64_t *out) {
    pc_registers best;
    if (!pc_registers_make(&best, kind->k))
        return PC_NO_MEMORY;
    for (int64_t r = 0; r < kind->k; r++) {
        best.time[r] = running->key[r] == PC_NEVER ? INFINITY : 0;
        best.id[r] = running->id[r];
        best.tag[r] = running->tag[r];
    }
    pc_isa_current()->sketch_values(kind, bits, &best, out);
    pc_registers_free(&best);
    return PC_OK;
}

void pc_sketch_merge(int64_t k, pc_running *running, const pc_running *other) {
    for (int64_t r = 0; r < k; r++) {
        if (other->key[r] > running->key[r])
            continue;
        if (other->key[r] == running->key[r] &&
            (other->id[r] > running->id[r] || (other->id[r] == running->id[r] && other->tag[r] >= running->tag[r])))
            continue;
        running->key[r] = other->key[r];
        running->id[r] = other->id[r];
        running->tag[r] = other->tag[r];
    }
}
