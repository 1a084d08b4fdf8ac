/* random.c - see random.h. */
#include "random.h"
#include <math.h>

static uint64_t mixed(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void generator_seed(generator *g, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed;
    x = mixed(&x) ^ stream;
    for (int i = 0; i < 4; i++) g->state[i] = mixed(&x);
}

static uint64_t rotated(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t generator_next(generator *g)
{
    uint64_t *s = g->state, result = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3];
    s[2] ^= t, s[3] = rotated(s[3], 45);
    return result;
}

/* The upper half of a 32 x 32 bit product; what would favour some numbers is drawn again (Lemire, 2019). */
int generator_below(generator *g, int n)
{
    const uint32_t range = (uint32_t)n, least = (uint32_t)-range % range;
    uint64_t product;
    do product = (generator_next(g) >> 32) * range;
    while ((uint32_t)product < least);
    return (int)(product >> 32);
}

void generator_normals(generator *g, float *out, int count)
{
    for (int i = 0; i < count; i += 2) {
        const double u = ((generator_next(g) >> 11) + 1) * 0x1p-53, turn = (generator_next(g) >> 11) * 0x1p-53;
        const double length = sqrt(-2 * log(u)), angle = 6.283185307179586 * turn;
        out[i] = (float)(length * cos(angle));
        if (i + 1 < count) out[i + 1] = (float)(length * sin(angle));
    }
}
