/* What gumbel sketches of k registers share. */
#ifndef PC_SKETCH_TABLE_H
#define PC_SKETCH_TABLE_H

#include "sketch/sketch.h"

/* Complete a kind: gumbel sketches get the table of their k, which is made at its first use; tables are few and stay.
 * Returns 0 when there is no memory. */
int pc_give_table(pc_sketch_kind *kind);

#endif
