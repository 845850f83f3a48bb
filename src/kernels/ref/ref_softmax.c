/* ref_softmax.c - softmax and what is made of it, sums in double. */
#include "kernels/ref/ref.h"
#include <math.h>
#include <stddef.h>

static double at(const float *x, const float *bias, int64_t c)
{
    return (double)(bias ? x[c] + bias[c] : x[c]);
}

/* The maximum (a NaN is passed over: the sum of exponentials will show it) and the sum
 * of exp(x - max), without column `skip`. */
static double row_sum(double *max, const float *x, const float *bias, int64_t cols,
                      int64_t skip)
{
    double m = -INFINITY, s = 0.0;
    for (int64_t c = 0; c < cols; c++) {
        if (c != skip && at(x, bias, c) > m) m = at(x, bias, c);
    }
    double shift = m == -INFINITY ? 0.0 : m;
    for (int64_t c = 0; c < cols; c++) {
        if (c != skip) s += exp(at(x, bias, c) - shift);
    }
    *max = m;
    return s;
}

void atti_ref_softmax(float *x, const float *bias, int64_t rows, int64_t cols,
                      int64_t ld)
{
    for (int64_t r = 0; r < rows; r++, x += ld) {
        double m, s = row_sum(&m, x, bias, cols, -1);
        double shift = m == -INFINITY ? 0.0 : m;
        for (int64_t c = 0; c < cols; c++) {
            x[c] = s == 0.0 ? 0.0f : (float)(exp(at(x, bias, c) - shift) / s);
        }
    }
}

void atti_ref_log_softmax(float *x, const float *bias, int64_t rows, int64_t cols,
                          int64_t ld)
{
    for (int64_t r = 0; r < rows; r++, x += ld) {
        double m, s = row_sum(&m, x, bias, cols, -1);
        double shift = m == -INFINITY ? 0.0 : m;
        for (int64_t c = 0; c < cols; c++) {
            x[c] = s == 0.0 ? -INFINITY : (float)(at(x, bias, c) - shift - log(s));
        }
    }
}

void atti_ref_logsumexp(float *lse, float *max, const float *x, const float *bias,
                        int64_t rows, int64_t cols, int64_t ld)
{
    for (int64_t r = 0; r < rows; r++, x += ld) {
        double m, s = row_sum(&m, x, bias, cols, -1);
        if (max) max[r] = (float)m;
        if (lse) lse[r] = (float)((m == -INFINITY ? 0.0 : m) + log(s));
    }
}

void atti_ref_softmax_xent(float *logits, float *loss, float *nll, const float *bias,
                           const int32_t *target, float eps, int64_t mask_col,
                           float grad_scale, int64_t rows, int64_t cols, int64_t ld)
{
    int masked = mask_col >= 0 && mask_col < cols;
    int64_t n = masked ? cols - 1 : cols;
    double even = n > 0 ? (double)eps / (double)n : 0.0, hit = 1.0 - (double)eps;
    for (int64_t r = 0; r < rows; r++, logits += ld) {
        int64_t t = target[r];
        double m = 0.0, s = 1.0, total = 0.0, first = 0.0;
        if (t >= 0) {
            s = row_sum(&m, logits, bias, cols, masked ? mask_col : -1);
            double lse = m + log(s);
            first = t == mask_col ? INFINITY : lse - at(logits, bias, t);
            for (int64_t c = 0; c < cols && even != 0.0; c++) {
                if (c != mask_col) total += lse - at(logits, bias, c);
            }
        }
        if (nll) nll[r] = (float)first;
        if (loss) loss[r] = (float)(hit * first + even * total);
        for (int64_t c = 0; c < cols && grad_scale != 0.0f; c++) {
            double p = exp(at(logits, bias, c) - m) / s - even - (c == t ? hit : 0.0);
            logits[c] = t < 0 || c == mask_col ? 0.0f : (float)(p * (double)grad_scale);
        }
    }
}
