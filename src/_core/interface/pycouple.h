/* pycouple: coupled sampling without communication. The C interface, version 1.
 *
 * Two parties hold different distributions over the same items and share only a seed. Each draws one item from its own
 * distribution, without a message, and the draws agree about as often as theory allows (Daliri, Musco and Suresh, arXiv
 * 2408.07978). A draw is a pure function of the distribution and of (seed, step, stream).
 *
 *     int64_t item;
 *     int status = pycouple_sample_logits(logits, PYCOUPLE_FLOAT32, n, sizeof(float), seed, position, 0.8, 0, 0, &item,
 *                                         NULL, NULL);
 *     if (status != PYCOUPLE_OK)
 *         fprintf(stderr, "%s\n", pycouple_strerror(status));
 *
 * What holds for every function
 *   - Same bits. For the same arguments, items, scores, margins, clocks and registers are bit-identical on every
 *     machine, ISA level, memory layout and number of threads, and to what the Python package returns. The contracts,
 *     version 1 of which never changes, are docs/contract.md, docs/kept.md and docs/minhash.md in the sources.
 *   - Status. A function that can fail returns PYCOUPLE_OK, which is 0, or another status below. It never aborts.
 *   - State. No function changes errno, the rounding mode or the floating-point flags of the caller, or reads the
 *     environment. Draws do not depend on the caller's mode.
 *   - Threads. Every function may be called by any number of threads at the same time, and by the child of a fork.
 *     Memory that a call reads must not be written during the call, and results must not overlap it.
 *   - Signals. The library handles none. A call returns when it is done.
 *
 * Numbers, wherever they stand
 *   seed         Any uint64_t: all the randomness that the parties share.
 *   step         Any uint64_t: which draw of the seed this is. In text it is the position of the token being predicted.
 *   stream       0..255: independent copies of the randomness at one step; 0 where one is enough.
 *   temperature  Finite and at least 0; at 0 the largest logit is drawn, the lowest item among equals.
 *   item_offset  The number of the row's first item, a multiple of 64; 0 for a whole row. With another one the row is a
 *                slice of a larger set of items. Items are below 2^34, those of MinHash draws below 2^32.
 *   top_k        Keeps the top_k largest logits and all that are equal to the last of them; 0 and -1 keep all.
 *   top_p        0..1: keeps the fewest of the largest logits whose probabilities, among what top_k keeps, sum to top_p
 *                or more, at least one; of equal logits the lower items. 1 keeps all.
 *   min_p        0..1: keeps what has at least min_p times the probability of the largest; 0 keeps all.
 *   dtype        PYCOUPLE_FLOAT16 to PYCOUPLE_FLOAT64, what the numbers of a row are.
 *   stride       Bytes from one number of a row to the next: sizeof(float) for side-by-side floats. It may be negative
 *                or 0. Rows are read in place. The first number, stride and row_stride must be multiples of the size of
 *                a number.
 *   n, rows, count  At least 0, and at most PTRDIFF_MAX / 8.
 *
 * Versions. What is declared here keeps its name, arguments and meaning for as long as the symbols have the version
 * PYCOUPLE_1 and the shared library has the number 1. A newer library may have more functions and more statuses. */
#ifndef PC_INTERFACE_PYCOUPLE_H
#define PC_INTERFACE_PYCOUPLE_H

#include <stddef.h>
#include <stdint.h>

#define PYCOUPLE_VERSION "0.1.0" /* of the package that this header is from */

#if !defined(PYCOUPLE_EXPORTS) /* set only where the shared library itself is compiled */
#define PYCOUPLE_API
#elif defined(_WIN32)
#define PYCOUPLE_API __declspec(dllexport)
#else
#define PYCOUPLE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum pycouple_dtype {
    PYCOUPLE_FLOAT16 = 0,  /* IEEE binary16 */
    PYCOUPLE_BFLOAT16 = 1, /* the high half of a binary32 */
    PYCOUPLE_FLOAT32 = 2,  /* float */
    PYCOUPLE_FLOAT64 = 3   /* double */
};

enum pycouple_status {
    PYCOUPLE_OK = 0,
    /* Of one row. The rows beside it are drawn all the same. */
    PYCOUPLE_BAD_VALUE = 1,       /* a weight is negative, NaN or infinite; a logit is NaN or +infinity; or the row
                                     was written while it was read */
    PYCOUPLE_NO_ITEM = 2,         /* n is 0, no weight is positive, or every logit is -infinity */
    PYCOUPLE_BAD_TEMPERATURE = 3, /* the temperature is negative, NaN or infinite */
    PYCOUPLE_OVERFLOW = 4,        /* logit / temperature overflows; or a winner's time of arrival, asked for as a score
                                     of weights, is not a normal double */
    PYCOUPLE_BAD_STREAM = 5,      /* the stream is above 255 */
    PYCOUPLE_BAD_OFFSET = 6,      /* item_offset is not a multiple of 64, or an item is too large */
    PYCOUPLE_NO_MEMORY = 7,       /* there is not enough: a draw takes 16 bytes per 64 items of its row */
    PYCOUPLE_BAD_TOP_K = 8,       /* top_k is below -1 */
    PYCOUPLE_BAD_TOP_P = 9,       /* top_p is not in [0, 1] */
    PYCOUPLE_BAD_MIN_P = 10,      /* min_p is not in [0, 1] */
    /* Of a call, which has then written nothing. */
    PYCOUPLE_NULL_POINTER = 16, /* a pointer is NULL that must not be */
    PYCOUPLE_BAD_DTYPE = 17,    /* dtype is none of pycouple_dtype */
    PYCOUPLE_BAD_SIZE = 18,     /* n, rows or count is negative or too large */
    PYCOUPLE_MISALIGNED = 19,   /* data, stride or row_stride is not a multiple of the size of a number */
    PYCOUPLE_BAD_WORKERS = 20,  /* workers is below 1 */
    PYCOUPLE_BAD_ITEM = 21,     /* an item is too large to have a clock or a uniform */
    PYCOUPLE_BAD_K = 22,        /* k is not in 1..65536 */
    PYCOUPLE_BAD_BITS = 23,     /* bits is not in 0..32 */
    PYCOUPLE_BAD_IDS = 24,      /* ids are not in increasing order, or one comes twice */
    PYCOUPLE_BAD_LEVEL = 25,    /* the ISA level is unknown, or this CPU lacks it */
    PYCOUPLE_BAD_BUILD = 26     /* this library does not draw what it should */
};

/* One sentence about a status, in English, without a full stop. It is never NULL, and stays valid. */
PYCOUPLE_API const char *pycouple_strerror(int status);

/* The version of the library that runs, such as "0.1.0": PYCOUPLE_VERSION of its own header. */
PYCOUPLE_API const char *pycouple_version(void);

/* ---- Draws of one row */

/* Draw one item from softmax(logits / temperature), by the race: the largest score logits[i] / temperature - ln(E_i)
 * wins, where E_i is the clock of (seed, step, stream, item), the lowest item among equals (Gumbel-max).
 *
 *   logits  n numbers, finite or -infinity, in nats, at least one of them finite.
 *   item    Receives the item, counted from item_offset. If the status is one of a row, it receives minus the status,
 *           and score and margin receive NaN.
 *   score   NULL, or receives the winner's score, in nats; at temperature 0 its logit. Slices of one row, each drawn
 *           with its item_offset, combine to the draw of the whole: the best score wins, the lowest item among equals.
 *   margin  NULL, or receives the score minus the second-best score, in nats; infinity if no other logit is finite.
 *           While every logits[i] / temperature changes by less than half the margin, the item stays the same. */
PYCOUPLE_API int pycouple_sample_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed,
                                        uint64_t step, double temperature, uint32_t stream, uint64_t item_offset,
                                        int64_t *item, double *score, double *margin);

/* The same, from what top_k, top_p and min_p keep of the row, as if all other logits were -infinity. What is kept is
 * decided within the row that is passed, so a slice of a row has a kept set of its own. At temperature 0 nothing is
 * removed, and the largest logit is drawn.
 *
 *   margin  NULL, or receives the score minus the second-best score of what is kept; infinity if there is none.
 *   edge    NULL, or receives how near top_p was to other decisions: the share of probability by which the winner is
 *           inside or, if that is less, by which the nearest item is outside that would have won. Infinity if top_p
 *           is 1 or the temperature 0. */
PYCOUPLE_API int pycouple_sample_kept_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed,
                                             uint64_t step, double temperature, int64_t top_k, double top_p,
                                             double min_p, uint32_t stream, uint64_t item_offset, int64_t *item,
                                             double *score, double *margin, double *edge);

/* Find the last item that is kept, where larger logits come first, and of equal ones the lower item: item i is kept if
 * logits[i] > logits[last], or if the two are equal and i <= last. At temperature 0 it is the only one.
 *
 *   last  Receives the item, counted from 0; or minus the status, if that is one of a row. */
PYCOUPLE_API int pycouple_last_kept_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride,
                                           double temperature, int64_t top_k, double top_p, double min_p,
                                           int64_t *last);

/* Draw one item with probability weights[i] / sum(weights), by the race: the smallest E_i / weights[i] wins.
 *
 *   weights  n numbers, finite and not negative, at least one of them positive. They need not sum to 1.
 *   item     As in pycouple_sample_logits.
 *   score    NULL, or receives minus the winner's time of arrival, -(E_i / weights[i]), in units of 1 / weight. Slices
 *            combine as scores of logits do, if their weights have one scale. Only with a score can the status be
 *            PYCOUPLE_OVERFLOW, for a row whose largest weight is below 2^-1019 or above 2^962. */
PYCOUPLE_API int pycouple_sample_weights(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed,
                                         uint64_t step, uint32_t stream, uint64_t item_offset, int64_t *item,
                                         double *score);

/* The same by weighted MinHash: the item of the first dart under weights / sum(weights). All parties must draw by the
 * same method. The race agrees at least as often, always. */
PYCOUPLE_API int pycouple_sample_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed,
                                         uint64_t step, uint32_t stream, uint64_t item_offset, int64_t *item);

/* ---- Draws of many rows
 *
 * Row r begins row_stride bytes after row r - 1, and is drawn with seeds[r], steps[r], temperatures[r], top_ks[r],
 * top_ps[r] and min_ps[r]. With a row_stride of 0 one row is drawn many times, and read once. Each result is that of
 * the function for one row.
 *
 *   workers  At least 1: how many threads share the rows, the caller's among them. The others are made when they are
 *            first needed, are kept, and never run a signal handler. While another call has them, the caller does its
 *            rows alone.
 *   top_ks, top_ps, min_ps  NULL: nothing is removed by this.
 *   items, scores, margins, edges, lasts  `rows` results; scores, margins and edges may be NULL.
 *
 * Returns the status of the first row that could not be drawn, or PYCOUPLE_OK. A row that could not be drawn has minus
 * its status in items or lasts, and NaN in scores, margins and edges; all other rows have their results. */
PYCOUPLE_API int pycouple_sample_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n,
                                             ptrdiff_t row_stride, ptrdiff_t stride, const uint64_t *seeds,
                                             const uint64_t *steps, const double *temperatures, uint32_t stream,
                                             uint64_t item_offset, int workers, int64_t *items, double *scores,
                                             double *margins);

PYCOUPLE_API int pycouple_sample_kept_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n,
                                                  ptrdiff_t row_stride, ptrdiff_t stride, const uint64_t *seeds,
                                                  const uint64_t *steps, const double *temperatures,
                                                  const int64_t *top_ks, const double *top_ps, const double *min_ps,
                                                  uint32_t stream, uint64_t item_offset, int workers, int64_t *items,
                                                  double *scores, double *margins, double *edges);

PYCOUPLE_API int pycouple_last_kept_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n,
                                                ptrdiff_t row_stride, ptrdiff_t stride, const double *temperatures,
                                                const int64_t *top_ks, const double *top_ps, const double *min_ps,
                                                int workers, int64_t *lasts);

PYCOUPLE_API int pycouple_sample_weights_rows(const void *weights, int dtype, int64_t rows, int64_t n,
                                              ptrdiff_t row_stride, ptrdiff_t stride, const uint64_t *seeds,
                                              const uint64_t *steps, uint32_t stream, uint64_t item_offset, int workers,
                                              int64_t *items, double *scores);

PYCOUPLE_API int pycouple_sample_minhash_rows(const void *weights, int dtype, int64_t rows, int64_t n,
                                              ptrdiff_t row_stride, ptrdiff_t stride, const uint64_t *seeds,
                                              const uint64_t *steps, uint32_t stream, uint64_t item_offset, int workers,
                                              int64_t *items);

/* ---- Public randomness, by random access
 *
 * values[i] is of items[i], for `count` items in any order. If the status is not PYCOUPLE_OK, nothing is written. */

/* Clocks E_i of the race, Exp(1) variables in (0, 24). Items are below 2^34. */
PYCOUPLE_API int pycouple_clocks(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                                 double *values);

/* Gumbel values -ln(E_i) of the race, in nats. The largest logits[i] / temperature + values[i], in double, is what
 * pycouple_sample_logits draws: so a list of candidates can be raced by their item numbers. Items are below 2^34. */
PYCOUPLE_API int pycouple_gumbels(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                                  double *values);

/* Uniforms, odd multiples of 2^-53 in (0, 1), which are not those behind the clocks. Items are below 2^32. */
PYCOUPLE_API int pycouple_uniforms(uint64_t seed, uint64_t step, uint32_t stream, const uint64_t *items, int64_t count,
                                   double *values);

/* ---- Sketches of a weighted set
 *
 *   weights    n finite numbers, not negative. An item of weight 0 is not in the set, and a set may be empty.
 *   ids        NULL for items 0, 1, 2, ..., or n numbers in increasing order that name the items, such as hashes.
 *   k          1..65536 registers.
 *   bits       0 for whole registers, or 1..32: so many bits of each, hashed from it.
 *   registers  Receives k numbers. Two sketches of the same k, seed, method, normalize and bits have the same number in
 *              a register with the probability of their similarity. Those of an empty set hold PYCOUPLE_EMPTY, or what
 *              `bits` makes of it.
 *
 * The status may be PYCOUPLE_BAD_VALUE or PYCOUPLE_NO_MEMORY; what the registers hold is then not said. */
#define PYCOUPLE_EMPTY UINT64_MAX

/* The similarity is that of the distributions weights / sum: sum_i 1 / sum_j max(p_j / p_i, q_j / q_i). */
PYCOUPLE_API int pycouple_sketch_gumbel(const void *weights, int dtype, int64_t n, ptrdiff_t stride,
                                        const uint64_t *ids, int64_t k, uint64_t seed, int bits, uint64_t *registers);

/* The similarity is the weighted Jaccard similarity sum_i min(v_i, w_i) / sum_i max(v_i, w_i) of the weights or, where
 * normalize is not 0, of weights / sum. */
PYCOUPLE_API int pycouple_sketch_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride,
                                         const uint64_t *ids, int64_t k, uint64_t seed, int normalize, int bits,
                                         uint64_t *registers);

/* ---- ISA levels
 *
 * Which instructions the kernels use: "baseline" everywhere; "avx2" and "avx512" on x86-64; "neon" on aarch64. Every
 * level gives the same bits. The library takes the best one of the machine when it is loaded. */

/* The name of the level in use. */
PYCOUPLE_API const char *pycouple_level(void);

/* Use a level from now on, in every thread; the best one of this machine if name is NULL. So a program that wants to
 * obey the environment, as the Python package does, says pycouple_use_level(getenv("PYCOUPLE_ISA")). A name is in small
 * letters; an empty one is none. With another status than PYCOUPLE_OK nothing has changed. */
PYCOUPLE_API int pycouple_use_level(const char *name);

/* Draw a few known answers by the level in use, in a fraction of a millisecond: PYCOUPLE_BAD_BUILD if one is wrong, as
 * it would be after a miscompilation. The Python package does so when it is imported; a program may do so when it
 * starts. */
PYCOUPLE_API int pycouple_check_level(void);

#ifdef __cplusplus
}
#endif

#endif
