/* test_attn_neighbours.c - a sequence of a ragged batch (or a padded one) gives the bits it
 * gives alone, where neighbours would have another path chosen for the whole batch; and
 * a workspace planned for shapes serves every cutting of them. */
#include "support.h"

#include "attend/attention.h"
#include "base/alloc.h"
#include "base/rng.h"
#include <stdlib.h>
#include <string.h>

enum { H = 2, D = 32, ROW = H * D, ROWS = 1600 };

static float q[ROWS * ROW], k[ROWS * ROW], v[ROWS * ROW], dout[ROWS * ROW];

typedef struct result {
    float out[ROWS * ROW], lse[ROWS * H];
    float dq[ROWS * ROW], dk[ROWS * ROW], dv[ROWS * ROW];
} result;
static result alone, beside;

typedef struct call {
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor t[12];
} call;

static const att_tensor *rows(att_tensor *t, float *data, int64_t n, int ndim)
{
    const int64_t shape[3] = {n, H, D};
    assert_ok(att_tensor_view(t, data, ATT_F32, ndim, shape));
    return t;
}

/* Sequences q0.. and k0.. of the shared rows. */
static void make(call *c, result *r, int64_t batch, int32_t *qo, int32_t *ko)
{
    const int64_t n = qo[batch], m = ko[batch], offs = batch + 1;
    att_attention_desc_init(&c->desc);
    att_attention_args_init(&c->args);
    att_attention_grads_init(&c->grads);
    c->args.q = rows(&c->t[0], q, n, 3);
    c->args.k = rows(&c->t[1], k, m, 3);
    c->args.v = rows(&c->t[2], v, m, 3);
    (void)rows(c->args.out = &c->t[3], r->out, n, 3);
    (void)rows(c->args.lse = &c->t[4], r->lse, n, 2);
    (void)rows(c->grads.dq = &c->t[5], r->dq, n, 3);
    (void)rows(c->grads.dk = &c->t[6], r->dk, m, 3);
    (void)rows(c->grads.dv = &c->t[7], r->dv, m, 3);
    c->grads.dout = rows(&c->t[8], dout, n, 3);
    assert_ok(att_tensor_view(&c->t[9], qo, ATT_I32, 1, &offs));
    assert_ok(att_tensor_view(&c->t[10], ko, ATT_I32, 1, &offs));
    c->args.q_offsets = &c->t[9];
    c->args.k_offsets = &c->t[10];
}

static void fill(void)
{
    atti_rng r = {7, 0};
    for (int64_t i = 0; i < ROWS * ROW; i++) {
        q[i] = (float)atti_rng_unit(&r) * 2 - 1;
        k[i] = (float)atti_rng_unit(&r) * 2 - 1;
        v[i] = (float)atti_rng_unit(&r) * 2 - 1;
        dout[i] = (float)atti_rng_unit(&r) * 2 - 1;
    }
}

static void run(call *c)
{
    assert_ok(att_attention_forward(&c->desc, &c->args));
    assert_ok(att_attention_backward(&c->desc, &c->args, &c->grads));
}

static void same(const float *a, const float *b, int64_t rows_of, int64_t width)
{
    assert_memory_equal(a, b, (size_t)(rows_of * width) * sizeof *a);
}

static void ragged_neighbours(void **state)
{
    (void)state;
    static const int32_t cases[][4] = {
        {4, 200, 40, 40}, {4, 100, 4, 300},   {1, 600, 30, 30},  {8, 128, 9, 700},
        {8, 127, 3, 300}, {20, 20, 30, 300},  {3, 50, 1, 900},   {12, 300, 3, 40},
        {9, 200, 1, 200}, {300, 300, 2, 200}, {5, 513, 300, 260}};
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int causal = 0; causal < 2; causal++) {
            const int32_t *x = cases[i];
            int32_t q1[2] = {0, x[0]}, k1[2] = {0, x[1]};
            int32_t q2[4] = {0, x[0], x[0] + x[2], x[0] + x[2]};
            int32_t k2[4] = {0, x[1], x[1] + x[3], x[1] + x[3] + 5};
            call a, b;
            make(&a, &alone, 1, q1, k1);
            make(&b, &beside, 3, q2, k2);
            a.desc.causal = b.desc.causal = causal;
            run(&a);
            run(&b);
            same(alone.out, beside.out, x[0], ROW);
            same(alone.lse, beside.lse, x[0], H);
            same(alone.dq, beside.dq, x[0], ROW);
            same(alone.dk, beside.dk, x[1], ROW);
            same(alone.dv, beside.dv, x[1], ROW);
        }
}

/* [2,1,T,D] with lengths 100 and 300 beside [1,1,T,D] of 100 keys. */
static void padded_neighbours(void **state)
{
    (void)state;
    enum { T = 4, S = 300, SHORT = 100 };
    fill();
    for (int both = 0; both < 2; both++) {
        const int64_t n = both + 1, s = both ? S : SHORT;
        const int64_t qs[4] = {n, 1, T, D}, ks[4] = {n, 1, s, D};
        int32_t len[2] = {SHORT, S};
        att_tensor t[5];
        att_attention_desc d;
        att_attention_args a;
        att_attention_desc_init(&d);
        att_attention_args_init(&a);
        float *out = both ? beside.out : alone.out;
        assert_ok(att_tensor_view(&t[0], q, ATT_F32, 4, qs));
        assert_ok(att_tensor_view(&t[1], k, ATT_F32, 4, ks));
        assert_ok(att_tensor_view(&t[2], v, ATT_F32, 4, ks));
        assert_ok(att_tensor_view(&t[3], out, ATT_F32, 4, qs));
        assert_ok(att_tensor_view(&t[4], len, ATT_I32, 1, &n));
        a.q = &t[0];
        a.k = &t[1];
        a.v = &t[2];
        a.out = &t[3];
        if (both) a.k_lengths = &t[4];
        assert_ok(att_attention_forward(&d, &a));
    }
    same(alone.out, beside.out, T, D);
}

/* Cuts n rows into `batch`: one long, even, short ones before a long, long before empty. */
static void cut(int32_t *off, int64_t batch, int64_t n, int how)
{
    off[0] = 0;
    for (int64_t i = 1; i <= batch; i++) {
        int64_t even = n * i / batch, small = i < batch ? i : n;
        off[i] = (int32_t)(how == 0   ? n
                           : how == 1 ? even
                           : how == 2 ? small
                                      : n * 3 / 4);
    }
    off[batch] = (int32_t)n;
}

static void any_cutting_fits(void **state)
{
    (void)state;
    enum { MOST = 64, CUTS = 4 };
    static int32_t qo[MOST + 1], ko[MOST + 1];
    fill();
    for (int64_t batch = 1; batch <= MOST; batch *= 4)
        for (int back = 0; back < 2; back++) {
            size_t first = 0, need = 0;
            void *mem = NULL;
            for (int i = 0; i < CUTS * CUTS; i++) {
                call c;
                cut(qo, batch, batch * 8, i / CUTS);
                cut(ko, batch, ROWS, i % CUTS);
                make(&c, &alone, batch, qo, ko);
                assert_ok(att_attention_workspace(&need, &c.desc, &c.args, back));
                if (!mem) assert_ok(atti_alloc_raw(&mem, first = need, 1, "test"));
                assert_int_equal(need, first);
                c.args.workspace = mem;
                c.args.workspace_bytes = first;
                assert_ok(back ? att_attention_backward(&c.desc, &c.args, &c.grads)
                               : att_attention_forward(&c.desc, &c.args));
            }
            atti_free(mem);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ragged_neighbours),
        cmocka_unit_test(padded_neighbours),
        cmocka_unit_test(any_cutting_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
