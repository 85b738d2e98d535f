#include "batch/call.h"

#include <fenv.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

#include "simd/fpmode.h"

/* To ask Python takes the GIL, for which a busy thread of Python may let wait 5 ms. */
#define POLL_NANOSECONDS 200000000LL

/* Nanoseconds; a few of them to read, and some milliseconds fine, where the system has such a clock. */
static long long now(void) {
#if defined(_WIN32)
    return (long long)GetTickCount64() * 1000000;
#else
#if defined(CLOCK_MONOTONIC_COARSE)
    const clockid_t clock = CLOCK_MONOTONIC_COARSE;
#else
    const clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
#endif
}

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
#if defined(FE_INVALID) /* WebAssembly has no flags */
    else
        feraiseexcept(FE_INVALID);
#endif
}

int pc_call_stopped(void) {
    if (!call.active || call.stopped)
        return call.stopped;
    const long long time = now();
    if (call.polled && time - call.polled < POLL_NANOSECONDS)
        return 0;
    const int due = call.polled != 0;
    call.polled = time;
    if (due) {
        const pc_fpmode mode = pc_fp_enter(); /* a handler may change it, and the loops go on in theirs */
        call.stopped = call.poll(&call.raised);
        pc_fp_leave(mode);
    }
    return call.stopped;
}
