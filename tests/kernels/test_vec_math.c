/* test_vec_math.c - exp, log, tanh, erf and friends of every set against libm in double,
 * in units in the last place. Walks the bit patterns of f32 with a stride (all of them
 * with ATTEND_LONG=1) and a list of special values. The bounds are those that
 * vec_math.h promises. */
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct bound {
    atti_unary f;
    const char *name;
    double ulp;   /* at most this many ulp where the exact result is normal ... */
    double floor; /* ... or this absolute error, whichever is larger */
} bound;

/* gelu multiplies by 1 + erf, which cancels for negative x: a quarter ulp of 1 there
 * (2^-25) times |x|/2 up to where the factor vanishes, |x| < 5.6, plus erf's own error:
 * the floor is absolute. */
static const bound bounds[] = {
    {ATTI_UNARY_EXP, "exp", 1.05, 0.0},
    {ATTI_UNARY_LOG, "log", 0.9, 0.0},
    {ATTI_UNARY_TANH, "tanh", 1.4, 0.0},
    {ATTI_UNARY_SIGMOID, "sigmoid", 2.5, 0x1p-126},
    {ATTI_UNARY_ERF, "erf", 1.3, 0.0},
    {ATTI_UNARY_GELU, "gelu", 4.0, 4e-7},
    {ATTI_UNARY_GELU_TANH, "gelu_tanh", 4.0, 4e-7},
    {ATTI_UNARY_SQRT, "sqrt", 0.51, 0.0},
};

static double exact(atti_unary f, double x)
{
    switch (f) {
    case ATTI_UNARY_EXP: return x < (double)-87.336f ? 0.0 : exp(x);
    case ATTI_UNARY_LOG: return log(x);
    case ATTI_UNARY_TANH: return tanh(x);
    case ATTI_UNARY_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case ATTI_UNARY_ERF: return erf(x);
    case ATTI_UNARY_GELU: return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    case ATTI_UNARY_GELU_TANH:
        return 0.5 * x *
               (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    default: return sqrt(x);
    }
}

/* Distance in ulp of the exact value, the last place of normal numbers at least. */
static double ulps(float got, double want)
{
    if (isnan(want)) return isnan(got) ? 0.0 : INFINITY;
    if (isnan(got)) return INFINITY;
    if (isinf((float)want) || isinf(got)) {
        return (float)want == got ? 0.0 : INFINITY;
    }
    int e;
    frexp(want, &e);
    double unit = ldexp(1.0, (e < -125 ? -125 : e) - 24);
    return fabs((double)got - want) / unit;
}

static void check_all(const atti_kernels *k, const bound *b, uint64_t stride)
{
    enum { N = 1024 };
    static float x[N], y[N];
    double worst = 0.0;
    float worst_x = 0.0f;
    for (uint64_t bits = 0; bits < (1ULL << 32);) {
        int n = 0;
        for (; n < N && bits < (1ULL << 32); n++, bits += stride) {
            uint32_t w = (uint32_t)bits;
            memcpy(&x[n], &w, sizeof w);
        }
        k->unary(y, x, b->f, n);
        for (int i = 0; i < n; i++) {
            double want = exact(b->f, (double)x[i]);
            /* Inf times an exact 0 in gelu's formula is the formula's own NaN. */
            if (isinf(x[i]) &&
                (b->f == ATTI_UNARY_GELU || b->f == ATTI_UNARY_GELU_TANH))
                continue;
            if (b->floor > 0.0 && fabs((double)y[i] - want) <= b->floor) continue;
            double u = ulps(y[i], want);
            if (u > worst) {
                worst = u;
                worst_x = x[i];
            }
        }
    }
    if (getenv("ATTEND_VERBOSE")) {
        fprintf(stderr, "%-7s %-10s worst %.4g ulp at %.9g\n", k->isa, b->name, worst,
                (double)worst_x);
    }
    if (!(worst <= b->ulp)) {
        fail_msg("%s %s: %g ulp at %.9g (%a), allowed %g", k->isa, b->name, worst,
                 (double)worst_x, (double)worst_x, b->ulp);
    }
}

static void test_errors(void **state)
{
    (void)state;
    const char *l = getenv("ATTEND_LONG");
    uint64_t stride = l && *l == '1' ? 1 : 4099;
    const atti_kernels *k;
    for (int i = 0; (k = atti_kernel_set(i)) != NULL; i++) {
        /* The reference is libm too: nothing to learn from all of its floats. */
        if (!k->unary || (stride == 1 && strcmp(k->isa, "ref") == 0)) continue;
        for (size_t j = 0; j < sizeof bounds / sizeof *bounds; j++) {
            check_all(k, &bounds[j], stride);
        }
    }
}

static void test_specials(void **state)
{
    (void)state;
    const atti_kernels *k;
    for (int i = 0; (k = atti_kernel_set(i)) != NULL; i++) {
        if (!k->unary) continue;
        float x[5] = {-INFINITY, INFINITY, NAN, 0.0f, -0.0f}, y[5];
        k->unary(y, x, ATTI_UNARY_EXP, 5);
        assert_true(y[0] == 0.0f && y[1] == INFINITY && isnan(y[2]));
        assert_true(y[3] == 1.0f && y[4] == 1.0f);
        k->unary(y, x, ATTI_UNARY_LOG, 5);
        assert_true(isnan(y[0]) && y[1] == INFINITY && isnan(y[2]));
        assert_true(y[3] == -INFINITY && y[4] == -INFINITY);
        k->unary(y, x, ATTI_UNARY_TANH, 5);
        assert_true(y[0] == -1.0f && y[1] == 1.0f && isnan(y[2]) && y[3] == 0.0f);
        k->unary(y, x, ATTI_UNARY_SIGMOID, 5);
        assert_true(y[0] == 0.0f && y[1] == 1.0f && isnan(y[2]) && y[3] == 0.5f);
        k->unary(y, x, ATTI_UNARY_ERF, 5);
        assert_true(y[0] == -1.0f && y[1] == 1.0f && isnan(y[2]) && y[3] == 0.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specials),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
