/* team_pthread.c - the team: a small pool of workers for each thread that computes.
 *
 * Loops are short (tens of microseconds) and follow each other closely, so a worker looks
 * for the next one for a bounded time before it sleeps. The caller never waits for a
 * worker that has not come: tasks are taken from a counter, so it does them itself,
 * closes the loop, and waits only for those that are inside it. That is what keeps two
 * threads useful on a machine where others run too: a worker that the system has put
 * aside costs its help and nothing else.
 *
 * One pool per calling thread, not one per process: two user threads may call the
 * library at once, and neither waits for the other's work. The pool is made by the
 * first call and ends with its thread, the main thread's when the program ends. After
 * fork() the child starts workers of its own. */
#include "atti_config.h"
#include "base/team.h"

#ifdef ATTEND_THREADS_PTHREAD
#include "base/alloc.h"
#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* How long a worker looks for the next loop, and the caller for the end of this one,
 * before they sleep. Waking costs 5 to 50 microseconds, so much less would make a
 * training slower and much more would take the processor away from others for nothing. */
enum { SPIN_NS = 50000, LOOKS_PER_CLOCK = 16 };

/* The gate: the number of the loop in the upper bits (odd: workers may come in), how
 * many are inside in the lower ones. */
enum { INSIDE_BITS = 16 };
static const uint64_t one_loop = (uint64_t)1 << INSIDE_BITS;
static const uint64_t inside_mask = ((uint64_t)1 << INSIDE_BITS) - 1;
static_assert(ATTI_MAX_THREADS < 1 << INSIDE_BITS, "the count of workers has room");

typedef struct pool {
    /* Written by the caller, looked at by every worker: a cache line of its own. */
    _Alignas(64) _Atomic uint64_t gate;
    _Alignas(64) _Atomic int sleepers; /* workers that must be woken */
    _Atomic int caller_sleeps;
    _Atomic bool quit;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    _Atomic int64_t spin_ns;
    int workers, wanted; /* wanted: workers with a lower number take part */
    bool busy;
    void (*body)(void *ctx, int thread);
    void *ctx;
    pthread_t threads[ATTI_MAX_THREADS];
    int started; /* for a new worker to learn its number */
} pool;

static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static bool have_key;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_open(uint64_t gate)
{
    return (gate & one_loop) != 0;
}

/* Whether a worker that was in loop `seen` last has something to do. */
static bool is_new(const pool *p, uint64_t gate, uint64_t seen)
{
    return (is_open(gate) && gate >> INSIDE_BITS != seen) ||
           atomic_load_explicit(&p->quit, memory_order_acquire);
}

static void sleep_until_new(pool *p, uint64_t seen)
{
    pthread_mutex_lock(&p->lock);
    /* First the count, then the gate; the caller does it the other way round, so one of
     * the two sees the other (both orders are sequentially consistent). */
    atomic_fetch_add(&p->sleepers, 1);
    while (!is_new(p, atomic_load(&p->gate), seen)) {
        pthread_cond_wait(&p->wake, &p->lock);
    }
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for_new(pool *p, uint64_t seen)
{
    int64_t until = 0;
    for (int i = 1;; i++) {
        uint64_t g = atomic_load_explicit(&p->gate, memory_order_acquire);
        if (is_new(p, g, seen)) return;
        ATTI_PAUSE();
        if (i % LOOKS_PER_CLOCK != 0) continue;
        int64_t now = now_ns();
        if (until == 0)
            until = now + atomic_load_explicit(&p->spin_ns, memory_order_relaxed);
        if (now >= until) break;
    }
    sleep_until_new(p, seen);
}

/* False: the loop is over already, or there is nothing but the end. */
static bool enter(pool *p, uint64_t *seen)
{
    uint64_t g = atomic_load_explicit(&p->gate, memory_order_acquire);
    while (is_open(g) && g >> INSIDE_BITS != *seen) {
        if (atomic_compare_exchange_weak(&p->gate, &g, g + 1)) {
            *seen = g >> INSIDE_BITS;
            return true;
        }
    }
    return false;
}

static void leave(pool *p)
{
    uint64_t g = atomic_fetch_sub(&p->gate, 1) - 1;
    if (is_open(g) || (g & inside_mask) != 0) return;
    if (!atomic_load(&p->caller_sleeps)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
}

static void *worker(void *arg)
{
    pool *p = arg;
    pthread_mutex_lock(&p->lock);
    int number = ++p->started;
    pthread_mutex_unlock(&p->lock);
    uint64_t seen = 0;
    for (;;) {
        wait_for_new(p, seen);
        if (atomic_load_explicit(&p->quit, memory_order_acquire)) return NULL;
        if (!enter(p, &seen)) continue;
        if (number < p->wanted) p->body(p->ctx, number);
        leave(p);
    }
}

static void wake_sleepers(pool *p)
{
    if (atomic_load(&p->sleepers) == 0) return;
    /* Taken and given back: who counted himself is waiting by now or sees the gate. */
    pthread_mutex_lock(&p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_cond_broadcast(&p->wake);
}

static void init_sync(pool *p)
{
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
}

static void destroy_pool(void *arg)
{
    pool *p = arg;
    if (!p) return;
    atomic_store(&p->quit, true);
    wake_sleepers(p);
    for (int i = 0; i < p->workers; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    atti_free(p);
}

/* In the child there is one thread, and it has no workers. A fork inside a task leaves
 * the loop's number as it is: the child's half of the loop goes on to its end. */
static void forget_workers(void)
{
    pool *p = pthread_getspecific(pool_key);
    if (!p) return;
    init_sync(p);
    p->workers = p->started = 0;
    atomic_store(&p->sleepers, 0);
    atomic_store(&p->caller_sleeps, 0);
    atomic_fetch_and(&p->gate, ~inside_mask);
}

static void make_key(void)
{
    have_key = pthread_key_create(&pool_key, destroy_pool) == 0;
    if (have_key) (void)pthread_atfork(NULL, NULL, forget_workers);
}

/* Keys are not destroyed for the thread that ends the program. */
ATTI_AT_EXIT static void end_this_pool(void)
{
    pool *p = have_key ? pthread_getspecific(pool_key) : NULL;
    if (!p || p->busy) return;
    (void)pthread_setspecific(pool_key, NULL);
    destroy_pool(p);
}

static pool *this_pool(void)
{
    pthread_once(&pool_once, make_key);
    if (!have_key) return NULL;
    pool *p = pthread_getspecific(pool_key);
    if (p) return p;
    if (atti_alloc(&p, 1, sizeof *p, "thread pool") != ATT_OK) return NULL;
    init_sync(p);
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
    /* More threads than processors: whoever looks takes the processor from a worker. */
    int64_t ns = p->workers < atti_processors() ? SPIN_NS : 0;
    atomic_store_explicit(&p->spin_ns, ns, memory_order_relaxed);
}

static void wait_for_empty(pool *p)
{
    int64_t until = 0;
    for (int i = 1;; i++) {
        uint64_t g = atomic_load_explicit(&p->gate, memory_order_acquire);
        if ((g & inside_mask) == 0) return;
        ATTI_PAUSE();
        if (i % LOOKS_PER_CLOCK != 0) continue;
        int64_t now = now_ns();
        if (until == 0)
            until = now + atomic_load_explicit(&p->spin_ns, memory_order_relaxed);
        if (now >= until) break;
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->caller_sleeps, 1);
    while ((atomic_load(&p->gate) & inside_mask) != 0) {
        pthread_cond_wait(&p->done, &p->lock);
    }
    atomic_store(&p->caller_sleeps, 0);
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
    p->busy = true;
    atomic_fetch_add(&p->gate, one_loop); /* open */
    wake_sleepers(p);
    body(ctx, 0);
    atomic_fetch_add(&p->gate, one_loop); /* closed */
    wait_for_empty(p);
    p->busy = false;
}
#else
typedef int atti_team_pthread_is_absent;
#endif
