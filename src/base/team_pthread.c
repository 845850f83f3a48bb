/* team_pthread.c - a small pool per calling thread, for ThreadSanitizer (which cannot see
 * into OpenMP's runtime) and for compilers without OpenMP.
 *
 * One pool per calling thread, not one per process: two user threads may call the
 * library at once, and neither waits for the other's work. The pool is made by the
 * first call and ends with its thread. */
#include "atti_config.h"
#include "base/team.h"

#ifdef ATTEND_THREADS_PTHREAD
#include "base/alloc.h"
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Loops are short and follow each other closely: look for the next one for some ten
 * microseconds before going to sleep. */
enum { SPINS = 2000 };

typedef struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    _Atomic uint64_t
        generation;      /* changes under lock; read without it while spinning */
    _Atomic int running; /* workers that have not finished this generation */
    bool quit;
    int workers, wanted; /* wanted: workers with a lower number take part */
    void (*body)(void *ctx, int thread);
    void *ctx;
    pthread_t threads[ATTI_MAX_THREADS];
    int started; /* for a new worker to learn its number */
} pool;

static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static bool have_key;

static uint64_t next_generation(pool *p, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        uint64_t g = atomic_load_explicit(&p->generation, memory_order_acquire);
        if (g != seen) return g;
        if (i % 64 == 63) sched_yield();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load_explicit(&p->generation, memory_order_relaxed) == seen) {
        pthread_cond_wait(&p->wake, &p->lock);
    }
    uint64_t g = atomic_load_explicit(&p->generation, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return g;
}

static void *worker(void *arg)
{
    pool *p = arg;
    pthread_mutex_lock(&p->lock);
    int number = ++p->started;
    uint64_t seen = atomic_load_explicit(&p->generation, memory_order_relaxed);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
    for (;;) {
        seen = next_generation(p, seen);
        if (p->quit) return NULL;
        if (number < p->wanted) p->body(p->ctx, number);
        if (atomic_fetch_sub_explicit(&p->running, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void new_generation(pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add_explicit(&p->generation, 1, memory_order_release);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void destroy_pool(void *arg)
{
    pool *p = arg;
    if (!p) return;
    p->quit = true;
    new_generation(p);
    for (int i = 0; i < p->workers; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    atti_free(p);
}

static void make_key(void)
{
    have_key = pthread_key_create(&pool_key, destroy_pool) == 0;
}

static pool *this_pool(void)
{
    pthread_once(&pool_once, make_key);
    if (!have_key) return NULL;
    pool *p = pthread_getspecific(pool_key);
    if (p) return p;
    if (atti_alloc(&p, 1, sizeof *p, "thread pool") != ATT_OK) return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    if (pthread_setspecific(pool_key, p) != 0) {
        destroy_pool(p);
        return NULL;
    }
    return p;
}

/* Starts workers until there are `wanted`; stops at the first that is refused. */
static void add_workers(pool *p, int wanted)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all,
                    &before); /* signals stay with the program's threads */
    while (p->workers < wanted) {
        if (pthread_create(&p->threads[p->workers], NULL, worker, p) != 0) break;
        p->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* A worker that reads the generation after the next loop began would miss it. */
    pthread_mutex_lock(&p->lock);
    while (p->started < p->workers) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void atti_team_run(int size, void (*body)(void *ctx, int thread), void *ctx)
{
    pool *p = size > 1 ? this_pool() : NULL;
    if (!p) {
        body(ctx, 0);
        return;
    }
    if (p->workers < size - 1) add_workers(p, size - 1);
    p->body = body;
    p->ctx = ctx;
    p->wanted = size;
    atomic_store_explicit(&p->running, p->workers, memory_order_relaxed);
    new_generation(p);
    body(ctx, 0);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&p->running, memory_order_acquire) == 0) return;
        if (i % 64 == 63) sched_yield();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load_explicit(&p->running, memory_order_acquire) != 0) {
        pthread_cond_wait(&p->done, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}
#else
typedef int atti_team_pthread_is_absent;
#endif
