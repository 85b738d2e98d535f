/* Batches: the inner loops of the generalized ufuncs, without Python.
 *
 * A loop cannot raise. It marks what it cannot do (item PC_NO_WINNER + status, or NaN) and either notes the fact in the
 * calling thread's pc_call, when there is one, or raises IEEE "invalid", which NumPy turns into the warning or error
 * that np.errstate asks for. When the call is stopped, it leaves the rest of its results as they are. */
#ifndef PC_BATCH_LOOPS_H
#define PC_BATCH_LOOPS_H

#include <stdint.h>

#include "scan/row.h"

#define PC_NO_WINNER INT64_MIN

/* What a race loop draws by. */
typedef enum {
    PC_LOGITS,  /* the race of logits */
    PC_KEYS,    /* the race of weights; the score is minus the winner's key */
    PC_TIMES,   /* the race of weights; the score is minus the winner's time of arrival */
    PC_MINHASH, /* the first dart under weights; without a score */
} pc_rule;

/* The data pointer of a race loop: args are x, seed, step, temperature if x are logits, stream, first item; out item,
 * then score and margin as `outputs` says. */
typedef struct {
    pc_kind kind;
    pc_rule rule;
    int outputs; /* 1 to 3; margins of logits only */
} pc_race_loop_data;

enum { PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS }; /* args are seed, step, stream, item; out a double */

void pc_race_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data);
/* args are two arrays of k elements of 1 << power bytes; out an int64, in how many places they are equal. */
void pc_equal_loop(char **args, const intptr_t *dims, const intptr_t *strides, int power);
void pc_random_loop(char **args, const intptr_t *dims, const intptr_t *strides, int what);

#endif
