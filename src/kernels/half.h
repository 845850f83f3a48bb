/* half.h - one bf16 or f16 number to f32 and back, in integers: for the reference
 * kernels, the scalar vector wrapper and readers of single values. Rounds to nearest
 * even; a NaN stays a NaN and becomes quiet. */
#ifndef ATTI_HALF_H
#define ATTI_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t atti_f32_bits(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float atti_f32_of_bits(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline float atti_bf16_to_f32(uint16_t h)
{
    return atti_f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t atti_f32_to_bf16(float x)
{
    uint32_t b = atti_f32_bits(x);
    if ((b & 0x7fffffffU) > 0x7f800000U) return (uint16_t)((b | 0x400000U) >> 16);
    return (uint16_t)((b + 0x7fffU + ((b >> 16) & 1U)) >> 16);
}

static inline float atti_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000U) << 16, mag = h & 0x7fffU;
    if (mag >= 0x7c00U) { /* Inf, NaN */
        uint32_t quiet = mag > 0x7c00U ? 0x400000U : 0U;
        return atti_f32_of_bits(sign | 0x7f800000U | (mag & 0x3ffU) << 13 | quiet);
    }
    if (mag >= 0x400U) return atti_f32_of_bits(sign | ((mag << 13) + 0x38000000U));
    /* Subnormal: mag * 2^-24, exact in f32. */
    float v = (float)mag * 0x1p-24f;
    return sign ? -v : v;
}

static inline uint16_t atti_f32_to_f16(float x)
{
    uint32_t b = atti_f32_bits(x), mag = b & 0x7fffffffU;
    uint16_t sign = (uint16_t)((b >> 16) & 0x8000U);
    if (mag > 0x7f800000U) {
        return (uint16_t)(sign | 0x7e00U | ((mag >> 13) & 0x3ffU));
    }
    /* 65520 is halfway between the largest half and the next power: rounds to Inf. */
    if (mag >= 0x477ff000U) return (uint16_t)(sign | 0x7c00U);
    if (mag < 0x38800000U) {
        /* Subnormal or zero: adding 0.5 puts the units of 2^-24 in the last bits of the
         * sum, rounded to nearest even by the addition itself. */
        uint32_t r = atti_f32_bits(atti_f32_of_bits(mag) + 0.5f);
        return (uint16_t)(sign | (r - 0x3f000000U));
    }
    uint32_t r = mag + 0xfffU + ((mag >> 13) & 1U);
    return (uint16_t)(sign | ((r - 0x38000000U) >> 13));
}

#endif
