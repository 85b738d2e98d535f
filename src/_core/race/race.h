/* The race over one row: what the kernels take and give. */
#ifndef PC_RACE_H
#define PC_RACE_H

#include <stddef.h>
#include <stdint.h>

#include "contract/clock.h"

typedef enum { PC_F16, PC_BF16, PC_F32, PC_F64 } pc_kind;

/* Why a row has no winner. The Python layer turns these into messages (src/pycouple/_arguments.py). */
typedef enum {
    PC_OK,
    PC_BAD_VALUE,       /* a negative, NaN or infinite weight; a NaN or +inf logit */
    PC_NO_ITEM,         /* n = 0, no positive weight, no finite logit */
    PC_BAD_TEMPERATURE, /* negative, NaN or infinite */
    PC_OVERFLOW,        /* logit / temperature overflows */
    PC_BAD_STREAM,      /* above 255 */
    PC_BAD_OFFSET,      /* not a multiple of 64, or an item past the last one that has a clock */
    PC_NO_MEMORY
} pc_status;

typedef struct {
    const char *data; /* aligned for its kind */
    ptrdiff_t stride; /* bytes; any sign, zero too */
    int64_t n;
    pc_kind kind;
} pc_row;

typedef struct {
    pc_draw draw;
    uint64_t first_item; /* the number of the row's first item, a multiple of 64 */
    int logits;          /* else weights */
    double temperature;  /* logits only */
    int want_margin;     /* logits only */
} pc_race;

typedef struct {
    int64_t item;
    double score;  /* logits: the winner's; weights: minus its key */
    double margin; /* with want_margin: score minus the second-best score, in nats */
} pc_winner;

/* Three numbers a block, kept over the rows of a batch. A row at the address of the one before is that row: it is not
 * read again but for the blocks that are opened, so a row that is broadcast over many draws is read once. */
typedef struct {
    void *maxima;   /* float or double, as the kernel's rows */
    uint32_t *hash; /* of each block: in the high 24 bits D of race/kernel.c, in the low byte J */
    float *bound;
    void *larger;    /* MinHash: maxima of larger groups, in the room of hash and bound (minhash/kernel.c) */
    const char *row; /* whose maxima these are; NULL: nobody's */
    pc_status status;
    double top;           /* the largest value of the row */
    double lowest;        /* the smallest finite one; NaN until it is needed */
    double scale, sum;    /* MinHash: the sum of scale * weight, where scale is 1 unless sums over- or underflow */
    uint64_t larger_from; /* MinHash: the first item of the row for which `larger` was made */
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
