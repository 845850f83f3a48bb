/* ref_act.c - activations: values, slopes, and the two row kernels made of them. */
#include "kernels/ref/ref.h"
#include <math.h>

#define INV_SQRT2      0.70710678118654752440
#define INV_SQRT_2PI   0.39894228040143267794
#define SQRT_2_OVER_PI 0.79788456080286535588
#define GELU_CUBE      0.044715

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

double atti_ref_act(atti_act act, double x)
{
    switch (act) {
    case ATTI_ACT_NONE: return x;
    case ATTI_ACT_RELU: return x > 0.0 ? x : (x == x ? 0.0 : x);
    case ATTI_ACT_GELU: return 0.5 * x * (1.0 + erf(x * INV_SQRT2));
    case ATTI_ACT_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)));
    case ATTI_ACT_SILU: return x * sigmoid(x);
    case ATTI_ACT_QUICK_GELU: return x * sigmoid(1.702 * x);
    case ATTI_ACT_TANH: return tanh(x);
    case ATTI_ACT_SIGMOID: return sigmoid(x);
    }
    return x;
}

double atti_ref_act_slope(atti_act act, double x)
{
    double s, t, u;
    switch (act) {
    case ATTI_ACT_NONE: return 1.0;
    case ATTI_ACT_RELU: return x > 0.0 ? 1.0 : 0.0;
    case ATTI_ACT_GELU:
        return 0.5 * (1.0 + erf(x * INV_SQRT2)) + x * INV_SQRT_2PI * exp(-0.5 * x * x);
    case ATTI_ACT_GELU_TANH:
        t = tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x));
        u = SQRT_2_OVER_PI * (1.0 + 3.0 * GELU_CUBE * x * x);
        return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * u;
    case ATTI_ACT_SILU: s = sigmoid(x); return s * (1.0 + x * (1.0 - s));
    case ATTI_ACT_QUICK_GELU:
        s = sigmoid(1.702 * x);
        return s * (1.0 + 1.702 * x * (1.0 - s));
    case ATTI_ACT_TANH: t = tanh(x); return 1.0 - t * t;
    case ATTI_ACT_SIGMOID: s = sigmoid(x); return s * (1.0 - s);
    }
    return 1.0;
}

void atti_ref_bias_act(float *y, float *pre, const float *x, const float *bias,
                       atti_act act, const atti_drop *drop, int64_t row0, int64_t rows,
                       int64_t cols, int64_t ld_y, int64_t ld_x)
{
    for (int64_t r = 0; r < rows; r++, y += ld_y, x += ld_x) {
        uint32_t key = atti_drop_rowkey(drop->key, (uint64_t)(row0 + r));
        for (int64_t c = 0; c < cols; c++) {
            float z = bias ? x[c] + bias[c] : x[c];
            float v = (float)atti_ref_act(act, (double)z);
            if (pre) pre[r * ld_x + c] = z;
            if (drop->threshold) {
                int kept = atti_drop_bits(key, (uint32_t)c) >= drop->threshold;
                v = kept ? v * drop->scale : 0.0f;
            }
            y[c] = v;
        }
    }
}

/* The slope from what the forward saved: its output, or its input. */
static double saved_slope(atti_act act, double saved)
{
    switch (act) {
    case ATTI_ACT_TANH: return 1.0 - saved * saved;
    case ATTI_ACT_SIGMOID: return saved * (1.0 - saved);
    default: return atti_ref_act_slope(act, saved);
    }
}

void atti_ref_bias_act_bwd(float *dx, const float *dy, const float *saved, atti_act act,
                           const atti_drop *drop, int64_t row0, int64_t rows,
                           int64_t cols, int64_t ld)
{
    for (int64_t r = 0; r < rows; r++, dx += ld, dy += ld, saved += ld) {
        uint32_t key = atti_drop_rowkey(drop->key, (uint64_t)(row0 + r));
        for (int64_t c = 0; c < cols; c++) {
            float g = dy[c];
            if (drop->threshold) {
                int kept = atti_drop_bits(key, (uint32_t)c) >= drop->threshold;
                g = kept ? g * drop->scale : 0.0f;
            }
            dx[c] = act == ATTI_ACT_NONE
                        ? g
                        : (float)((double)g * saved_slope(act, (double)saved[c]));
        }
    }
}
