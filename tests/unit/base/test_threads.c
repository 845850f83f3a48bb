/* test_threads.c - every task once, the lowest error, nesting, counts, the mutex. */
#include "support.h"

#include "base/alloc.h"
#include "base/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer does not let the child of a program with threads start any. */
#if defined(__SANITIZE_THREAD__)
#define FORK_WITH_THREADS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FORK_WITH_THREADS 0
#endif
#endif
#ifndef FORK_WITH_THREADS
#define FORK_WITH_THREADS 1
#endif

enum { N = 5000 };
static _Atomic int ran[N];
static _Atomic int bad_thread, bad_nested;

static att_status count_task(void *ctx, int64_t task, int thread)
{
    int team = *(int *)ctx;
    atomic_fetch_add(&ran[task], 1);
    if (thread < 0 || thread >= team) bad_thread = 1;
    if (atti_threads_now() != 1 || atti_threads_max() != team) bad_nested = 1;
    return ATT_OK;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const int teams[] = {1, 2, 3, 8, 2, 1, 64};
    for (size_t t = 0; t < sizeof teams / sizeof teams[0]; t++) {
        int team = teams[t];
        att_set_threads(team);
        assert_int_equal(atti_threads_now(), team);
        for (int64_t n = 0; n <= N; n = n < 5 ? n + 1 : n * 10) {
            int64_t tasks = n < N ? n : N;
            memset((void *)ran, 0, sizeof ran);
            assert_ok(atti_parallel(tasks, count_task, &team));
            for (int64_t i = 0; i < N; i++) assert_int_equal(ran[i], i < tasks);
        }
    }
    assert_false(bad_thread);
    assert_false(bad_nested);
    assert_ok(atti_parallel(-3, count_task, NULL));
    att_set_threads(0);
}

typedef struct failing {
    int64_t first; /* tasks from here on fail */
    _Atomic int64_t last_run;
} failing;

static att_status fail_from(void *ctx, int64_t task, int thread)
{
    failing *f = ctx;
    (void)thread;
    int64_t last = atomic_load(&f->last_run);
    while (task > last && !atomic_compare_exchange_weak(&f->last_run, &last, task)) {
    }
    if (task < f->first) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "task %lld failed", (long long)task);
}

static void the_lowest_failure_wins(void **state)
{
    (void)state;
    for (int team = 1; team <= 8; team++) {
        att_set_threads(team);
        for (int64_t first = 0; first < 100; first += 7) {
            failing f = {.first = first};
            char want[64];
            snprintf(want, sizeof want, "task %lld failed", (long long)first);
            assert_fails(atti_parallel(100000, fail_from, &f), ATT_EFORMAT, want);
            /* Nothing new starts after a failure: at most one more task a thread, plus
             * those that were taken before the failure was noted. */
            assert_true(f.last_run < 99999);
        }
    }
    att_set_threads(0);
}

static _Atomic int inner_ran, inner_wrong;

static void inner(void *ctx, int64_t task, int thread)
{
    (void)task;
    if (thread != *(int *)ctx) inner_wrong = 1;
    atomic_fetch_add(&inner_ran, 1);
}

static void outer(void *ctx, int64_t task, int thread)
{
    (void)ctx, (void)task;
    atti_parallel_void(10, inner, &thread);
    if (atti_threads_now() != 1) inner_wrong = 1;
}

static void nested_calls_are_serial(void **state)
{
    (void)state;
    for (int team = 1; team <= 4; team++) {
        att_set_threads(team);
        inner_ran = 0;
        atti_parallel_void(50, outer, NULL);
        assert_int_equal(inner_ran, 500);
        assert_int_equal(atti_threads_now(), team);
    }
    assert_false(inner_wrong);
    att_set_threads(0);
}

static void counts_are_per_thread_and_checked(void **state)
{
    (void)state;
    int32_t dflt = att_threads();
    assert_true(dflt >= 1);
    assert_int_equal(att_set_threads(3), dflt);
    assert_int_equal(att_set_threads(-1), -1);
    assert_int_equal(att_set_threads(1025), -1);
    assert_int_equal(att_threads(), 3);
    assert_int_equal(att_set_threads(0), 3);
    assert_int_equal(att_threads(), dflt);
}

typedef struct box {
    atti_mutex *m;
    int value, seen;
} box;

static void consumer(void *ctx)
{
    box *b = ctx;
    /* A background thread computes alone unless it asks for more. */
    if (att_threads() != 1) b->seen = -1000;
    for (int i = 0; i < 1000; i++) {
        atti_mutex_lock(b->m);
        while (b->value == 0) atti_mutex_wait(b->m);
        b->seen += b->value;
        b->value = 0;
        atti_mutex_signal_all(b->m);
        atti_mutex_unlock(b->m);
    }
}

static void threads_hand_over_through_a_mutex(void **state)
{
    (void)state;
    box b = {0};
    atti_thread *t;
    assert_ok(atti_mutex_create(&b.m));
    assert_ok(atti_thread_start(&t, consumer, &b));
    for (int i = 0; i < 1000; i++) {
        atti_mutex_lock(b.m);
        while (b.value != 0) atti_mutex_wait(b.m);
        b.value = 3;
        atti_mutex_signal_all(b.m);
        atti_mutex_unlock(b.m);
    }
    atti_thread_join(t);
    atti_thread_join(NULL);
    assert_int_equal(b.seen, 3000);
    atti_mutex_destroy(b.m);
    atti_mutex_destroy(NULL);
}

static void parallel_from_thread(void *ctx)
{
    int team = 2;
    att_set_threads(team);
    *(att_status *)ctx = ATT_OK;
    for (int i = 0; i < 50; i++) {
        int64_t sums[16] = {0};
        failing f = {.first = 1000};
        if (atti_parallel(500, fail_from, &f) != ATT_OK) *(att_status *)ctx = ATT_EBUG;
        (void)sums;
    }
}

static void two_threads_may_run_teams_at_once(void **state)
{
    (void)state;
    att_status a, b;
    atti_thread *t, *u;
    assert_ok(atti_thread_start(&t, parallel_from_thread, &a));
    assert_ok(atti_thread_start(&u, parallel_from_thread, &b));
    atti_thread_join(t);
    atti_thread_join(u);
    assert_int_equal(a, ATT_OK);
    assert_int_equal(b, ATT_OK);
}

static _Atomic int forked_inside;

/* The child's half of the loop ends as its own; so does the parent's. */
static void fork_once(void *ctx, int64_t task, int thread)
{
    atomic_fetch_add(&ran[task], 1);
    if (thread == 0 && atomic_exchange(&forked_inside, 1) == 0) {
        pid_t *child = ctx;
        *child = fork();
    }
}

static int all_ran(int team)
{
    memset((void *)ran, 0, sizeof ran);
    if (atti_parallel(N, count_task, &team) != ATT_OK) return 0;
    for (int i = 0; i < N; i++) {
        if (ran[i] != 1) return 0;
    }
    return 1;
}

static void assert_child_ends_well(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_forked_child_has_workers_of_its_own(void **state)
{
    (void)state;
    if (!FORK_WITH_THREADS) skip();
    att_set_threads(3);
    assert_true(all_ran(3));
    for (int i = 0; i < 20; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(60); /* a child that waits for its parent's workers waits for ever */
            _exit(all_ran(3) && all_ran(3) ? 0 : 1);
        }
        assert_child_ends_well(child);
        assert_true(all_ran(3));
    }
    att_set_threads(0);
}

static void a_fork_inside_a_task_goes_on_in_both(void **state)
{
    (void)state;
    if (!FORK_WITH_THREADS) skip();
    att_set_threads(2);
    pid_t child = -1;
    fflush(NULL);
    forked_inside = 0;
    do { /* the caller, thread 0, takes part in nearly every loop */
        atti_parallel_void(64, fork_once, &child);
    } while (!forked_inside);
    if (child == 0) {
        alarm(60);
        _exit(all_ran(2) ? 0 : 1);
    }
    assert_child_ends_well(child);
    assert_true(all_ran(2));
    att_set_threads(0);
}

static double processor_seconds(void)
{
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The processors belong to others between two loops, but for some 50 microseconds a
 * worker; sleeping, the test is given a quarter of the pause for everything else. */
static void idle_workers_sleep(void **state)
{
    (void)state;
    int team = 2;
    att_set_threads(team);
    assert_ok(atti_parallel(N, count_task, &team));
    double before = processor_seconds();
    nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL);
    assert_true(processor_seconds() - before < 0.1);
    att_set_threads(0);
}

static void starting_fails_cleanly(void **state)
{
    (void)state;
    atti_thread *t = NULL;
    atti_mutex *m = NULL;
    atti_alloc_fail_at(1);
    assert_fails(atti_thread_start(&t, consumer, NULL), ATT_ENOMEM, "thread");
    atti_alloc_fail_at(1);
    assert_fails(atti_mutex_create(&m), ATT_ENOMEM, "mutex");
    assert_null(t);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(the_lowest_failure_wins),
        cmocka_unit_test(nested_calls_are_serial),
        cmocka_unit_test(counts_are_per_thread_and_checked),
        cmocka_unit_test(threads_hand_over_through_a_mutex),
        cmocka_unit_test(two_threads_may_run_teams_at_once),
        cmocka_unit_test(a_forked_child_has_workers_of_its_own),
        cmocka_unit_test(a_fork_inside_a_task_goes_on_in_both),
        cmocka_unit_test(idle_workers_sleep),
        cmocka_unit_test(starting_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
