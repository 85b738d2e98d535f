/* The gumbel sketch of a set: included by sketch_kernel.c.
 *
 * An item has a clock at each of the k registers, and the register holds the item with the smallest clock / weight. The
 * clocks of one item are stratified: arrival i, at a register drawn without replacement, is -ln((k - 1 - i + V_i) / k),
 * so that arrivals come in increasing order and one ends an item as soon as it is too late. */

static uint32_t prime_from(uint32_t k) {
    for (uint32_t p = k < 2 ? 2 : k;; p++) {
        uint32_t d = 2;
        while (d * d <= p && p % d)
            d++;
        if (d * d > p)
            return p;
    }
}

/* strata[i]: arrival i times weight is at least this, -ln((k - i) / k) less what ln may be off. */
static int make_strata(int64_t k, pc_workspace *work) {
    double *strata = malloc((size_t)(k + PC_Q) * sizeof *strata);
    if (!strata)
        return 0;
    for (int64_t i = 0; i < k; i += PC_Q) {
        pc_vd left;
        for (int l = 0; l < PC_Q; l++)
            left[l] = i + l < k ? (double)(k - i - l) : 1.0;
        *(pc_vd_at *)(strata + i) = -pc_ln_lanes(left / (double)k) / PC_LOOSE;
    }
    work->strata = strata;
    work->prime = prime_from((uint32_t)k);
    return 1;
}

/* Items whose first arrival may come up to the limit. Its time is at least (1 - u) / weight for u = (k - 1 + V) / k,
 * which division rounds by at most 2^-53, so by less than 1 in units of the high word of V. */
static int find_items(const pc_sketch_kind *kind, const pc_set *set, double limit, pc_workspace *work, int64_t *count) {
    const double reach = limit * (double)kind->k * 0x1p32 * PC_LOOSE;
    const pc_draw draw = {.seed = kind->seed};
    rounds r;
    begin_rounds(&r, &draw, PC_DOMAIN_SKETCH_ITEM);
    for (int64_t i = 0; i < set->n; i += PC_W) {
        items at;
        philox p;
        load_items(&at, set, i);
        if (!set->ids) { /* below 2^32: what all counters share is hashed once */
            philox_begin(&p, &r, at.id[0], at.id[1]);
#pragma GCC unroll 8
            for (int round = 2; round < PC_PHILOX_ROUNDS; round++)
                philox_round(&p, &r, round);
        } else {
            for (int h = 0; h < 2; h++) {
                p.x[0][h] = at.id[h];
                p.x[1][h] = at.id[h] >> 32;
                p.x[2][h] = all_q(0);
                p.x[3][h] = all_q(PC_DOMAIN_SKETCH_ITEM);
            }
            hash_lanes(&p, kind->seed);
        }
        for (int h = 0; h < 2; h++) {
            const pc_vd early = pc_integers(~p.x[2][h] & 0xffffffffu);
            uint32_t todo = pc_le_mask(early, at.weight[h] * reach + 1.0);
            for (; todo; todo &= todo - 1) {
                const int l = __builtin_ctz(todo);
                if (!(at.weight[h][l] > 0))
                    continue;
                pc_candidate *c = push(work, count);
                if (!c)
                    return 0;
                const uint64_t v = ((uint64_t)(uint32_t)p.x[2][h][l] << 32 | (uint32_t)p.x[3][h][l]) >> 28;
                c->id = at.id[h][l];
                c->weight = at.weight[h][l];
                c->leap = (uint32_t)(((uint64_t)(uint32_t)p.x[0][h][l] * (work->prime - 1)) >> 32) + 1;
                c->at = (uint32_t)(((uint64_t)(uint32_t)p.x[1][h][l] * (uint64_t)kind->k) >> 32);
                c->first = ((double)v + 0.5) * 0x1p-36;
                c->next = 0;
            }
        }
    }
    return 1;
}

enum { ARRIVALS = 2 * CALLS, WHOLE = 4 * CALLS }; /* at a time; a multiple of PC_Q */

typedef struct {
    double left[ARRIVALS];   /* k - 1 - i, then + V_i */
    double weight[ARRIVALS]; /* then the time */
    uint64_t id[ARRIVALS];
    uint32_t at[ARRIVALS];
    int32_t word[ARRIVALS]; /* which V is to be added */
    int count;
    double V[4 * CALLS + 1]; /* of word w of call c at 4 c + w; at WHOLE 0, for left that is whole */
    calls calls;
} arrivals;

static void make_arrivals(arrivals *a, const pc_sketch_kind *kind, pc_registers *best) {
    const pc_vd k = (pc_vd){0} + (double)kind->k;
    hash_calls(&a->calls, kind->seed);
    for (int c = 0; c < a->calls.count; c++)
        for (int w = 0; w < 4; w++)
            a->V[4 * c + w] = ((double)a->calls.word[w][c] + 0.5) * 0x1p-32;
    for (int i = 0; i < a->count; i++)
        a->left[i] += a->V[a->word[i]];
    for (int i = a->count; i % PC_Q; i++)
        a->left[i] = a->weight[i] = 1;
    for (int i = 0; i < a->count; i += PC_Q) {
        const pc_vd clock = -pc_ln_lanes(*(const pc_vd_at *)(a->left + i) / k);
        *(pc_vd_at *)(a->weight + i) = clock / *(const pc_vd_at *)(a->weight + i);
    }
    for (int i = 0; i < a->count; i++)
        enter(best, a->at[i], a->weight[i], a->id[i], 0);
    a->count = a->calls.count = 0;
}

/* The arrivals of all candidates up to the limit. Arrival i is not before strata[i] / weight: those that come after the
 * best of their register are left out. Which ones is hard to foresee, so all are written and the others overwritten. */
static void arrive_until(const pc_sketch_kind *kind, double limit, pc_registers *best, pc_workspace *work,
                         int64_t count) {
    const uint32_t k = (uint32_t)kind->k;
    const double *strata = work->strata;
    arrivals a;
    a.count = a.calls.count = 0;
    a.V[WHOLE] = 0;
    for (pc_candidate *c = work->candidates; c < work->candidates + count; c++) {
        const double reach = limit * c->weight * PC_LOOSE, weight = c->weight * PC_LOOSE;
        uint32_t i = c->next, at = c->at, call = 0; /* the call that was added last for this item; 0: none */
        for (; i < k && strata[i] <= reach; i++) {
            if (a.count == ARRIVALS || a.calls.count == CALLS) {
                make_arrivals(&a, kind, best);
                call = 0;
            }
            const int kept = strata[i] <= best->time[at] * weight;
            const uint32_t its_call = (i + 3) / 4;
            int n = a.calls.count;
            a.calls.id[n] = c->id;
            a.calls.third[n] = its_call;
            a.calls.last[n] = PC_DOMAIN_SKETCH_ITEM;
            a.calls.count = n + (kept & (its_call != call));
            call = kept ? its_call : call;
            n = a.count;
            a.left[n] = (double)(k - 1 - i) + (i ? 0 : c->first);
            a.weight[n] = c->weight;
            a.id[n] = c->id;
            a.at[n] = at;
            a.word[n] = i ? 4 * (a.calls.count - 1) + (int32_t)((i - 1) & 3) : WHOLE;
            a.count = n + kept;
            do {
                at += c->leap;
                at -= at >= work->prime ? work->prime : 0;
            } while (at >= k);
        }
        c->next = i;
        c->at = at;
    }
    make_arrivals(&a, kind, best);
}
