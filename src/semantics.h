/* semantics.h - what the mathematics means, written once for C and CUDA: counter-based randomness. */
#ifndef AG_SEMANTICS_H
#define AG_SEMANTICS_H

#include <stdint.h>

#ifdef __CUDACC__
#define AG_FN static __host__ __device__ __forceinline__
#else
#define AG_FN static inline
#endif

/* Word 0 of Philox4x32-10 (Salmon et al. 2011) at counter (c0, c1, c2, c3), key = seed. */
AG_FN uint32_t ag_philox(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3)
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
    return c0;
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

#endif
