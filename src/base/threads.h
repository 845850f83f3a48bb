/* threads.h - one team of threads: a pool of our own, or (ATTEND_THREADS of the build)
 * OpenMP's, or none at all.
 *
 * Tasks are numbered; which thread runs a task is not fixed, so a task's result may
 * depend on its number only. That is what makes results equal for any thread count. */
#ifndef ATTI_THREADS_H
#define ATTI_THREADS_H

#include "base/error.h"

#define ATTI_MAX_THREADS 1024

/* Runs fn(ctx, task, thread) for task in 0..n_tasks-1, thread in 0..team-1 (for scratch
 * only). Tasks are handed out in rising order, one at a time. Called inside a task it runs serially with
 * thread = the caller's. The first error by task number is re-posted in the caller. */
typedef att_status atti_task_fn(void *ctx, int64_t task, int thread);
ATT_MUST_CHECK att_status atti_parallel(int64_t n_tasks, atti_task_fn *fn, void *ctx);

/* The same for work that cannot fail. */
typedef void atti_void_task_fn(void *ctx, int64_t task, int thread);
void atti_parallel_void(int64_t n_tasks, atti_void_task_fn *fn, void *ctx);

/* The team that a call made now would use: 1 inside a task. Size scratch by
 * atti_threads_max(): the number in force for this thread whether inside or not. */
int atti_threads_now(void);
int atti_threads_max(void);

/* A background thread of its own (prefetch, validation). */
typedef struct atti_thread atti_thread;
ATT_MUST_CHECK att_status atti_thread_start(atti_thread **out, void (*fn)(void *),
                                            void *ctx);
void atti_thread_join(atti_thread *t); /* NULL is fine; frees it */

typedef struct atti_mutex atti_mutex; /* with a condition */
ATT_MUST_CHECK att_status atti_mutex_create(atti_mutex **out);
void atti_mutex_destroy(atti_mutex *m);
void atti_mutex_lock(atti_mutex *m);
void atti_mutex_unlock(atti_mutex *m);
void atti_mutex_wait(atti_mutex *m); /* releases, waits for a signal, takes again */
void atti_mutex_signal_all(atti_mutex *m);

#endif
