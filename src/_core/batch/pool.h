/* Threads that help a caller through a job cut into chunks. */
#ifndef PC_POOL_H
#define PC_POOL_H

#include <stdint.h>

/* Run work(argument, next) on the calling thread and on up to workers - 1 others, and return when all are done. Each
 * takes chunk after chunk with pc_next_chunk until none is left, so a helper that wakes late costs nothing. Helpers
 * are kept between jobs. They are an aid, never a promise: while another job has them, or when no thread can be made,
 * the caller does the work alone. After fork the child starts without helpers. */
typedef struct pc_chunks pc_chunks;
typedef void (*pc_work)(void *argument, pc_chunks *chunks);
void pc_parallel(int workers, int64_t chunks, pc_work work, void *argument);

/* The number of a chunk that nobody has taken, or -1. */
int64_t pc_next_chunk(pc_chunks *chunks);

#endif
