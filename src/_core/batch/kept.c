/* Draws from a kept set that is never made: race, and ask whether the winner is kept.
 *
 * The kept set is the beginning of the order of items. If the winner of a race is kept, it is the winner of the kept
 * items, which it raced with. If it is not, no item at or after it in the order is kept, and what is before it races
 * again. A winner is a random item by weight, so it is kept with a probability of about top-p, and each further race
 * leaves a part of the rest that is uniform on (0, 1): the number of races is 1 + ln(1 / top-p) on average, or less.
 * What top-k and min-p keep is known at once, by a value: these races are among what they keep. */
#include "batch/kept.h"

#include <math.h>

#include "contract/term.h"

pc_status pc_check_truncation(const pc_truncation *truncation) {
    if (truncation->top_k < -1)
        return PC_BAD_TOP_K;
    if (!(truncation->top_p >= 0 && truncation->top_p <= 1))
        return PC_BAD_TOP_P;
    return truncation->min_p >= 0 && truncation->min_p <= 1 ? PC_OK : PC_BAD_MIN_P;
}

/* Whatever top-k keeps is before this place. */
static pc_place kept_by_top_k(const pc_kernels *kernels, const pc_row *row, const pc_scratch *scratch,
                              const pc_kept *kept) {
    const int logits = kept->terms.logits;
    const int64_t k = kept->truncation.top_k;
    if (k > 0 && k < row->n)
        return (pc_place){kernels->kth(row, scratch, logits, k), row->n};
    return (pc_place){logits ? -INFINITY : 0, 0};
}

/* Whether top-k or min-p leave few blocks to race, most likely. */
static int leaves_few(const pc_truncation *truncation, const pc_row *row) {
    const int64_t k = truncation->top_k, blocks = row->n / PC_BLOCK;
    return truncation->min_p > 0 || (k > 0 && k <= blocks / 16);
}

/* The limit of top-p, if it is not known yet. */
static void find_limit(const pc_kernels *kernels, const pc_row *row, const pc_scratch *scratch, pc_kept *kept) {
    if (kept->truncation.top_p == 1 || kept->total)
        return;
    const pc_place within = kept_by_top_k(kernels, row, scratch, kept);
    kept->total = kernels->term_sum(row, scratch, &kept->terms, &within);
    kept->limit.least = kept->limit.most = pc_mass_limit(kept->truncation.top_p, kept->total);
}

/* What is to be known of a row that has been scanned, of top-p bounds of its limit at least. */
static void read_kept(const pc_kernels *kernels, const pc_row *row, const pc_race *race,
                      const pc_truncation *truncation, const pc_scratch *scratch, pc_kept *kept) {
    const pc_truncation *known = &kept->truncation;
    if (kept->row == row->data && kept->temperature == race->temperature && known->top_k == truncation->top_k &&
        known->top_p == truncation->top_p && known->min_p == truncation->min_p)
        return;
    const double top = scratch->top;
    *kept = (pc_kept){
        .row = row->data,
        .temperature = race->temperature,
        .truncation = *truncation,
        .terms = {.logits = race->logits, .top = top, .rate = race->logits ? pc_term_rate(race->temperature) : 0},
    };
    pc_place *within = &kept->within;
    *within = kept_by_top_k(kernels, row, scratch, kept);
    if (truncation->top_p < 1) {
        const int is_all = race->logits && within->value == -INFINITY;
        if (is_all && !race->want_margin && kept->terms.rate < PC_MOST_BOUNDED_RATE) {
            const pc_between total = kernels->term_bounds(row, scratch, &kept->terms);
            kept->limit.least = pc_mass_limit(truncation->top_p, total.least);
            kept->limit.most = pc_mass_limit(truncation->top_p, total.most);
        } else {
            find_limit(kernels, row, scratch, kept);
        }
    }
    if (truncation->min_p > 0) {
        const double least = race->logits ? pc_least_logit(top, race->temperature, truncation->min_p)
                                          : pc_least_weight(top, truncation->min_p);
        if (least > within->value)
            *within = (pc_place){least, row->n};
    }
}

/* Whether an item with terms of `before` before it is among those of top-p. */
static int is_in_nucleus(const pc_kernels *kernels, const pc_row *row, const pc_scratch *scratch, pc_kept *kept,
                         uint64_t before) {
    if (before >= kept->limit.least && before < kept->limit.most)
        find_limit(kernels, row, scratch, kept);
    return before < kept->limit.least;
}

/* The best of the items before a place that are kept, item -1 if there is none. `within` becomes the last item before
 * it that was not kept, and `before` the sum of the terms before it. */
static pc_status best_kept(const pc_kernels *kernels, const pc_row *row, pc_race race, pc_scratch *scratch,
                           pc_kept *kept, pc_place *within, pc_winner *winner, uint64_t *before, uint64_t *rejected) {
    for (int64_t races = 0; races <= row->n; races++) {
        race.within = within;
        const pc_status status = kernels->race(row, &race, scratch, winner);
        if (status != PC_OK || winner->item < 0 || !kept->limit.most)
            return status;
        const pc_place at = {winner->value, winner->item};
        *before = kernels->term_sum(row, scratch, &kept->terms, &at);
        if (is_in_nucleus(kernels, row, scratch, kept, *before))
            return PC_OK;
        *rejected = *before;
        *within = at;
    }
    return PC_BAD_VALUE; /* the row changes all the time */
}

/* How near the decisions on the winner and on the last item that was rejected before it were. That one is the nearest
 * of those that would have won: each of them was raced with until an item before it was rejected, or itself. */
static double edge_of(const pc_kept *kept, uint64_t before, uint64_t rejected) {
    if (!kept->total)
        return INFINITY;
    const uint64_t inside = kept->limit.least - before;
    const uint64_t outside = rejected ? rejected - kept->limit.least : UINT64_MAX;
    return (double)(inside < outside ? inside : outside) / (double)kept->total;
}

pc_status pc_race_kept(const pc_kernels *kernels, const pc_row *row, const pc_race *race,
                       const pc_truncation *truncation, pc_scratch *scratch, pc_kept *kept, pc_winner *winner,
                       double *edge) {
    pc_race own = *race;
    own.hash_later = leaves_few(truncation, row);
    pc_status status = kernels->scan(row, &own, scratch);
    if (status != PC_OK)
        return status;
    own.scanned = 1;
    *edge = INFINITY;
    if (race->logits && race->temperature == 0)
        return kernels->race(row, &own, scratch, winner);
    read_kept(kernels, row, race, truncation, scratch, kept);
    pc_place within = kept->within;
    uint64_t before = 0, rejected = 0;
    own.want_margin = 0;
    own.left_out = -1;
    if (race->logits && !race->want_margin && kept->limit.most && kept->limit.most <= (uint64_t)PC_TERM_ONE) {
        pc_race greedy = own; /* the term of the first item reaches the limit, so it alone is kept */
        greedy.temperature = 0;
        kernels->race(row, &greedy, scratch, winner);
        within = (pc_place){winner->score, winner->item + 1};
    }
    status = best_kept(kernels, row, own, scratch, kept, &within, winner, &before, &rejected);
    if (status != PC_OK)
        return status;
    if (winner->item < 0) /* the row has changed meanwhile */
        return PC_BAD_VALUE;
    if (race->want_margin) {
        find_limit(kernels, row, scratch, kept);
        *edge = edge_of(kept, before, rejected);
        pc_winner second;
        own.left_out = winner->item;
        status = best_kept(kernels, row, own, scratch, kept, &within, &second, &before, &rejected);
        winner->margin = second.item < 0 ? INFINITY : fabs(winner->score - second.score); /* never -0 */
    }
    return status;
}

pc_status pc_last_kept(const pc_kernels *kernels, const pc_row *row, const pc_race *race,
                       const pc_truncation *truncation, pc_scratch *scratch, int64_t *item) {
    pc_race own = *race;
    own.want_margin = 1; /* the exact limit */
    own.hash_later = 1;  /* nothing is raced */
    pc_status status = kernels->scan(row, &own, scratch);
    if (status != PC_OK)
        return status;
    own.scanned = 1;
    if (race->logits && race->temperature == 0) {
        pc_winner winner = {.item = -1};
        status = kernels->race(row, &own, scratch, &winner);
        *item = winner.item;
        return status;
    }
    pc_kept kept = {.row = NULL};
    read_kept(kernels, row, &own, truncation, scratch, &kept);
    pc_place within = kept.within;
    if (kept.total)
        within = kernels->nucleus(row, scratch, &kept.terms, &within, kept.limit.least);
    *item = kernels->last(row, scratch, race->logits, &within);
    return *item < 0 ? PC_BAD_VALUE : PC_OK;
}
