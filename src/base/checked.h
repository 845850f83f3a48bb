/* checked.h - products and sums of sizes that come from outside. */
#ifndef ATTI_CHECKED_H
#define ATTI_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True and *out set when the result fits; false and *out untouched when not. */
static inline bool atti_mul_size(size_t *out, size_t a, size_t b)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

static inline bool atti_add_size(size_t *out, size_t a, size_t b)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

/* Both operands >= 0. */
static inline bool atti_mul_i64(int64_t *out, int64_t a, int64_t b)
{
    if (a < 0 || b < 0 || (b != 0 && a > INT64_MAX / b)) return false;
    *out = a * b;
    return true;
}

static inline int64_t atti_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
static inline int64_t atti_round_up(int64_t a, int64_t b)
{
    return atti_ceil_div(a, b) * b;
}
static inline int64_t atti_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t atti_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
