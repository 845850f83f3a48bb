/* test_attn_fast.c - the fast dense path as a whole, through the public calls: against the
 * double reference, bit for bit equal whatever the number of threads, the neighbours in the
 * batch or the layout, and blind to what lies past a sequence's length. */
#include "attend/attention.h"
#include "kernels/bf16.h"
#include "kernels/half.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct setup {
    int64_t b, h, g, t, s, d, e;
    int ragged; /* lengths fall from t and s by 5 and 3 a sequence */
    int causal;
    int64_t left, right;
    float dropout, softcap;
    int rope, rope_dims, rounded; /* rounded: operands are bf16 numbers */
    int lengths; /* dense: key lengths fall by 7 a sequence, NaN behind them */
} setup;

typedef struct call {
    setup c;
    att_dtype dtype;
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor q, k, v, out, lse, dout, dq, dk, dv, qo, ko, len;
} call;

static int64_t rows(const setup *c, int64_t n, int64_t step)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < c->b; i++) sum += n - step * i;
    return c->ragged ? sum : n;
}

static void tensor(call *w, att_tensor *t, int64_t heads, int64_t n, int64_t width,
                   uint64_t seed)
{
    int64_t dense[4] = {w->c.b, heads, n, width}, packed[3] = {n, heads, width};
    int32_t dims = (w->c.ragged ? 3 : 4) - (width ? 0 : 1);
    att_dtype dtype = width || w->dtype == ATT_F64 ? w->dtype : ATT_F32; /* lse */
    assert_ok(att_tensor_alloc(t, dtype, dims, w->c.ragged ? packed : dense));
    size_t count = (size_t)att_tensor_count(t);
    float *x = malloc((count + 1) * sizeof(float));
    support_fill(x, count, seed, -1.0f, 1.0f);
    for (size_t i = 0; i < count; i++) {
        if (w->c.rounded) x[i] = atti_bf16_to_f32(atti_f32_to_bf16(x[i]));
        if (t->dtype == ATT_BF16)
            ((uint16_t *)t->data)[i] = atti_f32_to_bf16(x[i]);
        else if (w->dtype == ATT_F64)
            ((double *)t->data)[i] = x[i];
        else
            ((float *)t->data)[i] = x[i];
    }
    free(x);
}

static void ints(att_tensor *t, int64_t n)
{
    assert_ok(att_tensor_alloc(t, ATT_I32, 1, &n));
}

static call *call_new(const setup *c, att_dtype dtype)
{
    call *w = calloc(1, sizeof *w);
    w->c = *c;
    w->dtype = dtype;
    int64_t n = rows(c, c->t, 5), m = rows(c, c->s, 3);
    tensor(w, &w->q, c->h, n, c->d, 1);
    tensor(w, &w->k, c->g, m, c->d, 2);
    tensor(w, &w->v, c->g, m, c->e, 3);
    tensor(w, &w->dout, c->h, n, c->e, 4);
    tensor(w, &w->out, c->h, n, c->e, 5);
    tensor(w, &w->lse, c->h, n, 0, 6);
    tensor(w, &w->dq, c->h, n, c->d, 7);
    tensor(w, &w->dk, c->g, m, c->d, 8);
    tensor(w, &w->dv, c->g, m, c->e, 9);
    att_attention_desc_init(&w->desc);
    att_attention_args_init(&w->args);
    att_attention_grads_init(&w->grads);
    w->desc.causal = c->causal;
    w->desc.left = c->left;
    w->desc.right = c->right;
    w->desc.dropout = c->dropout;
    w->desc.softcap = c->softcap;
    w->desc.rope = c->rope;
    w->desc.rope_dims = c->rope_dims;
    w->desc.rope_offset = c->rope ? 3 : 0;
    w->desc.seed = 99;
    w->args.q = &w->q, w->args.k = &w->k, w->args.v = &w->v;
    w->args.out = &w->out, w->args.lse = &w->lse;
    w->grads.dout = &w->dout;
    w->grads.dq = &w->dq, w->grads.dk = &w->dk, w->grads.dv = &w->dv;
    if (c->ragged) {
        ints(&w->qo, c->b + 1);
        ints(&w->ko, c->b + 1);
        int32_t *a = w->qo.data, *z = w->ko.data;
        for (int64_t i = 0; i < c->b; i++) {
            a[i + 1] = a[i] + (int32_t)(c->t - 5 * i);
            z[i + 1] = z[i] + (int32_t)(c->s - 3 * i);
        }
        w->args.q_offsets = &w->qo;
        w->args.k_offsets = &w->ko;
    }
    if (c->lengths) {
        ints(&w->len, c->b);
        for (int64_t i = 0; i < c->b; i++)
            ((int32_t *)w->len.data)[i] = (int32_t)(c->s - 7 * i);
        w->args.k_lengths = &w->len;
    }
    return w;
}

static void call_free(call *w)
{
    att_tensor *all[] = {&w->q,  &w->k,  &w->v,  &w->out, &w->lse, &w->dout,
                         &w->dq, &w->dk, &w->dv, &w->qo,  &w->ko,  &w->len};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) att_tensor_deinit(all[i]);
    free(w);
}

static void run(call *w)
{
    assert_ok(att_attention_forward(&w->desc, &w->args));
    assert_ok(att_attention_backward(&w->desc, &w->args, &w->grads));
}

/* Values of size 1 and sums of at most a few thousand of them in f32: 2e-5 is some
 * hundred roundings, and three times what was seen. */
static void close_to(const att_tensor *got, const att_tensor *want)
{
    size_t n = (size_t)att_tensor_count(got);
    const float *x = got->data;
    const double *y = want->data;
    for (size_t i = 0; i < n; i++) {
        if (isinf(y[i]) && (double)x[i] == y[i]) continue;
        if (!(fabs((double)x[i] - y[i]) <= 2e-5 * fmax(1.0, fabs(y[i]))))
            fail_msg("element %zu: got %g want %g", i, (double)x[i], y[i]);
    }
}

static void same(const att_tensor *a, const att_tensor *b)
{
    assert_same_bits(a->data, b->data, (size_t)att_tensor_count(a));
}

static const setup cases[] = {
    {2, 4, 4, 70, 70, 16, 16, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0},
    {2, 4, 2, 65, 100, 24, 40, 0, 1, -1, -1, 0, 0, 0, 0, 0, 0},
    {3, 8, 2, 33, 50, 32, 32, 1, 1, -1, -1, 0.2f, 0, 0, 0, 0, 0},
    {4, 2, 1, 40, 90, 64, 64, 0, 0, 20, 10, 0, 0, 0, 0, 0, 1},
    {1, 1, 1, 700, 600, 16, 16, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0}, /* cut into parts */
    {1, 2, 1, 1100, 1100, 8, 8, 0, 1, -1, -1, 0.1f, 2.0f, 0, 0, 0, 0},
    {1, 2, 2, 900, 1000, 8, 16, 1, 0, 64, 64, 0, 0, 0, 0, 0, 0},
    /* heads side by side: rows that crowd, tiles of sums elsewhere, copied keys */
    {2, 8, 8, 150, 200, 64, 32, 1, 1, -1, -1, 0, 0, 0, 0, 0, 0},
    {1, 4, 4, 300, 290, 32, 32, 1, 0, -1, -1, 0.1f, 0, 0, 0, 0, 0},
    {2, 4, 2, 50, 70, 32, 16, 0, 1, -1, -1, 0, 0, ATT_ROPE_HALF, 0, 0, 0},
    {3, 4, 4, 40, 30, 24, 24, 1, 0, -1, -1, 0, 0, ATT_ROPE_INTERLEAVED, 10, 0, 0},
    {2, 2, 1, 300, 300, 16, 16, 0, 1, -1, -1, 0, 0, ATT_ROPE_HALF, 8, 0, 1},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void equals_the_double_reference(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        call *w = call_new(&cases[i], ATT_F32), *r = call_new(&cases[i], ATT_F64);
        run(w);
        run(r);
        close_to(&w->out, &r->out);
        close_to(&w->lse, &r->lse);
        close_to(&w->dq, &r->dq);
        close_to(&w->dk, &r->dk);
        close_to(&w->dv, &r->dv);
        call_free(w);
        call_free(r);
    }
}

/* bf16 in and out: sums are f32, so that each result is off by its own rounding, and
 * gradients also by that of `out` in delta (2^-9 of a row's sum of |dout out|, e terms). */
static void bf16_equals_the_double_reference(void **state)
{
    (void)state;
    /* Where the processor multiplies bf16, weights are rounded to it too: 2^-8 of values
     * up to 1, and of what dropout scales up. */
    double out = atti_bf16() ? 0x1p-8 * 2 : 1e-5;
    for (int i = 0; i < N_CASES; i++) {
        setup c = cases[i];
        c.rounded = 1;
        call *w = call_new(&c, ATT_BF16), *r = call_new(&c, ATT_F64);
        run(w);
        run(r);
        att_tensor *a[] = {&w->out, &w->dq, &w->dk, &w->dv},
                   *b[] = {&r->out, &r->dq, &r->dk, &r->dv};
        for (int j = 0; j < 4; j++)
            for (int64_t k = 0; k < att_tensor_count(a[j]); k++) {
                double x = atti_bf16_to_f32(((uint16_t *)a[j]->data)[k]),
                       y = ((double *)b[j]->data)[k];
                if (!(fabs(x - y) <= 0.004 * fabs(y) + (j ? 0.02 : out)))
                    fail_msg("case %d tensor %d element %lld: got %g want %g", i, j,
                             (long long)k, x, y);
            }
        call_free(w);
        call_free(r);
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        call *one = call_new(&cases[i], ATT_F32);
        int32_t before = att_set_threads(1);
        run(one);
        for (int32_t n = 2; n < 8; n += 2) {
            call *w = call_new(&cases[i], ATT_F32);
            att_set_threads(n);
            run(w);
            same(&w->out, &one->out);
            same(&w->lse, &one->lse);
            same(&w->dq, &one->dq);
            same(&w->dk, &one->dk);
            same(&w->dv, &one->dv);
            call_free(w);
        }
        att_set_threads(before);
        call_free(one);
    }
}

static void copy_rows(att_tensor *dst, const att_tensor *src, int64_t row0)
{
    int64_t n = att_tensor_count(dst);
    memcpy(dst->data, (const float *)src->data + row0 * src->stride[0],
           (size_t)n * sizeof(float));
}

/* Each sequence of a ragged batch alone: the same bits (without dropout, which counts rows
 * through the batch). */
static void neighbours(const setup *given)
{
    const setup c = *given;
    call *all = call_new(&c, ATT_F32);
    run(all);
    for (int64_t i = 0; i < c.b; i++) {
        setup x = c;
        int32_t q0 = ((int32_t *)all->qo.data)[i], k0 = ((int32_t *)all->ko.data)[i];
        x.b = 1, x.t = c.t - 5 * i, x.s = c.s - 3 * i;
        call *w = call_new(&x, ATT_F32);
        copy_rows(&w->q, &all->q, q0);
        copy_rows(&w->dout, &all->dout, q0);
        copy_rows(&w->k, &all->k, k0);
        copy_rows(&w->v, &all->v, k0);
        run(w);
        assert_same_bits(w->out.data, (float *)all->out.data + q0 * all->out.stride[0],
                         (size_t)att_tensor_count(&w->out));
        assert_same_bits(w->dq.data, (float *)all->dq.data + q0 * all->dq.stride[0],
                         (size_t)att_tensor_count(&w->dq));
        assert_same_bits(w->dk.data, (float *)all->dk.data + k0 * all->dk.stride[0],
                         (size_t)att_tensor_count(&w->dk));
        assert_same_bits(w->dv.data, (float *)all->dv.data + k0 * all->dv.stride[0],
                         (size_t)att_tensor_count(&w->dv));
        call_free(w);
    }
    call_free(all);
}

static void neighbours_do_not_matter(void **state)
{
    (void)state;
    static const setup some[] = {
        {3, 4, 2, 75, 90, 32, 24, 1, 1, -1, -1, 0, 0, 0, 0, 0, 0},
        {2, 2, 1, 1030, 1028, 8, 16, 1, 0, -1, -1, 0, 0, 0, 0, 0,
         0},                                                      /* cut into parts */
        {60, 4, 4, 300, 200, 8, 8, 1, 0, 5, 5, 0, 0, 0, 0, 0, 0}, /* falling past 256 */
    };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) neighbours(&some[i]);
}

/* NaN behind the lengths reaches nothing, and gradients there are written as 0. */
static void padding_is_not_read(void **state)
{
    (void)state;
    setup c = {4, 2, 2, 40, 90, 16, 16, 0, 0, -1, -1, 0, 0, 0, 0, 0, 1};
    call *w = call_new(&c, ATT_F32);
    for (int64_t b = 0; b < c.b; b++)
        for (int64_t h = 0; h < c.g; h++)
            for (int64_t s = c.s - 7 * b; s < c.s; s++)
                for (int64_t i = 0; i < c.d; i++) {
                    int64_t at = ((b * c.g + h) * c.s + s) * c.d + i;
                    ((float *)w->k.data)[at] = ((float *)w->v.data)[at] = NAN;
                    ((float *)w->dk.data)[at] = ((float *)w->dv.data)[at] = NAN;
                }
    run(w);
    att_tensor *all[] = {&w->out, &w->lse, &w->dq, &w->dk, &w->dv};
    for (int i = 0; i < 5; i++)
        for (int64_t j = 0; j < att_tensor_count(all[i]); j++)
            if (!isfinite(((float *)all[i]->data)[j]))
                fail_msg("tensor %d element %lld", i, (long long)j);
    assert_true(((float *)w->dk.data)[c.g * c.s * c.d * 2 - 1] == 0.0f);
    call_free(w);
}

static void accumulate_adds(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        call *w = call_new(&cases[i], ATT_F32), *twice = call_new(&cases[i], ATT_F32);
        run(w);
        run(twice);
        twice->grads.accumulate = 1;
        assert_ok(att_attention_backward(&twice->desc, &twice->args, &twice->grads));
        att_tensor *a[] = {&w->dq, &w->dk, &w->dv},
                   *b[] = {&twice->dq, &twice->dk, &twice->dv};
        for (int j = 0; j < 3; j++) {
            int64_t n = att_tensor_count(a[j]);
            for (int64_t k = 0; k < n; k++) ((float *)a[j]->data)[k] *= 2;
            assert_close(b[j]->data, a[j]->data, (size_t)n, 1e-5, 1e-5);
        }
        call_free(w);
        call_free(twice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_double_reference),
        cmocka_unit_test(bf16_equals_the_double_reference),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(neighbours_do_not_matter),
        cmocka_unit_test(padding_is_not_read),
        cmocka_unit_test(accumulate_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
