/* The darts under a row of REAL: included by minhash_kernel.c once for float, once for double.
 *
 * Read the row for block maxima and for its sum; make maxima of ever larger groups; walk the tree of cells that p
 * reaches into, gathering them; throw their darts until none can come before the first dart under p or, for a list,
 * until all are past its end. */

typedef struct {
    const pc_row *row;
    const pc_race *race;
    const pc_scratch *scratch;
    const REAL *maxima[TIERS + 1]; /* of the groups of each tier from BLOCK_TIER on, and where they begin and end */
    uint64_t first[TIERS + 1], end[TIERS + 1];
    double limit[TIERS];      /* low * sum: see reaches */
    double height[TIERS + 1]; /* what 1 + 3u (base: u) is multiplied by */
    rounds rounds;
    cells cells;
    pc_darts *list; /* NULL: only the first dart under p is wanted */
    pc_dart best;   /* the first one so far; for a list only its end, after which none is wanted */
} FN(draw);

/* Adds scale * weight of `count` items, a multiple of 64, to the 32 sums. */
static inline __attribute__((always_inline)) void FN(add)(const REAL *x, int64_t count, double scale,
                                                          double total[PC_SUMS]) {
    enum { VECTORS = PC_SUMS / PC_Q };
    pc_vd sum[VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++)
        sum[v] = *(const pc_vd_at *)(total + v * PC_Q);
    for (int64_t i = 0; i < count; i += PC_SUMS) {
#pragma GCC unroll 16
        for (int v = 0; v < VECTORS; v++)
            sum[v] += FN(lanes)(x + i + v * PC_Q) * scale;
    }
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++)
        *(pc_vd_at *)(total + v * PC_Q) = sum[v];
}

/* The sum of scale * weight: 32 sums over the items i mod 32, then of each half with the other. */
static double FN(sum_of)(const pc_row *row, double scale) {
    double total[PC_SUMS] = {0};
    REAL buffer[16 * PC_BLOCK];
    for (int64_t start = 0, step = PC_BLOCK; start < row->n; start += step) {
        step = row->n - start >= 16 * PC_BLOCK ? 16 * PC_BLOCK : PC_BLOCK;
        const REAL *x = FN(fetch)(row, start, (int)step, 0, buffer);
        if (scale == 1)
            FN(add)(x, step, 1, total);
        else
            FN(add)(x, step, scale, total);
    }
    return pc_fold_sums(total);
}

/* Where the groups of each tier are, and, unless they are there already, their maxima. */
static void FN(gather)(FN(draw) * d, pc_scratch *scratch) {
    const uint64_t last = d->race->first_item + (uint64_t)d->row->n - 1;
    const int known = scratch->larger_from == d->race->first_item;
    REAL *next = (REAL *)scratch->larger;
    d->maxima[BLOCK_TIER] = (const REAL *)scratch->maxima;
    for (int t = BLOCK_TIER; t <= BASE; t++) {
        d->first[t] = d->race->first_item >> (2 * t);
        d->end[t] = (last >> (2 * t)) + 1;
        if (t == BLOCK_TIER)
            continue;
        d->maxima[t] = next;
        const uint64_t count = d->end[t] - d->first[t];
        if (!known) {
            for (uint64_t g = 0; g < count; g++)
                next[g] = 0;
            for (uint64_t g = d->first[t - 1]; g < d->end[t - 1]; g++) {
                const REAL x = d->maxima[t - 1][g - d->first[t - 1]];
                REAL *to = next + ((g >> 2) - d->first[t]);
                *to = x > *to ? x : *to;
            }
        }
        next += count;
    }
    scratch->larger_from = d->race->first_item;
}

static inline int FN(is_under)(const FN(draw) * d, int tier, uint32_t place, uint32_t height, int64_t i) {
    REAL buffer[1];
    const double w = (double)*FN(fetch)(d->row, i, 1, 0, buffer);
    const double u = ((double)(((uint64_t)height << 12) | (place & 0xfff)) + 0.5) * 0x1p-44;
    const double h = (tier == BASE ? u : 1.0 + 3.0 * u) * d->height[tier];
    return w > 0 && h < w * d->scratch->scale / d->scratch->sum;
}

/* Throw the darts of the gathered cells, one each a turn, until none can be wanted. */
static void FN(run)(FN(draw) * d) {
    uint32_t place[CELLS], height[CELLS];
    cells *c = &d->cells;
    for (uint32_t j = 0; c->count && j < PC_CELL_DARTS; j++) {
        throw_darts(c, &d->rounds, j, place, height);
        int kept = 0;
        for (int i = 0; i < c->count; i++) {
            if (c->time[i] > d->best.time)
                continue;
            const int tier = (int)(c->tag[i] >> 16), bits = 2 * tier;
            const uint64_t item = ((uint64_t)c->group[i] << bits) + (((uint64_t)place[i] << bits) >> 32);
            const uint64_t at = item - d->race->first_item; /* wraps around for items before the row */
            if (at < (uint64_t)d->row->n && FN(is_under)(d, tier, place[i], height[i], (int64_t)at)) {
                const pc_dart dart = {c->time[i], item, c->group[i], (uint16_t)tier, (uint16_t)j};
                if (!d->list) {
                    if (pc_dart_before(&dart, &d->best))
                        d->best = dart;
                    continue;
                }
                pc_darts_add(d->list, &dart);
            }
            c->group[kept] = c->group[i];
            c->tag[kept] = c->tag[i];
            c->time[kept++] = c->time[i];
        }
        c->count = kept;
    }
    c->count = 0;
}

static inline void FN(visit)(FN(draw) * d, int tier, uint64_t group) {
    cells *c = &d->cells;
    if (c->count == CELLS)
        FN(run)(d);
    c->group[c->count] = (uint32_t)group;
    c->tag[c->count] = (uint32_t)tier << 16;
    c->time[c->count++] = 0;
}

/* Does p reach into the tier in a group with this maximum? */
static inline int FN(reaches)(const FN(draw) * d, int tier, REAL max) {
    return (double)max * d->scratch->scale > d->limit[tier];
}

static REAL FN(largest_of)(const REAL *x, int count) {
    REAL top = 0;
    for (int i = 0; i < count; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

/* The cells of tiers below the blocks', of groups within one block. */
static void FN(walk_block)(FN(draw) * d, uint64_t block) {
    REAL buffer[PC_BLOCK];
    const uint64_t start = (block - d->first[BLOCK_TIER]) * PC_BLOCK;
    const REAL *x = FN(fetch)(d->row, (int64_t)start, PC_BLOCK, 0, buffer);
    for (int g = 0; g < 4; g++) {
        if (!FN(reaches)(d, 2, FN(largest_of)(x + 16 * g, 16)))
            continue;
        FN(visit)(d, 2, block * 4 + (uint64_t)g);
        for (int q = 4 * g; q < 4 * g + 4; q++) {
            if (!FN(reaches)(d, 1, FN(largest_of)(x + 4 * q, 4)))
                continue;
            FN(visit)(d, 1, block * 16 + (uint64_t)q);
            for (int i = 4 * q; i < 4 * q + 4; i++)
                if (FN(reaches)(d, 0, x[i]))
                    FN(visit)(d, 0, block * PC_BLOCK + (uint64_t)i);
        }
    }
}

/* The cells below the group of a tier: those of its four parts that p reaches into, and so on. */
static void FN(walk)(FN(draw) * d, int tier, uint64_t group) {
    const int t = tier - 1;
    const uint64_t from = 4 * group > d->first[t] ? 4 * group : d->first[t];
    const uint64_t to = 4 * group + 4 < d->end[t] ? 4 * group + 4 : d->end[t];
    for (uint64_t g = from; g < to; g++) {
        const REAL max = d->maxima[t][g - d->first[t]];
        if (!FN(reaches)(d, t, max))
            continue;
        FN(visit)(d, t, g);
        if (t > BLOCK_TIER)
            FN(walk)(d, t, g);
        else if (FN(reaches)(d, t - 1, max))
            FN(walk_block)(d, g);
    }
}

/* The first dart under p into *first or, if there is a list, all those up to its end into the list. */
static pc_status FN(darts)(const pc_row *row, const pc_race *race, pc_scratch *scratch, pc_darts *list,
                           pc_dart *first) {
    if (scratch->row != row->data) {
        if (row->n <= PC_BLOCK)
            FN(scan_short)(row, race, scratch);
        else
            FN(scan)(row, race, 0, NULL, scratch);
        scratch->larger_from = UINT64_MAX; /* nobody's: it is not a multiple of 64 */
        if (scratch->status == PC_OK) {
            scratch->scale = 1;
            scratch->sum = FN(sum_of)(row, 1);
            if (scratch->sum == INFINITY || scratch->sum < 0x1p-900) {
                scratch->scale = scratch->sum > 1 ? 0x1p-64 : 0x1p+200;
                scratch->sum = FN(sum_of)(row, scratch->scale);
            }
        }
    }
    if (scratch->status != PC_OK)
        return scratch->status;

    FN(draw) d;
    d.row = row;
    d.race = race;
    d.scratch = scratch;
    d.cells.count = 0;
    d.list = list;
    d.best = (pc_dart){.time = list ? list->until : INFINITY};
    double low = 1;
    for (int t = 0; t < TIERS; t++) {
        low *= 0.25;
        d.height[t] = low;
        d.limit[t] = low * scratch->sum;
    }
    d.height[BASE] = low;
    begin_rounds(&d.rounds, &race->draw, PC_DOMAIN_MINHASH);
    FN(gather)(&d, scratch);
    for (uint64_t g = d.first[BASE]; g < d.end[BASE]; g++) {
        if (!(d.maxima[BASE][g - d.first[BASE]] > 0))
            continue;
        FN(visit)(&d, BASE, g);
        FN(walk)(&d, BASE, g);
    }
    FN(run)(&d);
    *first = d.best;
    return PC_OK;
}
