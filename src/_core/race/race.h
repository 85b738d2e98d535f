/* The race over one row: what the kernel takes and gives. */
#ifndef PC_RACE_RACE_H
#define PC_RACE_RACE_H

#include "scan/row.h"

typedef struct {
    pc_draw draw;
    uint64_t first_item;    /* the number of the row's first item, a multiple of 64 */
    int logits;             /* else weights */
    double temperature;     /* logits only */
    int want_margin;        /* logits only */
    int want_time;          /* weights only */
    int scanned;            /* pc_scan has read the row for this very race */
    int hash_later;         /* the races within a place hash their blocks, and pc_scan none: for few blocks */
    const pc_place *within; /* NULL, or only the items before this place race */
    int64_t left_out;       /* with `within`: -1, or an item that does not race either, of logits */
} pc_race;

typedef struct {
    int64_t item;  /* counted from the row's first one; -1: no item is within */
    double value;  /* its logit or weight */
    double score;  /* logits: the winner's; weights: minus its key or, with want_time, minus its time E_i / weight_i */
    double margin; /* with want_margin: score minus the second-best score, in nats */
} pc_winner;

/* Read a row for a race: what the scratch then holds serves it, and others of the same draw within other places. */
typedef pc_status pc_scan_fn(const pc_row *row, const pc_race *race, pc_scratch *scratch);
typedef pc_status pc_race_fn(const pc_row *row, const pc_race *race, pc_scratch *scratch, pc_winner *winner);

#endif
