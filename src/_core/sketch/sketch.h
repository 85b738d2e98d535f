/* Sketches of weighted sets: what the kernels take and give (docs/minhash.md). */
#ifndef PC_SKETCH_SKETCH_H
#define PC_SKETCH_SKETCH_H

#include "scan/row.h"

#define PC_MAX_REGISTERS 65536
#define PC_LOOSE (1 + 0x1p-40) /* covers a few operations of relative error 2^-53, and ln's ulp, in a bound */
#define PC_EMPTY UINT64_MAX    /* what a register without an arrival gives */

/* What all gumbel sketches of k registers share; kept for the next ones (sketch/table.c). */
typedef struct {
    int64_t k;
    uint32_t prime;      /* the smallest >= k */
    uint64_t reciprocal; /* 2^64 / prime, rounded up */
    uint32_t *inverse;   /* [prime]: modulo the prime; of 0 it is 0 */
    double *strata;      /* [k]: arrival i is not before strata[i] / weight */
} pc_table;

typedef struct {
    int minhash; /* else gumbel */
    int64_t k;   /* registers, 1..PC_MAX_REGISTERS */
    uint64_t seed;
    pc_table *table; /* gumbel, while it is sketched */
} pc_sketch_kind;

/* The best arrival of each register so far. Times are in the frame of the set: see pc_set. */
typedef struct {
    double *time; /* INFINITY: none yet */
    uint64_t *id;
    uint64_t *tag; /* minhash: which dart of the item, tier << 32 | number */
} pc_registers;

/* A set of weighted items, as it comes. */
typedef struct {
    pc_row weights;  /* finite, >= 0; zeros are no items */
    const char *ids; /* NULL: 0, 1, 2, ... */
    int id_bytes;    /* 4: int32; 8: uint64 or int64 >= 0; side by side */
    int normalize;   /* divide the weights by their sum (ids then come in increasing order) */
} pc_items;

/* The same, read. Weights are scaled by the power of two 2^-exponent that puts the largest in [1, 2), and those that
 * are below 2^-1000 then are 0: times are scaled by 2^exponent, and such items come too late for any register. */
typedef struct {
    const uint64_t *ids; /* NULL: 0, 1, 2, ... */
    const double *weights;
    int64_t n;
    double total; /* of the weights, roughly */
    int exponent;
} pc_set;

/* An item, or one tier of it, that may be the best of some register. */
typedef struct {
    uint64_t id;
    double weight;
    union {
        struct {
            double first;         /* gumbel: V of the first arrival */
            uint32_t alpha, beta; /* the registers are alpha + beta / place modulo the prime */
            uint32_t at, place;   /* of the latest arrival; of the first one the place is not known */
            uint32_t next;        /* how many arrivals there have been */
        };
        struct {
            double unit;     /* minhash: the least height of the tier */
            double time;     /* of the next dart, in units of the tier */
            uint32_t tier;   /* from 0: see the contract */
            uint32_t number; /* of the next dart */
        };
    };
} pc_candidate;

/* Memory that a thread keeps from set to set. */
typedef struct {
    pc_candidate *candidates;
    int64_t room;
    double *weights; /* of the set in hand */
    uint64_t *ids;
    int64_t items; /* room of weights and ids */
} pc_workspace;

typedef pc_status pc_read_set_fn(const pc_items *from, pc_workspace *work, pc_set *set);

/* Put the arrivals of a set into the registers, which hold those of earlier sets or none. */
typedef pc_status pc_sketch_fn(const pc_sketch_kind *kind, const pc_set *set, pc_registers *best, pc_workspace *work);

/* What the registers hold: ids, or for minhash 64 bits that name the dart; with `bits`, that many bits made from them.
 * Registers without an arrival hold PC_EMPTY. */
typedef void pc_sketch_values_fn(const pc_sketch_kind *kind, int bits, const pc_registers *best, uint64_t *out);

/* In how many of k places two arrays are equal. */
typedef int64_t pc_equal_fn(const void *a, const void *b, int64_t k);

#endif
