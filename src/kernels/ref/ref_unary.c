/* ref_unary.c - elementwise functions through libm in double: the oracle. */
#include "kernels/ref/ref.h"
#include <math.h>

static double eval(atti_unary f, double x)
{
    switch (f) {
    case ATTI_UNARY_EXP: return x < -87.336 ? 0.0 : exp(x);
    case ATTI_UNARY_LOG: return log(x);
    case ATTI_UNARY_TANH: return tanh(x);
    case ATTI_UNARY_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case ATTI_UNARY_ERF: return erf(x);
    case ATTI_UNARY_GELU: return atti_ref_act(ATTI_ACT_GELU, x);
    case ATTI_UNARY_GELU_TANH: return atti_ref_act(ATTI_ACT_GELU_TANH, x);
    case ATTI_UNARY_SQRT: return sqrt(x);
    case ATTI_UNARY_COUNT: break;
    }
    return x;
}

void atti_ref_unary(float *y, const float *x, atti_unary f, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = (float)eval(f, (double)x[i]);
}
