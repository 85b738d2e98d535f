/* Threads that help a caller through the rows of a batch. */
#ifndef PC_BATCH_POOL_H
#define PC_BATCH_POOL_H

#include <stdint.h>

/* Run work(argument, ranges) on the calling thread and on up to workers - 1 others, and return when all are done. Each
 * takes range after range of `rows_per_chunk` rows with pc_next_range until none is left, so a helper that wakes late
 * costs nothing. Helpers are kept between jobs. They are an aid, never a promise: while another job has them, or when
 * no thread can be made, the caller does the work alone. After fork the child starts without helpers. */
typedef struct pc_ranges pc_ranges;
typedef void pc_work(void *argument, pc_ranges *ranges);
void pc_parallel(int workers, int64_t rows, int64_t rows_per_chunk, pc_work *work, void *argument);

/* Take a range that nobody has taken, the rows *from .. *to - 1. Returns 0 when none is left, or the call is stopped.
 */
int pc_next_range(pc_ranges *ranges, int64_t *from, int64_t *to);

#endif
