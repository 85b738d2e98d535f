/* The minhash sketch of a set: included by sketch_kernel.c.
 *
 * Of each item and tier of heights [4^t, 4^(t+1)) darts come in time, each at a register and a height; the register
 * holds the first dart whose height is below the item's weight. A tier has 4^t darts a unit of time. In the frame of
 * the set heights are scaled as its weights are, and times the other way: `unit` is the tier's least height there. */

static inline uint64_t lane_of(const pc_vq v[2], int lane) { return ((const uint64_t *)(const void *)v)[lane]; }

/* Tiers whose first dart may come up to the limit, but for those found for the limit that is done: PC_W items at a
 * time, four tiers a hash, from the top one down until no dart can. The clock of a first dart is at least its word's
 * complement times 2^-32, and at least 2^-33: `early` is that times 2^32. All else in the comparisons are powers of
 * two, so what one limit leaves out and the next one finds fit together. An item that is far lighter than others of its
 * vector goes on down with them, to units that underflow to 0, or are negative where the exponent below is; neither
 * reaches 0.5. */
static int find_tiers(const pc_sketch_kind *kind, const pc_set *set, double done, double limit, pc_workspace *work,
                      int64_t *count) {
    const double reached = done * 0x1p32 * PC_LOOSE, reach = limit * 0x1p32 * PC_LOOSE;
    rounds r;
    begin_key(&r, kind->seed);
    for (int64_t i = 0; i < set->n; i += PC_W) {
        items at;
        pc_vq tier[2], group[2];
        pc_vd unit[2];
        load_items(&at, set, i);
        for (int h = 0; h < 2; h++) {
            /* A weight of 0 counts as 1 here and is left out below. */
            const pc_vq none = (pc_vq)(at.weight[h] == 0.0), one = (pc_vq)((pc_vd){0} + 1.0);
            const pc_vq bits = ((pc_vq)at.weight[h] & ~none) | (one & none);
            tier[h] = ((bits >> 52) + (uint64_t)(2048 - 1023 + set->exponent)) >> 1;
            group[h] = tier[h] >> 2;
            /* of the group's lowest tier: 2^(8 group - 2048 - exponent) */
            unit[h] = (pc_vd)(((group[h] << 3) + (uint64_t)(1023 - 2048 - set->exponent)) << 52);
        }
        for (;;) {
            philox p;
            for (int h = 0; h < 2; h++) {
                p.x[0][h] = at.id[h];
                p.x[1][h] = at.id[h] >> 32;
                p.x[2][h] = group[h];
                p.x[3][h] = all_q(PC_DOMAIN_SKETCH_TIER);
            }
            philox_finish(&p, &r, 0);
            uint64_t todo = 0; /* bit q PC_W + i: the tier of word q, of item i */
            for (int h = 0; h < 2; h++)
                for (int q = 0; q < 4; q++) {
                    const pc_vd early = pc_max_d(pc_integers(~p.x[q][h] & 0xffffffffu), (pc_vd){0} + 0.5);
                    const pc_vd its = unit[h] * (double)(1 << 2 * q);
                    uint32_t found = pc_le_mask(early, its * reach);
                    if (done > 0)
                        found &= ~pc_le_mask(early, its * reached);
                    todo |= (uint64_t)found << (q * PC_W + h * PC_Q);
                }
            for (; todo; todo &= todo - 1) {
                const int bit = __builtin_ctzll(todo), q = bit / PC_W, l = bit % PC_W;
                const uint64_t t = 4 * lane_of(group, l) + (uint64_t)q;
                const double weight = i + l < set->n ? set->weights[i + l] : 0;
                if (t > lane_of(tier, l) || !(weight > 0))
                    continue;
                pc_candidate *c = push(work, count);
                if (!c)
                    return 0;
                c->id = set->ids ? set->ids[i + l] : (uint64_t)(i + l);
                c->weight = weight;
                c->unit = pc_double(((t << 1) + (uint64_t)(1023 - 2048 - set->exponent)) << 52);
                c->time = pc_lane_delay((uint32_t)lane_of(p.x[q], l));
                c->tier = (uint32_t)t;
                c->number = 0;
            }
            for (int h = 0; h < 2; h++) {
                group[h] -= 1;
                unit[h] *= 0x1p-8;
            }
            if (pc_hmax(pc_max_d(unit[0], unit[1])) * 64.0 * reach < 0.5)
                break;
        }
    }
    return 1;
}

enum { DARTS = 16 }; /* of a tier at a time */

typedef struct {
    int64_t of[CALLS]; /* the candidate whose darts begin at this call, else -1 */
    double gap[CALLS];
    calls calls;
} darts;

/* Throw the darts up to the limit, and move their tiers on. */
static void throw_darts(darts *d, const pc_sketch_kind *kind, double limit, pc_registers *best, pc_workspace *work) {
    calls *c = &d->calls;
    hash_calls(c, kind->seed);
    for (int i = 0; i < c->count; i += PC_Q) {
        const pc_vq c0 = __builtin_convertvector(*(const pc_vh_at *)(c->word[0] + i), pc_vq);
        const pc_vq c1 = __builtin_convertvector(*(const pc_vh_at *)(c->word[1] + i), pc_vq);
        *(pc_vd_at *)(d->gap + i) = -pc_ln_lanes(pc_units(c0, c1));
    }
    for (int i = 0; i < c->count;) {
        pc_candidate *of = &work->candidates[d->of[i]], now = *of;
        const double until = limit * now.unit, rate = 1 / now.unit; /* exact: a power of two */
        do {
            if (now.time > until)
                continue;
            const double u = ((double)c->word[3][i] + 0.5) * 0x1p-32;
            if ((1.0 + 3.0 * u) * now.unit < now.weight) {
                const uint64_t r = ((uint64_t)c->word[2][i] * (uint64_t)kind->k) >> 32;
                enter(best, r, now.time * rate, now.id, (uint64_t)now.tier << 32 | now.number);
            }
            now.time += d->gap[i];
            now.number++;
        } while (++i < c->count && d->of[i] < 0);
        *of = now;
    }
    c->count = 0;
}

/* All darts of the candidates up to the limit: of each a few at a time, since their times are sums. */
static void throw_until(const pc_sketch_kind *kind, double limit, pc_registers *best, pc_workspace *work,
                        int64_t count) {
    darts d;
    int more;
    d.calls.count = 0;
    do {
        more = 0;
        for (int64_t i = 0; i < count; i++) {
            const pc_candidate *c = &work->candidates[i];
            const double wait = limit * c->unit - c->time;
            if (wait < 0)
                continue;
            const int n = wait < DARTS - 1 ? (int)wait + 1 : DARTS;
            if (d.calls.count + n > CALLS)
                throw_darts(&d, kind, limit, best, work);
            for (int j = 0; j < n; j++) {
                const int at = d.calls.count++;
                d.of[at] = j ? -1 : i;
                d.calls.id[at] = c->id;
                d.calls.third[at] = c->number + (uint32_t)j;
                d.calls.last[at] = c->tier << 8 | PC_DOMAIN_SKETCH_DART;
            }
            more = 1;
        }
        throw_darts(&d, kind, limit, best, work);
    } while (more);
}
