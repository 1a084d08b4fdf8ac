/* draw.c - see draw.h. */
#include "draw.h"

#include <math.h>

uint32_t draw_word_at(int word, uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        const uint64_t first = (uint64_t)0xD2511F53u * c0, second = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(second >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(first >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)second;
        c3 = (uint32_t)first;
    }
    return word == 0 ? c0 : c1;
}

uint32_t draw_word(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    return draw_word_at(0, seed, c0, c1, c2, c3);
}

int draw_hides(uint64_t seed, uint32_t stream, int64_t i, int64_t j, double probability)
{
    const uint64_t below = (uint64_t)floor(ldexp(probability, 32)) + (fmod(ldexp(probability, 32), 1) >= 0.5);
    return i != j && draw_word(seed, (uint32_t)i, (uint32_t)j, stream, 3) < below;
}

double draw_normal(uint64_t seed, uint32_t stream, int64_t i, int64_t j)
{
    const double x0 = draw_word_at(0, seed, (uint32_t)i, (uint32_t)j, stream, 3);
    const double x1 = draw_word_at(1, seed, (uint32_t)i, (uint32_t)j, stream, 3);
    return sqrt(-2 * log(ldexp(x0 + 1, -32))) * cos(2 * acos(-1) * ldexp(x1, -32));
}

int64_t draw_index(uint64_t seed, uint32_t stream, int64_t i, int64_t t, int64_t n)
{
    return (int64_t)((uint64_t)draw_word(seed, (uint32_t)i, (uint32_t)t, stream, 1) * (uint64_t)n >> 32);
}

static uint64_t feistel(uint64_t seed, uint32_t stream, uint64_t x, int half)
{
    const uint64_t low = ((uint64_t)1 << half) - 1;
    uint64_t left = x >> half, right = x & low;
    for (uint32_t t = 0; t < 8; t++) {
        const uint64_t next = left ^ (draw_word(seed, (uint32_t)right, t, stream, 2) & low);
        left = right;
        right = next;
    }
    return left << half | right;
}

int64_t draw_permuted(uint64_t seed, uint32_t stream, int64_t i, int64_t n)
{
    int bits = 2;
    while ((int64_t)1 << bits < n) bits += 2;
    uint64_t x = (uint64_t)i;
    if (n == 1) return 0;
    do x = feistel(seed, stream, x, bits / 2);
    while (x >= (uint64_t)n);
    return (int64_t)x;
}
