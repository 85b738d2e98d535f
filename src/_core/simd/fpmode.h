/* The floating-point mode the contract needs: round to nearest, subnormals kept.
 *
 * Another library may have set flush-to-zero or another rounding for the thread (torch.set_flush_denormal, code linked
 * with -ffast-math). Kernels run between enter and leave, so that the same inputs give the same bits all the same;
 * leave also drops the status flags the kernels raised, which mean nothing to the caller. */
#ifndef PC_SIMD_FPMODE_H
#define PC_SIMD_FPMODE_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
typedef unsigned int pc_fpmode;
static inline pc_fpmode pc_fp_enter(void) {
    pc_fpmode saved = _mm_getcsr();
    _mm_setcsr(0x1F80); /* all exceptions masked, round to nearest, no DAZ, no FTZ */
    return saved;
}
static inline void pc_fp_leave(pc_fpmode saved) { _mm_setcsr(saved); }
#elif defined(__aarch64__)
typedef struct {
    uint64_t control, status;
} pc_fpmode;
static inline pc_fpmode pc_fp_enter(void) {
    pc_fpmode saved;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(saved.control));
    __asm__ __volatile__("mrs %0, fpsr" : "=r"(saved.status));
    __asm__ __volatile__("msr fpcr, xzr" : : : "memory");
    return saved;
}
static inline void pc_fp_leave(pc_fpmode saved) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved.control) : "memory");
    __asm__ __volatile__("msr fpsr, %0" : : "r"(saved.status));
}
#else
#include <fenv.h>
typedef fenv_t pc_fpmode;
static inline pc_fpmode pc_fp_enter(void) {
    pc_fpmode saved;
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    return saved;
}
static inline void pc_fp_leave(pc_fpmode saved) { fesetenv(&saved); }
#endif

#endif
