/* The conformance driver: what its files share. README.md says what is hashed, and how rows are made.
 *
 * Everything is made from integers and from exact operations on doubles, and is hashed as numbers: nothing rests on the
 * order in which a machine stores bytes, on libm, or on an earlier topic. */
#ifndef PYCOUPLE_TESTS_CONFORMANCE_H
#define PYCOUPLE_TESTS_CONFORMANCE_H

#include <math.h>
#include <stdint.h>

#include "batch/loops.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

/* FNV-1a of 64 bits, over the eight bytes of each number, the lowest first. */
typedef struct {
    uint64_t state;
} digest;

static inline void digest_u64(digest *d, uint64_t x) {
    for (int byte = 0; byte < 8; byte++)
        d->state = (d->state ^ (x >> 8 * byte & 0xff)) * UINT64_C(0x100000001b3);
}

/* All NaNs are one: their bits are the machine's affair. */
static inline void digest_f64(digest *d, double x) { digest_u64(d, isnan(x) ? UINT64_C(0x7ff8) << 48 : pc_bits(x)); }

/* ---- topics */

typedef struct {
    const char *name;
    void (*run)(digest *d, int what);
    int what; /* a pc_kind, or what the topic says */
} topic;

/* Ended by one without a name. */
extern const topic random_topics[], race_topics[], kept_topics[], sketch_topics[], protocol_topics[], status_topics[];

#define OF_EVERY_KIND(name, run)                                                                                       \
    {name "-float16", run, PC_F16}, {name "-bfloat16", run, PC_BF16}, {name "-float32", run, PC_F32}, {                \
        name "-float64", run, PC_F64                                                                                   \
    }

/* How many workers the calls of a topic may have. */
extern int workers;

/* ---- random words and rows */

/* Word `b` of the numbered sequence `a`: SplitMix64's output function, twice. */
uint64_t word(uint64_t a, uint64_t b);

/* What a row is like; README.md describes each. */
enum {
    SPREAD,
    SKEWED,
    MASKED,
    MASKED_1E9,
    MASKED_LEAST,
    TIES,
    GIANT,
    SUBNORMAL,
    ZEROS,
    EQUAL,
    ONE,
    NONE,
    BAD,
    RECIPES
};

enum { LAYOUTS = 6 }; /* side by side, every 2nd, every 3rd, backwards, backwards every 2nd, one item for all */

/* A row of n items. Returns the memory that it is in, to be freed. */
void *make_row(pc_row *row, pc_kind kind, int logits, int recipe, int64_t n, int layout);

/* ---- draws from rows */

/* Draw rows * n items, or find their last kept items, and hash what the loop gives. Row i has the draw of words from
 * sequence `keys`. */
void draw_rows(digest *d, const pc_row *row, ptrdiff_t row_stride, int64_t rows, uint64_t keys,
               const pc_race_loop_data *data, int last_kept);

/* The same for rows of every recipe, in lengths from 1 to 4,099, each with several draws. */
void draw_all_rows(digest *d, const pc_race_loop_data *data, int last_kept);

/* The same for many rows, so that workers share them: the items of one long row, cut. */
void draw_batch(digest *d, uint64_t keys, const pc_race_loop_data *data);

/* Memory, or the end of the program. */
void *memory_for(int64_t count, size_t size);

/* ---- the protocol, as docs/protocol.md has it, without the check of the messages */

enum { EXACT_ROUNDS = 255 };

typedef struct {
    int64_t a, b;
    const char *how;      /* "met", "before", "marks", "allowed", "kept" or "fresh" */
    int messages;         /* payloads: */
    int bytes[64];        /* of each */
    uint8_t *payload[64]; /* of each, to be freed by conversation_free */
} conversation;

pc_status converse(const pc_row *p, const pc_row *q, const pc_draw *draw, int rounds, conversation *out);
void conversation_free(conversation *c);

/* ---- vector files: one case per line */

typedef struct {
    char *text, *line; /* the file, and the case in hand */
    const char *name;  /* of the file */
    int cases, wrong;
} vectors;

int vectors_open(vectors *v, const char *folder, const char *name);
void vectors_close(vectors *v);
void vectors_section(vectors *v, const char *section); /* to before its first case */
int vectors_next(vectors *v);                          /* whether there is a case more */
void vectors_check(vectors *v, int right, const char *what);

/* Of the case in hand; a field that is missing ends the program. */
const char *field(const vectors *v, const char *name); /* where its value begins */
uint64_t field_hex(const vectors *v, const char *name);
int64_t field_int(const vectors *v, const char *name);
double field_double(const vectors *v, const char *name);
int field_is(const vectors *v, const char *name, const char *text);
pc_draw field_key(const vectors *v);

/* Number after number of a list; base 16 for those in quotes. */
const char *list_number(const char *at, int base, uint64_t *number);
/* Doubles of a list, and how many there are; to be freed. */
double *list_doubles(const char *at, int64_t *count);

/* uniform(seed, step 0, stream 0, i), `power` times over, times 2^exponent, for n items; to be freed. */
double *uniform_powers(uint64_t seed, int64_t n, int power, int exponent);

void check_race(vectors *v);
void check_kept(vectors *v);
void check_minhash(vectors *v);
void check_protocol(vectors *v);

#endif
