/* test_bf16_precision.c - att_attention_desc.precision 1 through the public calls: what
 * F32 operands give that are rounded to bf16 on their way into products.
 *
 * Where bf16 is emulated that is, to the bit, what precision 0 gives for operands that were
 * rounded beforehand. Tiles round weights too: values are up to 1, so out is within 2^-8 of
 * that; dS within 2^-8 of itself and of what delta is off by, and the sums here are below 4.
 * The kernels themselves are held to sharp bounds in test_bf16_attn*.c.
 *
 * The linker puts __wrap_atti_bf16 in the place of the library's atti_bf16: so the path from
 * the call to the tiles runs on processors that have none of the instructions, too. */
#include "attend/attention.h"
#include "base/checked.h"
#include "bf16_tables.h"
#include "kernels/bf16.h"
#include "kernels/cpu.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, MOST_TABLES = 3 };

static const atti_bf16_kernels *in_force;

const atti_bf16_kernels *__real_atti_bf16(void);
const atti_bf16_kernels *__wrap_atti_bf16(void);
const atti_bf16_kernels *__wrap_atti_bf16(void)
{
    return in_force;
}

/* The processor's own, or NULL; its instructions made of others; all in plain C. */
static int tables(const atti_bf16_kernels *out[MOST_TABLES])
{
    int n = 0;
    out[n++] = __real_atti_bf16();
    if (!atti_k()->attn) return n;
    if (atti_cpu_probe().avx512 && bf16_without_bf16()) out[n++] = bf16_without_bf16();
    out[n++] = &bf16_emulated_amx;
    return n;
}

typedef struct setup {
    int64_t h, g, t, s, d, e; /* sequence b has t - 5 b queries and s - 3 b keys */
    int causal, add, sinks;
    int64_t left;
    float dropout, softcap, sink;
    int alibi, rope;
} setup;

typedef struct call {
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor q, k, v, dout, out, lse, dq, dk, dv, sink, dsink, qo, ko;
} call;

static const setup cases[] = {
    {4, 2, 40, 50, 32, 32, .left = -1},
    {4, 4, 33, 33, 24, 40, .causal = 1, .left = -1},
    {2, 1, 150, 140, 64, 64, .causal = 1, .left = 20, .sinks = 3},
    {2, 2, 40, 40, 32, 32, .left = -1, .dropout = 0.3f},
    {2, 2, 40, 70, 32, 32, .left = -1, .sink = 0.5f},
    {2, 2, 40, 70, 32, 32, .left = -1, .add = 1},
    {8, 8, 300, 290, 32, 32, .left = -1}, /* crowded rows */
    {8, 8, 300, 290, 32, 32, .left = -1, .add = 1},
    {3, 3, 5, 400, 16, 16, .left = -1},                  /* a few queries, many keys */
    {1, 1, 1040, 1100, 16, 16, .causal = 1, .left = -1}, /* in blocks */
};
enum { N_CASES = sizeof cases / sizeof *cases };

static float *fresh(att_tensor *t, int ndim, int64_t n, int64_t heads, int64_t width,
                    uint64_t seed)
{
    const int64_t shape[3] = {n, heads, width};
    assert_ok(att_tensor_alloc(t, ATT_F32, ndim, shape));
    support_fill(t->data, (size_t)att_tensor_count(t), seed, -1.0f, 1.0f);
    return t->data;
}

static void round_all(att_tensor *t)
{
    float *x = t->data;
    for (int64_t i = 0; i < att_tensor_count(t); i++)
        x[i] = atti_bf16_to_f32(atti_f32_to_bf16(x[i]));
}

static void offsets(att_tensor *t, const att_tensor **slot, int64_t n, int64_t step)
{
    const int64_t shape = BATCH + 1;
    assert_ok(att_tensor_alloc(t, ATT_I32, 1, &shape));
    int32_t *o = t->data;
    for (int32_t b = 0; b < BATCH; b++)
        o[b + 1] = o[b] + (int32_t)atti_max_i64(n - step * b, 0);
    *slot = t;
}

static call *run(const setup *c, int precision, int rounded)
{
    call *w = calloc(1, sizeof *w);
    att_attention_desc_init(&w->desc);
    att_attention_args_init(&w->args);
    att_attention_grads_init(&w->grads);
    w->desc.precision = precision;
    w->desc.causal = c->causal;
    w->desc.left = c->left;
    w->desc.sinks = c->sinks;
    w->desc.dropout = c->dropout;
    w->desc.softcap = c->softcap;
    w->desc.alibi = c->alibi;
    w->desc.rope = c->rope;
    w->desc.seed = 5;
    offsets(&w->qo, &w->args.q_offsets, c->t, 5);
    offsets(&w->ko, &w->args.k_offsets, c->s, 3);
    int64_t n = ((int32_t *)w->qo.data)[BATCH], m = ((int32_t *)w->ko.data)[BATCH];
    fresh(&w->q, 3, n, c->h, c->d, 1);
    fresh(&w->k, 3, m, c->g, c->d, 2);
    fresh(&w->v, 3, m, c->g, c->e, 3);
    fresh(&w->dout, 3, n, c->h, c->e, 4);
    fresh(&w->out, 3, n, c->h, c->e, 5);
    fresh(&w->lse, 2, n, c->h, 0, 6);
    fresh(&w->dq, 3, n, c->h, c->d, 7);
    fresh(&w->dk, 3, m, c->g, c->d, 8);
    fresh(&w->dv, 3, m, c->g, c->e, 9);
    if (rounded)
        round_all(&w->q), round_all(&w->k), round_all(&w->v), round_all(&w->dout);
    w->args.q = &w->q, w->args.k = &w->k, w->args.v = &w->v;
    w->args.out = &w->out, w->args.lse = &w->lse;
    w->grads.dout = &w->dout, w->grads.accumulate = c->add;
    w->grads.dq = &w->dq, w->grads.dk = &w->dk, w->grads.dv = &w->dv;
    if (c->sink != 0) {
        float *sink = fresh(&w->sink, 1, c->h, 0, 0, 10);
        for (int64_t i = 0; i < c->h; i++) sink[i] = c->sink;
        fresh(&w->dsink, 1, c->h, 0, 0, 11);
        w->args.sink_logit = &w->sink;
        w->grads.dsink_logit = &w->dsink;
    }
    assert_ok(att_attention_forward(&w->desc, &w->args));
    assert_ok(att_attention_backward(&w->desc, &w->args, &w->grads));
    return w;
}

static void drop(call *w)
{
    att_tensor *all[] = {&w->q,  &w->k,  &w->v,  &w->dout, &w->out,  &w->lse,  &w->dq,
                         &w->dk, &w->dv, &w->qo, &w->ko,   &w->sink, &w->dsink};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) att_tensor_deinit(all[i]);
    free(w);
}

static void results(call *w, att_tensor *out[6])
{
    att_tensor *all[6] = {&w->out, &w->lse, &w->dq, &w->dk, &w->dv, &w->dsink};
    memcpy(out, all, sizeof all);
}

static int same_bits(call *a, call *b)
{
    att_tensor *x[6], *y[6];
    results(a, x), results(b, y);
    for (int i = 0; i < 6; i++) {
        size_t n = x[i]->data ? (size_t)att_tensor_count(x[i]) : 0;
        if (n && memcmp(x[i]->data, y[i]->data, n * sizeof(float)) != 0) return 0;
    }
    return 1;
}

/* Tiles in plain C take a millisecond for what a processor does in microseconds. */
static int too_long(const setup *c)
{
    return in_force == &bf16_emulated_amx && c->t * c->s * c->h > 10000;
}

static void rounds_its_operands(const setup *c)
{
    call *half = run(c, 1, 0), *want = run(c, 0, 1), *full = run(c, 0, 0);
    assert_false(same_bits(half, full));
    /* Without precision a few queries against many keys take another path. */
    if (!in_force && c->t > 8) {
        assert_true(same_bits(half, want));
    } else {
        att_tensor *x[6], *y[6];
        results(half, x), results(want, y);
        for (int j = 0; j < 6; j++)
            if (x[j]->data)
                assert_close(x[j]->data, y[j]->data, (size_t)att_tensor_count(x[j]),
                             0x1p-8 * 4, 0x1p-7);
    }
    drop(half), drop(want), drop(full);
}

static void rounds(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    (void)state;
    if (!atti_k()->attn) return; /* plain C: precision changes nothing */
    for (int q = 0, n = tables(t); q < n; q++)
        for (int i = 0; i < N_CASES; i++) {
            in_force = t[q];
            if (!too_long(&cases[i])) rounds_its_operands(&cases[i]);
        }
    assert_int_equal(0, bf16_tile_faults());
}

/* Rotated first, then rounded. */
static void rotates(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    setup c = cases[1];
    (void)state;
    c.rope = ATT_ROPE_HALF;
    for (int q = 0, n = tables(t); q < n; q++) {
        in_force = t[q];
        call *half = run(&c, 1, 0), *full = run(&c, 0, 0);
        assert_true(!atti_k()->attn || !same_bits(half, full));
        att_tensor *x[6], *y[6];
        results(half, x), results(full, y);
        for (int j = 0; j < 5; j++)
            assert_close(x[j]->data, y[j]->data, (size_t)att_tensor_count(x[j]),
                         0x1p-8 * 8, 0x1p-6);
        drop(half), drop(full);
    }
}

static void threads_do_not_show(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    (void)state;
    for (int q = 0, tried = tables(t); q < tried; q++)
        for (int i = 0; i < N_CASES; i++) {
            in_force = t[q];
            if (too_long(&cases[i])) continue;
            int32_t before = att_set_threads(1);
            call *one = run(&cases[i], 1, 0);
            for (int32_t n = 2; n < 6; n += 3) {
                (void)att_set_threads(n);
                call *w = run(&cases[i], 1, 0);
                assert_true(same_bits(one, w));
                drop(w);
            }
            (void)att_set_threads(before);
            drop(one);
        }
    in_force = __real_atti_bf16();
}

/* What has a term beside the product is f32, whatever is asked for. */
static void leaves_the_rest_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        setup c = cases[0];
        if (i == 0)
            c.softcap = 2.0f;
        else
            c.alibi = 1;
        call *half = run(&c, 1, 0), *full = run(&c, 0, 0);
        assert_true(same_bits(half, full));
        drop(half), drop(full);
    }
}

static void refuses_other_precisions(void **state)
{
    att_attention_desc d;
    att_attention_args a;
    (void)state;
    att_attention_desc_init(&d);
    att_attention_args_init(&a);
    assert_int_equal(0, d.precision);
    d.precision = 2;
    assert_fails(att_attention_forward(&d, &a), ATT_EINVAL, "precision is 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds),
        cmocka_unit_test(rotates),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(leaves_the_rest_alone),
        cmocka_unit_test(refuses_other_precisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
