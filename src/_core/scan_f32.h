/* Block maxima of float rows, and a check that no value is amiss: included by scan.h.
 *
 * The check is a sum: NaN and +inf survive every later addition, so a sum that is finite or -inf proves that there was
 * none. A false alarm (finite values whose sum overflows, -0.0 among weights) is settled by looking at each value. */

typedef struct {
    pc_vf sum[4];
    pc_vu sign;
} check_f32;

/* The largest value of the block at x, and the sum and the signs for the check. `ahead` is how many lanes x lies past
 * an aligned address. Where a vector is a whole cache line, a load that is not aligned costs two, and NumPy's large
 * arrays start 16 bytes past a line: so loads are aligned there, and the vector in which one block ends and the next
 * begins is taken by lanes (`edge`: the one this block begins in, then the one it ends in). */
static inline __attribute__((always_inline)) pc_vf block_max_f32(const float *x, int ahead, pc_vf *edge, pc_vf *sum,
                                                                 pc_vu *sign) {
    const float *aligned = x - ahead;
    pc_vf max = *(const pc_vf_at *)(aligned + PC_W);
    *sum = max;
    *sign = (pc_vu)max;
#pragma GCC unroll 16
    for (int i = 2 * PC_W; i < PC_BLOCK; i += PC_W) {
        const pc_vf v = *(const pc_vf_at *)(aligned + i);
        max = pc_max_f(v, max);
        *sum += v;
        *sign |= (pc_vu)v;
    }
#if PC_WHOLE_LINES
    if (ahead) {
        max = pc_max_in(0xffffu << ahead, *edge, max);
        *edge = *(const pc_vf_at *)(aligned + PC_BLOCK);
        *sum += *edge;
        *sign |= (pc_vu)*edge;
        return pc_max_in(~(0xffffu << ahead), *edge, max);
    }
#endif
    *edge = *(const pc_vf_at *)x;
    *sum += *edge;
    *sign |= (pc_vu)*edge;
    return pc_max_f(*edge, max);
}

/* Maxima of the PC_W blocks at x, interleaved with their hashes when r is given: one waits for memory, the other for
 * multiplications. With `ahead`, so many values before x are read too, and PC_W - ahead past the tile's end. */
static inline __attribute__((always_inline)) void scan_tile_f32(const float *x, int ahead, int logits, float *maxima,
                                                                check_f32 *checked, const rounds *r, uint32_t index,
                                                                uint32_t *hash) {
    check_f32 check = *checked;
    pc_vf v[PC_W], sum, edge = {0};
    pc_vu sign;
    philox p;
    if (r)
        hash_begin(&p, r, index);
    if (ahead) {
        edge = *(const pc_vf_at *)(x - ahead);
        check.sum[0] += edge;
        check.sign |= (pc_vu)edge;
    }
#pragma GCC unroll 16
    for (int b = 0; b < PC_W; b++) {
        v[b] = block_max_f32(x + PC_BLOCK * b, ahead, &edge, &sum, &sign);
        check.sum[b & 3] += sum;
        if (!logits)
            check.sign |= sign;
        PC_SETTLE(check.sum[b & 3]);
        PC_SETTLE(v[b]);
        if (r)
            for (int i = b * 8 / PC_W; i < (b + 1) * 8 / PC_W; i++)
                philox_round(&p, r, 2 + i);
    }
    *(pc_vf_at *)maxima = pc_fold(v);
    if (r)
        hash_end(&p, hash);
    *checked = check;
}

static inline int ahead_f32(const float *x) { return PC_WHOLE_LINES ? (int)((uintptr_t)x / sizeof *x % PC_W) : 0; }

/* For fact 2 of race_kernel.c: the bits, sign, exponent and mantissa, as an integer. */
static inline int32_t exponent_bits_f32(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The lowest finite value of a block: the largest of minus the finite values. */
static inline float block_lowest_f32(const float *x) {
    const pc_vf none = (pc_vf){0} - FLT_MAX;
    pc_vf most = none;
    for (int i = 0; i < PC_BLOCK; i += PC_W) {
        const pc_vf v = *(const pc_vf_at *)(x + i);
        const pc_vu finite = (pc_vu)(v > -INFINITY);
        most = pc_max_f((pc_vf)(((pc_vu)-v & finite) | ((pc_vu)none & ~finite)), most);
    }
    return -largest_lane(most);
}

static int suspicious_f32(const check_f32 *check, int logits) {
    const pc_vf sum = (check->sum[0] + check->sum[1]) + (check->sum[2] + check->sum[3]);
    for (int i = 0; i < PC_W; i++)
        if (!(sum[i] < INFINITY) || (!logits && check->sign[i] >> 31))
            return 1;
    return 0;
}

static float largest_f32(const float *maxima, int64_t blocks) {
    pc_vf top = *(const pc_vf_at *)maxima;
    for (int64_t b = PC_W; b < blocks; b += PC_W)
        top = pc_max_f(*(const pc_vf_at *)(maxima + b), top);
    return largest_lane(top);
}
