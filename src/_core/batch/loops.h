/* Batches: the inner loops of the generalized ufuncs, without Python.
 *
 * A loop cannot raise. It marks what it cannot do (item PC_NO_WINNER + status, or NaN) and either notes the fact in the
 * calling thread's pc_call, when there is one, or raises IEEE "invalid", which NumPy turns into the warning or error
 * that np.errstate asks for. */
#ifndef PC_LOOPS_H
#define PC_LOOPS_H

#include <stdint.h>

#include "scan/row.h"

#define PC_NO_WINNER INT64_MIN

/* The data pointer of a race loop: args are x, seed, step, [temperature,] stream, first item; out item [score
 * [margin]].
 */
typedef struct {
    pc_kind kind;
    int minhash, logits; /* minhash: else the race; of weights only */
    int outputs;         /* 1 to 3; margins of logits only, and of a MinHash draw the item alone */
} pc_race_loop_data;

enum { PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS }; /* args are seed, step, stream, item; out a double */

void pc_race_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data);
/* args are two arrays of k elements of 1 << power bytes; out an int64, in how many places they are equal. */
void pc_equal_loop(char **args, const intptr_t *dims, const intptr_t *strides, int power);
void pc_random_loop(char **args, const intptr_t *dims, const intptr_t *strides, int what);

/* What the calling thread asks of the loops, from pc_call_begin to pc_call_end, which says whether one of them had to
 * mark something. Calls nest: begin gives what end puts back. */
typedef struct {
    int active, workers, marked;
} pc_call;
pc_call pc_call_begin(int workers);
int pc_call_end(pc_call before);

#endif
