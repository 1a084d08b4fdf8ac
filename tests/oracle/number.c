/* number.c - see number.h. Written from the formats' definitions, not from the library. */
#include "number.h"

#include <math.h>
#include <string.h>

/* Round to `digits` binary digits, none below 2^least. Both scalings are exact, so there is one rounding. */
static double round_binary(double x, int digits, int least)
{
    int exponent;
    if (x == 0 || !isfinite(x)) return x;
    frexp(x, &exponent);
    const int unit = exponent - digits > least ? exponent - digits : least;
    return ldexp(nearbyint(ldexp(x, -unit)), unit);
}

double number_round(ag_dtype type, double x)
{
    if (type == AG_F32) return (float)x;
    const double most = type == AG_F16 ? 65504 : ldexp(255, 120);
    const double y = type == AG_F16 ? round_binary(x, 11, -24) : round_binary(x, 8, -133);
    return fabs(y) > most ? copysign(INFINITY, x) : y;
}

static uint16_t half_bits(double x)
{
    const uint16_t sign = signbit(x) ? 0x8000 : 0;
    const double y = number_round(AG_F16, fabs(x));
    int exponent;
    if (isnan(x)) return 0x7e00;
    if (isinf(y)) return sign | 0x7c00;
    if (y < ldexp(1, -14)) return sign | (uint16_t)ldexp(y, 24);
    const double fraction = frexp(y, &exponent); /* [1/2, 1) */
    return sign | (uint16_t)((exponent + 14) << 10) | (uint16_t)(ldexp(fraction, 11) - 1024);
}

static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static uint16_t brain_bits(double x)
{
    const float y = (float)number_round(AG_BF16, x);
    uint32_t bits;
    if (isnan(x)) return 0x7fc0;
    memcpy(&bits, &y, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static double brain_value(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

size_t number_size(ag_dtype type) { return type == AG_F32 ? 4 : type == AG_U8 ? 1 : 2; }

double number_read(ag_dtype type, const void *data, int64_t at)
{
    const unsigned char *from = (const unsigned char *)data + at * (int64_t)number_size(type);
    uint16_t bits;
    float x;
    if (type == AG_U8) return *from != 0;
    if (type == AG_F32) {
        memcpy(&x, from, sizeof x);
        return x;
    }
    memcpy(&bits, from, sizeof bits);
    return type == AG_F16 ? half_value(bits) : brain_value(bits);
}

void number_write(ag_dtype type, void *data, int64_t at, double x)
{
    unsigned char *to = (unsigned char *)data + at * (int64_t)number_size(type);
    const float single = (float)x;
    const uint16_t bits = type == AG_F16 ? half_bits(x) : brain_bits(x);
    if (type == AG_U8) *to = x != 0;
    else if (type == AG_F32) memcpy(to, &single, sizeof single);
    else memcpy(to, &bits, sizeof bits);
}
