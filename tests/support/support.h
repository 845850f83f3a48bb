/* support.h - what every test may use; includes cmocka in the order that it needs.
 *
 *   assert_ok(call)                  the status is ATT_OK, else the message is shown
 *   assert_fails(call, code, part)   the code is right, and the message is new, one line,
 *                                    and contains `part`
 *   assert_close(got, want, n, ...)  floats; the worst index and both values are shown
 *   support_guard_*                  a buffer between canaries
 *   support_temp_*, support_data     files to write, files to read
 *   support_fail_every_alloc         each allocation of a call fails in turn */
#ifndef ATTEND_TESTS_SUPPORT_H
#define ATTEND_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attend/base.h"

#define assert_ok(call) support_assert_ok((call), #call, __FILE__, __LINE__)
#define assert_fails(call, code, part)                                                 \
    (support_before(),                                                                 \
     support_assert_fails((call), (code), (part), #call, __FILE__, __LINE__))
void support_assert_ok(att_status st, const char *call, const char *file, int line);
void support_assert_fails(att_status st, att_status code, const char *part,
                          const char *call, const char *file, int line);
void support_before(void); /* makes a message that was left from before recognisable */

/* |got - want| <= abs_tol + rel_tol * |want| for every element; NaN equals NaN and an
 * infinity equals itself. */
#define assert_close(got, want, n, abs_tol, rel_tol)                                   \
    support_assert_close((got), (want), (n), (abs_tol), (rel_tol), __FILE__, __LINE__)
#define assert_close_f64(got, want, n, abs_tol, rel_tol)                               \
    support_assert_close_f64((got), (want), (n), (abs_tol), (rel_tol), __FILE__,       \
                             __LINE__)
void support_assert_close(const float *got, const float *want, size_t n, double abs_tol,
                          double rel_tol, const char *file, int line);
void support_assert_close_f64(const double *got, const double *want, size_t n,
                              double abs_tol, double rel_tol, const char *file,
                              int line);
/* The same bits, which is what determinism means; shows the first difference. */
#define assert_same_bits(got, want, n)                                                 \
    support_assert_same_bits((got), (want), (n), __FILE__, __LINE__)
void support_assert_same_bits(const float *got, const float *want, size_t n,
                              const char *file, int line);
/* Units in the last place between two floats; INT64_MAX when one is NaN. */
int64_t support_ulp(float a, float b);

/* Uniform in [lo, hi), and normal with the given deviation; the seed decides all. */
void support_fill(float *x, size_t n, uint64_t seed, float lo, float hi);
void support_fill_normal(float *x, size_t n, uint64_t seed, float deviation);
void support_fill_f64(double *x, size_t n, uint64_t seed, double lo, double hi);

/* n bytes (0 allowed) with canaries on both sides. offset 0..63 shifts the start away
 * from a 64-byte boundary: kernels must not depend on alignment. The contents start as
 * 0xA5 bytes. check fails the test when a canary was touched. */
void *support_guard_alloc(size_t n, size_t offset);
void support_guard_check(const void *p);
void support_guard_free(void *p); /* checks first */
float *support_guard_floats(size_t n, size_t offset_elements);

/* A directory of this test's own; as cmocka's setup and teardown, or called directly. */
int support_temp_setup(void **state);
int support_temp_teardown(void **state);
/* dir/name; the returned text lives until the eighth call after it. */
const char *support_temp(const char *name);
void support_write(const char *path, const void *data, size_t n);
void support_write_text(const char *path, const char *text);
/* The file's bytes with a NUL behind them; free() them. */
char *support_read(const char *path, size_t *n);

/* $ATTEND_DATA/name (default ../shared/data). Where it is absent the test is skipped and
 * says so; with CI=true that is a failure, because there the data has to be. */
const char *support_data(const char *name);
/* tests/golden/name; absent is a failure. */
const char *support_golden(const char *name);
/* The same for a file that a test may go without. */
void support_skip(const char *why);

/* Calls fn again and again, the first, second, third ... allocation failing, until a call
 * makes fewer allocations than that and succeeds. Each failing call must return
 * ATT_ENOMEM and leave as many bytes alive as there were. Returns the number of
 * allocations a successful call makes. fn frees what it made. */
typedef att_status support_alloc_fn(void *ctx);
uint64_t support_fail_every_alloc(support_alloc_fn *fn, void *ctx);

#endif
