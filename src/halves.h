/* halves.h - float16 and bfloat16 as float32, exactly, and back, rounded to nearest even, in integer arithmetic: no
 * result depends on how the host treats denormals. C and C++. */
#ifndef AG_HALVES_H
#define AG_HALVES_H

#include <stdint.h>
#include <string.h>

static inline float ag_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t ag_to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float ag_from_half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = (uint32_t)(h & 0x7fff) << 13;
    const uint32_t exponent = h & 0x7c00;
    if (exponent == 0x7c00) return ag_from_bits(sign | magnitude | 0x7f800000); /* inf, nan */
    if (exponent) return ag_from_bits(sign | (magnitude + ((uint32_t)112 << 23)));
    const float denormal = ag_from_bits(magnitude + ((uint32_t)113 << 23)) - ag_from_bits((uint32_t)113 << 23);
    return ag_from_bits(sign | ag_to_bits(denormal));
}

static inline uint16_t ag_to_half(float f)
{
    const uint32_t u = ag_to_bits(f), sign = u >> 16 & 0x8000, x = u & 0x7fffffff;
    if (x > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (x >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds to 65536 or more */
    if (x < 0x38800000) {                                  /* a denormal half: adding 0.5 rounds at 2^-24 */
        const float rounded = ag_from_bits(x) + 0.5f;
        return (uint16_t)(sign | (ag_to_bits(rounded) - 0x3f000000));
    }
    return (uint16_t)(sign | ((x - ((uint32_t)112 << 23) + 0xfff + (x >> 13 & 1)) >> 13));
}

static inline float ag_from_bfloat(uint16_t h) { return ag_from_bits((uint32_t)h << 16); }

static inline uint16_t ag_to_bfloat(float f)
{
    const uint32_t u = ag_to_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#endif
