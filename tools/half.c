/* half.c - float32 to and from the two 16-bit formats, by bits alone: no rounding mode, no instruction set. */
#include "half.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* bits / 2^shift to the nearest, ties to even; 1 <= shift <= 31. */
static uint32_t shift_round(uint32_t bits, unsigned shift)
{
    uint32_t half = 1u << (shift - 1), odd = bits >> shift & 1;
    return (bits + half - 1 + odd) >> shift;
}

uint16_t half_from_float(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) /* 65520, halfway from the largest half to the next power of two */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude >= 0x38800000) /* 2^-14, the smallest normal half: rebias the exponent; a carry walks into it */
        return (uint16_t)(sign | shift_round(magnitude - 0x38000000, 13));
    if (magnitude < 0x33000000) /* below 2^-25, half the smallest subnormal */
        return (uint16_t)sign;
    uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | shift_round(mantissa, 126 - (magnitude >> 23)));
}

float half_to_float(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00) return float_of(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude >= 0x400) return float_of(sign | ((magnitude << 13) + 0x38000000));
    float subnormal = (float)magnitude * 0x1p-24f;
    return sign ? -subnormal : subnormal;
}

uint16_t bfloat_from_float(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)shift_round(bits, 16);
}

float bfloat_to_float(uint16_t bits) { return float_of((uint32_t)bits << 16); }

/* Element i is written where elements <= i were read. */
void half_convert(void *data, size_t count, ag_dtype dtype)
{
    unsigned char *bytes = data;
    for (size_t i = 0; dtype != AG_F32 && i < count; i++) {
        float wide;
        memcpy(&wide, bytes + 4 * i, sizeof wide);
        uint16_t value = dtype == AG_F16 ? half_from_float(wide) : bfloat_from_float(wide);
        memcpy(bytes + 2 * i, &value, sizeof value);
    }
}
