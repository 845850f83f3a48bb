/* nn_net.h - a small network on a tape with a loss, and its gradients by differences. */
#ifndef ATTEND_TESTS_NN_NET_H
#define ATTEND_TESTS_NN_NET_H

#include "attend/nn.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 9, C = 8 };

static const int32_t off3[4] = {0, 4, 4, 9}; /* the second sequence is empty */

typedef struct net {
    att_tape *t;
    att_nn *nn;
    att_var x, off, y, loss, target;
    float *want;
} net;

static inline void open_net(net *n, const att_nn_source *source)
{
    memset(n, 0, sizeof *n);
    assert_ok(att_tape_create(&n->t));
    assert_ok(att_nn_create(&n->nn, n->t, source));
    assert_ok(att_tape_input(n->t, &n->x, "x", ATT_F32, ROWS, C));
    assert_ok(att_tape_input(n->t, &n->off, "off", ATT_I32, 4, 1));
}

static inline const float *rows_of_x(void)
{
    static float x[ROWS * C];
    support_fill(x, ROWS * C, 5, -1, 1);
    return x;
}

/* Squared error against fixed numbers; planned, started, set. */
static inline void finish(net *n, int64_t rows)
{
    int64_t cols = att_tape_cols(n->t, n->y);
    att_tape_plan_opts p;
    n->want = calloc((size_t)(rows * cols), sizeof *n->want);
    support_fill(n->want, (size_t)(rows * cols), 6, -1, 1);
    assert_ok(att_tape_input(n->t, &n->target, "target", ATT_F32, rows, cols));
    assert_ok(att_op_squared_error(n->t, &n->loss, n->y, n->target));
    assert_ok(att_tape_keep(n->t, n->y));
    assert_ok(att_nn_start(n->nn, 3, 1));
    att_tape_plan_opts_init(&p);
    p.training = 1;
    assert_ok(att_tape_plan(n->t, &p));
    assert_ok(att_tape_set(n->t, n->x, rows_of_x()));
    assert_ok(att_tape_set(n->t, n->off, off3));
    assert_ok(att_tape_set(n->t, n->target, n->want));
}

static inline double loss_of(net *n)
{
    att_tensor v;
    assert_ok(att_tape_forward(n->t, 1, 0, 1));
    assert_ok(att_tape_value(n->t, &v, n->loss));
    return (double)((const float *)v.data)[0];
}

static inline void close_net(net *n)
{
    att_nn_destroy(n->nn);
    att_tape_destroy(n->t);
    free(n->want);
}

/* Directional difference quotients: along a random direction of each parameter, the loss
 * moves as the gradient says. f32 losses of about 3 are known to 2e-7 of that each, so with
 * a step of 2^-7 a quotient is off by 1e-4, and by the third derivative, h^2/6, of
 * 1e-5 times a number of order one. */
static inline void check_gradients(net *n)
{
    loss_of(n);
    assert_ok(att_tape_backward(n->t, n->loss, 1.0f, 0));
    for (int64_t i = 0; i < att_nn_count(n->nn); i++) {
        att_nn_param_view p = {.size = sizeof p};
        assert_ok(att_nn_at(n->nn, &p, i));
        if (!p.grad) continue;
        size_t count = (size_t)(p.rows * p.cols);
        float *old = malloc(count * sizeof *old), *dir = malloc(count * sizeof *dir);
        double slope = 0, norm = 0, h = 1.0 / 128;
        memcpy(old, p.value, count * sizeof *old);
        support_fill(dir, count, 77 + (uint64_t)i, -1, 1);
        for (size_t k = 0; k < count; k++) norm += (double)dir[k] * (double)dir[k];
        for (size_t k = 0; k < count; k++) {
            dir[k] = (float)((double)dir[k] / sqrt(norm));
            slope += (double)dir[k] * (double)p.grad[k];
        }
        for (size_t k = 0; k < count; k++) p.value[k] = old[k] + (float)h * dir[k];
        double up = loss_of(n);
        for (size_t k = 0; k < count; k++) p.value[k] = old[k] - (float)h * dir[k];
        double down = loss_of(n), got = (up - down) / (2 * h);
        memcpy(p.value, old, count * sizeof *old);
        if (!(fabs(got - slope) <= 5e-4 * (1 + fabs(slope))))
            fail_msg("%s: the loss moves by %g, its gradient says %g", p.name, got,
                     slope);
        free(old);
        free(dir);
    }
}

#endif
