/* test_rnn_golden.c - the recurrent operators against PyTorch's layers over packed
 * sequences in double precision (tools/make_golden_rnn.py): values, last states and all
 * gradients; and that a sequence's bits do not depend on its neighbours.
 *
 * A value goes through at most 9 steps of some 20 roundings each, none of which grows (the
 * gates are contractions): 200 units of 2^-24 are 1.2e-5, relative to sums whose
 * magnitude is of order one to four. */
#include "attend/safetensors.h"
#include "attend/tape.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 30, SEQS = 6, C = 6, H = 17, MOST = 16 };
static const double TOLERANCE = 2e-5;

typedef struct net {
    const att_safetensors *f;
    char at[32];
    att_tape *t;
    int n;
    att_var var[MOST];
    char name[MOST][16];
    float *grad[MOST];
    att_tensor value[MOST];
} net;

static att_tensor get(const net *g, const char *name)
{
    char full[64];
    att_tensor t;
    (void)snprintf(full, sizeof full, "%s%s", g->at, name);
    assert_ok(att_safetensors_get(g->f, &t, full));
    return t;
}

static att_var param(net *g, const char *name)
{
    int k = g->n++;
    assert_true(k < MOST);
    (void)snprintf(g->name[k], sizeof g->name[k], "%s", name);
    g->value[k] = get(g, name);
    int64_t rows = g->value[k].shape[0], cols = g->value[k].shape[1];
    assert_ok(att_tape_param(g->t, &g->var[k], name, rows, cols));
    g->grad[k] = calloc((size_t)(rows * cols), sizeof(float));
    assert_ok(att_tape_set_param(g->t, g->var[k], g->value[k].data, g->grad[k]));
    return g->var[k];
}

/* sum over rows and columns of y * d, a value of one row a sequence. */
static att_var weighed(net *g, att_var y, const char *d, att_var offsets, int64_t cols,
                       const float *ones)
{
    att_var w = param(g, d), p, one, z, sums;
    char name[24];
    (void)snprintf(name, sizeof name, "ones_%s", d);
    assert_ok(att_op_mul(g->t, &p, y, w));
    assert_ok(att_tape_constant(g->t, &one, name, cols, 1, ones));
    assert_ok(att_op_matmul(g->t, &z, p, one, 0));
    if (offsets == ATT_NO_VAR) return z;
    assert_ok(att_op_pool(g->t, &sums, z, offsets, 2));
    return sums;
}

static void close_net(net *g)
{
    for (int k = 0; k < g->n; k++) {
        free(g->grad[k]);
        att_tensor_deinit(&g->value[k]);
    }
    att_tape_destroy(g->t);
}

static void expect(const net *g, const char *name, const float *got)
{
    att_tensor want = get(g, name);
    assert_close(got, want.data, (size_t)(want.shape[0] * want.shape[1]), TOLERANCE,
                 TOLERANCE);
    att_tensor_deinit(&want);
}

static void record(net *g, att_rnn_cell cell, int direction, att_var offsets,
                   att_var *y, att_var *last)
{
    att_op_rnn_opts o;
    att_op_rnn_opts_init(&o);
    o.cell = cell;
    o.direction = direction;
    o.offsets = offsets;
    o.x = param(g, "x");
    o.initial = param(g, "initial");
    for (int d = 0; d < (direction == 2 ? 2 : 1); d++) {
        o.w_ih[d] = param(g, d ? "w_ih1" : "w_ih");
        o.w_hh[d] = param(g, d ? "w_hh1" : "w_hh");
        o.b_ih[d] = param(g, d ? "b_ih1" : "b_ih");
        o.b_hh[d] = param(g, d ? "b_hh1" : "b_hh");
    }
    assert_ok(att_op_rnn(g->t, y, last, &o));
    assert_ok(att_tape_keep(g->t, *y));
    assert_ok(att_tape_keep(g->t, *last));
}

static void compare(const att_safetensors *f, att_rnn_cell cell, int direction)
{
    net g = {.f = f};
    att_tensor off, v;
    att_var offsets, all, y, last, a, b, sum, loss;
    float ones[4 * H];
    int32_t ends[2] = {0, SEQS};
    int64_t wide = (direction == 2 ? 2 : 1) * H;
    for (int i = 0; i < 4 * H; i++) ones[i] = 1.0f;
    assert_ok(att_safetensors_get(f, &off, "offsets"));
    (void)snprintf(g.at, sizeof g.at, "%s/%d/", cell == ATT_RNN_LSTM ? "lstm" : "gru",
                   direction);
    assert_ok(att_tape_create(&g.t));
    assert_ok(att_tape_input(g.t, &offsets, "offsets", ATT_I32, SEQS + 1, 1));
    assert_ok(att_tape_input(g.t, &all, "all", ATT_I32, 2, 1));
    record(&g, cell, direction, offsets, &y, &last);
    a = weighed(&g, y, "dy", offsets, wide, ones);
    b = weighed(&g, last, "dlast", ATT_NO_VAR, cell == ATT_RNN_LSTM ? 2 * wide : wide,
                ones);
    assert_ok(att_op_add(g.t, &sum, a, b));
    assert_ok(att_op_pool(g.t, &loss, sum, all, 2));
    att_tape_plan_opts p;
    att_tape_plan_opts_init(&p);
    p.training = 1;
    p.loss = loss;
    assert_ok(att_tape_plan(g.t, &p));
    assert_ok(att_tape_set(g.t, offsets, off.data));
    assert_ok(att_tape_set(g.t, all, ends));
    assert_ok(att_tape_forward(g.t, 1, 1, 1));
    assert_ok(att_tape_value(g.t, &v, y));
    expect(&g, "y", v.data);
    assert_ok(att_tape_value(g.t, &v, last));
    expect(&g, "last", v.data);
    assert_ok(att_tape_backward(g.t, loss, 1.0f, 0));
    for (int k = 0; k < g.n - 2; k++) {
        char name[24];
        (void)snprintf(name, sizeof name, "d.%s", g.name[k]);
        expect(&g, name, g.grad[k]);
    }
    close_net(&g);
    att_tensor_deinit(&off);
}

static void agrees_with_pytorch(void **state)
{
    (void)state;
    att_safetensors *f = NULL;
    assert_ok(att_safetensors_open(&f, support_golden("rnn.safetensors")));
    for (int direction = 0; direction < 3; direction++) {
        compare(f, ATT_RNN_GRU, direction);
        compare(f, ATT_RNN_LSTM, direction);
    }
    att_safetensors_close(f);
}

/* ---- neighbours ---- */

enum { MANY = 70, LONGEST = 11, WIDTH = 33 };

/* y of a layer over these sequences; the caller frees it. */
static float *run_layer(att_rnn_cell cell, const float *x, const int32_t *off,
                        int64_t seqs, const float *w)
{
    att_tape *t;
    att_var y, last;
    att_op_rnn_opts o;
    int64_t rows = off[seqs], gates = (cell == ATT_RNN_LSTM ? 4 : 3) * WIDTH;
    att_op_rnn_opts_init(&o);
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_input(t, &o.offsets, "offsets", ATT_I32, seqs + 1, 1));
    assert_ok(att_tape_input(t, &o.x, "x", ATT_F32, rows, C));
    o.cell = cell;
    o.direction = 2;
    for (int d = 0; d < 2; d++) {
        assert_ok(att_tape_constant(t, &o.w_ih[d], d ? "i1" : "i0", gates, C, w));
        assert_ok(att_tape_constant(t, &o.w_hh[d], d ? "h1" : "h0", gates, WIDTH, w));
    }
    assert_ok(att_op_rnn(t, &y, &last, &o));
    assert_ok(att_tape_keep(t, y));
    att_tape_plan_opts p;
    att_tape_plan_opts_init(&p);
    assert_ok(att_tape_plan(t, &p));
    assert_ok(att_tape_set(t, o.offsets, off));
    assert_ok(att_tape_set(t, o.x, x));
    assert_ok(att_tape_forward(t, 1, 1, 0));
    att_tensor v;
    assert_ok(att_tape_value(t, &v, y));
    float *copy = malloc((size_t)(rows * 2 * WIDTH) * sizeof *copy);
    memcpy(copy, v.data, (size_t)(rows * 2 * WIDTH) * sizeof *copy);
    att_tape_destroy(t);
    return copy;
}

static void neighbours_change_no_bit(void **state)
{
    (void)state;
    static float w[4 * WIDTH * WIDTH], x[MANY * LONGEST * C];
    int32_t off[MANY + 1] = {0};
    support_fill(w, sizeof w / sizeof w[0], 1, -0.3f, 0.3f);
    support_fill(x, sizeof x / sizeof x[0], 2, -1.0f, 1.0f);
    for (int i = 0; i < MANY; i++) off[i + 1] = off[i] + (i * 7) % (LONGEST + 1);
    for (int cell = 0; cell < 2; cell++) {
        float *all = run_layer((att_rnn_cell)cell, x, off, MANY, w);
        for (int i = 0; i < MANY; i += 3) {
            int32_t own[2] = {0, off[i + 1] - off[i]};
            float *one =
                run_layer((att_rnn_cell)cell, x + (ptrdiff_t)off[i] * C, own, 1, w);
            assert_same_bits(one, all + (ptrdiff_t)off[i] * 2 * WIDTH,
                             (size_t)own[1] * 2 * WIDTH);
            free(one);
        }
        free(all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_pytorch),
        cmocka_unit_test(neighbours_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
