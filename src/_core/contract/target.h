/* What a target must have for the contract's bits; all others are refused here. */
#ifndef PC_CONTRACT_TARGET_H
#define PC_CONTRACT_TARGET_H

#include <float.h>

#if !defined(__GNUC__)
#error "pycouple needs GCC or Clang: its vectors are those of GNU C"
#endif
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "pycouple needs IEEE-754 arithmetic: build it without -ffast-math and -ffinite-math-only"
#endif
#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "pycouple needs the floats and doubles of IEEE-754"
#endif
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16 /* GCC's word for 0 with _Float16 kept too */
#error "pycouple needs arithmetic without excess precision (on i386: -msse2 -mfpmath=sse)"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ && __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
#error "pycouple needs a byte order that is little-endian or big-endian"
#endif
#if defined(__FLOAT_WORD_ORDER__) && __FLOAT_WORD_ORDER__ != __BYTE_ORDER__
#error "pycouple reads the bits of doubles as integers of the same byte order"
#endif
#if defined(__ARM_NEON) && !defined(__aarch64__)
#error "The float vectors of 32-bit ARM make subnormal numbers 0: build pycouple with -mfpu=vfpv3-d16"
#endif
#if defined(__ALTIVEC__) && !defined(__VSX__)
#error "The float vectors of AltiVec make subnormal numbers 0: build pycouple with -mno-altivec or -mvsx"
#endif
#if defined(__alpha__) || (defined(__mips__) && !defined(__mips_nan2008)) || defined(__hppa__) || defined(__sh__)
#error "pycouple is not shown to draw the same bits on this processor: see docs/project/machines.md"
#endif

#endif
