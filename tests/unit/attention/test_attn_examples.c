/* test_attn_examples.c - the worked examples of courses with their very numbers, hard
 * attention against its definitions, a convolution as self-attention, and rows that are
 * hard on arithmetic. */
#include "cases.h"

/* A dense call on small arrays, B = 1. */
typedef struct call {
    att_attention_desc d;
    att_attention_args a;
    att_tensor q, k, v, out, lse, w;
    att_attention_observe o;
    float result[64], weights[64], sums[64];
} call;

static void set(att_tensor *t, const float *x, int64_t h, int64_t n, int64_t d)
{
    int64_t shape[4] = {1, h, n, d};
    union {
        const float *in;
        void *data;
    } u = {x};
    assert_ok(att_tensor_view(t, u.data, ATT_F32, 4, shape));
}

static void prepare(call *c, const float *q, int64_t t, const float *k, const float *v,
                    int64_t s, int64_t h, int64_t d, int64_t e)
{
    memset(c, 0, sizeof *c);
    att_attention_desc_init(&c->d);
    att_attention_args_init(&c->a);
    att_attention_observe_init(&c->o);
    set(&c->q, q, h, t, d);
    set(&c->k, k, h, s, d);
    set(&c->v, v, h, s, e);
    set(&c->out, c->result, h, t, e);
    set(&c->w, c->weights, h, t, s);
    int64_t rows[3] = {1, h, t};
    assert_ok(att_tensor_view(&c->lse, c->sums, ATT_F32, 3, rows));
    c->a.q = &c->q;
    c->a.k = &c->k;
    c->a.v = &c->v;
    c->a.out = &c->out;
    c->a.lse = &c->lse;
    c->o.weights = &c->w;
}

static void go(call *c)
{
    assert_ok(att_attention_forward(&c->d, &c->a));
    assert_ok(att_attention_weights(&c->d, &c->a, &c->o));
}

/* X X^T row 1 is 11, 11, 10; softmax 0.42, 0.42, 0.16; then the weighted rows. */
static void softmax_of_x_xt_x(void **state)
{
    (void)state;
    const float x[] = {1, 2, 1, 2, 1, 1, 1, 3, 2, 1, 3, 1, 2, 1, 1};
    call c;
    prepare(&c, x, 3, x, x, 3, 1, 5, 5);
    c.d.scale = 1;
    c.d.normalise = ATT_NORM_RELU; /* the scores themselves: all are positive */
    go(&c);
    const float scores[] = {11, 11, 10};
    assert_close(c.weights, scores, 3, 0, 0);
    /* Scores of X with itself are symmetric. */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            assert_true(c.weights[3 * i + j] == c.weights[3 * j + i]);
    c.d.normalise = ATT_NORM_SOFTMAX;
    go(&c);
    const float want[] = {0.4223188f, 0.4223188f, 0.1553624f};
    assert_close(c.weights, want, 3, 1e-6, 0);
    float row[5];
    for (int j = 0; j < 5; j++)
        row[j] = want[0] * x[j] + want[1] * x[5 + j] + want[2] * x[10 + j];
    assert_close(c.result, row, 5, 3e-6, 0);
}

/* student = [0,1,0], am = [0,0,1], weights 0.2 and 0.8: [0, 0.2, 0.8]. */
static void student_am(void **state)
{
    (void)state;
    const float v[] = {0, 1, 0, 0, 0, 1}, k[] = {0, 1},
                q[] = {1.3862943611f /* ln 4 */};
    call c;
    prepare(&c, q, 1, k, v, 2, 1, 1, 3);
    go(&c);
    const float want[] = {0, 0.2f, 0.8f}, weights[] = {0.2f, 0.8f};
    assert_close(c.weights, weights, 2, 1e-7, 0);
    assert_close(c.result, want, 3, 1e-7, 0);
}

/* q = [1,0,1,1] in two heads is [1,0] and [1,1]; head 1 meets only head 1's keys. */
static void two_heads(void **state)
{
    (void)state;
    const float q[] = {1, 0, 1, 1}, k[] = {1, 0, 0, 1, /* head 2 */ 1, 0, 0, 1};
    const float v[] = {1, 2, 3, 4, 5, 6, 7, 8};
    call c;
    prepare(&c, q, 1, k, v, 2, 2, 2, 2);
    c.d.scale = 1;
    go(&c);
    float a = 1 / (1 + expf(-1));
    const float want[] = {a * 1 + (1 - a) * 3, a * 2 + (1 - a) * 4, 6, 7};
    assert_close(c.result, want, 4, 1e-6, 0);
    /* Changing head 2's keys leaves head 1 alone, to the bit. */
    float before[2] = {c.result[0], c.result[1]};
    const float k2[] = {1, 0, 0, 1, -3, 5, 2, 2};
    prepare(&c, q, 1, k2, v, 2, 2, 2, 2);
    c.d.scale = 1;
    go(&c);
    assert_same_bits(c.result, before, 2);
}

/* Four vectors a1..a4, by dot product and by the additive form, softmax and ReLU. */
static void four_vectors(void **state)
{
    (void)state;
    const float a[] = {1, 0, 0, 2, 1, 1, -1, 1}, w[] = {1, -0.5f};
    call c;
    prepare(&c, a, 4, a, a, 4, 1, 2, 2);
    c.d.scale = 1;
    c.d.normalise = ATT_NORM_RELU;
    go(&c);
    const float relu[] = {1, 0, 1, 0};
    assert_close(c.weights, relu, 4, 0, 0);
    const float b1[] = {2, 1};
    assert_close(c.result, b1, 2, 0, 0);
    c.d.normalise = ATT_NORM_SOFTMAX;
    go(&c);
    double z = 2 * exp(1) + 1 + exp(-1), sum = 0;
    const float soft[] = {(float)(exp(1) / z), (float)(1 / z), (float)(exp(1) / z),
                          (float)(exp(-1) / z)};
    assert_close(c.weights, soft, 4, 1e-7, 0);
    att_tensor tw;
    int64_t two = 2;
    assert_ok(att_tensor_view(&tw, (void *)(uintptr_t)w, ATT_F32, 1, &two));
    c.a.score_w = &tw;
    c.d.score = ATT_SCORE_ADDITIVE;
    go(&c);
    double e[4];
    for (int s = 0; s < 4; s++) {
        e[s] =
            tanh((double)(a[0] + a[2 * s])) - 0.5 * tanh((double)(a[1] + a[2 * s + 1]));
        sum += exp(e[s]);
    }
    for (int s = 0; s < 4; s++)
        assert_true(fabs((double)c.weights[s] - exp(e[s]) / sum) < 1e-6);
}

/* A library: query about animation against the spines of three books. */
static void the_library(void **state)
{
    (void)state;
    const float q[] = {2, 1.5f, -1}, k[] = {2, 2, 0, 1.5f, 2, -0.5f, -1, 0, 3};
    const float v[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    call c;
    prepare(&c, q, 1, k, v, 3, 1, 3, 3);
    go(&c);
    assert_true(c.weights[0] > 0.4f && c.weights[1] > 0.4f && c.weights[2] < 0.02f);
}

/* "I saw a saw": window of one, two layers reach twice as far. */
static void two_layers_of_windows(void **state)
{
    (void)state;
    float x[5] = {0, 0, 0, 0, 1};
    call c;
    for (int layer = 1; layer <= 3; layer++) {
        const float zero[5] = {0};
        prepare(&c, zero, 5, zero, x, 5, 1, 1, 1);
        c.d.left = c.d.right = 1;
        go(&c);
        for (int t = 0; t < 5; t++)
            assert_int_equal(c.result[t] != 0.0f, t >= 4 - layer);
        memcpy(x, c.result, sizeof x);
    }
}

/* Self-attention equal to a 3 x 3 convolution (Cordonnier, Loukas and Jaggi 2020): nine
 * heads, each made to look at one shift by a bias of relative positions; the values of head i
 * are the pixels times the kernel's i-th weight. */
static void equals_a_convolution(void **state)
{
    (void)state;
    enum { W = 6, N = W * W, HEADS = 9 };
    float image[N], kernel[HEADS], want[N], got[N] = {0};
    float *bias = calloc(HEADS * N * N, sizeof *bias),
          *zero = calloc(HEADS * N, sizeof *zero);
    float *v = calloc(HEADS * N, sizeof *v), *out = calloc(HEADS * N, sizeof *out);
    support_fill(image, N, 1, -1, 1);
    support_fill(kernel, HEADS, 2, -1, 1);
    for (int h = 0; h < HEADS; h++)
        for (int t = 0; t < N; t++) {
            int y = t / W + h / 3 - 1, x = t % W + h % 3 - 1;
            v[h * N + t] = kernel[h] * image[t];
            for (int s = 0; s < N; s++) bias[(h * N + t) * N + s] = -INFINITY;
            /* Off the image: a row that sees nothing gives 0, which is zero padding. */
            if (y >= 0 && y < W && x >= 0 && x < W)
                bias[(h * N + t) * N + y * W + x] = 0;
        }
    for (int t = 0; t < N; t++) {
        want[t] = 0;
        for (int h = 0; h < HEADS; h++) {
            int y = t / W + h / 3 - 1, x = t % W + h % 3 - 1;
            if (y >= 0 && y < W && x >= 0 && x < W)
                want[t] += kernel[h] * image[y * W + x];
        }
    }
    att_tensor q, tv, o, b;
    int64_t rows[4] = {1, HEADS, N, 1}, square[4] = {1, HEADS, N, N};
    assert_ok(att_tensor_view(&q, zero, ATT_F32, 4, rows));
    assert_ok(att_tensor_view(&tv, v, ATT_F32, 4, rows));
    assert_ok(att_tensor_view(&o, out, ATT_F32, 4, rows));
    assert_ok(att_tensor_view(&b, bias, ATT_F32, 4, square));
    att_attention_desc d;
    att_attention_args a;
    att_attention_desc_init(&d);
    att_attention_args_init(&a);
    a.q = a.k = &q;
    a.v = &tv;
    a.out = &o;
    a.bias = &b;
    assert_ok(att_attention_forward(&d, &a));
    for (int h = 0; h < HEADS; h++)
        for (int t = 0; t < N; t++) got[t] += out[h * N + t]; /* W_O = ones */
    assert_close(got, want, N, 1e-6, 0);
    free(bias);
    free(zero);
    free(v);
    free(out);
}

/* Huge logits, infinities and subnormals. */
static void hard_arithmetic(void **state)
{
    (void)state;
    const float q[] = {1, 1}, v[] = {1, 2, 3};
    const float huge[] = {1e4f, 0, 1e4f, 0, 9.9e3f, 0};
    call c;
    for (int norm = 0; norm <= ATT_NORM_SPARSEMAX; norm++) {
        prepare(&c, q, 1, huge, v, 3, 1, 2, 1);
        c.d.scale = 1;
        c.d.normalise = norm;
        go(&c);
        assert_true(isfinite(c.result[0]));
        if (norm == ATT_NORM_SOFTMAX || norm == ATT_NORM_SPARSEMAX)
            assert_true(fabsf(c.result[0] - 1.5f) < 1e-6f);
    }
    const float tiny[] = {1e-40f, 0, 2e-40f, 0, 0, 0};
    prepare(&c, q, 1, tiny, v, 3, 1, 2, 1);
    go(&c);
    assert_true(fabsf(c.result[0] - 2) < 1e-6f);
    const float minus[] = {-INFINITY, 0, 0, 0, 0, 0};
    prepare(&c, q, 1, minus, v, 3, 1, 2, 1);
    go(&c);
    assert_true(c.weights[0] == 0.0f && fabsf(c.result[0] - 2.5f) < 1e-6f);
    const float all[] = {-INFINITY, 0, -INFINITY, 0, -INFINITY, 0};
    prepare(&c, q, 1, all, v, 3, 1, 2, 1);
    go(&c);
    assert_true(c.result[0] == 0.0f && c.sums[0] == -INFINITY);
    /* A NaN is seen in its row and in no other. */
    const float q2[] = {1, 1, NAN, 1, 2, 1}, k[] = {1, 0, 0, 1, 1, 1};
    prepare(&c, q2, 3, k, v, 3, 1, 2, 1);
    go(&c);
    assert_true(isfinite(c.result[0]) && isnan(c.result[1]) && isfinite(c.result[2]));
}

/* Kept weights: their rate, the factor, the same mask at the same seed, another at another. */
static void dropout_rate(void **state)
{
    (void)state;
    enum { T = 64, S = 256 };
    float *zero = calloc(S, sizeof *zero), *v = calloc(S * S, sizeof *v);
    float *out = calloc(3 * T * S, sizeof *out);
    for (int s = 0; s < S; s++) v[s * S + s] = (float)S; /* out[t,s] = 256 alpha[t,s] */
    call c;
    for (int i = 0; i < 3; i++) {
        prepare(&c, zero, T, zero, v, S, 1, 1, S);
        c.d.dropout = 0.3f;
        c.d.seed = i == 2 ? 8 : 7;
        c.out.data = out + i * T * S;
        assert_ok(att_attention_forward(&c.d, &c.a));
    }
    int64_t kept = 0, differ = 0;
    for (int i = 0; i < T * S; i++) {
        kept += out[i] != 0;
        if (out[i] != 0) assert_true(fabsf(out[i] - 1 / 0.7f) < 1e-5f);
        differ += (out[i] != 0) != (out[2 * T * S + i] != 0);
    }
    /* 16,384 draws: one standard deviation is 59; five of them. */
    assert_true(llabs(kept - (int64_t)(0.7 * T * S)) < 295);
    assert_true(llabs(differ - (int64_t)(0.42 * T * S)) < 320);
    assert_same_bits(out, out + T * S, T * S);
    free(zero);
    free(v);
    free(out);
}

/* Draws follow softmax(e), and REINFORCE's mean is the gradient of the expected reward. */
static void reinforce_expectation(void **state)
{
    (void)state;
    enum { N = 20000, S = 3 };
    const float logits[S] = {0.5f, -0.3f, 0.1f}, reward[S] = {1, 3, -2};
    float q[1] = {1}, dout[1] = {0}, dq[1], picked_logp[1], adv[1];
    int32_t picked[1];
    double p[S], z = 0, mean = 0, expected = 0, want = 0, got = 0;
    for (int s = 0; s < S; s++) z += exp((double)logits[s]);
    for (int s = 0; s < S; s++) p[s] = exp((double)logits[s]) / z;
    for (int s = 0; s < S; s++) expected += p[s] * (double)reward[s];
    for (int s = 0; s < S; s++) mean += p[s] * (double)logits[s];
    /* d/dq E[R] with e = q * logits: sum p (R - E R) logits. */
    for (int s = 0; s < S; s++)
        want += p[s] * ((double)reward[s] - expected) * (double)logits[s];
    int64_t count[S] = {0}, one[3] = {1, 1, 1};
    call c;
    att_tensor tp, tl, ta, tdo, tdq;
    prepare(&c, q, 1, logits, reward, S, 1, 1, 1);
    assert_ok(att_tensor_view(&tp, picked, ATT_I32, 3, one));
    assert_ok(att_tensor_view(&tl, picked_logp, ATT_F32, 3, one));
    assert_ok(att_tensor_view(&ta, adv, ATT_F32, 3, one));
    set(&tdo, dout, 1, 1, 1);
    set(&tdq, dq, 1, 1, 1);
    c.d.scale = 1;
    c.d.normalise = ATT_NORM_HARD_SAMPLE;
    c.d.reinforce = 1;
    c.a.picked = &tp;
    c.a.picked_logp = &tl;
    c.a.advantage = &ta;
    att_attention_grads g;
    att_attention_grads_init(&g);
    g.dout = &tdo;
    g.dq = &tdq;
    for (int i = 0; i < N; i++) {
        c.d.seed = (uint64_t)i;
        assert_ok(att_attention_forward(&c.d, &c.a));
        assert_in_range(picked[0], 0, S - 1);
        assert_true(c.result[0] == reward[picked[0]]);
        assert_true(fabs((double)picked_logp[0] - log(p[picked[0]])) < 1e-5);
        count[picked[0]]++;
        adv[0] = reward[picked[0]];
        assert_ok(att_attention_backward(&c.d, &c.a, &g));
        /* One draw: advantage * (logit of what was picked - mean logit). */
        assert_true(fabs((double)dq[0] -
                         (double)adv[0] * ((double)logits[picked[0]] - mean)) < 1e-5);
        got += (double)dq[0] / N;
    }
    /* Five standard deviations: sqrt(p (1-p) N) is at most 71; the gradient of one draw
     * has deviation below 1, so its mean 0.0071. */
    for (int s = 0; s < S; s++) assert_true(fabs((double)count[s] - p[s] * N) < 355);
    assert_true(fabs(got - want) < 0.036);
}

/* The straight-through gradient is that of softmax with the same dout, and dv is that of
 * what was picked. */
static void straight_through(void **state)
{
    (void)state;
    kase k = {"straight-through",
              .norm = ATT_NORM_HARD_ARGMAX,
              .b = 2,
              .h = 2,
              .t = 4,
              .s = 5,
              .d = 4};
    attn_case hard, soft;
    case_make(&hard, &k, ATT_F64);
    k.norm = ATT_NORM_SOFTMAX;
    case_make(&soft, &k, ATT_F64);
    attn_case *both[] = {&hard, &soft};
    for (int i = 0; i < 2; i++) {
        assert_ok(att_attention_forward(&both[i]->desc, &both[i]->args));
        assert_ok(
            att_attention_backward(&both[i]->desc, &both[i]->args, &both[i]->grads));
    }
    for (int o = Q; o <= K; o++)
        for (int64_t i = 0; i < case_count(&hard.d[o]); i++)
            assert_true(fabs(case_get(&hard.d[o], i) - case_get(&soft.d[o], i)) <
                        1e-12);
    /* out is one of the values. */
    for (int64_t r = 0; r < 2 * 2 * 4; r++) {
        int found = 0;
        for (int64_t s = 0; s < 5; s++)
            found += case_get(&hard.t[OUT], r * 4) ==
                     case_get(&hard.t[V], (r / 4 * 5 + s) * 4);
        assert_int_equal(found, 1);
    }
    case_free(&hard);
    case_free(&soft);
}

/* A sequence's bits do not depend on who else is in the batch. */
static void neighbours_do_not_matter(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        kase k = members[m];
        if (k.layout != RAGGED) continue;
        attn_case all, one;
        case_make(&all, &k, ATT_F32);
        assert_ok(att_attention_forward(&all.desc, &all.args));
        assert_ok(att_attention_backward(&all.desc, &all.args, &all.grads));
        /* Sequence 3 alone, as a batch of one: the same rows, shifted. */
        case_make(&one, &k, ATT_F32);
        int32_t q0 = all.q_off[3], k0 = all.k_off[3], qo[2] = {0, all.q_off[4] - q0};
        int32_t ko[2] = {0, all.k_off[4] - k0};
        int64_t two = 2;
        att_tensor to[2];
        assert_ok(att_tensor_view(&to[0], qo, ATT_I32, 1, &two));
        assert_ok(att_tensor_view(&to[1], ko, ATT_I32, 1, &two));
        one.args.q_offsets = &to[0];
        one.args.k_offsets = &to[1];
        const int queries[] = {Q, OUT, LSE, DOUT}, keys[] = {K, V};
        for (int i = 0; i < 4; i++) {
            att_tensor *t = &one.t[queries[i]];
            t->data = (float *)t->data + q0 * t->stride[0];
            t->shape[0] = qo[1];
        }
        for (int i = 0; i < 2; i++) {
            att_tensor *t = &one.t[keys[i]];
            t->data = (float *)t->data + k0 * t->stride[0];
            t->shape[0] = ko[1];
        }
        one.d[Q].shape[0] = qo[1];
        one.d[K].shape[0] = one.d[V].shape[0] = ko[1];
        if (k.bias || k.dropout > 0) { /* keyed by the batch's own T, S and rows */
            case_free(&all);
            case_free(&one);
            continue;
        }
        assert_ok(att_attention_forward(&one.desc, &one.args));
        assert_ok(att_attention_backward(&one.desc, &one.args, &one.grads));
        for (int64_t r = 0; r < qo[1] * k.h * k.d; r++) {
            assert_true(case_get(&one.t[OUT], r) ==
                        case_get(&all.t[OUT], q0 * k.h * k.d + r));
            assert_true(case_get(&one.d[Q], r) ==
                        case_get(&all.d[Q], q0 * k.h * k.d + r));
        }
        for (int64_t r = 0; r < ko[1] * k.h * k.d; r++)
            assert_true(case_get(&one.d[K], r) ==
                        case_get(&all.d[K], k0 * k.h * k.d + r));
        case_free(&all);
        case_free(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_of_x_xt_x),
        cmocka_unit_test(student_am),
        cmocka_unit_test(two_heads),
        cmocka_unit_test(four_vectors),
        cmocka_unit_test(the_library),
        cmocka_unit_test(two_layers_of_windows),
        cmocka_unit_test(equals_a_convolution),
        cmocka_unit_test(hard_arithmetic),
        cmocka_unit_test(dropout_rate),
        cmocka_unit_test(reinforce_expectation),
        cmocka_unit_test(straight_through),
        cmocka_unit_test(neighbours_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
