/* ref_rows.c - sums over rows, scaling, products, gated units, embedding, Adam, and
 * half-width numbers. */
#include "kernels/half.h"
#include "kernels/ref/ref.h"
#include <math.h>
#include <stddef.h>

void atti_ref_col_sum(float *out, const float *x, int64_t rows, int64_t cols,
                      int64_t ld)
{
    for (int64_t c = 0; c < cols; c++) {
        double s = (double)out[c];
        for (int64_t r = 0; r < rows; r++) s += (double)x[r * ld + c];
        out[c] = (float)s;
    }
}

void atti_ref_scale(float *y, const float *x, float a, int accumulate, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double v = (double)x[i] * (double)a;
        y[i] = (float)(accumulate ? v + (double)y[i] : v);
    }
}

void atti_ref_mul(float *y, const float *a, const float *b, int accumulate, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double v = (double)a[i] * (double)b[i];
        y[i] = (float)(accumulate ? v + (double)y[i] : v);
    }
}

void atti_ref_glu(float *y, const float *g, const float *u, atti_act act, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = (float)(atti_ref_act(act, (double)g[i]) * (double)u[i]);
    }
}

void atti_ref_glu_bwd(float *dg, float *du, const float *dy, const float *g,
                      const float *u, atti_act act, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double d = (double)dy[i], z = (double)g[i], up = (double)u[i];
        dg[i] = (float)(d * up * atti_ref_act_slope(act, z));
        du[i] = (float)(d * atti_ref_act(act, z));
    }
}

void atti_ref_embed(float *y, const float *table, const int32_t *ids, float scale,
                    const float *pos, const int32_t *p, const atti_drop *drop,
                    int64_t row0, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, y += cols) {
        const float *row = ids[r] >= 0 ? table + (int64_t)ids[r] * cols : NULL;
        const float *at = pos ? pos + (p ? (int64_t)p[r] : r) * cols : NULL;
        uint32_t key = atti_drop_rowkey(drop->key, (uint64_t)(row0 + r));
        for (int64_t c = 0; c < cols; c++) {
            double v = row ? (double)row[c] * (double)scale : 0.0;
            if (at) v += (double)at[c];
            y[c] = (float)v;
            if (!drop->threshold) continue;
            int kept = atti_drop_bits(key, (uint32_t)c) >= drop->threshold;
            y[c] = kept ? y[c] * drop->scale : 0.0f;
        }
    }
}

/* The one sum whose order every set shares: element i goes to lane i mod 16. */
double atti_ref_sum_squares(const float *x, int64_t n)
{
    double lane[16] = {0};
    for (int64_t i = 0; i < n; i++) lane[i & 15] += (double)x[i] * (double)x[i];
    for (int half = 8; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    }
    return lane[0];
}

int atti_ref_all_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return 0;
    }
    return 1;
}

void atti_ref_adam(float *w, float *m, float *v, float *ema, uint16_t *half,
                   const float *g, const atti_adam_step *s, int64_t n)
{
    double b1 = (double)s->beta1, b2 = (double)s->beta2;
    for (int64_t i = 0; i < n; i++) {
        double gi = (double)g[i] * (double)s->grad_scale;
        double mi = b1 * (double)m[i] + (double)(1.0f - s->beta1) * gi;
        double vi = b2 * (double)v[i] + (double)(1.0f - s->beta2) * gi * gi;
        double step = mi / (double)s->c1 / (sqrt(vi / (double)s->c2) + (double)s->eps);
        step += (double)s->weight_decay * (double)w[i];
        m[i] = (float)mi;
        v[i] = (float)vi;
        w[i] = (float)((double)w[i] - (double)s->lr * step);
        if (ema) {
            ema[i] += (float)((double)s->ema_rate * ((double)w[i] - (double)ema[i]));
        }
        if (half) half[i] = atti_f32_to_bf16(w[i]);
    }
}

void atti_ref_f32_to_bf16(uint16_t *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = atti_f32_to_bf16(x[i]);
}

void atti_ref_bf16_to_f32(float *y, const uint16_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = atti_bf16_to_f32(x[i]);
}

void atti_ref_f32_to_f16(uint16_t *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = atti_f32_to_f16(x[i]);
}

void atti_ref_f16_to_f32(float *y, const uint16_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = atti_f16_to_f32(x[i]);
}
