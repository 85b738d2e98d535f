/* What gumbel sketches of k registers share. */
#ifndef PC_SKETCH_TABLE_H
#define PC_SKETCH_TABLE_H

#include "sketch/sketch.h"

/* The table of k registers, made at its first use; tables are few and stay. NULL: no memory. */
const pc_table *pc_table_of(int64_t k);

#endif
