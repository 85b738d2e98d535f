"""The known answers notice a fault in any kernel, in any kind of row, and in any output of a kernel."""

from tests.support import ROOT
from tests.support.c_library import run

# One kernel at a time is replaced by one that has a fault; what is printed are the faults that were not noticed.
PROGRAM = r"""
#include <math.h>
#include <stdio.h>

#include "dispatch/answers.h"
#include "dispatch/isa.h"

static const pc_kernels *right;
static int fault;

static double more(double x) { return nextafter(x, INFINITY); }

static pc_status race(const pc_row *row, const pc_race *race, pc_scratch *scratch, pc_winner *winner) {
    const pc_status status = right->race(row, race, scratch, winner);
    const int few = row->n <= 64;
    switch (fault) {
    case 0: winner->score = more(winner->score); break;
    case 1: winner->margin = more(winner->margin); break;
    case 2: winner->item ^= race->logits && race->temperature == 0; break;
    case 3: winner->item ^= few && race->logits; break;
    case 4: winner->item ^= few && !race->logits; break;
    case 11: winner->item ^= race->within != NULL; break;
    case 5: winner->item ^= !few && row->kind == PC_F32 && !race->logits; break;
    case 6: winner->item ^= !few && row->kind == PC_F64 && !race->logits; break;
    default: winner->item ^= !few && (int)row->kind == fault - 7 && race->logits; break;
    }
    return status;
}

static pc_status darts(const pc_row *row, const pc_draw *draw, uint64_t first_item, pc_scratch *scratch, pc_darts *list,
                       pc_dart *first) {
    const pc_status status = right->darts(row, draw, first_item, scratch, list, first);
    switch (fault) {
    case 0: first->item ^= row->kind == PC_F32; break;
    case 1: first->item ^= row->kind == PC_F64; break;
    case 2: first->time = more(first->time); break;
    case 3: if (list) list->count--; break;
    case 4: if (list) list->at[0].item ^= 1; break;
    }
    return status;
}

static pc_status read_set(const pc_items *items, pc_workspace *work, pc_set *set) {
    const pc_status status = right->read_set(items, work, set);
    for (int64_t i = 0; i < set->n; i++) {
        if (fault == 0 || (fault == 1 && items->normalize))
            work->weights[i] *= i % 2 ? 1.25 : 1;
        if (fault == 2 && items->ids)
            work->ids[i] ^= 1;
    }
    return status;
}

static pc_status sketch(const pc_sketch_kind *kind, const pc_set *set, pc_registers *best, pc_workspace *work) {
    const pc_status status = right->sketch(kind, set, best, work);
    switch (fault) {
    case 0: best->time[0] = more(best->time[0]); break;
    case 1: best->id[kind->k - 1] ^= 1; break;
    case 2: best->tag[0] ^= kind->minhash; break;
    }
    return status;
}

static void sketch_values(const pc_sketch_kind *kind, int bits, const pc_registers *best, uint64_t *out) {
    right->sketch_values(kind, bits, best, out);
    out[kind->k - 1] ^= fault == !bits;
}

#define EQUAL(name, power) \
    static int64_t name(const void *a, const void *b, int64_t k) { \
        return fault * right->equal[power](a, b, k) + fault; \
    }
EQUAL(equal_1, 0)
EQUAL(equal_2, 1)
EQUAL(equal_4, 2)
EQUAL(equal_8, 3)

static pc_status scan(const pc_row *row, const pc_race *race, pc_scratch *scratch) {
    const pc_status status = right->scan(row, race, scratch);
    scratch->top += fault == race->logits ? 0.25 : 0;
    return status;
}

static uint64_t term_sum(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms, const pc_place *before) {
    const uint64_t sum = right->term_sum(row, scratch, terms, before);
    const int whole = before->item == row->n;
    switch (fault) {
    case 0: return sum + (whole && terms->logits);
    case 1: return sum + (whole && !terms->logits);
    case 2: return sum + !whole;
    default: return sum;
    }
}

static double kth(const pc_row *row, const pc_scratch *scratch, int logits, int64_t k) {
    const double value = right->kth(row, scratch, logits, k);
    return fault == logits ? value + 0.25 : value;
}

static pc_place nucleus(const pc_row *row, const pc_scratch *scratch, const pc_terms *terms, const pc_place *within,
                        uint64_t limit) {
    pc_place place = right->nucleus(row, scratch, terms, within, limit);
    place.value = fault == terms->logits ? more(place.value) : place.value;
    return place;
}

static int64_t last(const pc_row *row, const pc_scratch *scratch, int logits, const pc_place *within) {
    return right->last(row, scratch, logits, within) ^ (fault == logits);
}

#define TRY(member, function, faults)                                  \
    for (fault = 0; fault < faults; fault++) {                         \
        pc_kernels wrong = *right;                                     \
        wrong.member = function;                                       \
        if (!pc_wrong_answer(&wrong))                                  \
            printf("%s: %s, fault %d\n", right->name, #member, fault); \
    }

int main(void) {
    for (int i = 0; (right = pc_isa_level(i)); i++) {
        if (!pc_isa_supported(right))
            continue;
        if (pc_wrong_answer(right))
            printf("%s: %s\n", right->name, pc_wrong_answer(right));
        TRY(race, race, 12)
        TRY(darts, darts, 5)
        TRY(read_set, read_set, 3)
        TRY(sketch, sketch, 3)
        TRY(sketch_values, sketch_values, 2)
        TRY(equal[0], equal_1, 2)
        TRY(equal[1], equal_2, 2)
        TRY(equal[2], equal_4, 2)
        TRY(equal[3], equal_8, 2)
        TRY(scan, scan, 2)
        TRY(term_sum, term_sum, 3)
        TRY(kth, kth, 2)
        TRY(nucleus, nucleus, 2)
        TRY(last, last, 2)
    }
    return 0;
}
"""


def test_no_fault_goes_unnoticed(prefixes, tmp_path):
    source, program = tmp_path / "faults.c", tmp_path / "faults"
    source.write_text(PROGRAM)
    library = next(prefixes["static"].glob("lib*/libpycouple.a"))
    run("cc", "-O1", "-I", ROOT / "src" / "_core", source, library, "-o", program, "-lm", "-lpthread")
    assert run(program) == ""
