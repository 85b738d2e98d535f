#include "batch/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "batch/call.h"

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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static job *posted;       /* under the lock */
static atomic_uint posts; /* how many jobs have been posted */
static int helpers;       /* threads made; only the one who holds `busy` touches it */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static pthread_once_t once = PTHREAD_ONCE_INIT;

int pc_next_range(pc_ranges *ranges, int64_t *from, int64_t *to) {
    if (pc_call_stopped()) /* only the caller's thread knows; there is nothing left for the helpers */
        atomic_store_explicit(&ranges->next, ranges->rows, memory_order_relaxed);
    *from = atomic_fetch_add_explicit(&ranges->next, ranges->rows_per_chunk, memory_order_relaxed);
    *to = *from + ranges->rows_per_chunk < ranges->rows ? *from + ranges->rows_per_chunk : ranges->rows;
    return *from < ranges->rows;
}

static void *help(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        if (!posted || !posted->wanted) {
            const unsigned seen = atomic_load(&posts);
            pthread_mutex_unlock(&lock);
            for (int i = 0; i < PATIENCE && atomic_load_explicit(&posts, memory_order_relaxed) == seen; i++)
                PC_PAUSE();
            pthread_mutex_lock(&lock);
        }
        while (!posted || !posted->wanted)
            pthread_cond_wait(&wake, &lock);
        job *mine = posted;
        mine->wanted--;
        mine->running++;
        pthread_mutex_unlock(&lock);
        mine->work(mine->argument, &mine->ranges);
        pthread_mutex_lock(&lock);
        if (atomic_fetch_sub(&mine->running, 1) == 1) /* the last thing done with the caller's job */
            pthread_cond_signal(&done);
    }
    return NULL;
}

static void forget_in_child(void) {
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&wake, NULL);
    pthread_cond_init(&done, NULL);
    posted = NULL;
    helpers = 0;
    atomic_flag_clear(&busy);
}

static void at_fork(void) { pthread_atfork(NULL, NULL, forget_in_child); }

/* Signals stay with the threads of the program. */
static void make_helpers(int count) {
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (helpers < count && pthread_create(&thread, &detached, help, NULL) == 0)
        helpers++;
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    pthread_once(&once, at_fork);
    make_helpers(wanted);
    pthread_mutex_lock(&lock);
    mine.wanted = wanted;
    posted = &mine;
    atomic_fetch_add(&posts, 1);
    for (int i = 0; i < wanted; i++)
        pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);

    work(argument, &mine.ranges);

    pthread_mutex_lock(&lock);
    posted = NULL; /* nobody joins any more */
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < PATIENCE && atomic_load(&mine.running); i++)
        PC_PAUSE();
    pthread_mutex_lock(&lock);
    while (atomic_load(&mine.running))
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
    atomic_flag_clear(&busy);
}
