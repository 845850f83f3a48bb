/* test_matmul_signals.c - signals that arrive while gradients of weights are made leave the
 * heap alone. oneDNN's sgemm computes with the stack pointer inside a block of the heap: a
 * handler's frame would be written over its neighbours. */
#include "support.h"

#include "base/alloc.h"
#include "kernels/matmul.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

enum { ROWS = 1024, OUT = 384, IN = 128, ROUNDS = 400, TICK_US = 100 };

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
    (void)signal;
    ticks++;
}

static void timer(int us)
{
    struct itimerval every = {{0, us}, {0, us}};
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void fill(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 13) - 6.0f;
}

static void a_signal_does_not_reach_the_heap(void **state)
{
    (void)state;
    float *dy = NULL, *x = NULL, *dw = NULL, *want = NULL;
    assert_ok(atti_alloc(&dy, ROWS * OUT, sizeof *dy, "test"));
    assert_ok(atti_alloc(&x, ROWS * IN, sizeof *x, "test"));
    assert_ok(atti_alloc(&dw, OUT * IN, sizeof *dw, "test"));
    assert_ok(atti_alloc(&want, OUT * IN, sizeof *want, "test"));
    fill(dy, ROWS * OUT);
    fill(x, ROWS * IN);
    atti_matmul_shape s = {.rows = ROWS, .n_out = OUT, .n_in = IN};
    (void)att_set_threads(1); /* workers have signals blocked: this thread has not */
    assert_ok(atti_matmul_grad_weight(&s, want, dy, OUT, x, IN, 0));

    struct sigaction act = {0};
    act.sa_handler = tick; /* on the stack of the moment, as handlers mostly are */
    sigemptyset(&act.sa_mask);
    assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
    timer(TICK_US);
    for (int i = 0; i < ROUNDS || (ticks < 50 && i < 100 * ROUNDS); i++) {
        assert_ok(atti_matmul_grad_weight(&s, dw, dy, OUT, x, IN, 0));
        assert_memory_equal(dw, want, OUT * IN * sizeof *dw);
    }
    timer(0);
    assert_true(ticks >= 50);
    atti_free(dy);
    atti_free(x);
    atti_free(dw);
    atti_free(want);
    (void)att_set_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_does_not_reach_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
