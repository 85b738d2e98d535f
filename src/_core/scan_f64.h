/* Block maxima of double rows, with the check of scan_f32.h: included by scan.h. */

typedef struct {
    pc_vd sum[4];
    pc_vq sign;
} check_f64;

/* As scan_tile_f32, but always from x itself: `ahead` is 0. */
static inline __attribute__((always_inline)) void scan_tile_f64(const double *x, int ahead, int logits, double *maxima,
                                                                check_f64 *checked, const rounds *r, uint32_t index,
                                                                uint32_t *hash) {
    check_f64 here = *checked, *check = &here;
    (void)ahead;
    for (int b = 0; b < PC_W; b++) {
        const double *at = x + PC_BLOCK * b;
        pc_vd max = *(const pc_vd_at *)at;
        for (int i = 0; i < PC_BLOCK; i += PC_Q) {
            const pc_vd v = *(const pc_vd_at *)(at + i);
            check->sum[i / PC_Q & 3] += v;
            if (!logits)
                check->sign |= (pc_vq)v;
            max = pc_max_d(v, max);
        }
        maxima[b] = pc_hmax(max);
    }
    if (r)
        hash_blocks(r, index, hash);
    *checked = here;
}

static inline int ahead_f64(const double *x) {
    (void)x;
    return 0;
}

/* The high word of the bits. */
static inline int32_t exponent_bits_f64(double x) { return (int32_t)(pc_bits(x) >> 32); }

/* As block_lowest_f32. */
static inline double block_lowest_f64(const double *x) {
    const pc_vd none = (pc_vd){0} - DBL_MAX;
    pc_vd most = none;
    for (int i = 0; i < PC_BLOCK; i += PC_Q) {
        const pc_vd v = *(const pc_vd_at *)(x + i);
        const pc_vq finite = (pc_vq)(v > -(double)INFINITY);
        most = pc_max_d((pc_vd)(((pc_vq)-v & finite) | ((pc_vq)none & ~finite)), most);
    }
    return -pc_hmax(most);
}

static int suspicious_f64(const check_f64 *check, int logits) {
    const pc_vd sum = (check->sum[0] + check->sum[1]) + (check->sum[2] + check->sum[3]);
    for (int i = 0; i < PC_Q; i++)
        if (!(sum[i] < INFINITY) || (!logits && check->sign[i] >> 63))
            return 1;
    return 0;
}

static double largest_f64(const double *maxima, int64_t blocks) {
    pc_vd top = *(const pc_vd_at *)maxima;
    for (int64_t b = PC_Q; b < blocks; b += PC_Q)
        top = pc_max_d(*(const pc_vd_at *)(maxima + b), top);
    return pc_hmax(top);
}
