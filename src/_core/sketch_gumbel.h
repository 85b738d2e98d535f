/* The gumbel sketch of a set: included by sketch_kernel.c.
 *
 * An item has a clock at each of the k registers, and the register holds the item with the smallest clock / weight. The
 * clocks of one item are stratified: arrival i, at a register drawn without replacement, is -ln((k - 1 - i + V_i) / k),
 * so that arrivals come in increasing order and one ends an item as soon as it is too late. The registers are the
 * values of alpha + beta / place modulo a prime, at places that follow each other: they are known without a hash. */

/* x mod the table's prime, for x < 2^34: the product is floor(x / prime), since x (reciprocal * prime - 2^64) < 2^64.
 */
static inline uint32_t residue(uint64_t x, const pc_table *table) {
    const uint64_t quotient = (uint64_t)(((unsigned __int128)x * table->reciprocal) >> 64);
    return (uint32_t)(x - quotient * table->prime);
}

static inline uint32_t register_of(const pc_candidate *c, uint32_t place, const pc_table *table) {
    const uint32_t r = c->alpha + residue((uint64_t)c->beta * table->inverse[place], table);
    return r < table->prime ? r : r - table->prime;
}

/* The place of the first register, the inverse of register_of. */
static inline uint32_t place_of(const pc_candidate *c, uint32_t r, const pc_table *table) {
    return table->inverse[residue((uint64_t)(r + table->prime - c->alpha) * table->inverse[c->beta], table)];
}

/* Items whose first arrival may come up to the limit, but for those found for the limit that is done. Its time is at
 * least (1 - u) / weight for u = (k - 1 + V) / k, which division rounds by at most 2^-53, so by less than 1 in units of
 * the high word of V. Which items pass is hard to foresee: 64 are hashed and marked before the marks are looked at. */
static int find_items(const pc_sketch_kind *kind, const pc_set *set, double done, double limit, pc_workspace *work,
                      int64_t *count) {
    const double in_words = (double)kind->k * 0x1p32 * PC_LOOSE;
    const double reached = done * in_words, reach = limit * in_words;
    const uint32_t prime = kind->table->prime;
    const int short_ids = !set->ids && set->n <= INT64_C(1) << 32; /* what all counters share is then hashed once */
    rounds r;
    begin_key(&r, kind->seed);
    for (int64_t start = 0; start < set->n; start += 64) {
        philox hashed[64 / PC_W];
        uint64_t todo = 0;
        for (int i = 0; i < 64 && start + i < set->n; i += PC_W) {
            philox *p = &hashed[i / PC_W];
            items at;
            load_items(&at, set, start + i);
            if (short_ids) {
                philox_begin(p, &r, at.id[0], at.id[1]);
                philox_finish(p, &r, 2);
            } else {
                for (int h = 0; h < 2; h++) {
                    p->x[0][h] = at.id[h];
                    p->x[1][h] = at.id[h] >> 32;
                    p->x[2][h] = all_q(0);
                    p->x[3][h] = all_q(PC_DOMAIN_SKETCH_ITEM);
                }
                philox_finish(p, &r, 0);
            }
            for (int h = 0; h < 2; h++) {
                const pc_vd early = pc_integers(~p->x[2][h] & 0xffffffffu);
                uint32_t found = pc_le_mask(early, at.weight[h] * reach + 1.0);
                if (done > 0)
                    found &= ~pc_le_mask(early, at.weight[h] * reached + 1.0);
                todo |= (uint64_t)found << (i + h * PC_Q);
            }
        }
        for (; todo; todo &= todo - 1) {
            const int i = __builtin_ctzll(todo);
            const double weight = i < set->n - start ? set->weights[start + i] : 0;
            if (!(weight > 0))
                continue;
            pc_candidate *c = push(work, count);
            if (!c)
                return 0;
            const uint64_t *lane = (const uint64_t *)(const void *)&hashed[i / PC_W] + i % PC_W;
            const uint32_t c0 = (uint32_t)lane[0], c1 = (uint32_t)lane[PC_W];
            const uint32_t c2 = (uint32_t)lane[2 * PC_W], c3 = (uint32_t)lane[3 * PC_W];
            c->id = set->ids ? set->ids[start + i] : (uint64_t)(start + i);
            c->weight = weight;
            c->first = ((double)(((uint64_t)c2 << 32 | c3) >> 28) + 0.5) * 0x1p-36;
            c->beta = (uint32_t)(((uint64_t)c0 * (prime - 1)) >> 32) + 1;
            c->alpha = (uint32_t)(((uint64_t)(c3 & 0xfffffff) * prime) >> 28);
            c->at = (uint32_t)(((uint64_t)c1 * (uint64_t)kind->k) >> 32);
            c->place = c->next = 0;
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

/* Written in any case, and overwritten by the next one unless it is kept. */
static inline void add_arrival(arrivals *a, const pc_candidate *c, double left, uint32_t at, int32_t word, int kept) {
    a->left[a->count] = left;
    a->weight[a->count] = c->weight;
    a->id[a->count] = c->id;
    a->at[a->count] = at;
    a->word[a->count] = word;
    a->count += kept;
}

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
 * best of their register are left out, without a branch, since which ones is hard to foresee. */
static void arrive_until(const pc_sketch_kind *kind, double limit, pc_registers *best, pc_workspace *work,
                         int64_t count) {
    const uint32_t k = (uint32_t)kind->k;
    const pc_table *table = kind->table;
    const double *strata = table->strata;
    arrivals a;
    a.count = a.calls.count = 0;
    a.V[WHOLE] = 0;
    for (pc_candidate *c = work->candidates; c < work->candidates + count; c++) {
        if (c->next == 0) {
            if (a.count == ARRIVALS)
                make_arrivals(&a, kind, best);
            add_arrival(&a, c, (double)(k - 1) + c->first, c->at, WHOLE, 1);
            c->next = 1;
        }
        const double reach = limit * c->weight * PC_LOOSE, weight = c->weight * PC_LOOSE;
        uint32_t i = c->next, at = c->at, place = c->place, call = 0; /* the item's latest call; 0: none */
        for (; i < k && strata[i] <= reach; i++) {
            if (a.count == ARRIVALS || a.calls.count == CALLS) {
                make_arrivals(&a, kind, best);
                call = 0;
            }
            place = i > 1 ? place : place_of(c, at, table);
            do {
                place = place + 1 < table->prime ? place + 1 : 0;
                at = register_of(c, place, table);
            } while (at >= k);
            const int kept = strata[i] <= best->time[at] * weight;
            const uint32_t its_call = (i + 3) / 4;
            const int n = a.calls.count;
            a.calls.id[n] = c->id;
            a.calls.third[n] = its_call;
            a.calls.last[n] = PC_DOMAIN_SKETCH_ITEM;
            a.calls.count = n + (kept & (its_call != call));
            call = kept ? its_call : call;
            add_arrival(&a, c, (double)(k - 1 - i), at, 4 * (a.calls.count - 1) + (int32_t)((i - 1) & 3), kept);
        }
        c->next = i;
        c->at = at;
        c->place = place;
    }
    make_arrivals(&a, kind, best);
}
