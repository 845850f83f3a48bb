/* thread.c - background threads and the mutex with a condition. */
#include "base/alloc.h"
#include "base/threads.h"

#include <pthread.h>
#include <signal.h>

struct atti_thread {
    pthread_t id;
    void (*fn)(void *);
    void *ctx;
};

static void *start(void *arg)
{
    atti_thread *t = arg;
    /* Alone by default: a prefetcher that called up a second full team would take the
     * processors away from the one that computes. */
    att_set_threads(1);
    t->fn(t->ctx);
    return NULL;
}

att_status atti_thread_start(atti_thread **out, void (*fn)(void *), void *ctx)
{
    atti_thread *t;
    ATTI_TRY(atti_alloc(&t, 1, sizeof *t, "thread"));
    t->fn = fn;
    t->ctx = ctx;
    /* Signals are for the program's own threads: ^C must not land in a prefetcher. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&t->id, NULL, start, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) {
        atti_free(t);
        return atti_fail_errno(ATT_ENOMEM, err, "cannot start a thread");
    }
    *out = t;
    return ATT_OK;
}

void atti_thread_join(atti_thread *t)
{
    if (!t) return;
    pthread_join(t->id, NULL);
    atti_free(t);
}

struct atti_mutex {
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

att_status atti_mutex_create(atti_mutex **out)
{
    atti_mutex *m;
    ATTI_TRY(atti_alloc(&m, 1, sizeof *m, "mutex"));
    int err = pthread_mutex_init(&m->lock, NULL);
    if (err) {
        atti_free(m);
        return atti_fail_errno(ATT_ENOMEM, err, "cannot create a mutex");
    }
    err = pthread_cond_init(&m->changed, NULL);
    if (err) {
        pthread_mutex_destroy(&m->lock);
        atti_free(m);
        return atti_fail_errno(ATT_ENOMEM, err, "cannot create a condition");
    }
    *out = m;
    return ATT_OK;
}

void atti_mutex_destroy(atti_mutex *m)
{
    if (!m) return;
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    atti_free(m);
}

void atti_mutex_lock(atti_mutex *m)
{
    pthread_mutex_lock(&m->lock);
}

void atti_mutex_unlock(atti_mutex *m)
{
    pthread_mutex_unlock(&m->lock);
}

void atti_mutex_wait(atti_mutex *m)
{
    pthread_cond_wait(&m->changed, &m->lock);
}

void atti_mutex_signal_all(atti_mutex *m)
{
    pthread_cond_broadcast(&m->changed);
}
