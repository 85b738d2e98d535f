/* The vectors of one ISA level, W 32-bit lanes wide: AVX-512 16, AVX2 8, NEON, SSE2 and plain GNU C 4.
 *
 * Arithmetic is written with GNU C vector operators in the kernel; here stand only the operations that have none. Which
 * level a file is compiled for is said by PC_LEVEL_* on its command line (src/_core/CMakeLists.txt), never by the
 * machine. */
#ifndef PC_SIMD_SIMD_H
#define PC_SIMD_SIMD_H

#include <stdint.h>

#if defined(PC_LEVEL_avx512)
#include <immintrin.h>
#define PC_W 16
#define PC_WHOLE_LINES 1 /* a vector is a cache line, so that an unaligned load straddles two */
#elif defined(PC_LEVEL_avx2)
#include <immintrin.h>
#define PC_W 8
#elif defined(PC_LEVEL_neon)
#include <arm_neon.h>
#define PC_W 4
#else
#define PC_W 4
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#endif
#define PC_Q (PC_W / 2) /* 64-bit lanes */
#ifndef PC_WHOLE_LINES
#define PC_WHOLE_LINES 0
#endif

typedef float pc_vf __attribute__((vector_size(4 * PC_W)));
typedef double pc_vd __attribute__((vector_size(4 * PC_W)));
typedef uint64_t pc_vq __attribute__((vector_size(4 * PC_W)));
typedef uint32_t pc_vu __attribute__((vector_size(4 * PC_W)));
typedef int32_t pc_vi __attribute__((vector_size(4 * PC_W)));
typedef uint32_t pc_vh __attribute__((vector_size(2 * PC_W))); /* a pc_vq narrowed to its low words */

/* The same, at any address. */
typedef float pc_vf_at __attribute__((vector_size(4 * PC_W), aligned(4), may_alias));
typedef double pc_vd_at __attribute__((vector_size(4 * PC_W), aligned(8), may_alias));
typedef uint32_t pc_vu_at __attribute__((vector_size(4 * PC_W), aligned(4), may_alias));
typedef uint32_t pc_vh_at __attribute__((vector_size(2 * PC_W), aligned(4), may_alias));

/* Have v in a register here: GCC otherwise puts off long chains of sums and spills what they wait for. */
#if defined(PC_LEVEL_avx512)
#define PC_SETTLE(v) __asm__ volatile("" : "+v"(v))
#elif defined(__SSE2__)
#define PC_SETTLE(v) __asm__ volatile("" : "+x"(v))
#elif defined(PC_LEVEL_neon)
#define PC_SETTLE(v) __asm__ volatile("" : "+w"(v))
#else
#define PC_SETTLE(v) ((void)0)
#endif

/* pc_mul32    a 64-bit product of the low words of each 64-bit lane; high words are ignored
 * pc_high     the high word of each 64-bit lane, as the low word; high words are anything
 * pc_xor3     a ^ b ^ c
 * pc_pair     the low words of a and b in each 64-bit lane, in memory that of a first
 * pc_unpack_* of each 128-bit part of a and b the low (high) 64 bits, side by side
 * pc_max_*    x where x > m, else m: a NaN in x is dropped
 * pc_max_in   pc_max_f in the lanes of the mask, m in the others (where PC_WHOLE_LINES)
 * pc_widen    PC_Q floats at any address as doubles
 * pc_narrow   the lanes of a, then those of b, as floats
 * pc_fold     the largest lane of each of W vectors, as one vector
 * pc_hmax     the largest lane
 * pc_round    lanes in 0 .. 2^30, rounded to integers, half to even
 * pc_ge_mask  bit i: a[i] >= b[i]
 * pc_le_mask  bit i: a[i] <= b[i], of doubles */

static inline pc_vq pc_pair(pc_vq a, pc_vq b) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (a & 0xffffffffu) | (b << 32);
#else
    return (a << 32) | (b & 0xffffffffu);
#endif
}

#if defined(PC_LEVEL_avx512)

static inline pc_vq pc_mul32(pc_vq a, pc_vq b) { return (pc_vq)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
/* Not a shift: of the two 512-bit ports only the busier one shifts. */
static inline pc_vq pc_high(pc_vq a) { return (pc_vq)_mm512_movehdup_ps((__m512)a); }
static inline pc_vq pc_xor3(pc_vq a, pc_vq b, pc_vq c) {
    return (pc_vq)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
}
static inline pc_vq pc_unpack_low(pc_vq a, pc_vq b) { return (pc_vq)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b); }
static inline pc_vq pc_unpack_high(pc_vq a, pc_vq b) { return (pc_vq)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b); }
static inline pc_vf pc_max_f(pc_vf x, pc_vf m) { return (pc_vf)_mm512_max_ps((__m512)x, (__m512)m); }
static inline pc_vf pc_max_in(uint32_t lanes, pc_vf x, pc_vf m) {
    return (pc_vf)_mm512_mask_max_ps((__m512)m, (__mmask16)lanes, (__m512)x, (__m512)m);
}
static inline pc_vd pc_widen(const float *x) { return (pc_vd)_mm512_cvtps_pd(_mm256_loadu_ps(x)); }
static inline pc_vf pc_narrow(pc_vd a, pc_vd b) {
    __m512 low = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)a));
    return (pc_vf)_mm512_insertf32x8(low, _mm512_cvtpd_ps((__m512d)b), 1);
}
static inline pc_vd pc_max_d(pc_vd x, pc_vd m) { return (pc_vd)_mm512_max_pd((__m512d)x, (__m512d)m); }
static inline double pc_hmax(pc_vd v) { return _mm512_reduce_max_pd((__m512d)v); }
static inline pc_vi pc_round(pc_vf v) { return (pc_vi)_mm512_cvtps_epi32((__m512)v); }
static inline uint32_t pc_ge_mask(pc_vf a, pc_vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GE_OQ); }
static inline uint32_t pc_le_mask(pc_vd a, pc_vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
#define PC_PAIR_PS(a, b)                                                                                               \
    pc_max_f((pc_vf)_mm512_unpacklo_ps((__m512)(a), (__m512)(b)), (pc_vf)_mm512_unpackhi_ps((__m512)(a), (__m512)(b)))
#define PC_PAIR_PD(a, b)                                                                                               \
    pc_max_f((pc_vf)pc_unpack_low((pc_vq)(a), (pc_vq)(b)), (pc_vf)pc_unpack_high((pc_vq)(a), (pc_vq)(b)))
#define PC_PARTS(a, b, low, high)                                                                                      \
    pc_max_f((pc_vf)_mm512_shuffle_f32x4((__m512)(a), (__m512)(b), low),                                               \
             (pc_vf)_mm512_shuffle_f32x4((__m512)(a), (__m512)(b), high))
static inline pc_vf pc_fold(const pc_vf v[PC_W]) {
    pc_vf t[8], u[4];
    for (int i = 0; i < 8; i++)
        t[i] = PC_PAIR_PS(v[2 * i], v[2 * i + 1]);
    for (int i = 0; i < 4; i++)
        u[i] = PC_PAIR_PD(t[2 * i], t[2 * i + 1]);
    pc_vf low = PC_PARTS(u[0], u[1], 0x44, 0xEE), high = PC_PARTS(u[2], u[3], 0x44, 0xEE);
    return PC_PARTS(low, high, 0x88, 0xDD);
}

#elif defined(PC_LEVEL_avx2)

static inline pc_vq pc_mul32(pc_vq a, pc_vq b) { return (pc_vq)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
static inline pc_vq pc_high(pc_vq a) { return a >> 32; }
static inline pc_vq pc_xor3(pc_vq a, pc_vq b, pc_vq c) { return a ^ b ^ c; }
static inline pc_vq pc_unpack_low(pc_vq a, pc_vq b) { return (pc_vq)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b); }
static inline pc_vq pc_unpack_high(pc_vq a, pc_vq b) { return (pc_vq)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b); }
static inline pc_vf pc_max_f(pc_vf x, pc_vf m) { return (pc_vf)_mm256_max_ps((__m256)x, (__m256)m); }
static inline pc_vd pc_widen(const float *x) { return (pc_vd)_mm256_cvtps_pd(_mm_loadu_ps(x)); }
static inline pc_vf pc_narrow(pc_vd a, pc_vd b) {
    return (pc_vf)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)b), _mm256_cvtpd_ps((__m256d)a));
}
static inline pc_vd pc_max_d(pc_vd x, pc_vd m) { return (pc_vd)_mm256_max_pd((__m256d)x, (__m256d)m); }
static inline pc_vi pc_round(pc_vf v) { return (pc_vi)_mm256_cvtps_epi32((__m256)v); }
static inline double pc_hmax(pc_vd v) {
    __m128d two = _mm_max_pd(_mm256_castpd256_pd128((__m256d)v), _mm256_extractf128_pd((__m256d)v, 1));
    return _mm_cvtsd_f64(_mm_max_sd(_mm_unpackhi_pd(two, two), two));
}
static inline uint32_t pc_ge_mask(pc_vf a, pc_vf b) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GE_OQ));
}
static inline uint32_t pc_le_mask(pc_vd a, pc_vd b) {
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_LE_OQ));
}
#define PC_PAIR_PS(a, b)                                                                                               \
    pc_max_f((pc_vf)_mm256_unpacklo_ps((__m256)(a), (__m256)(b)), (pc_vf)_mm256_unpackhi_ps((__m256)(a), (__m256)(b)))
#define PC_PAIR_PD(a, b)                                                                                               \
    pc_max_f((pc_vf)pc_unpack_low((pc_vq)(a), (pc_vq)(b)), (pc_vf)pc_unpack_high((pc_vq)(a), (pc_vq)(b)))
static inline pc_vf pc_fold(const pc_vf v[PC_W]) {
    pc_vf t[4];
    for (int i = 0; i < 4; i++)
        t[i] = PC_PAIR_PS(v[2 * i], v[2 * i + 1]);
    __m256 low = (__m256)PC_PAIR_PD(t[0], t[1]), high = (__m256)PC_PAIR_PD(t[2], t[3]);
    return pc_max_f((pc_vf)_mm256_permute2f128_ps(low, high, 0x20), (pc_vf)_mm256_permute2f128_ps(low, high, 0x31));
}

#elif defined(PC_LEVEL_neon)

static inline pc_vq pc_mul32(pc_vq a, pc_vq b) {
    return (pc_vq)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
static inline pc_vq pc_high(pc_vq a) { return a >> 32; }
static inline pc_vq pc_xor3(pc_vq a, pc_vq b, pc_vq c) { return a ^ b ^ c; }
static inline pc_vq pc_unpack_low(pc_vq a, pc_vq b) { return (pc_vq)vzip1q_u64((uint64x2_t)a, (uint64x2_t)b); }
static inline pc_vq pc_unpack_high(pc_vq a, pc_vq b) { return (pc_vq)vzip2q_u64((uint64x2_t)a, (uint64x2_t)b); }
static inline pc_vf pc_max_f(pc_vf x, pc_vf m) { return (pc_vf)vmaxnmq_f32((float32x4_t)x, (float32x4_t)m); }
static inline pc_vd pc_widen(const float *x) { return (pc_vd)vcvt_f64_f32(vld1_f32(x)); }
static inline pc_vf pc_narrow(pc_vd a, pc_vd b) {
    return (pc_vf)vcombine_f32(vcvt_f32_f64((float64x2_t)a), vcvt_f32_f64((float64x2_t)b));
}
static inline pc_vd pc_max_d(pc_vd x, pc_vd m) { return (pc_vd)vmaxnmq_f64((float64x2_t)x, (float64x2_t)m); }
static inline double pc_hmax(pc_vd v) { return vmaxnmvq_f64((float64x2_t)v); }
static inline pc_vi pc_round(pc_vf v) { return (pc_vi)vcvtnq_s32_f32((float32x4_t)v); }
static inline uint32_t pc_ge_mask(pc_vf a, pc_vf b) {
    const uint32x4_t weight = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_f32((float32x4_t)a, (float32x4_t)b), weight));
}
static inline uint32_t pc_le_mask(pc_vd a, pc_vd b) { return (uint32_t)(a[0] <= b[0]) | (uint32_t)(a[1] <= b[1]) << 1; }
static inline pc_vf pc_fold(const pc_vf v[PC_W]) {
    float32x4_t low = vpmaxnmq_f32((float32x4_t)v[0], (float32x4_t)v[1]);
    float32x4_t high = vpmaxnmq_f32((float32x4_t)v[2], (float32x4_t)v[3]);
    return (pc_vf)vpmaxnmq_f32(low, high);
}

#elif defined(__SSE2__)

static inline pc_vq pc_mul32(pc_vq a, pc_vq b) { return (pc_vq)_mm_mul_epu32((__m128i)a, (__m128i)b); }
static inline pc_vq pc_high(pc_vq a) { return a >> 32; }
static inline pc_vq pc_xor3(pc_vq a, pc_vq b, pc_vq c) { return a ^ b ^ c; }
static inline pc_vq pc_unpack_low(pc_vq a, pc_vq b) { return (pc_vq)_mm_unpacklo_epi64((__m128i)a, (__m128i)b); }
static inline pc_vq pc_unpack_high(pc_vq a, pc_vq b) { return (pc_vq)_mm_unpackhi_epi64((__m128i)a, (__m128i)b); }
static inline pc_vf pc_max_f(pc_vf x, pc_vf m) { return (pc_vf)_mm_max_ps((__m128)x, (__m128)m); }
static inline pc_vd pc_widen(const float *x) { return (pc_vd){x[0], x[1]}; }
static inline pc_vf pc_narrow(pc_vd a, pc_vd b) {
    return (pc_vf)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)a), _mm_cvtpd_ps((__m128d)b));
}
static inline pc_vd pc_max_d(pc_vd x, pc_vd m) { return (pc_vd)_mm_max_pd((__m128d)x, (__m128d)m); }
static inline double pc_hmax(pc_vd v) { return v[0] > v[1] ? v[0] : v[1]; }
static inline pc_vi pc_round(pc_vf v) { return (pc_vi)_mm_cvtps_epi32((__m128)v); }
static inline uint32_t pc_ge_mask(pc_vf a, pc_vf b) {
    return (uint32_t)_mm_movemask_ps(_mm_cmpge_ps((__m128)a, (__m128)b));
}
static inline uint32_t pc_le_mask(pc_vd a, pc_vd b) {
    return (uint32_t)_mm_movemask_pd(_mm_cmple_pd((__m128d)a, (__m128d)b));
}
#define PC_PAIR_PS(a, b)                                                                                               \
    pc_max_f((pc_vf)_mm_unpacklo_ps((__m128)(a), (__m128)(b)), (pc_vf)_mm_unpackhi_ps((__m128)(a), (__m128)(b)))
#define PC_PAIR_PD(a, b)                                                                                               \
    pc_max_f((pc_vf)pc_unpack_low((pc_vq)(a), (pc_vq)(b)), (pc_vf)pc_unpack_high((pc_vq)(a), (pc_vq)(b)))
static inline pc_vf pc_fold(const pc_vf v[PC_W]) {
    pc_vf low = PC_PAIR_PS(v[0], v[1]), high = PC_PAIR_PS(v[2], v[3]);
    return PC_PAIR_PD(low, high);
}

#else /* plain GNU C */

static inline pc_vq pc_mul32(pc_vq a, pc_vq b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
static inline pc_vq pc_high(pc_vq a) { return a >> 32; }
static inline pc_vq pc_xor3(pc_vq a, pc_vq b, pc_vq c) { return a ^ b ^ c; }
static inline pc_vq pc_unpack_low(pc_vq a, pc_vq b) { return (pc_vq){a[0], b[0]}; }
static inline pc_vq pc_unpack_high(pc_vq a, pc_vq b) { return (pc_vq){a[1], b[1]}; }
static inline pc_vf pc_max_f(pc_vf x, pc_vf m) {
    for (int i = 0; i < PC_W; i++)
        m[i] = x[i] > m[i] ? x[i] : m[i];
    return m;
}
static inline pc_vd pc_widen(const float *x) { return (pc_vd){x[0], x[1]}; }
static inline pc_vf pc_narrow(pc_vd a, pc_vd b) { return (pc_vf){(float)a[0], (float)a[1], (float)b[0], (float)b[1]}; }
static inline pc_vd pc_max_d(pc_vd x, pc_vd m) {
    for (int i = 0; i < PC_Q; i++)
        m[i] = x[i] > m[i] ? x[i] : m[i];
    return m;
}
static inline double pc_hmax(pc_vd v) { return v[0] > v[1] ? v[0] : v[1]; }
static inline pc_vi pc_round(pc_vf v) { /* from 2^23 on they are integers */
    for (int i = 0; i < PC_W; i++)
        v[i] = v[i] < 0x1p23f ? (v[i] + 0x1p23f) - 0x1p23f : v[i];
    return __builtin_convertvector(v, pc_vi);
}
static inline uint32_t pc_ge_mask(pc_vf a, pc_vf b) {
    uint32_t mask = 0;
    for (int i = 0; i < PC_W; i++)
        mask |= (uint32_t)(a[i] >= b[i]) << i;
    return mask;
}
static inline uint32_t pc_le_mask(pc_vd a, pc_vd b) { return (uint32_t)(a[0] <= b[0]) | (uint32_t)(a[1] <= b[1]) << 1; }
static inline pc_vf pc_fold(const pc_vf v[PC_W]) {
    pc_vf all;
    for (int i = 0; i < PC_W; i++) {
        float a = v[i][0] > v[i][1] ? v[i][0] : v[i][1];
        float b = v[i][2] > v[i][3] ? v[i][2] : v[i][3];
        all[i] = a > b ? a : b;
    }
    return all;
}

#endif

#endif
