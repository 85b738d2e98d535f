/* The names of what is compiled once per ISA level.
 *
 * src/_core/CMakeLists.txt compiles the kernels once per level, with PC_LEVEL (the name of the level) and
 * PC_LEVEL_<name> on the command line. PC_HERE(name) is the name with the level's behind it, so that all levels link
 * into one module. */
#ifndef PC_SIMD_LEVEL_H
#define PC_SIMD_LEVEL_H

#define PC_JOIN_(name, level) name##_##level
#define PC_JOIN(name, level) PC_JOIN_(name, level)
#define PC_HERE(name) PC_JOIN(name, PC_LEVEL)

#endif
