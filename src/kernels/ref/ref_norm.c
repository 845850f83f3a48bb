/* ref_norm.c - residual, dropout and layer or RMS norm, forward and backward. */
#include "kernels/ref/ref.h"
#include <math.h>
#include <stddef.h>

static float dropped(float x, const atti_drop *drop, uint32_t key, int64_t c)
{
    if (!drop->threshold) return x;
    return atti_drop_bits(key, (uint32_t)c) >= drop->threshold ? x * drop->scale : 0.0f;
}

static void moments(double *mean, double *rstd, const float *h, int64_t cols, float eps,
                    atti_norm kind)
{
    double s = 0.0, q = 0.0;
    for (int64_t c = 0; c < cols; c++) s += (double)h[c];
    *mean = kind == ATTI_NORM_LAYER ? s / (double)cols : 0.0;
    for (int64_t c = 0; c < cols; c++) {
        double d = (double)h[c] - *mean;
        q += d * d;
    }
    *rstd = 1.0 / sqrt(q / (double)cols + (double)eps);
}

void atti_ref_add_norm(float *y, float *h, float *mean, float *rstd, const float *x,
                       const float *bias, const float *res, const float *gamma,
                       const float *beta, float eps, atti_norm kind,
                       const atti_drop *drop, int64_t row0, int64_t rows, int64_t cols,
                       int64_t ld)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *xr = x + r * ld;
        float *hr = (h ? h : y) + r * ld;
        uint32_t key = atti_drop_rowkey(drop->key, (uint64_t)(row0 + r));
        for (int64_t c = 0; c < cols; c++) {
            float z = dropped(bias ? xr[c] + bias[c] : xr[c], drop, key, c);
            hr[c] = res ? z + res[r * ld + c] : z;
        }
        if (!y) continue;
        double mu, rs;
        moments(&mu, &rs, hr, cols, eps, kind);
        for (int64_t c = 0; c < cols; c++) {
            double v = (double)gamma[c] * (((double)hr[c] - mu) * rs);
            y[r * ld + c] = (float)(beta ? v + (double)beta[c] : v);
        }
        if (mean) mean[r] = (float)mu;
        if (rstd) rstd[r] = (float)rs;
    }
}

/* The two means that couple a row's elements: of g and of g xhat, g = dy gamma. */
static void coupling(double *g_mean, double *gx_mean, const float *dy, const float *h,
                     const float *gamma, double mu, double rs, int64_t cols)
{
    double sg = 0.0, sgx = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        double g = (double)dy[c] * (double)gamma[c];
        sg += g;
        sgx += g * (((double)h[c] - mu) * rs);
    }
    *g_mean = sg / (double)cols;
    *gx_mean = sgx / (double)cols;
}

void atti_ref_add_norm_bwd(float *dh, float *dx, float *dgamma, float *dbeta,
                           float *dbias, const float *dy, const float *dh_in,
                           const float *h, const float *mean, const float *rstd,
                           const float *gamma, atti_norm kind, const atti_drop *drop,
                           int64_t row0, int64_t rows, int64_t cols, int64_t ld)
{
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = r * ld;
        uint32_t key = atti_drop_rowkey(drop->key, (uint64_t)(row0 + r));
        double mu = 0.0, rs = 0.0, gm = 0.0, gxm = 0.0;
        if (dy) {
            mu = kind == ATTI_NORM_LAYER ? (double)mean[r] : 0.0;
            rs = (double)rstd[r];
            coupling(&gm, &gxm, dy + at, h + at, gamma, mu, rs, cols);
            if (kind == ATTI_NORM_RMS) gm = 0.0;
        }
        for (int64_t c = 0; c < cols; c++) {
            double t = 0.0;
            if (dy) {
                double d = (double)dy[at + c], xhat = ((double)h[at + c] - mu) * rs;
                t = rs * (d * (double)gamma[c] - gm - xhat * gxm);
                if (dgamma) dgamma[c] += (float)(d * xhat);
                if (dbeta) dbeta[c] += dy[at + c];
            }
            if (dh_in) t += (double)dh_in[at + c];
            if (dh) dh[at + c] = (float)t;
            float v = dropped((float)t, drop, key, c);
            if (dx) dx[at + c] = v;
            if (dbias) dbias[c] += v;
        }
    }
}
