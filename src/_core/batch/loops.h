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

/* The data pointer of a race loop: args are x, seed, step, temperature if x are logits, if `kept` top-k (int64), top-p
 * and min-p, then stream and first item; out item, then score, margin and edge as `outputs` says. Draws by MinHash are
 * not `kept`. */
typedef struct {
    pc_kind kind;
    pc_rule rule;
    int outputs; /* 1 to 4; margins of logits only, the edge of what is `kept` */
    int kept;
} pc_race_loop_data;

enum { PC_MAX_RACE_ARGS = 13 };

enum { PC_CLOCKS, PC_GUMBELS, PC_UNIFORMS }; /* args are seed, step, stream, item; out a double */

/* Args are x, temperature if x are logits, top-k, top-p, min-p; out the last item that is kept. */
void pc_last_kept_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data);
/* Args are n logits, temperature, the largest logit of the whole row; out n int64, the terms of docs/kept.md, or below
 * 0 where there is none: a logit that is NaN or above the largest one, a number that is out of range. */
void pc_terms_loop(char **args, const intptr_t *dims, const intptr_t *strides, pc_kind kind);
void pc_race_loop(char **args, const intptr_t *dims, const intptr_t *strides, const pc_race_loop_data *data);
/* args are two arrays of k elements of 1 << power bytes; out an int64, in how many places they are equal. */
void pc_equal_loop(char **args, const intptr_t *dims, const intptr_t *strides, int power);
void pc_random_loop(char **args, const intptr_t *dims, const intptr_t *strides, int what);

#endif
