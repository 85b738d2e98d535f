/* Which ISA levels were compiled, which of them this machine runs, and the one in use. */
#ifndef PC_DISPATCH_ISA_H
#define PC_DISPATCH_ISA_H

#include "dispatch/kernels.h"

/* The compiled levels, the plainest first; NULL past the last. */
const pc_kernels *pc_isa_level(int i);
int pc_isa_supported(const pc_kernels *level);

/* Use a level from now on, for every thread; the best supported one when name is NULL. Returns NULL, and changes
 * nothing, when the level is unknown or the machine lacks it. Every level gives the same bits. */
const pc_kernels *pc_isa_use(const char *name);
const pc_kernels *pc_isa_current(void);

#endif
