/* assert_close.c - comparing numbers, and making them. */
#include "support.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t support_ulp(float a, float b)
{
    if (isnan(a) || isnan(b)) return INT64_MAX;
    int32_t ia, ib;
    memcpy(&ia, &a, sizeof ia);
    memcpy(&ib, &b, sizeof ib);
    /* Sign and magnitude to a line of integers, so that -0 and +0 meet. */
    int64_t la = ia < 0 ? (int64_t)INT32_MIN - ia : ia;
    int64_t lb = ib < 0 ? (int64_t)INT32_MIN - ib : ib;
    return la > lb ? la - lb : lb - la;
}

/* How far beyond the tolerance, in units of it; <= 1 passes. */
static double excess(double got, double want, double abs_tol, double rel_tol)
{
    if (isnan(got) || isnan(want)) return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (isinf(got) || isinf(want)) return got == want ? 0 : INFINITY;
    double diff = fabs(got - want), tol = abs_tol + rel_tol * fabs(want);
    if (diff <= tol) return 0;
    return tol > 0 ? diff / tol : INFINITY;
}

void support_assert_close_f64(const double *got, const double *want, size_t n,
                              double abs_tol, double rel_tol, const char *file,
                              int line)
{
    size_t worst = 0, bad = 0;
    double most = 1.0;
    for (size_t i = 0; i < n; i++) {
        double e = excess(got[i], want[i], abs_tol, rel_tol);
        if (e > 1.0) bad++;
        if (e > most) {
            most = e;
            worst = i;
        }
    }
    if (!bad) return;
    print_error("%zu of %zu values differ; worst at [%zu]: got %.17g, want %.17g, "
                "difference %.3g, %.3g times the tolerance\n",
                bad, n, worst, got[worst], want[worst], fabs(got[worst] - want[worst]),
                most);
    _fail(file, line);
}

void support_assert_close(const float *got, const float *want, size_t n, double abs_tol,
                          double rel_tol, const char *file, int line)
{
    size_t worst = 0, bad = 0;
    double most = 1.0;
    for (size_t i = 0; i < n; i++) {
        double e = excess((double)got[i], (double)want[i], abs_tol, rel_tol);
        if (e > 1.0) bad++;
        if (e > most) {
            most = e;
            worst = i;
        }
    }
    if (!bad) return;
    print_error("%zu of %zu values differ; worst at [%zu]: got %.9g, want %.9g, "
                "difference %.3g (%lld ulp), %.3g times the tolerance\n",
                bad, n, worst, (double)got[worst], (double)want[worst],
                fabs((double)got[worst] - (double)want[worst]),
                (long long)support_ulp(got[worst], want[worst]), most);
    _fail(file, line);
}

void support_assert_same_bits(const float *got, const float *want, size_t n,
                              const char *file, int line)
{
    for (size_t i = 0; i < n; i++) {
        if (!memcmp(&got[i], &want[i], sizeof *got)) continue;
        print_error("bits differ at [%zu] of %zu: %.9g (%a) and %.9g (%a), %lld ulp\n",
                    i, n, (double)got[i], (double)got[i], (double)want[i],
                    (double)want[i], (long long)support_ulp(got[i], want[i]));
        _fail(file, line);
        return;
    }
}

void support_fill_f64(double *x, size_t n, uint64_t seed, double lo, double hi)
{
    atti_rng r = {atti_key(seed, 0, 0), 0};
    for (size_t i = 0; i < n; i++) x[i] = lo + (hi - lo) * atti_rng_unit(&r);
}

void support_fill(float *x, size_t n, uint64_t seed, float lo, float hi)
{
    atti_rng r = {atti_key(seed, 0, 0), 0};
    for (size_t i = 0; i < n; i++) {
        double v = (double)lo + ((double)hi - (double)lo) * atti_rng_unit(&r);
        x[i] = (float)v;
    }
}

void support_fill_normal(float *x, size_t n, uint64_t seed, float deviation)
{
    atti_rng r = {atti_key(seed, 0, 0), 0};
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)deviation * atti_rng_normal(&r));
}
