#include "sketch/memory.h"

#include <stdlib.h>

int pc_registers_make(pc_registers *best, int64_t k) {
    best->time = malloc((size_t)k * (sizeof *best->time + sizeof *best->id + sizeof *best->tag));
    if (!best->time)
        return 0;
    best->id = (uint64_t *)(void *)(best->time + k);
    best->tag = best->id + k;
    return 1;
}

void pc_registers_free(pc_registers *best) { free(best->time); }

void pc_workspace_free(pc_workspace *work) {
    free(work->candidates);
    free(work->weights);
    free(work->ids);
}
