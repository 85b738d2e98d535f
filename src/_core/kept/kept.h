/* What a kept set is made from: the kernel's part. */
#ifndef PC_KEPT_KEPT_H
#define PC_KEPT_KEPT_H

#include <stdint.h>

/* The terms exp((x - top) / temperature) of n logits side by side, at any address, and their sum. */
typedef double pc_softmax_fn(const char *x, int64_t n, double top, double temperature, double *terms);

#endif
