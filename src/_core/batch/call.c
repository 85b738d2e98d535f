#include "batch/call.h"

#include <fenv.h>
#include <time.h>

#include "simd/fpmode.h"

/* To ask Python takes the GIL, for which a busy thread of Python may let wait 5 ms. */
#define POLL_NANOSECONDS 200000000LL

#if defined(CLOCK_MONOTONIC_COARSE)
#define PC_CLOCK CLOCK_MONOTONIC_COARSE /* a few nanoseconds to read, and a few milliseconds fine */
#else
#define PC_CLOCK CLOCK_MONOTONIC
#endif

static _Thread_local pc_call call;

pc_call pc_call_begin(int workers, pc_poll *poll) {
    const pc_call before = call;
    call = (pc_call){.active = 1, .workers = workers, .poll = poll};
    return before;
}

pc_call pc_call_end(pc_call before) {
    const pc_call ended = call;
    call = before;
    return ended;
}

int pc_call_workers(void) { return call.active ? call.workers : 1; }

void pc_call_mark(void) {
    if (call.active)
        call.marked = 1;
    else
        feraiseexcept(FE_INVALID);
}

int pc_call_stopped(void) {
    struct timespec t;
    if (!call.active || call.stopped)
        return call.stopped;
    clock_gettime(PC_CLOCK, &t);
    const long long now = t.tv_sec * 1000000000LL + t.tv_nsec;
    if (call.polled && now - call.polled < POLL_NANOSECONDS)
        return 0;
    const int due = call.polled != 0;
    call.polled = now;
    if (due) {
        const pc_fpmode mode = pc_fp_enter(); /* a handler may change it, and the loops go on in theirs */
        call.stopped = call.poll(&call.raised);
        pc_fp_leave(mode);
    }
    return call.stopped;
}
