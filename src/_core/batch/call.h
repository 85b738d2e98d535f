/* A call from Python: what the calling thread asks of the loops, and whether they are to stop before they are done. */
#ifndef PC_BATCH_CALL_H
#define PC_BATCH_CALL_H

/* Says whether Python wants the call to end: its signal handlers run here, and Ctrl-C raises KeyboardInterrupt. What
 * was raised is left in *raised. */
typedef int pc_poll(void **raised);

typedef struct {
    int active, workers, marked, stopped;
    long long polled; /* when, in nanoseconds; 0: not yet */
    pc_poll *poll;
    void *raised;
} pc_call;

/* Calls nest: begin gives what end puts back. End gives what has become of the call. */
pc_call pc_call_begin(int workers, pc_poll *poll);
pc_call pc_call_end(pc_call before);

/* Without a call there is one worker, and nothing stops. */
int pc_call_workers(void);

/* Note that an element had to be marked; raise IEEE "invalid" if there is no call. */
void pc_call_mark(void);

/* Whether the loops of this thread's call are to stop. It asks Python a few times per second. */
int pc_call_stopped(void);

#endif
