/* Rows of REAL, read in pieces: included by scan.h once for float, once for double. */

/* `count` items of the row from `start` on, in one piece; past the end of the row comes `pad`. Copies only what is
 * strided, of another type or incomplete. */
static inline const REAL *FN(fetch)(const pc_row *row, int64_t start, int count, REAL pad, REAL *buffer) {
    int64_t have = row->n - start < count ? row->n - start : count;
    const char *data = row->data + start * row->stride;
    if (is_half(row->kind)) {
        float *wide = (float *)(void *)buffer; /* halves come to the float kernel only */
        widen_halves(row->kind, data, row->stride, have, wide);
    } else if (row->stride == (ptrdiff_t)sizeof(REAL)) {
        if (have == count)
            return (const REAL *)(const void *)data;
        memcpy(buffer, data, (size_t)have * sizeof(REAL));
    } else {
        for (int64_t i = 0; i < have; i++)
            memcpy(buffer + i, data + i * row->stride, sizeof(REAL));
    }
    for (int64_t i = have; i < count; i++)
        buffer[i] = pad;
    return buffer;
}

/* May not be raced: a NaN or +inf logit; a NaN, infinite or negative weight. */
static inline int FN(is_bad)(REAL x, int logits) { return !(x < (REAL)INFINITY) || (!logits && x < 0); }

static REAL FN(pad)(const pc_race *race) { return race->logits ? -(REAL)INFINITY : 0; }

static int FN(has_bad_value)(const pc_row *row, int logits) {
    REAL buffer[PC_BLOCK];
    for (int64_t start = 0; start < row->n; start += PC_BLOCK) {
        const REAL *x = FN(fetch)(row, start, PC_BLOCK, 0, buffer);
        for (int i = 0; i < PC_BLOCK; i++)
            if (FN(is_bad)(x[i], logits))
                return 1;
    }
    return 0;
}

/* What the scan leaves behind of a row that has been read. */
static void FN(note)(const pc_row *row, int logits, REAL top, int bad, pc_scratch *scratch) {
    scratch->row = row->data;
    scratch->top = (double)top;
    scratch->lowest = NAN;
    if (bad)
        scratch->status = PC_BAD_VALUE;
    else
        scratch->status = top > (logits ? -(REAL)INFINITY : 0) ? PC_OK : PC_NO_ITEM;
}

/* The maximum of a row of one block. */
static void FN(scan_short)(const pc_row *row, const pc_race *race, pc_scratch *scratch) {
    REAL buffer[PC_BLOCK], top = FN(pad)(race);
    const REAL *x = FN(fetch)(row, 0, (int)row->n, 0, buffer);
    int bad = 0;
    for (int i = 0; i < (int)row->n; i++) {
        bad |= FN(is_bad)(x[i], race->logits);
        top = x[i] > top ? x[i] : top;
    }
    *(REAL *)scratch->maxima = top;
    FN(note)(row, race->logits, top, bad, scratch);
}

/* Block maxima, unless the row is the one before, and block hashes, unless r is NULL, in one pass. */
static inline __attribute__((always_inline)) void FN(scan)(const pc_row *row, const pc_race *race, int logits,
                                                           const rounds *r, pc_scratch *scratch) {
    const REAL pad = FN(pad)(race);
    const int64_t tile = PC_W * PC_BLOCK;
    const uint32_t first_block = (uint32_t)(race->first_item / PC_BLOCK);
    REAL *maxima = (REAL *)scratch->maxima;
    REAL buffer[PC_W * PC_BLOCK];
    FN(check) check;
    memset(&check, 0, sizeof check);

    if (scratch->row == row->data) {
        if (r)
            for (int64_t b = 0; b * PC_BLOCK < row->n; b += PC_W)
                hash_blocks(r, first_block + (uint32_t)b, scratch->hash + b);
        return;
    }
    for (int64_t start = 0; start < row->n; start += tile) {
        const int64_t b = start / PC_BLOCK;
        const REAL *x = FN(fetch)(row, start, (int)tile, pad, buffer);
        const int ahead = FN(ahead)(x);
        if (ahead && x != buffer && start > 0 && start + 2 * tile <= row->n)
            FN(scan_tile)(x, ahead, logits, maxima + b, &check, r, first_block + (uint32_t)b, scratch->hash + b);
        else
            FN(scan_tile)(x, 0, logits, maxima + b, &check, r, first_block + (uint32_t)b, scratch->hash + b);
    }
    const REAL top = FN(largest)(maxima, (row->n + PC_BLOCK - 1) / PC_BLOCK);
    const int bad = FN(suspicious)(&check, logits) && FN(has_bad_value)(row, logits);
    FN(note)(row, logits, top, bad, scratch);
}
