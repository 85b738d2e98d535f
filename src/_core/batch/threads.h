/* What the pool needs of threads: those of POSIX or of Windows. Where a system has none, none can be started, and
 * nobody ever waits. */
#ifndef PC_BATCH_THREADS_H
#define PC_BATCH_THREADS_H

#if defined(_WIN32)

#include <windows.h>

typedef SRWLOCK pc_mutex;
typedef CONDITION_VARIABLE pc_condition;
#define PC_MUTEX SRWLOCK_INIT
#define PC_CONDITION CONDITION_VARIABLE_INIT

static inline void pc_lock(pc_mutex *m) { AcquireSRWLockExclusive(m); }
static inline void pc_unlock(pc_mutex *m) { ReleaseSRWLockExclusive(m); }
static inline void pc_wait(pc_condition *c, pc_mutex *m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static inline void pc_signal(pc_condition *c) { WakeConditionVariable(c); }

static inline DWORD WINAPI pc_thread_main(LPVOID body) {
    ((void (*)(void))body)();
    return 0;
}

static inline int pc_start_thread(void (*body)(void)) {
    const HANDLE thread = CreateThread(NULL, 0, pc_thread_main, (LPVOID)body, 0, NULL);
    return thread && CloseHandle(thread);
}

static inline void pc_after_fork_in_child(void (*forget)(void)) { (void)forget; }

#elif defined(__wasm__) && !defined(_REENTRANT)

typedef char pc_mutex, pc_condition;
#define PC_MUTEX 0
#define PC_CONDITION 0

static inline void pc_lock(pc_mutex *m) { (void)m; }
static inline void pc_unlock(pc_mutex *m) { (void)m; }
static inline void pc_wait(pc_condition *c, pc_mutex *m) { (void)c, (void)m; }
static inline void pc_signal(pc_condition *c) { (void)c; }
static inline int pc_start_thread(void (*body)(void)) { return !body; }
static inline void pc_after_fork_in_child(void (*forget)(void)) { (void)forget; }

#else

#include <pthread.h>
#include <signal.h>

typedef pthread_mutex_t pc_mutex;
typedef pthread_cond_t pc_condition;
#define PC_MUTEX PTHREAD_MUTEX_INITIALIZER
#define PC_CONDITION PTHREAD_COND_INITIALIZER

static inline void pc_lock(pc_mutex *m) { pthread_mutex_lock(m); }
static inline void pc_unlock(pc_mutex *m) { pthread_mutex_unlock(m); }
static inline void pc_wait(pc_condition *c, pc_mutex *m) { pthread_cond_wait(c, m); }
static inline void pc_signal(pc_condition *c) { pthread_cond_signal(c); }

static inline void *pc_thread_main(void *body) {
    ((void (*)(void))body)();
    return NULL;
}

/* Signals stay with the threads of the program. */
static inline int pc_start_thread(void (*body)(void)) {
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    const int started = pthread_create(&thread, &detached, pc_thread_main, (void *)body) == 0;
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static inline void pc_after_fork_in_child(void (*forget)(void)) { pthread_atfork(NULL, NULL, forget); }

#endif

#endif
