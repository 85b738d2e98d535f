/* The memory of sketches: registers, and what a kernel keeps from set to set. */
#ifndef PC_SKETCH_MEMORY_H
#define PC_SKETCH_MEMORY_H

#include "sketch/sketch.h"

/* Registers whose values are not set yet. Returns 0 when there is no memory. */
int pc_registers_make(pc_registers *best, int64_t k);
void pc_registers_free(pc_registers *best);

void pc_workspace_free(pc_workspace *work);

#endif
