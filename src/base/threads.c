/* threads.c - numbered tasks over a team of threads: how many threads, who takes which
 * task, which error wins, what happens inside a task. The team itself is in team_*.c.
 *
 * Tasks are taken from a counter in rising order, so a task only starts after all
 * lower ones have: when one fails, nothing new is started and the lowest failure is the
 * same for every number of threads. */
#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#endif
#include "base/threads.h"

#include "base/str.h"
#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local int wanted; /* att_set_threads of this thread, 0 = default */
static _Thread_local int
    inside_team; /* size of the team whose task runs here, 0 = none */
static _Thread_local int inside_thread;

int atti_processors(void)
{
#ifdef __linux__
    cpu_set_t set;
    /* Fails beyond 1024 processors; the count of all of them is the best guess then. */
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < ATTI_MAX_THREADS ? (int)n : 1;
}

/* Read once: the environment must not be walked by threads while others change it. */
static int default_threads(void)
{
    static _Atomic int known;
    int n = atomic_load_explicit(&known, memory_order_relaxed);
    if (n) return n;
    const char *text = getenv("ATTEND_THREADS");
    int64_t value = 0;
    if (text && *text) {
        if (!atti_parse_i64(&value, text) || value < 0 || value > ATTI_MAX_THREADS) {
            atti_log(ATT_LOG_WARN, "ATTEND_THREADS is '%s', not in 0..%d: ignored",
                     text, ATTI_MAX_THREADS);
            value = 0;
        }
    }
    n = value > 0 ? (int)value : atti_processors();
    if (n < 1) n = 1;
    atomic_store_explicit(&known, n, memory_order_relaxed);
    return n;
}

int32_t att_threads(void)
{
    return atti_threads_max();
}

int32_t att_set_threads(int32_t n_threads)
{
    if (n_threads < 0 || n_threads > ATTI_MAX_THREADS) return -1;
    int32_t before = wanted ? wanted : default_threads();
    wanted = n_threads;
    return before;
}

int atti_threads_max(void)
{
    if (inside_team) return inside_team;
    return wanted ? wanted : default_threads();
}

int atti_threads_now(void)
{
    return inside_team ? 1 : atti_threads_max();
}

/* Exactly one of fn and void_fn is set. */
typedef struct job {
    atti_task_fn *fn;
    atti_void_task_fn *void_fn;
    void *ctx;
    int64_t n_tasks;
    int team;
    _Atomic int64_t next;
    pthread_mutex_t lock; /* guards what follows */
    int64_t failed_task;  /* the lowest so far; n_tasks = none */
    atti_error error;
} job;

static void note_failure(job *j, int64_t task, att_status st)
{
    pthread_mutex_lock(&j->lock);
    if (task < j->failed_task) {
        j->failed_task = task;
        atti_error_take(&j->error, st);
    }
    pthread_mutex_unlock(&j->lock);
    /* No new tasks; those that run have lower numbers and finish. */
    atomic_store_explicit(&j->next, j->n_tasks, memory_order_relaxed);
}

static void run_tasks(void *arg, int thread)
{
    job *j = arg;
    inside_team = j->team;
    inside_thread = thread;
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
        if (task >= j->n_tasks) break;
        if (j->void_fn) {
            j->void_fn(j->ctx, task, thread);
            continue;
        }
        att_status st = j->fn(j->ctx, task, thread);
        if (st != ATT_OK) note_failure(j, task, st);
    }
    inside_team = 0;
    inside_thread = 0;
}

/* In the caller's thread, as part of the task it may be in. */
static att_status run_serially(int64_t n_tasks, atti_task_fn *fn,
                               atti_void_task_fn *void_fn, void *ctx, int team)
{
    int outer_team = inside_team;
    if (!outer_team) inside_team = team;
    att_status st = ATT_OK;
    for (int64_t task = 0; task < n_tasks && st == ATT_OK; task++) {
        if (void_fn)
            void_fn(ctx, task, inside_thread);
        else
            st = fn(ctx, task, inside_thread);
    }
    inside_team = outer_team;
    return st;
}

static att_status run(int64_t n_tasks, atti_task_fn *fn, atti_void_task_fn *void_fn,
                      void *ctx)
{
    int team = atti_threads_max();
    if (inside_team || team == 1 || n_tasks <= 1) {
        return run_serially(n_tasks, fn, void_fn, ctx, team);
    }
    job j = {.fn = fn,
             .void_fn = void_fn,
             .ctx = ctx,
             .n_tasks = n_tasks,
             .team = team,
             .lock = PTHREAD_MUTEX_INITIALIZER,
             .failed_task = n_tasks};
    atti_team_run(team, run_tasks, &j);
    pthread_mutex_destroy(&j.lock);
    return j.failed_task < n_tasks ? atti_error_post(&j.error) : ATT_OK;
}

att_status atti_parallel(int64_t n_tasks, atti_task_fn *fn, void *ctx)
{
    return run(n_tasks, fn, NULL, ctx);
}

void atti_parallel_void(int64_t n_tasks, atti_void_task_fn *fn, void *ctx)
{
    att_status st = run(n_tasks, NULL, fn, ctx);
    (void)st; /* void tasks do not fail */
}
