/* test_attn_corners.c - what tools/mutate.py found no other test to notice: ties, sinks far
 * above every score, vectors of zeros, queries that see nothing. */
#include "attn_case.h"

typedef struct call {
    att_attention_desc d;
    att_attention_args a;
    att_tensor q, k, v, out, lse, par, picked, logp;
    float result[64], sums[16], logps[16];
    int32_t picks[16];
} call;

static void view(att_tensor *t, const void *x, att_dtype dtype, int32_t ndim, int64_t a,
                 int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[4] = {a, b, c, d};
    assert_ok(att_tensor_view(t, (void *)(uintptr_t)x, dtype, ndim, shape));
}

static void prepare(call *c, const float *q, int64_t t, const float *k, const float *v,
                    int64_t s, int64_t d, int64_t e)
{
    memset(c, 0, sizeof *c);
    att_attention_desc_init(&c->d);
    att_attention_args_init(&c->a);
    c->d.scale = 1;
    view(&c->q, q, ATT_F32, 4, 1, 1, t, d);
    view(&c->k, k, ATT_F32, 4, 1, 1, s, d);
    view(&c->v, v, ATT_F32, 4, 1, 1, s, e);
    view(&c->out, c->result, ATT_F32, 4, 1, 1, t, e);
    view(&c->lse, c->sums, ATT_F32, 3, 1, 1, t, 0);
    view(&c->picked, c->picks, ATT_I32, 3, 1, 1, t, 0);
    view(&c->logp, c->logps, ATT_F32, 3, 1, 1, t, 0);
    c->a.q = &c->q, c->a.k = &c->k, c->a.v = &c->v;
    c->a.out = &c->out, c->a.lse = &c->lse;
}

/* "the lowest s on ties" */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    const float q[] = {1, -1}, k[] = {0.5f, 2, 2, 2, -3, -3}, v[] = {1, 2, 3, 4, 5, 6};
    call c;
    prepare(&c, q, 2, k, v, 6, 1, 1);
    c.d.normalise = ATT_NORM_HARD_ARGMAX;
    c.a.picked = &c.picked;
    assert_ok(att_attention_forward(&c.d, &c.a));
    assert_int_equal(c.picks[0], 1);
    assert_int_equal(c.picks[1], 4);
    assert_true(c.result[0] == 2.0f && c.result[1] == 5.0f);
}

/* exp(1e4 - score) is no float and no double; everything goes to the sink. */
static void a_sink_far_above(void **state)
{
    (void)state;
    const float q[] = {1}, k[] = {1, 2, 3}, v[] = {1, 2, 3};
    const float sink[] = {1e4f, -1e4f};
    for (int path = 0; path < 2; path++)
        for (int i = 0; i < 2; i++) {
            call c;
            prepare(&c, q, 1, k, v, 3, 1, 1);
            view(&c.par, sink + i, ATT_F32, 1, 1, 0, 0, 0);
            c.a.sink_logit = &c.par;
            if (path == 1) c.d.score = ATT_SCORE_COSINE;
            assert_ok(att_attention_forward(&c.d, &c.a));
            assert_true(isfinite(c.result[0]));
            if (i == 0) assert_true(c.result[0] == 0.0f && c.sums[0] == 1e4f);
            if (i == 1) assert_true(c.result[0] > 1.9f && c.sums[0] < 5.0f);
        }
}

/* A vector of zeros has the cosine 0 with every other; no NaN, also in gradients. */
static void cosine_of_nothing(void **state)
{
    (void)state;
    const float q[] = {0, 0, 1, 2}, k[] = {1, 0, 0, 0, 0, 3}, v[] = {1, 2, 6},
                one[2] = {1, 1};
    float dq[4], dk[6];
    call c;
    att_attention_grads g;
    att_tensor tq, tk, dout;
    prepare(&c, q, 2, k, v, 3, 2, 1);
    c.d.score = ATT_SCORE_COSINE;
    assert_ok(att_attention_forward(&c.d, &c.a));
    assert_true(fabsf(c.result[0] - 3) < 1e-6f); /* all alike */
    /* Row 2: cosines 1/sqrt 5, 0, 2/sqrt 5. */
    double e[3] = {exp(1 / sqrt(5.0)), 1, exp(2 / sqrt(5.0))};
    double want = (e[0] + 2 * e[1] + 6 * e[2]) / (e[0] + e[1] + e[2]);
    assert_true(fabs((double)c.result[1] - want) < 1e-5);
    att_attention_grads_init(&g);
    view(&tq, dq, ATT_F32, 4, 1, 1, 2, 2);
    view(&tk, dk, ATT_F32, 4, 1, 1, 3, 2);
    view(&dout, one, ATT_F32, 4, 1, 1, 2, 1);
    g.dq = &tq, g.dk = &tk, g.dout = &dout;
    assert_ok(att_attention_backward(&c.d, &c.a, &g));
    for (int i = 0; i < 4; i++) assert_true(isfinite(dq[i]));
    for (int i = 0; i < 6; i++) assert_true(isfinite(dk[i]));
    assert_true(dq[0] == 0.0f && dq[1] == 0.0f && dk[2] == 0.0f && dk[3] == 0.0f);
}

/* 1 / |k| and 1 / sum are no floats: the cosine is still 1, the weights' sum too, and no
 * other row suffers. */
static void denormal_vectors_and_sums(void **state)
{
    (void)state;
    for (float m = 1e-35f; m > 0; m /= 10) {
        const float q[] = {1, 1, m, m}, k[] = {1, 1, m, m}, v[] = {1, 3};
        call c;
        prepare(&c, q, 2, k, v, 2, 2, 1);
        c.d.score = ATT_SCORE_COSINE;
        assert_ok(att_attention_forward(&c.d, &c.a));
        /* All cosines are 1 as far as the vectors are multiples of (1, 1): they are. */
        for (int t = 0; t < 2; t++) {
            assert_true(fabsf(c.result[t] - 2.0f) < 1e-5f);
            assert_true(fabsf(c.sums[t] - 1.0f - logf(2.0f)) < 1e-5f);
        }
        float dq[4], dk[4], dv[2];
        const float ones[] = {1, 1};
        att_tensor tq, tk, tv, dout;
        view(&tq, dq, ATT_F32, 4, 1, 1, 2, 2), view(&tk, dk, ATT_F32, 4, 1, 1, 2, 2);
        view(&tv, dv, ATT_F32, 4, 1, 1, 2, 1),
            view(&dout, ones, ATT_F32, 4, 1, 1, 2, 1);
        att_attention_grads g;
        att_attention_grads_init(&g);
        g.dq = &tq, g.dk = &tk, g.dv = &tv, g.dout = &dout;
        assert_ok(att_attention_backward(&c.d, &c.a, &g));
        for (int i = 0; i < 4; i++) assert_false(isnan(dq[i]) || isnan(dk[i]));

        const float one[] = {1}, keys[] = {m, m}, same[] = {5, 5};
        prepare(&c, one, 1, keys, same, 2, 1, 1);
        c.d.normalise = ATT_NORM_RELU_ROW;
        assert_ok(att_attention_forward(&c.d, &c.a));
        assert_true(fabsf(c.result[0] - 5.0f) < 1e-5f);
    }
}

/* REINFORCE of a query that sees nothing: no gradient, whatever its advantage holds. */
static void nothing_to_reinforce(void **state)
{
    (void)state;
    const float q[] = {1, 2}, k[] = {1, 3}, v[] = {1, 2}, one[2] = {1, 1};
    const float bias[] = {-INFINITY, -INFINITY, 0, 0}, adv[] = {NAN, 2};
    float dq[2], dk[2];
    call c;
    att_attention_grads g;
    att_tensor tq, tk, dout, ta;
    prepare(&c, q, 2, k, v, 2, 1, 1);
    c.d.normalise = ATT_NORM_HARD_SAMPLE;
    c.d.reinforce = 1;
    view(&c.par, bias, ATT_F32, 2, 2, 2, 0, 0);
    view(&ta, adv, ATT_F32, 3, 1, 1, 2, 0);
    c.a.bias = &c.par;
    c.a.advantage = &ta;
    c.a.picked = &c.picked;
    c.a.picked_logp = &c.logp;
    assert_ok(att_attention_forward(&c.d, &c.a));
    assert_int_equal(c.picks[0], -1);
    assert_true(c.picks[1] >= 0 && c.result[0] == 0.0f);
    att_attention_grads_init(&g);
    view(&tq, dq, ATT_F32, 4, 1, 1, 2, 1);
    view(&tk, dk, ATT_F32, 4, 1, 1, 2, 1);
    view(&dout, one, ATT_F32, 4, 1, 1, 2, 1);
    g.dq = &tq, g.dk = &tk, g.dout = &dout;
    assert_ok(att_attention_backward(&c.d, &c.a, &g));
    assert_true(dq[0] == 0.0f && isfinite(dq[1]) && dq[1] != 0.0f);
    assert_true(isfinite(dk[0]) && isfinite(dk[1]));
}

/* Additive scores of large components that cancel: e^2q is 0 and e^2k infinite in f32, and
 * tanh(q + k) is neither. */
static void additive_far_out(void **state)
{
    (void)state;
    enum { T = 8, S = 8, D = 4 };
    float q[T * D], k[S * D], v[S], w[D] = {1, 0.5f, -1, 2};
    call c;
    for (int i = 0; i < T * D; i++) q[i] = -60 + 0.25f * (float)(i % 7);
    for (int i = 0; i < S * D; i++) k[i] = 60 - 0.25f * (float)(i % 5);
    for (int i = 0; i < S; i++) v[i] = (float)i;
    prepare(&c, q, T, k, v, S, D, 1);
    view(&c.par, w, ATT_F32, 1, D, 0, 0, 0);
    c.a.score_w = &c.par;
    c.d.score = ATT_SCORE_ADDITIVE;
    assert_ok(att_attention_forward(&c.d, &c.a));
    for (int t = 0; t < T; t++) {
        double sum = 0, want = 0;
        for (int s = 0; s < S; s++) {
            double e = 0;
            for (int i = 0; i < D; i++)
                e += (double)w[i] * tanh((double)q[t * D + i] + (double)k[s * D + i]);
            sum += exp(e);
            want += exp(e) * (double)v[s];
        }
        /* Four tanh of 4e-7 each, times values up to 7. */
        assert_true(fabs((double)c.result[t] - want / sum) < 2e-5);
    }
}

/* A sequence so long that its queries are cut into parts: every one of them counts. */
static void long_sequences_in_parts(void **state)
{
    (void)state;
    kase k = {"long", .norm = ATT_NORM_RELU, .b = 1, .h = 1, .t = 700, .s = 900,
              .d = 4};
    attn_case one, two;
    case_make(&one, &k, ATT_F32);
    case_make(&two, &k, ATT_F64);
    attn_case *both[] = {&one, &two};
    for (int i = 0; i < 2; i++) {
        assert_ok(att_attention_forward(&both[i]->desc, &both[i]->args));
        assert_ok(
            att_attention_backward(&both[i]->desc, &both[i]->args, &both[i]->grads));
    }
    /* Sums of 900 terms of order one: 2^-24 * 4 sqrt(900) times values up to 100. */
    for (int o = Q; o <= V; o++)
        for (int64_t i = 0; i < case_count(&one.d[o]); i++) {
            double want = case_get(&two.d[o], i), got = case_get(&one.d[o], i);
            assert_true(fabs(got - want) < 1e-3);
        }
    case_free(&one);
    case_free(&two);
}

/* The widest window that can be asked for is no window: no sum of it and a position may
 * run over. */
static void a_window_without_end(void **state)
{
    (void)state;
    enum { N = 40 }; /* more than a vector of queries: positions above 0 */
    float q[N], k[N], want[N];
    for (int i = 0; i < N; i++) q[i] = (float)(i % 5), k[i] = (float)(i % 7);
    for (int side = 0; side < 3; side++) {
        call c;
        prepare(&c, q, N, k, k, N, 1, 1);
        c.a.lse = NULL;
        c.d.left = side == 1 ? 2 : -1;
        c.d.right = side == 2 ? 2 : -1;
        assert_ok(att_attention_forward(&c.d, &c.a));
        memcpy(want, c.result, sizeof want);
        if (side != 1) c.d.left = INT64_MAX;
        if (side != 2) c.d.right = INT64_MAX;
        assert_ok(att_attention_forward(&c.d, &c.a));
        assert_memory_equal(c.result, want, sizeof want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(a_sink_far_above),
        cmocka_unit_test(cosine_of_nothing),
        cmocka_unit_test(denormal_vectors_and_sums),
        cmocka_unit_test(nothing_to_reinforce),
        cmocka_unit_test(additive_far_out),
        cmocka_unit_test(long_sequences_in_parts),
        cmocka_unit_test(a_window_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
