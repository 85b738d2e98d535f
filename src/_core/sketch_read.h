/* Reading a set: included by sketch_kernel.c. Every operation is exact but the sum and the division of `normalize`. */

static int make_room(pc_workspace *work, int64_t n, int with_ids) {
    if (n > work->items) {
        free(work->weights);
        free(work->ids);
        work->ids = NULL;
        work->weights = malloc((size_t)n * sizeof *work->weights);
        work->items = work->weights ? n : 0;
    }
    if (with_ids && work->items && !work->ids)
        work->ids = malloc((size_t)work->items * sizeof *work->ids);
    return work->items && (work->ids || !with_ids);
}

/* The weights as doubles: in place if they are, else in `out`. */
static const double *widen_row(const pc_row *row, double *out) {
    enum { PIECE = 256 };
    float piece[PIECE];
    if (row->kind == PC_F64) {
        if (row->stride == sizeof *out && (uintptr_t)row->data % _Alignof(double) == 0)
            return (const double *)(const void *)row->data;
        for (int64_t i = 0; i < row->n; i++)
            memcpy(out + i, row->data + i * row->stride, sizeof *out);
        return out;
    }
    for (int64_t start = 0; start < row->n; start += PIECE) {
        const int64_t count = row->n - start < PIECE ? row->n - start : PIECE;
        const char *data = row->data + start * row->stride;
        if (is_half(row->kind))
            widen_halves(row->kind, data, row->stride, count, piece);
        else if (row->stride == sizeof *piece)
            memcpy(piece, data, (size_t)count * sizeof *piece);
        else
            for (int64_t i = 0; i < count; i++)
                memcpy(piece + i, data + i * row->stride, sizeof *piece);
        for (int64_t i = 0; i < count; i++)
            out[start + i] = (double)piece[i];
    }
    return out;
}

/* The sum of the contract, of scale * weight. */
static double sum_by_item(const uint64_t *ids, const double *w, int64_t n, double scale) {
    double total[PC_SUMS] = {0};
    for (int64_t i = 0; i < n; i++)
        total[(ids ? ids[i] : (uint64_t)i) % PC_SUMS] += w[i] * scale;
    return pc_fold_sums(total);
}

static void divide_by_sum(const uint64_t *ids, const double *w, int64_t n, double *out) {
    double scale = 1, sum = sum_by_item(ids, w, n, 1);
    if (sum == INFINITY) {
        scale = 0x1p-64;
        sum = sum_by_item(ids, w, n, scale);
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = w[i] * scale / sum;
}

/* One weight in the frame of its set. */
static inline double scaled(double x, const double scale[2]) {
    x = x * scale[0] * scale[1];
    return x < 0x1p-1000 ? 0 : x;
}

/* The largest weight; NaN if one is negative, NaN or infinite. As integers, non-negative doubles are in order. */
static double largest_weight(const double *w, int64_t n) {
    uint64_t top = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = w[i] + 0.0; /* -0 becomes +0 */
        const uint64_t bits = pc_bits(x);
        top = bits > top ? bits : top;
    }
    return top < UINT64_C(0x7ff0) << 48 ? pc_double(top) : NAN;
}

pc_status PC_HERE(pc_read_set)(const pc_items *from, pc_workspace *work, pc_set *set) {
    const int64_t n = from->weights.n;
    if (!make_room(work, n, from->ids != NULL))
        return PC_NO_MEMORY;
    uint64_t *ids = from->ids ? work->ids : NULL;
    if (ids && from->id_bytes == 8)
        memcpy(ids, from->ids, (size_t)n * sizeof *ids);
    else if (ids)
        for (int64_t i = 0; i < n; i++) {
            int32_t id;
            memcpy(&id, from->ids + i * (int64_t)sizeof id, sizeof id);
            ids[i] = (uint64_t)id;
        }

    const double *w = widen_row(&from->weights, work->weights);
    double top = largest_weight(w, n);
    if (isnan(top))
        return PC_BAD_VALUE;
    if (top == 0)
        return PC_NO_ITEM;
    if (from->normalize) {
        divide_by_sum(ids, w, n, work->weights);
        w = work->weights;
        top = largest_weight(w, n);
    }
    int exponent = 0;
    frexp(top, &exponent);
    const int s = 1 - exponent; /* top * 2^s is in [1, 2) */
    const double scale[2] = {ldexp(1.0, s / 2), ldexp(1.0, s - s / 2)};
    double total[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++)
            total[l] += work->weights[i + l] = scaled(w[i + l], scale);
    for (; i < n; i++)
        total[0] += work->weights[i] = scaled(w[i], scale);
    *set = (pc_set){.ids = ids, .weights = work->weights, .n = n, .exponent = exponent - 1};
    for (int l = 0; l < 8; l++)
        set->total += total[l];
    return set->total < INFINITY ? PC_OK : PC_BAD_VALUE; /* bad only if someone writes to the row meanwhile */
}
