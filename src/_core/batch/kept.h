/* Draws from what top-k, top-p and min-p keep of a row (docs/kept.md), without Python. */
#ifndef PC_BATCH_KEPT_H
#define PC_BATCH_KEPT_H

#include "dispatch/kernels.h"

typedef struct {
    int64_t top_k; /* 0 and -1 keep all */
    double top_p, min_p;
} pc_truncation;

/* What is known of the row that was read last, under its parameters: a batch often holds one row under many steps. */
typedef struct {
    const char *row; /* NULL when nothing is known yet */
    double temperature;
    pc_truncation truncation;
    pc_terms terms;
    pc_place within;  /* what top-k and min-p keep are the items before this place */
    uint64_t total;   /* as the page has it; 0 as long as it is not needed */
    pc_between limit; /* it is not below and not above; 0 and 0: top-p keeps all */
} pc_kept;

pc_status pc_check_truncation(const pc_truncation *truncation);

/* The draw of `race` from what is kept. With race->want_margin the margin is that among the kept. */
pc_status pc_race_kept(const pc_kernels *kernels, const pc_row *row, const pc_race *race,
                       const pc_truncation *truncation, pc_scratch *scratch, pc_kept *kept, pc_winner *winner,
                       double *edge);

/* The last item that is kept, in the order of the page. `race` says what the row holds, and the temperature. */
pc_status pc_last_kept(const pc_kernels *kernels, const pc_row *row, const pc_race *race,
                       const pc_truncation *truncation, pc_scratch *scratch, int64_t *item);

#endif
