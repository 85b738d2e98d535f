#include "batch/pool.h"

#include <stdatomic.h>
#include <stddef.h>

#include "batch/call.h"
#include "batch/threads.h"

#if defined(__x86_64__) || defined(__i386__)
#define PC_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PC_PAUSE() __asm__ __volatile__("isb")
#else
#define PC_PAUSE() ((void)0)
#endif

/* Sleeping and waking costs tens of microseconds, as much as a few rows. So those who wait look around this many times
 * first (some 50 us): helpers for the next job, callers for the last helper. */
enum { MAX_HELPERS = 255, PATIENCE = 1200 };

struct pc_ranges {
    _Atomic int64_t next; /* the first row that nobody has taken */
    int64_t rows, rows_per_chunk;
};

typedef struct {
    pc_work *work;
    void *argument;
    pc_ranges ranges;
    int wanted;         /* helpers that may still join; under the lock */
    atomic_int running; /* helpers at work; changed under the lock */
} job;

static pc_mutex lock = PC_MUTEX;
static pc_condition wake = PC_CONDITION, done = PC_CONDITION;
static job *posted;       /* under the lock */
static atomic_uint posts; /* how many jobs have been posted */
static int helpers;       /* threads made; only the one who holds `busy` touches it */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static int watches_forks; /* only the one who holds `busy` touches it */

int pc_next_range(pc_ranges *ranges, int64_t *from, int64_t *to) {
    if (pc_call_stopped()) /* only the caller's thread knows; there is nothing left for the helpers */
        atomic_store_explicit(&ranges->next, ranges->rows, memory_order_relaxed);
    *from = atomic_fetch_add_explicit(&ranges->next, ranges->rows_per_chunk, memory_order_relaxed);
    *to = *from + ranges->rows_per_chunk < ranges->rows ? *from + ranges->rows_per_chunk : ranges->rows;
    return *from < ranges->rows;
}

static void help(void) {
    pc_lock(&lock);
    for (;;) {
        if (!posted || !posted->wanted) {
            const unsigned seen = atomic_load(&posts);
            pc_unlock(&lock);
            for (int i = 0; i < PATIENCE && atomic_load_explicit(&posts, memory_order_relaxed) == seen; i++)
                PC_PAUSE();
            pc_lock(&lock);
        }
        while (!posted || !posted->wanted)
            pc_wait(&wake, &lock);
        job *mine = posted;
        mine->wanted--;
        mine->running++;
        pc_unlock(&lock);
        mine->work(mine->argument, &mine->ranges);
        pc_lock(&lock);
        if (atomic_fetch_sub(&mine->running, 1) == 1) /* the last thing done with the caller's job */
            pc_signal(&done);
    }
}

/* The thread that forks may be in the midst of a job itself, in a signal handler: of the rows that helpers had taken
 * nobody knows, so it goes through all of them. */
static void forget_in_child(void) {
    if (posted) {
        posted->running = 0;
        posted->ranges.next = 0;
    }
    lock = (pc_mutex)PC_MUTEX;
    wake = done = (pc_condition)PC_CONDITION;
    posted = NULL;
    helpers = 0;
    atomic_flag_clear(&busy);
}

void pc_parallel(int workers, int64_t rows, int64_t rows_per_chunk, pc_work *work, void *argument) {
    job mine = {.work = work, .argument = argument, .ranges = {0, rows, rows_per_chunk}, .wanted = 0, .running = 0};
    const int64_t chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
    int wanted = workers - 1;
    if (wanted > chunks - 1)
        wanted = (int)(chunks - 1);
    if (wanted > MAX_HELPERS)
        wanted = MAX_HELPERS;
    if (wanted < 1 || atomic_flag_test_and_set(&busy)) {
        work(argument, &mine.ranges);
        return;
    }
    if (!watches_forks)
        pc_after_fork_in_child(forget_in_child);
    watches_forks = 1;
    while (helpers < wanted && pc_start_thread(help))
        helpers++;
    pc_lock(&lock);
    mine.wanted = wanted;
    posted = &mine;
    atomic_fetch_add(&posts, 1);
    for (int i = 0; i < wanted; i++)
        pc_signal(&wake);
    pc_unlock(&lock);

    work(argument, &mine.ranges);

    pc_lock(&lock);
    posted = NULL; /* nobody joins any more */
    pc_unlock(&lock);
    for (int i = 0; i < PATIENCE && atomic_load(&mine.running); i++)
        PC_PAUSE();
    pc_lock(&lock);
    while (atomic_load(&mine.running))
        pc_wait(&done, &lock);
    pc_unlock(&lock);
    atomic_flag_clear(&busy);
}
