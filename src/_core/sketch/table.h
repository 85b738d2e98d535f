/* What gumbel sketches of k registers share. */
#ifndef PC_SKETCH_TABLE_H
#define PC_SKETCH_TABLE_H

#include "sketch/sketch.h"

/* Complete a kind: gumbel sketches get the table of their k, to be returned after. Of tables that were returned the
 * latest few are kept for who wants them next. Returns 0 when there is no memory. */
int pc_take_table(pc_sketch_kind *kind);
void pc_return_table(pc_sketch_kind *kind);

#endif
