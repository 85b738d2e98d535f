/* What every call of the C interface is made of: what is checked of its rows, and how the loops are entered. */
#ifndef PC_INTERFACE_CALL_H
#define PC_INTERFACE_CALL_H

#include <errno.h>

#include "batch/call.h"
#include "batch/loops.h"
#include "interface/pycouple.h"

/* Marks are noted in a pc_call, for without one they would raise a floating-point flag of the caller. */
typedef struct {
    pc_call call;
    int error;
} outside;

static inline int go_on(void **raised) {
    (void)raised;
    return 0;
}

static inline outside enter(int workers) { return (outside){pc_call_begin(workers, go_on), errno}; }

/* Whether an element was marked. */
static inline int leave(outside before) {
    errno = before.error;
    return pc_call_end(before.call).marked;
}

/* ---- Rows */

/* All bytes of an array have an address, and there is room for 8 bytes per element in a ptrdiff_t. */
static inline int is_size(int64_t count) { return count >= 0 && count <= PTRDIFF_MAX / 8; }

typedef struct {
    const void *data;
    int dtype;
    int64_t rows, n;
    ptrdiff_t row_stride, stride;
} table;

static inline int check_table(const table *t) {
    static const uintptr_t sizes[] = {2, 2, 4, 8};
    if (t->dtype < PYCOUPLE_FLOAT16 || t->dtype > PYCOUPLE_FLOAT64)
        return PYCOUPLE_BAD_DTYPE;
    if (!is_size(t->rows) || !is_size(t->n))
        return PYCOUPLE_BAD_SIZE;
    if (!t->data && t->rows && t->n)
        return PYCOUPLE_NULL_POINTER;
    if (((uintptr_t)t->data | (uintptr_t)t->row_stride | (uintptr_t)t->stride) % sizes[t->dtype])
        return PYCOUPLE_MISALIGNED;
    return PYCOUPLE_OK;
}

/* Where there are no numbers, data may be NULL, to which nothing may be added. */
static inline const void *first_of(const table *t) { return t->data ? t->data : ""; }

/* ---- Arguments of a loop */

typedef struct {
    char *args[PC_MAX_RACE_ARGS];
    intptr_t strides[PC_MAX_RACE_ARGS + 1];
    int count;
} arguments;

static inline void add(arguments *to, const void *data, ptrdiff_t stride) {
    to->args[to->count] = (char *)data;
    to->strides[to->count++] = stride;
}

#endif
