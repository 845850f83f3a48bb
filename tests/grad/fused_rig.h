/* fused_rig.h - a tape for one member: parameters by name with values from the name, integer
 * inputs, constants; one training run with gradients. */
#ifndef ATTEND_TESTS_FUSED_RIG_H
#define ATTEND_TESTS_FUSED_RIG_H

#include "fused_table.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a tape with everything that it needs to run ---- */

typedef struct rig {
    const member *m;
    att_attention_desc desc;
    int64_t h, g, d, dk, e, s_len;
    int32_t projections, biases;
    att_tape *t;
    att_nn *nn;
    att_var x, memory, y, loss, target;
    att_var ints[INTS];
    int32_t int_values[INTS][T * S + 2];
    int n_ints;
    att_var score[8], weights[8]; /* composed: of each head */
    att_var extra;                /* what is added to the loss, or ATT_NO_VAR */
    float choice[8][T * S];       /* constants of the second pass */
    int second;
    float *grad[MAX];
    float *value[MAX];
    int numbers; /* names of constants */
} rig;

static att_status get(void *user, att_tape *tape, att_var *out, const char *name,
                      int64_t rows, int64_t cols)
{
    (void)user;
    return att_tape_param(tape, out, name, rows, cols);
}

static void open_rig(rig *r, const member *m)
{
    att_nn_source source;
    memset(r, 0, sizeof *r);
    r->m = m;
    r->extra = ATT_NO_VAR;
    r->desc = desc_of(m);
    r->h = m->h;
    r->g = m->g ? m->g : m->h;
    r->projections = m->projections < 0 ? 0 : ATT_NN_QKVO;
    if (m->projections > 0) r->projections = m->projections;
    r->biases = m->biases < 0 ? 0 : ATT_NN_QKVO;
    r->d = m->d ? m->d : C / r->h;
    r->dk = m->dk ? m->dk : r->d;
    r->e = m->e ? m->e : r->d;
    r->s_len = m->cross ? S : T;
    assert_ok(att_tape_create(&r->t));
    att_nn_source_init(&source);
    source.get = get;
    assert_ok(att_nn_create(&r->nn, r->t, &source));
    assert_ok(att_tape_param(r->t, &r->x, "x", T, C));
    if (m->cross)
        assert_ok(att_tape_param(r->t, &r->memory, "memory", S, M));
    else
        r->memory = ATT_NO_VAR;
}

static att_var int_table(rig *r, int64_t rows, int64_t cols, const int32_t *values)
{
    char name[32];
    int64_t n = rows * cols;
    assert_true(r->n_ints < INTS && n <= T * S + 2);
    snprintf(name, sizeof name, "ints %d", r->n_ints);
    assert_ok(att_tape_input(r->t, &r->ints[r->n_ints], name, ATT_I32, rows, cols));
    memcpy(r->int_values[r->n_ints], values, (size_t)n * sizeof *values);
    return r->ints[r->n_ints++];
}

static att_var ints(rig *r, int64_t n, const int32_t *values)
{
    return int_table(r, n, 1, values);
}

static att_var constant(rig *r, int64_t rows, int64_t cols, const float *x)
{
    char name[32];
    att_var v;
    snprintf(name, sizeof name, "constant %d", r->numbers++);
    assert_ok(att_tape_constant(r->t, &v, name, rows, cols, x));
    return v;
}

static att_var same_number(rig *r, int64_t rows, int64_t cols, float x)
{
    float a[S * S * S];
    assert_true(rows * cols <= S * S * S);
    for (int64_t i = 0; i < rows * cols; i++) a[i] = x;
    return constant(r, rows, cols, a);
}

static void close_rig(rig *r)
{
    att_nn_destroy(r->nn);
    att_tape_destroy(r->t);
    for (int i = 0; i < MAX; i++) {
        free(r->grad[i]);
        free(r->value[i]);
    }
}

static uint64_t hash(const char *s)
{
    uint64_t h = 5381;
    for (; *s; s++) h = h * 33 + (unsigned char)*s;
    return h;
}

/* Loss against fixed numbers, values by name, forward and backward. */
static void run(rig *r)
{
    int64_t cols = att_tape_cols(r->t, r->y);
    float *target = r->value[MAX - 1] = calloc((size_t)(T * cols), sizeof *target);
    att_tape_plan_opts p;
    support_fill(target, (size_t)(T * cols), 99, -1, 1);
    assert_ok(att_tape_input(r->t, &r->target, "target", ATT_F32, T, cols));
    assert_ok(att_op_squared_error(r->t, &r->loss, r->y, r->target));
    if (r->extra != ATT_NO_VAR)
        assert_ok(att_op_add(r->t, &r->loss, r->loss, r->extra));
    assert_ok(att_tape_keep(r->t, r->y));
    att_tape_plan_opts_init(&p);
    p.training = 1;
    p.recompute = r->m->h == 2 ? 2 : 1; /* attention's results made again, or kept */
    assert_ok(att_tape_plan(r->t, &p));
    assert_ok(att_tape_set(r->t, r->target, target));
    for (int i = 0; i < r->n_ints; i++)
        assert_ok(att_tape_set(r->t, r->ints[i], r->int_values[i]));
    int n = 0;
    for (att_var v = 0; v < att_tape_var_count(r->t); v++) {
        if (!att_tape_is_param(r->t, v)) continue;
        size_t count = (size_t)(att_tape_rows(r->t, v) * att_tape_cols(r->t, v));
        size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
        assert_true(n < MAX - 1);
        r->value[n] = aligned_alloc(64, bytes);
        r->grad[n] = aligned_alloc(64, bytes);
        assert_non_null(r->value[n]);
        assert_non_null(r->grad[n]);
        support_fill(r->value[n], count, hash(att_tape_name(r->t, v)), -0.8f, 0.8f);
        assert_ok(att_tape_set_param(r->t, v, r->value[n], r->grad[n]));
        n++;
    }
    assert_ok(att_tape_forward(r->t, SEED, STEP, 1));
    assert_ok(att_tape_backward(r->t, r->loss, 1.0f, 0));
}

#endif
