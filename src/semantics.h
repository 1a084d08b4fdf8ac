/* semantics.h - what the mathematics means, written once for C and CUDA: counter-based randomness. */
#ifndef AG_SEMANTICS_H
#define AG_SEMANTICS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define AG_FN static __host__ __device__ __forceinline__
#define AG_FN_INLINE AG_FN
#else
#define AG_FN static inline
#define AG_FN_INLINE static inline __attribute__((always_inline)) /* loops that call these are to become vectors */
#endif

typedef struct ag_words {
    uint32_t w0, w1, w2, w3;
} ag_words;

/* Philox4x32-10 (Salmon et al. 2011) at counter (c0, c1, c2, c3), key = seed. */
AG_FN_INLINE ag_words ag_philox_words(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t x = (uint64_t)0xD2511F53u * c0, y = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(y >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(x >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)y;
        c3 = (uint32_t)x;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const ag_words all = { c0, c1, c2, c3 };
    return all;
}

/* Word 0. */
AG_FN uint32_t ag_philox(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
{
    return ag_philox_words(seed, c0, c1, c2, c3).w0;
}

/* The random stream of output row b where none is named. */
AG_FN int64_t ag_default_stream(int64_t b, int64_t row_offset)
{
    return (int64_t)(uint32_t)((uint64_t)b + (uint64_t)row_offset);
}

/* Draw number `draw` of image token i, one of n (methods: gather). */
AG_FN int32_t ag_drawn(uint64_t seed, uint32_t stream, int64_t i, int64_t draw, int64_t n)
{
    return (int32_t)((uint64_t)ag_philox(seed, (uint32_t)i, (uint32_t)draw, stream, 1) * (uint64_t)n >> 32);
}

/* Half the width in bits of the permutation's domain: the smallest with 4^half >= n, at least 1. */
AG_FN int ag_permutation_half(int64_t n)
{
    int half = 1;
    while ((int64_t)1 << (2 * half) < n) half++;
    return half;
}

/* pi(i): a Feistel network over 4^half points, walked until it lands inside [0, n) (methods: permute, tokens). */
AG_FN int32_t ag_permuted(uint64_t seed, uint32_t stream, int64_t i, int64_t n, int half)
{
    const uint32_t mask = ((uint32_t)1 << half) - 1;
    uint64_t x = (uint64_t)i;
    if (n == 1) return 0;
    do {
        uint32_t left = (uint32_t)(x >> half), right = (uint32_t)x & mask;
        for (uint32_t round = 0; round < 8; round++) {
            const uint32_t next = left ^ (ag_philox(seed, right, round, stream, 2) & mask);
            left = right;
            right = next;
        }
        x = (uint64_t)left << half | right;
    } while (x >= (uint64_t)n);
    return (int32_t)x;
}

/* ---- masked, noisy: the words of image query i and image key j ---- */

AG_FN_INLINE ag_words ag_logit_words(uint64_t seed, uint32_t stream, uint32_t i, uint32_t j)
{
    return ag_philox_words(seed, i, j, stream, 3);
}

/* Masked, by their words: `last` is the highest that hides; a probability for which no word does is standard
 * attention. */
AG_FN int ag_words_hide(ag_words x, uint32_t i, uint32_t j, uint32_t last) { return i != j && x.w0 <= last; }

AG_FN int ag_hides(uint64_t seed, uint32_t stream, uint32_t i, uint32_t j, uint32_t last)
{
    return ag_words_hide(ag_logit_words(seed, stream, i, j), i, j, last);
}

/* Noisy: z, as its definition. u1 = 1 - t 2^-32, and log1p keeps what is near 1 exact. */
AG_FN double ag_normal(ag_words x)
{
    const double t = 0xffffffffu - x.w0;
    return sqrt(-2 * log1p(t * -0x1p-32)) * cos(x.w1 * (6.283185307179586 * 0x1p-32));
}

AG_FN float ag_float_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

AG_FN uint32_t ag_bits_of_float(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* In halves: a signed conversion is what every instruction set has. */
AG_FN float ag_float_of_word(uint32_t u) { return (float)(int32_t)(u >> 16) * 65536 + (float)(int32_t)(u & 0xffff); }

/* ln u for u = (x + 1) 2^-32, to a relative 3e-7: u = (1 + f) 2^e with 1 + f between sqrt(1/2) and sqrt(2). Near u = 1
 * f comes from 1 - u, which x knows exactly. */
AG_FN float ag_log_f32(uint32_t x)
{
    const uint32_t bits = ag_bits_of_float((ag_float_of_word(x) + 1) * 0x1p-32f);
    const int32_t e = (int32_t)((bits + (64u << 23) - 0x3f3504f3u) >> 23) - 64;
    const float far = ag_float_of_bits(bits - ((uint32_t)e << 23)) - 1;
    const float near = ag_float_of_word(0xffffffffu - x) * -0x1p-32f;
    const uint32_t is_near = 0u - (uint32_t)(e == 0);
    const float f = ag_float_of_bits((ag_bits_of_float(near) & is_near) | (ag_bits_of_float(far) & ~is_near));
    float p = -7.451186219e-02f;
    p = p * f + 1.280661043e-01f;
    p = p * f - 1.326603136e-01f;
    p = p * f + 1.419965010e-01f;
    p = p * f - 1.660836941e-01f;
    p = p * f + 2.000093944e-01f;
    p = p * f - 2.500157910e-01f;
    p = p * f + 3.333334535e-01f;
    p = p * f - 4.999998850e-01f;
    p = p * f + 9.999999994e-01f;
    return (float)e * 6.931471806e-01f + p * f;
}

/* cos(2 pi x 2^-32): x is r plus a number of half turns, |r| at most a quarter turn. */
AG_FN float ag_cos_f32(uint32_t x)
{
    const uint32_t half = (x + 0x40000000u) >> 31 << 31; /* whole half turns, mod 2^32 */
    const float r = (float)(int32_t)(x - half) * 0x1p-32f, t = r * r;
    float p = -2.498143447e+01f;
    p = p * t + 6.014388956e+01f;
    p = p * t - 8.545356476e+01f;
    p = p * t + 6.493934648e+01f;
    p = p * t - 1.973920855e+01f;
    p = p * t + 9.999999998e-01f;
    return ag_float_of_bits(ag_bits_of_float(p) ^ half);
}

/* z in float32: within 2e-6 of its definition, by arithmetic without branches that compilers run on many lanes. */
AG_FN float ag_normal_f32(ag_words x) { return sqrtf(-2 * ag_log_f32(x.w0)) * ag_cos_f32(x.w1); }

#endif
