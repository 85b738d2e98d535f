/* Topics: draws from what top-k, top-p and min-p keep, and what they keep, of rows of every kind. */
#include "conformance.h"
#include "contract/term.h"

enum { COUNT = 4096 };

/* Terms of logits and of weights: of all sizes, from differences and quotients that are rounded. */
static void terms(digest *d, int what) {
    static const double temperatures[] = {1, 0x1.6666666666666p-1, 0x1p-10, 3, 0x1p-1000, 0x1p60, 0x1p140, 0x1p150};
    (void)what;
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t w = word(15, i);
        const double part = pc_double((1023 - 40 + (w & 0xfff) % 45) << 52 | w >> 12);
        const double one = pc_double(UINT64_C(1023) << 52 | word(15, COUNT + i) >> 12); /* in [1, 2) */
        const double temperature = temperatures[i % (uint64_t)LENGTH(temperatures)];
        digest_u64(d, pc_logit_term(one - part, one, pc_term_rate(temperature)));
        digest_u64(d, pc_logit_term(one * 0x1p100 - part * 0x1p123, one * 0x1p100, pc_term_rate(0x1p123)));
        digest_u64(d, pc_weight_term(part * 0x1p-5, one));
    }
}

static void limits(digest *d, int what) {
    (void)what;
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t w = word(16, i), total = word(16, COUNT + i) >> 2 >> i % 34;
        digest_u64(d, pc_mass_limit(pc_double((1022 - (w & 0xfff) % (i % 2 ? 4 : 130)) << 52 | w >> 12), total));
    }
}

static void all_rows(digest *d, int kind, pc_rule rule, int outputs, int last_kept) {
    const pc_race_loop_data data = {.kind = (pc_kind)kind, .rule = rule, .outputs = outputs, .kept = 1};
    draw_all_rows(d, &data, last_kept);
}

static void kept_logits(digest *d, int kind) { all_rows(d, kind, PC_LOGITS, 4, 0); }
static void kept_weights(digest *d, int kind) { all_rows(d, kind, PC_KEYS, 1, 0); }

static void last_kept(digest *d, int kind) {
    all_rows(d, kind, PC_LOGITS, 1, 1);
    all_rows(d, kind, PC_KEYS, 1, 1);
}

static void kept_batches(digest *d, int kind) {
    const pc_race_loop_data logits = {.kind = (pc_kind)kind, .rule = PC_LOGITS, .outputs = 4, .kept = 1},
                            weights = {.kind = (pc_kind)kind, .rule = PC_KEYS, .outputs = 1, .kept = 1};
    draw_batch(d, 3000, &logits);
    draw_batch(d, 3001, &weights);
}

const topic kept_topics[] = {
    {"terms", terms, 0},
    {"limits", limits, 0},
    OF_EVERY_KIND("kept-logits", kept_logits),
    OF_EVERY_KIND("kept-weights", kept_weights),
    OF_EVERY_KIND("last-kept", last_kept),
    OF_EVERY_KIND("kept-batches", kept_batches),
    {NULL, NULL, 0},
};
