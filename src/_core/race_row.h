/* The race of one row of REAL: included by race_kernel.c once for float, once for double.
 *
 * Read the row once for block maxima while hashing the blocks; turn both into bounds; open the blocks that can still
 * win, the promising first; give every lane of an open block a bound; make the exact score of those that can still win.
 */

#define REAL_MAX ((REAL)(sizeof(REAL) == 4 ? FLT_MAX : DBL_MAX))
#define REAL_TINY ((REAL)(sizeof(REAL) == 4 ? 0x1p-149 : 0x1p-1074))

/* How values of this row become bounds and scores. */
typedef struct {
    int logits;
    REAL half_top, slope; /* logits: a = (x / 2 - top / 2) * slope <= 0 */
    float offset;         /* weights: a = exponent bits + offset */
    double temperature, base;
    double scale[2]; /* weights: scale[0] * scale[1] is the power of two that puts top in [1, 2) */
} FN(frame);

typedef struct {
    const pc_row *row;
    const pc_race *race;
    FN(frame) frame;
    rounds lanes;
    int64_t item;
    double best, second;
    float threshold; /* items whose bound is below it cannot matter any more */
} FN(state);

static REAL FN(lowest_finite)(const pc_row *row) {
    REAL buffer[PC_BLOCK], lowest = REAL_MAX;
    for (int64_t start = 0; start < row->n; start += PC_BLOCK) {
        const REAL here = FN(block_lowest)(FN(fetch)(row, start, PC_BLOCK, REAL_MAX, buffer));
        lowest = here < lowest ? here : lowest;
    }
    return lowest;
}

/* A row of one block, with its hash. */
static void FN(scan_block)(const pc_row *row, const pc_race *race, pc_scratch *scratch) {
    uint32_t c[4];
    pc_words(&race->draw, (uint32_t)(race->first_item / PC_BLOCK), PC_DOMAIN_BLOCK, c);
    scratch->hash[0] = (~c[0] & 0xffffff00u) | c[2] >> 26;
    if (scratch->row != row->data)
        FN(scan_short)(row, race, scratch);
}

/* logit / T must not overflow, for any finite logit. */
static int FN(overflows)(const pc_row *row, double temperature, pc_scratch *scratch) {
    if (isinf(scratch->top / temperature))
        return 1;
    if (temperature >= (sizeof(REAL) == 4 ? 0x1p-800 : 1.0)) /* |logit| <= REAL_MAX */
        return 0;
    if (isnan(scratch->lowest))
        scratch->lowest = (double)FN(lowest_finite)(row);
    return isinf(scratch->lowest / temperature) != 0;
}

static FN(frame) FN(frame_of)(const pc_race *race, double top) {
    FN(frame) frame;
    memset(&frame, 0, sizeof frame);
    frame.logits = race->logits;
    if (race->logits) {
        /* Halves, so that x - top cannot overflow. A slope that is too small only lifts bounds; it must not be 0, since
         * then an item at -inf would get NaN. The smallest one times the largest |x - top| is below PC_SLACK. */
        double slope = 2 * PC_LOG2E * (1 - PC_RELATIVE_SLACK) / race->temperature;
        frame.slope = slope < (double)REAL_MAX ? (REAL)slope : REAL_MAX;
        if (frame.slope == 0)
            frame.slope = REAL_TINY;
        frame.half_top = (REAL)top * (REAL)0.5;
        frame.temperature = race->temperature;
        frame.base = top / race->temperature;
    } else {
        int exponent;
        frexp(top, &exponent);
        const int s = 1 - exponent; /* top * 2^s is in [1, 2) */
        frame.scale[0] = ldexp(1.0, s / 2);
        frame.scale[1] = ldexp(1.0, s - s / 2);
        frame.offset = PC_EXPONENT_BIAS + PC_LOG2_GAP + (float)s;
    }
    return frame;
}

/* a[i]: at least log2 of item i's weight over the power of two (or the weight) of the row's largest. */
static inline __attribute__((always_inline)) void FN(relative)(const FN(frame) * frame, const REAL *x, int count,
                                                               float *a) {
    if (frame->logits) {
        for (int i = 0; i < count; i++)
            a[i] = (float)((x[i] * (REAL)0.5 - frame->half_top) * frame->slope);
    } else {
        for (int i = 0; i < count; i++)
            a[i] = (float)FN(exponent_bits)(x[i]) * PC_EXPONENT_UNIT + frame->offset;
    }
}

/* The contract's score (weights: minus the key), for x that can win: the exact operations, in their order. */
static inline double FN(score_of)(const FN(frame) * frame, REAL x, double clock) {
    if (frame->logits)
        return (double)x / frame->temperature - pc_ln(clock);
    return -(clock / (((double)x * frame->scale[0]) * frame->scale[1]));
}

/* The bound below which no item can reach `score`. Counted for logits: score(item) rounds by 2^-53 of base and of the
 * distance to it, ln by an ulp; for weights: the division by 2^-53 and ln by an ulp. */
static float FN(threshold_of)(const FN(frame) * frame, double score) {
    if (score == -INFINITY)
        return -INFINITY;
    if (!frame->logits)
        return below(-pc_ln(-score) * PC_LOG2E - PC_SLACK);
    double t = (score - frame->base) * PC_LOG2E;
    return below(t - PC_SLACK - fabs(t) * PC_RELATIVE_SLACK - fabs(frame->base) * 0x1p-49);
}

static void FN(enter)(FN(state) * s, int64_t item, double score) {
    if (score > s->best || (score == s->best && item < s->item)) {
        s->second = s->best;
        s->best = score;
        s->item = item;
    } else if (score > s->second) {
        s->second = score;
    } else {
        return;
    }
    s->threshold = FN(threshold_of)(&s->frame, s->race->want_margin ? s->second : s->best);
}

/* Race the items of block b that can still matter. */
static void FN(open_block)(FN(state) * s, int64_t b, uint32_t hash) {
    REAL buffer[PC_BLOCK];
    uint32_t word[PC_BLOCK], c[4];
    float a[PC_BLOCK], bound[PC_BLOCK];
    const uint32_t index = (uint32_t)(s->race->first_item / PC_BLOCK + (uint64_t)b), J = hash & 63;
    const REAL *x = FN(fetch)(s->row, b * PC_BLOCK, PC_BLOCK, FN(pad)(s->race), buffer);
    lane_words(&s->lanes, index, word);
    FN(relative)(&s->frame, x, PC_BLOCK, a);
    lane_bounds(word, (float)(int32_t)(hash >> 8) * 0x1p-30f, J, a, bound);

    /* While there is nothing to beat yet, begin where it will be hardest to beat. */
    uint64_t todo = s->threshold == -INFINITY ? most_promising(bound) : reaching(bound, s->threshold), done = 0;
    if (!todo)
        return;
    pc_words(&s->race->draw, index, PC_DOMAIN_BLOCK, c);
    const double first = pc_block_clock(c[0], c[1]);
    for (; todo; todo = ~done & reaching(bound, s->threshold)) {
        const uint32_t next = (uint32_t)__builtin_ctzll(todo);
        const double clock = next == J ? first : first + pc_lane_delay(word[next]);
        if (x[next] > FN(pad)(s->race))
            FN(enter)(s, b * PC_BLOCK + next, FN(score_of)(&s->frame, x[next], clock));
        done |= UINT64_C(1) << next;
    }
}

/* Open blocks until no other can matter: first those near the best bound, then further down, so that the threshold is
 * high before the many are looked at. The bound of a block that is done becomes NaN, which reaches nothing. */
static void FN(open_blocks)(FN(state) * s, const pc_scratch *scratch, int64_t blocks) {
    float *bound = scratch->bound;
    const REAL *maxima = (const REAL *)scratch->maxima;
    for (int64_t b = 0; b < blocks; b += PC_W)
        FN(relative)(&s->frame, maxima + b, PC_W, bound + b);
    const float top = block_bounds(scratch->hash, bound, blocks);
    for (int64_t b = 0; b < blocks; b++) /* nothing in them can be drawn; a margin must not look there */
        bound[b] = maxima[b] > FN(pad)(s->race) ? bound[b] : NAN;
    for (int64_t b = blocks; b % PC_BLOCK; b++)
        bound[b] = NAN;
    for (float depth = 1.0f;; depth = depth < 8.0f ? depth + 2.0f : INFINITY) {
        const float floor = top - depth;
        for (int64_t start = 0; start < blocks; start += PC_BLOCK) {
            uint64_t todo = reaching(bound + start, floor > s->threshold ? floor : s->threshold);
            for (; todo; todo &= todo - 1) {
                const int64_t b = start + __builtin_ctzll(todo);
                if (!(bound[b] >= s->threshold))
                    continue;
                bound[b] = NAN;
                FN(open_block)(s, b, scratch->hash[b]);
            }
        }
        if (!(floor > s->threshold))
            return;
    }
}

/* Temperature 0: the largest logit, the lowest item among equals. */
static void FN(argmax)(const pc_row *row, const pc_race *race, const pc_scratch *scratch, pc_winner *winner) {
    const REAL *maxima = (const REAL *)scratch->maxima;
    const REAL top = (REAL)scratch->top;
    const int64_t blocks = (row->n + PC_BLOCK - 1) / PC_BLOCK;
    REAL buffer[PC_BLOCK], second = -(REAL)INFINITY;
    int64_t b = 0;
    while (maxima[b] != top)
        b++;
    const REAL *x = FN(fetch)(row, b * PC_BLOCK, PC_BLOCK, FN(pad)(race), buffer);
    int lane = 0;
    while (x[lane] != top)
        lane++;
    if (race->want_margin) {
        for (int l = 0; l < PC_BLOCK; l++)
            second = l != lane && x[l] > second ? x[l] : second;
        for (int64_t other = 0; other < blocks; other++)
            second = other != b && maxima[other] > second ? maxima[other] : second;
    }
    winner->item = b * PC_BLOCK + lane;
    winner->score = (double)x[lane]; /* not top, which may be the other zero */
    winner->margin = fabs((double)top - (double)second);
}

static pc_status FN(race)(const pc_row *row, const pc_race *race, pc_scratch *scratch, pc_winner *winner) {
    const int greedy = race->logits && race->temperature == 0;
    rounds r;
    if (row->n <= PC_BLOCK) {
        FN(scan_block)(row, race, scratch);
    } else if (greedy) {
        FN(scan)(row, race, 1, NULL, scratch);
    } else {
        begin_rounds(&r, &race->draw, PC_DOMAIN_BLOCK);
        if (race->logits)
            FN(scan)(row, race, 1, &r, scratch);
        else
            FN(scan)(row, race, 0, &r, scratch);
    }
    if (scratch->status != PC_OK)
        return scratch->status;
    if (greedy) {
        FN(argmax)(row, race, scratch, winner);
        return PC_OK;
    }
    if (race->logits && FN(overflows)(row, race->temperature, scratch))
        return PC_OVERFLOW;

    FN(state) s;
    s.row = row;
    s.race = race;
    s.frame = FN(frame_of)(race, scratch->top);
    begin_rounds(&s.lanes, &race->draw, PC_DOMAIN_LANE);
    s.item = -1;
    s.best = s.second = -INFINITY;
    s.threshold = -INFINITY;
    if (row->n <= PC_BLOCK)
        FN(open_block)(&s, 0, scratch->hash[0]);
    else
        FN(open_blocks)(&s, scratch, (row->n + PC_BLOCK - 1) / PC_BLOCK);
    winner->item = s.item;
    winner->score = s.best;
    winner->margin = fabs(s.best - s.second); /* never -0 */
    return PC_OK;
}

#undef REAL_MAX
#undef REAL_TINY
