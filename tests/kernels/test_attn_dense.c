/* test_attn_dense.c - the dense attention kernels of every instruction set against plain
 * loops in double, forward and all three gradients; and the softmax's own 2^x.
 *
 * Tolerance. A score is a sum of d products: |error| <= (d + 3) u sum|q k| scale, u = 2^-24;
 * with q, k in [-1, 1] and scale 1/sqrt(d) that is below sqrt(d) (d + 3) u <= 2.5e-4 at
 * d = 256 in the worst case and, because roundings are random, about 30 times less in
 * practice. A weight has that as its relative error, plus 1.8 ulp for 2^x. Outputs and
 * gradients are sums of weights times values of size 1 to sqrt(d): TOL below, relative to the
 * largest value of the row's kind, is about three times what was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"

#define TOL   4e-6
#define GUARD 7.5e33f

typedef struct kase {
    int64_t n_q, n_k, d, e;
    int64_t left, right, sinks;
    float softcap, post, alibi, sink, dropout;
    int bias; /* 0 none, 1 full, 2 one row for all, 3 with -Inf */
} kase;

/* A buffer of rows ld apart with guards between the rows and at both ends. */
typedef struct mat {
    float *base, *x;
    int64_t rows, cols, ld;
} mat;

static mat mat_new(int64_t rows, int64_t cols, int64_t pad, atti_rng *r)
{
    mat m = {0, 0, rows, cols, cols + pad};
    size_t n = (size_t)(rows * m.ld + 64);
    m.base = malloc(n * sizeof(float));
    assert_non_null(m.base);
    for (size_t i = 0; i < n; i++) m.base[i] = GUARD;
    m.x = m.base + 32;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            m.x[i * m.ld + j] = r ? (float)(2 * atti_rng_unit(r) - 1) : NAN;
    return m;
}

static void mat_check_guards(const mat *m)
{
    int64_t n = m->rows * m->ld + 64;
    for (int64_t i = -32; i < n - 32; i++) {
        int inside = i >= 0 && i < m->rows * m->ld && i % m->ld < m->cols;
        if (!inside && m->x[i] != GUARD)
            fail_msg("guard at %lld written", (long long)i);
    }
}

typedef struct prob {
    mat q, k, v, bias, out, dout, lse, dq, dk, dv;
    double *o, *l, *gq, *gk, *gv; /* the reference's */
    atti_attn_problem p;
} prob;

static int sees(const kase *c, int64_t t, int64_t s)
{
    int64_t p = t + c->n_k - c->n_q;
    if (c->right >= 0 && s > p + c->right) return 0;
    return c->left < 0 || s >= p - c->left || s < c->sinks;
}

static double mask_of(const atti_attn_problem *p, int64_t t, int64_t s)
{
    if (!p->drop.threshold) return 1;
    uint32_t key =
        atti_drop_rowkey(p->drop.key, p->drop_row0 + (uint64_t)t * p->drop_step);
    return atti_drop_bits(key, (uint32_t)s) >= p->drop.threshold ? p->drop.scale : 0;
}

/* Scores, weights, output and gradients of one row after the other, in double. */
static void reference(prob *w, const kase *c)
{
    atti_attn_problem *p = &w->p;
    double *e = malloc((size_t)(c->n_k + 1) * sizeof(double)),
           *cap = malloc((size_t)(c->n_k + 1) * sizeof(double));
    for (int64_t t = 0; t < c->n_q; t++) {
        double m = p->sink_logit > -INFINITY ? p->sink_logit * p->post : -INFINITY,
               z = 0;
        for (int64_t s = 0; s < c->n_k; s++) {
            double x = 0;
            for (int64_t i = 0; i < c->d; i++)
                x += (double)w->q.x[t * w->q.ld + i] * w->k.x[s * w->k.ld + i];
            x *= p->scale;
            cap[s] = 1;
            if (c->softcap > 0) {
                double th = tanh(x / c->softcap);
                cap[s] = 1 - th * th;
                x = c->softcap * th;
            }
            x -= c->alibi * fabs((double)(t + c->n_k - c->n_q - s));
            if (c->bias) x += p->bias[t * p->ld_bias + s];
            x *= p->post;
            e[s] = sees(c, t, s) ? x : -INFINITY;
            if (e[s] > m) m = e[s];
        }
        if (p->sink_logit > -INFINITY) z = exp(p->sink_logit * p->post - m);
        for (int64_t s = 0; s < c->n_k; s++)
            if (e[s] > -INFINITY) z += exp(e[s] - m);
        w->l[t] = z > 0 ? m + log(z) : -INFINITY;
        double delta = 0;
        for (int64_t s = 0; s < c->n_k; s++) {
            if (e[s] == -INFINITY) continue;
            double a = exp(e[s] - w->l[t]), kp = mask_of(p, t, s), dp = 0;
            for (int64_t i = 0; i < c->e; i++) {
                double g = w->dout.x[t * w->dout.ld + i];
                w->o[t * c->e + i] += a * kp * w->v.x[s * w->v.ld + i];
                w->gv[s * c->e + i] += a * kp * g;
                dp += g * w->v.x[s * w->v.ld + i];
            }
            delta += a * kp * dp;
        }
        for (int64_t s = 0; s < c->n_k; s++) {
            if (e[s] == -INFINITY) continue;
            double a = exp(e[s] - w->l[t]), kp = mask_of(p, t, s), dp = 0;
            for (int64_t i = 0; i < c->e; i++)
                dp += (double)w->dout.x[t * w->dout.ld + i] * w->v.x[s * w->v.ld + i];
            double ds = a * (dp * kp - delta) * p->post * p->scale * cap[s];
            for (int64_t i = 0; i < c->d; i++) {
                w->gq[t * c->d + i] += ds * w->k.x[s * w->k.ld + i];
                w->gk[s * c->d + i] += ds * w->q.x[t * w->q.ld + i];
            }
        }
    }
    free(e);
    free(cap);
}

static prob *prob_new(const kase *c, uint64_t seed)
{
    prob *w = calloc(1, sizeof *w);
    atti_rng r = {seed, 0};
    w->q = mat_new(c->n_q, c->d, 3, &r);
    w->k = mat_new(c->n_k, c->d, 1, &r);
    w->v = mat_new(c->n_k, c->e, 5, &r);
    w->bias = mat_new(c->bias == 2 ? 1 : c->n_q, c->n_k, 2, &r);
    w->out = mat_new(c->n_q, c->e, 1, NULL);
    w->dout = mat_new(c->n_q, c->e, 0, &r);
    w->lse = mat_new(c->n_q, 1, 2, NULL);
    w->dq = mat_new(c->n_q, c->d, 0, NULL);
    w->dk = mat_new(c->n_k, c->d, 4, NULL);
    w->dv = mat_new(c->n_k, c->e, 0, NULL);
    if (c->bias == 3)
        for (int64_t i = 0; i < c->n_q; i++)
            for (int64_t j = 0; j < c->n_k; j++)
                if ((i * 7 + j * 3) % 5 == 0 || i == 2)
                    w->bias.x[i * w->bias.ld + j] = -INFINITY;
    w->o = calloc((size_t)(c->n_q * c->e + 1), sizeof(double));
    w->l = calloc((size_t)(c->n_q + 1), sizeof(double));
    w->gq = calloc((size_t)(c->n_q * c->d + 1), sizeof(double));
    w->gk = calloc((size_t)(c->n_k * c->d + 1), sizeof(double));
    w->gv = calloc((size_t)(c->n_k * c->e + 1), sizeof(double));
    w->p = (atti_attn_problem){.q = w->q.x,
                               .k = w->k.x,
                               .v = w->v.x,
                               .ld_q = w->q.ld,
                               .ld_k = w->k.ld,
                               .ld_v = w->v.ld,
                               .n_q = c->n_q,
                               .n_k = c->n_k,
                               .d = c->d,
                               .e = c->e,
                               .scale = 3.0f / sqrtf((float)c->d),
                               .softcap = c->softcap,
                               .post = c->post != 0 ? c->post : 1.0f,
                               .left = c->left,
                               .right = c->right,
                               .sinks = c->sinks,
                               .alibi = c->alibi,
                               .bias = c->bias ? w->bias.x : NULL,
                               .ld_bias = c->bias == 2 ? 0 : w->bias.ld,
                               .sink_logit = c->sink != 0 ? c->sink : -INFINITY,
                               .drop = atti_drop_make(c->dropout, 1234),
                               .drop_row0 = 77,
                               .drop_step = 3};
    reference(w, c);
    return w;
}

static void prob_free(prob *w)
{
    mat *all[] = {&w->q,    &w->k,   &w->v,  &w->bias, &w->out,
                  &w->dout, &w->lse, &w->dq, &w->dk,   &w->dv};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->base);
    free(w->o), free(w->l), free(w->gq), free(w->gk), free(w->gv);
    free(w);
}

static void compare(const char *what, const char *isa, const kase *c, const mat *m,
                    const double *ref, double base)
{
    double big = 1, worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < m->rows * m->cols; i++)
        if (isfinite(ref[i])) big = fmax(big, fabs(ref[i]));
    for (int64_t i = 0; i < m->rows * m->cols; i++) {
        double x = m->x[i / m->cols * m->ld + i % m->cols], d = fabs(x - base - ref[i]);
        if (ref[i] == -INFINITY && x == -INFINITY) continue;
        if (!(d <= worst)) worst = d, at = i;
    }
    mat_check_guards(m);
    if (!(worst <= TOL * big))
        fail_msg(
            "%s %s T %lld S %lld D %lld E %lld left %lld right %lld sinks %lld: at %lld got %g want %g (largest %g)",
            isa, what, (long long)c->n_q, (long long)c->n_k, (long long)c->d,
            (long long)c->e, (long long)c->left, (long long)c->right,
            (long long)c->sinks, (long long)at,
            (double)m->x[at / m->cols * m->ld + at % m->cols] - base, ref[at], big);
}

static void refill(mat *m, float x)
{
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->cols; j++) m->x[i * m->ld + j] = x;
}

static void run_case(const kase *c, const atti_attn_kernels *k, prob *w)
{
    int64_t tile = k->tile(c->n_q), tiles = (c->n_q + tile - 1) / tile;
    size_t fs = k->scratch(c->d, c->e, c->n_k, 0),
           bs = k->scratch(c->d, c->e, c->n_k, 1);
    size_t bytes = (fs > bs ? fs : bs) + 64;
    char *scratch = aligned_alloc(64, bytes);
    memset(scratch, 0xff, bytes); /* NaN: nothing may be read before it is written */
    refill(&w->out, NAN);
    refill(&w->lse, NAN);
    scratch[fs] = 0x55;
    /* From the last tile to the first, one call each: calls do not depend on each other. */
    for (int64_t i = tiles - 1; i >= 0; i--)
        k->fwd_f32(&w->p, w->out.x, w->out.ld, w->lse.x, w->lse.ld, i, i + 1, scratch);
    assert_int_equal(scratch[fs], 0x55);
    compare("out", k->isa, c, &w->out, w->o, 0);
    compare("lse", k->isa, c, &w->lse, w->l, 0);

    atti_attn_grads g = {.out = w->out.x,
                         .dout = w->dout.x,
                         .lse = w->lse.x,
                         .ld_o = w->out.ld,
                         .ld_do = w->dout.ld,
                         .ld_lse = w->lse.ld,
                         .dq = w->dq.x,
                         .dk = w->dk.x,
                         .dv = w->dv.x,
                         .ld_dq = w->dq.ld,
                         .ld_dk = w->dk.ld,
                         .ld_dv = w->dv.ld};
    for (int mode = 0; mode < 3; mode++) {
        float base = mode == 1 ? 0.5f : 0.0f;
        memset(scratch, 0xff, bytes);
        scratch[bs] = 0x55;
        refill(&w->dq, mode == 1 ? base : NAN);
        refill(&w->dk, mode == 1 ? base : NAN);
        refill(&w->dv, mode == 1 ? base : NAN);
        g.add_dq = g.add_dkv = mode == 1;
        if (mode < 2) {
            k->bwd_f32(&w->p, &g, 0, tiles, 0, c->n_k, scratch);
        } else { /* cut into keys and tiles */
            int64_t cut = (c->n_k / 2 + 63) / 64 * 64, mid = tiles / 2;
            if (cut > c->n_k) cut = c->n_k;
            for (int b = 0; b < 2; b++)
                for (int a = 0; a < 2; a++) {
                    int64_t k0 = b ? cut : 0, k1 = b ? c->n_k : cut;
                    g.add_dq = b > 0;
                    g.add_dkv = a > 0;
                    k->bwd_f32(&w->p, &g, a ? mid : 0, a ? tiles : mid, k0, k1,
                               scratch);
                }
        }
        assert_int_equal(scratch[bs], 0x55);
        compare("dq", k->isa, c, &w->dq, w->gq, base);
        compare("dk", k->isa, c, &w->dk, w->gk, base);
        compare("dv", k->isa, c, &w->dv, w->gv, base);
    }
    free(scratch);
}

static void run_all(const kase *c, uint64_t seed)
{
    prob *w = prob_new(c, seed);
    for (int i = 0; atti_kernel_set(i); i++)
        if (atti_kernel_set(i)->attn) run_case(c, atti_kernel_set(i)->attn, w);
    prob_free(w);
}

static void sizes(void **state)
{
    (void)state;
    static const int64_t n[] = {0,  1,  2,  7,  8,  9,  13,  15, 16,
                                17, 32, 35, 63, 64, 65, 100, 131};
    const int count = (int)(sizeof n / sizeof *n);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            kase c = {
                .n_q = n[i], .n_k = n[j], .d = 8, .e = 16, .left = -1, .right = -1};
            run_all(&c, (uint64_t)(i * 100 + j));
            c.right = 0; /* causal, also with more queries than keys */
            run_all(&c, (uint64_t)(i * 100 + j));
        }
}

static void widths(void **state)
{
    (void)state;
    static const int64_t n[] = {1,  2,  3,  7,  8,  15,  16,  17,  31,  32,
                                33, 40, 48, 64, 80, 100, 128, 200, 255, 256};
    const int count = (int)(sizeof n / sizeof *n);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j += i % 3 + 1) {
            kase c = {.n_q = 37,
                      .n_k = 50,
                      .d = n[i],
                      .e = n[j],
                      .left = -1,
                      .right = i % 2 ? 0 : -1};
            run_all(&c, (uint64_t)(i * 100 + j));
        }
}

static void masks(void **state)
{
    (void)state;
    static const int64_t side[] = {-1, 0, 1, 5, 16, 70, 200};
    static const int64_t shape[][2] = {
        {150, 150}, {64, 300}, {300, 64}, {1, 200}, {130, 131}};
    for (int s = 0; s < 5; s++)
        for (int l = 0; l < 7; l++)
            for (int r = 0; r < 7; r++)
                for (int k = (l + r) % 2; k < 3; k += 2) {
                    kase c = {.n_q = shape[s][0],
                              .n_k = shape[s][1],
                              .d = 16,
                              .e = 24,
                              .left = side[l],
                              .right = side[r],
                              .sinks = k == 0   ? 0
                                       : k == 1 ? 3
                                                : 90};
                    run_all(&c, (uint64_t)(s * 1000 + l * 100 + r * 10 + k));
                }
}

static void members(void **state)
{
    (void)state;
    static const int64_t shape[][2] = {{13, 13}, {70, 140}, {128, 64}};
    for (int s = 0; s < 3; s++)
        for (int m = 0; m < 96; m++) {
            kase c = {.n_q = shape[s][0],
                      .n_k = shape[s][1],
                      .d = 20,
                      .e = 32,
                      .left = -1,
                      .right = m & 1 ? 0 : -1,
                      .softcap = m & 2 ? 1.5f : 0.0f,
                      .alibi = m & 4 ? 0.0625f : 0.0f,
                      .sink = m & 8 ? 0.7f : 0.0f,
                      .dropout = m & 16 ? 0.3f : 0.0f,
                      .post = m & 2 ? 0.5f : 1.0f,
                      .bias = m / 32 ? m / 32 + (m & 1) : 0};
            run_all(&c, (uint64_t)(s * 100 + m));
        }
}

/* Scores of 1e4 and rising from chunk to chunk: the reference point must follow. */
static void huge_scores(void **state)
{
    (void)state;
    kase c = {
        .n_q = 40, .n_k = 200, .d = 4, .e = 8, .left = -1, .right = -1, .bias = 1};
    prob *w = prob_new(&c, 5);
    for (int64_t i = 0; i < c.n_q; i++)
        for (int64_t j = 0; j < c.n_k; j++)
            w->bias.x[i * w->bias.ld + j] = (float)(i % 3 - 1) * 64.0f * (float)j;
    memset(w->o, 0, (size_t)(c.n_q * c.e) * sizeof(double));
    memset(w->gq, 0, (size_t)(c.n_q * c.d) * sizeof(double));
    memset(w->gk, 0, (size_t)(c.n_k * c.d) * sizeof(double));
    memset(w->gv, 0, (size_t)(c.n_k * c.e) * sizeof(double));
    reference(w, &c);
    for (int i = 0; atti_kernel_set(i); i++) {
        const atti_attn_kernels *k = atti_kernel_set(i)->attn;
        if (!k) continue;
        int64_t tile = k->tile(c.n_q);
        void *scratch = aligned_alloc(64, k->scratch(c.d, c.e, c.n_k, 0));
        k->fwd_f32(&w->p, w->out.x, w->out.ld, w->lse.x, w->lse.ld, 0,
                   (c.n_q + tile - 1) / tile, scratch);
        free(scratch);
        /* A score of 12,800 has an ulp of 1e-3, and a weight that much relative error: only
         * rows whose weights are 0 or 1, or whose scores are small, stay within TOL. */
        compare("out", k->isa, &c, &w->out, w->o, 0);
    }
    prob_free(w);
}

static double ulp_error(float x, float y)
{
    double want = exp2((double)x);
    int ex;
    frexp(want, &ex);
    return fabs((double)y - want) / ldexp(1.0, ex - 24);
}

/* Every float (ATTEND_LONG=1), or one of 997, of [-126, 126]: at most 1.8 ulp. */
static void exp2_error(void **state)
{
    (void)state;
    const char *lng = getenv("ATTEND_LONG");
    uint32_t step = lng && *lng == '1' ? 1 : 997;
    enum { N = 4096 };
    static float x[N], y[N];
    for (int i = 0; atti_kernel_set(i); i++) {
        const atti_attn_kernels *k = atti_kernel_set(i)->attn;
        if (!k) continue;
        double worst = 0;
        float at = 0;
        for (int neg = 0; neg < 2; neg++)
            for (uint64_t b = 0; b < 0x42fc0000U;) { /* 126.0 */
                int n = 0;
                for (; n < N && b < 0x42fc0000U; n++, b += step) {
                    uint32_t bits = (uint32_t)b | (neg ? 0x80000000U : 0);
                    memcpy(&x[n], &bits, 4);
                }
                k->exp2(y, x, n);
                for (int j = 0; j < n; j++) {
                    double e = ulp_error(x[j], y[j]);
                    if (!(e <= worst)) worst = e, at = x[j];
                }
            }
        print_message("%s: 2^x within %.3f ulp (worst at %a)\n", k->isa, worst,
                      (double)at);
        assert_true(worst <= 1.8);
        float in[6] = {NAN, -INFINITY, -1e30f, -200.0f, 0.0f, 1.0f}, out[6];
        k->exp2(out, in, 6);
        assert_true(isnan(out[0]));
        for (int j = 1; j < 4; j++) assert_true(out[j] >= 0 && out[j] <= 1.2e-38f);
    }
}

/* The additive score's tanh from exponentials made once a row: over sums q + k from -36 to
 * 36 (a thousandth apart; ATTEND_LONG=1 a hundred-thousandth), for queries across the range
 * that takes this form, at most 4e-7. */
static void additive_tanh_error(void **state)
{
    (void)state;
    const char *lng = getenv("ATTEND_LONG");
    double step = lng && *lng == '1' ? 1e-5 : 1e-3;
    static const float queries[] = {-12.0f, -7.3f, -1.0f, -0.011f, 0.0f,
                                    0.4f,   3.3f,  9.99f, 12.0f};
    enum { N = 4096 };
    static float k[N], twice[N], ek[N], e[N];
    for (int i = 0; atti_kernel_set(i); i++) {
        if (!atti_kernel_set(i)->attn) continue;
        const atti_attn_row_kernels *rows = atti_kernel_set(i)->attn->rows;
        double worst = 0, at = 0;
        for (size_t j = 0; j < sizeof queries / sizeof *queries; j++) {
            float q2 = 2 * queries[j], eq, w = 1.0f;
            (void)rows->exp_sum(&eq, &q2, 0.0f, 1);
            for (double x = -24; x < 24;) {
                int n = 0;
                for (; n < N && x < 24; n++, x += step) {
                    k[n] = (float)x;
                    twice[n] = 2 * k[n];
                }
                (void)rows->exp_sum(ek, twice, 0.0f, n);
                rows->add_exp(e, &w, &eq, ek, 1, n, 1);
                for (int l = 0; l < n; l++) {
                    double sum = (double)queries[j] + (double)k[l];
                    double off = fabs((double)e[l] - tanh(sum));
                    if (!(off <= worst)) worst = off, at = sum;
                }
            }
        }
        print_message("%s: additive tanh within %.3g (worst at %g)\n",
                      atti_kernel_set(i)->isa, worst, at);
        assert_true(worst < 4e-7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(widths),
        cmocka_unit_test(masks),
        cmocka_unit_test(members),
        cmocka_unit_test(huge_scores),
        cmocka_unit_test(exp2_error),
        cmocka_unit_test(additive_tanh_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
