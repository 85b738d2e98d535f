/* Draws of the C interface: what is passed is checked, and handed to the loops. interface/pycouple.h describes them. */
#include "interface/call.h"

_Static_assert(PYCOUPLE_FLOAT16 == (int)PC_F16 && PYCOUPLE_BFLOAT16 == (int)PC_BF16 &&
                   PYCOUPLE_FLOAT32 == (int)PC_F32 && PYCOUPLE_FLOAT64 == (int)PC_F64,
               "a dtype is a pc_kind");

/* What rows are drawn by. */
typedef struct {
    pc_rule rule;
    int kept, last_kept;           /* whether draws are from kept sets, or the last item of these is asked for */
    const uint64_t *seeds, *steps; /* of draws */
    const double *temperatures;    /* of logits */
    const int64_t *top_ks;         /* of kept sets; NULL removes nothing */
    const double *top_ps, *min_ps; /* likewise */
    uint64_t stream, item_offset;  /* of draws */
    int workers;
} parameters;

enum { REALS = 3 };

typedef struct {
    int64_t *items;
    double *reals[REALS]; /* scores, margins, edges; NULL: not asked for */
} results;

static void add_truncation(arguments *a, const parameters *p) {
    static const int64_t all = 0;
    static const double everything = 1, nothing = 0;
    add(a, p->top_ks ? p->top_ks : &all, p->top_ks ? sizeof *p->top_ks : 0);
    add(a, p->top_ps ? p->top_ps : &everything, p->top_ps ? sizeof *p->top_ps : 0);
    add(a, p->min_ps ? p->min_ps : &nothing, p->min_ps ? sizeof *p->min_ps : 0);
}

/* Items, and the reals up to the last one that is asked for; one before it that is not is written over by it. */
static int add_results(arguments *a, const results *to) {
    int outputs = REALS;
    add(a, to->items, sizeof *to->items);
    while (outputs > 0 && !to->reals[outputs - 1])
        outputs--;
    for (int o = 0; o < outputs; o++) {
        int asked = o;
        while (!to->reals[asked])
            asked++;
        add(a, to->reals[asked], sizeof *to->reals[asked]);
    }
    return 1 + outputs;
}

static int draw(const table *rows, const parameters *p, const results *to) {
    const int status = check_table(rows);
    if (status != PYCOUPLE_OK)
        return status;
    if (p->workers < 1)
        return PYCOUPLE_BAD_WORKERS;
    if (rows->rows == 0)
        return PYCOUPLE_OK;
    if ((!p->last_kept && (!p->seeds || !p->steps)) || (p->rule == PC_LOGITS && !p->temperatures) || !to->items)
        return PYCOUPLE_NULL_POINTER;

    arguments a = {.count = 0};
    add(&a, first_of(rows), rows->row_stride);
    if (!p->last_kept) {
        add(&a, p->seeds, sizeof *p->seeds);
        add(&a, p->steps, sizeof *p->steps);
    }
    if (p->rule == PC_LOGITS)
        add(&a, p->temperatures, sizeof *p->temperatures);
    if (p->kept)
        add_truncation(&a, p);
    if (!p->last_kept) {
        add(&a, &p->stream, 0);
        add(&a, &p->item_offset, 0);
    }
    const int outputs = add_results(&a, to);
    a.strides[a.count] = rows->stride;
    const pc_race_loop_data data = {.kind = (pc_kind)rows->dtype, .rule = p->rule, .outputs = outputs, .kept = p->kept};
    const intptr_t dims[] = {rows->rows, rows->n};

    const outside before = enter(p->workers);
    (p->last_kept ? pc_last_kept_loop : pc_race_loop)(a.args, dims, a.strides, &data);
    if (!leave(before))
        return PYCOUPLE_OK;
    int wrong = PYCOUPLE_OK;
    for (int64_t r = 0; r < rows->rows; r++)
        if (to->items[r] < 0) {
            to->items[r] = PC_NO_WINNER - to->items[r];
            wrong = wrong == PYCOUPLE_OK ? (int)-to->items[r] : wrong;
        }
    return wrong;
}

/* ---- Many rows */

int pycouple_sample_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps,
                                const double *temperatures, uint32_t stream, uint64_t item_offset, int workers,
                                int64_t *items, double *scores, double *margins) {
    const table t = {logits, dtype, rows, n, row_stride, stride};
    const parameters p = {.rule = PC_LOGITS,
                          .seeds = seeds,
                          .steps = steps,
                          .temperatures = temperatures,
                          .stream = stream,
                          .item_offset = item_offset,
                          .workers = workers};
    return draw(&t, &p, &(results){items, {scores, margins, NULL}});
}

int pycouple_sample_kept_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                     ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps,
                                     const double *temperatures, const int64_t *top_ks, const double *top_ps,
                                     const double *min_ps, uint32_t stream, uint64_t item_offset, int workers,
                                     int64_t *items, double *scores, double *margins, double *edges) {
    const table t = {logits, dtype, rows, n, row_stride, stride};
    const parameters p = {.rule = PC_LOGITS,
                          .kept = 1,
                          .seeds = seeds,
                          .steps = steps,
                          .temperatures = temperatures,
                          .top_ks = top_ks,
                          .top_ps = top_ps,
                          .min_ps = min_ps,
                          .stream = stream,
                          .item_offset = item_offset,
                          .workers = workers};
    return draw(&t, &p, &(results){items, {scores, margins, edges}});
}

int pycouple_last_kept_logits_rows(const void *logits, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                   ptrdiff_t stride, const double *temperatures, const int64_t *top_ks,
                                   const double *top_ps, const double *min_ps, int workers, int64_t *lasts) {
    const table t = {logits, dtype, rows, n, row_stride, stride};
    const parameters p = {.rule = PC_LOGITS,
                          .kept = 1,
                          .last_kept = 1,
                          .temperatures = temperatures,
                          .top_ks = top_ks,
                          .top_ps = top_ps,
                          .min_ps = min_ps,
                          .workers = workers};
    return draw(&t, &p, &(results){.items = lasts});
}

static int draw_weights(pc_rule rule, const table *t, const uint64_t *seeds, const uint64_t *steps, uint32_t stream,
                        uint64_t item_offset, int workers, int64_t *items, double *scores) {
    const parameters p = {
        .rule = rule, .seeds = seeds, .steps = steps, .stream = stream, .item_offset = item_offset, .workers = workers};
    return draw(t, &p, &(results){items, {scores}});
}

int pycouple_sample_weights_rows(const void *weights, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                 ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps, uint32_t stream,
                                 uint64_t item_offset, int workers, int64_t *items, double *scores) {
    const table t = {weights, dtype, rows, n, row_stride, stride};
    return draw_weights(scores ? PC_TIMES : PC_KEYS, &t, seeds, steps, stream, item_offset, workers, items, scores);
}

int pycouple_sample_minhash_rows(const void *weights, int dtype, int64_t rows, int64_t n, ptrdiff_t row_stride,
                                 ptrdiff_t stride, const uint64_t *seeds, const uint64_t *steps, uint32_t stream,
                                 uint64_t item_offset, int workers, int64_t *items) {
    const table t = {weights, dtype, rows, n, row_stride, stride};
    return draw_weights(PC_MINHASH, &t, seeds, steps, stream, item_offset, workers, items, NULL);
}

/* ---- One row */

int pycouple_sample_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                           double temperature, uint32_t stream, uint64_t item_offset, int64_t *item, double *score,
                           double *margin) {
    return pycouple_sample_logits_rows(logits, dtype, 1, n, 0, stride, &seed, &step, &temperature, stream, item_offset,
                                       1, item, score, margin);
}

int pycouple_sample_kept_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed,
                                uint64_t step, double temperature, int64_t top_k, double top_p, double min_p,
                                uint32_t stream, uint64_t item_offset, int64_t *item, double *score, double *margin,
                                double *edge) {
    return pycouple_sample_kept_logits_rows(logits, dtype, 1, n, 0, stride, &seed, &step, &temperature, &top_k, &top_p,
                                            &min_p, stream, item_offset, 1, item, score, margin, edge);
}

int pycouple_last_kept_logits(const void *logits, int dtype, int64_t n, ptrdiff_t stride, double temperature,
                              int64_t top_k, double top_p, double min_p, int64_t *last) {
    return pycouple_last_kept_logits_rows(logits, dtype, 1, n, 0, stride, &temperature, &top_k, &top_p, &min_p, 1,
                                          last);
}

int pycouple_sample_weights(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                            uint32_t stream, uint64_t item_offset, int64_t *item, double *score) {
    return pycouple_sample_weights_rows(weights, dtype, 1, n, 0, stride, &seed, &step, stream, item_offset, 1, item,
                                        score);
}

int pycouple_sample_minhash(const void *weights, int dtype, int64_t n, ptrdiff_t stride, uint64_t seed, uint64_t step,
                            uint32_t stream, uint64_t item_offset, int64_t *item) {
    return pycouple_sample_minhash_rows(weights, dtype, 1, n, 0, stride, &seed, &step, stream, item_offset, 1, item);
}
