/* Rows of weights or logits: what they are, why one cannot be read, and what is known of one that has been read. */
#ifndef PC_SCAN_ROW_H
#define PC_SCAN_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "contract/clock.h"

typedef enum { PC_F16, PC_BF16, PC_F32, PC_F64 } pc_kind;

typedef struct {
    const char *data; /* aligned for its kind */
    ptrdiff_t stride; /* bytes; any sign, zero too */
    int64_t n;
    pc_kind kind;
} pc_row;

/* A place in the order of docs/kept.md, in which larger values come first, and of equal values the lower item: before
 * it are the items whose value is above `value`, and those with that value that are below `item`. */
typedef struct {
    double value;
    int64_t item;
} pc_place;

/* Why nothing can be made of a row. The Python layer turns these into messages (src/pycouple/_arguments.py). */
typedef enum {
    PC_OK,
    PC_BAD_VALUE,       /* a negative, NaN or infinite weight; a NaN or +inf logit; or the row changed meanwhile */
    PC_NO_ITEM,         /* n = 0, no positive weight, no finite logit */
    PC_BAD_TEMPERATURE, /* negative, NaN or infinite */
    PC_OVERFLOW,        /* logit / temperature overflows; a time that is asked for is not a normal double */
    PC_BAD_STREAM,      /* above 255 */
    PC_BAD_OFFSET,      /* not a multiple of 64, or an item past the last one that has a clock */
    PC_NO_MEMORY,
    PC_BAD_TOP_K, /* below -1 */
    PC_BAD_TOP_P, /* not in [0, 1] */
    PC_BAD_MIN_P  /* not in [0, 1] */
} pc_status;

/* What a thread keeps of the row that it has read last, with room for three numbers per block. A batch often holds one
 * row under many seeds or steps, and NumPy then passes the same data address for all of them. So a row whose address is
 * `row` is taken to be the row that was read last, and its values are not read again, except those of the blocks that
 * are opened. This is right because all rows of a batch have the same length and stride, and because a scratch does not
 * outlive its batch. */
typedef struct {
    const char *row; /* the address; NULL when no row has been read yet */
    pc_status status;
    double top;     /* the largest value of the row */
    void *maxima;   /* of each block, float or double as the kernel has them */
    uint32_t *hash; /* of each block, as scan/scan.h says */

    /* The race. */
    float *bound;  /* of each block */
    double lowest; /* logits: no finite value is below it */

    /* MinHash. */
    void *larger;         /* maxima of larger groups, in the room of hash and bound */
    uint64_t larger_from; /* the first item of the row for which `larger` was made */
    double scale, sum;    /* the sum of scale * weight, where scale is 1 unless sums over- or underflow */
} pc_scratch;

/* How many blocks a row of n items needs room for, and a scratch in memory of so many times PC_BLOCK_BYTES. */
enum { PC_BLOCK_BYTES = sizeof(double) + sizeof(uint32_t) + sizeof(float) };

static inline int64_t pc_scratch_blocks(int64_t n) {
    return ((n + PC_BLOCK - 1) / PC_BLOCK + PC_BLOCK - 1) / PC_BLOCK * PC_BLOCK;
}

static inline pc_scratch pc_scratch_in(double *memory, int64_t blocks) {
    pc_scratch scratch = {.maxima = memory, .row = NULL};
    if (memory) {
        scratch.hash = (uint32_t *)(void *)(memory + blocks);
        scratch.bound = (float *)(void *)(scratch.hash + blocks);
        scratch.larger = memory + blocks;
    }
    return scratch;
}

#endif
