#include "dispatch/isa.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern const pc_kernels pc_kernels_baseline;
#if defined(__x86_64__)
extern const pc_kernels pc_kernels_avx2, pc_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const pc_kernels pc_kernels_neon;
#endif

static const pc_kernels *const levels[] = {
    &pc_kernels_baseline,
#if defined(__x86_64__)
    &pc_kernels_avx2,
    &pc_kernels_avx512,
#endif
#if defined(__aarch64__)
    &pc_kernels_neon,
#endif
    NULL,
};

static const pc_kernels *_Atomic current = &pc_kernels_baseline;

const pc_kernels *pc_isa_level(int i) { return levels[i]; }

#if defined(__x86_64__)
/* XCR0: which register states the system saves. Without it a CPU that has AVX must not be asked to run it. */
static uint64_t saved_states(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) /* OSXSAVE */
        return 0;
    __asm__ __volatile__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

static int has(uint32_t word, const int *bits, int count) {
    for (int i = 0; i < count; i++)
        if (!(word >> bits[i] & 1))
            return 0;
    return 1;
}

/* Every feature that src/_core/CMakeLists.txt lets the compiler use for the level. */
static int x86_supports(int avx512) {
    static const int leaf1_c[] = {28, 29};                  /* AVX, F16C */
    static const int leaf7_b[] = {5, 3, 8, 16, 17, 30, 31}; /* AVX2, BMI1, BMI2; AVX-512 F, DQ, BW, VL */
    uint32_t a, b, c, d, extended_c;
    const uint64_t states = avx512 ? 0xE6 : 0x06; /* XMM, YMM; opmask, ZMM */
    if ((saved_states() & states) != states)
        return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, leaf1_c, 2))
        return 0;
    if (!__get_cpuid(0x80000001, &a, &b, &extended_c, &d) || !(extended_c >> 5 & 1)) /* LZCNT */
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && has(b, leaf7_b, avx512 ? 7 : 3);
}
#endif

int pc_isa_supported(const pc_kernels *level) {
#if defined(__x86_64__)
    if (!strcmp(level->name, "avx2"))
        return x86_supports(0);
    if (!strcmp(level->name, "avx512"))
        return x86_supports(1);
#endif
    (void)level;
    return 1;
}

const pc_kernels *pc_isa_use(const char *name) {
    const pc_kernels *found = NULL;
    for (int i = 0; levels[i]; i++)
        if ((!name || !strcmp(name, levels[i]->name)) && pc_isa_supported(levels[i]))
            found = levels[i];
    if (found)
        atomic_store(&current, found);
    return found;
}

const pc_kernels *pc_isa_current(void) { return atomic_load_explicit(&current, memory_order_relaxed); }
