/* draw.h - methods.md section 1's random numbers, written again for the oracle. */
#ifndef AG_TEST_DRAW_H
#define AG_TEST_DRAW_H

#include <stdint.h>

/* Word 0 or 1 of Philox4x32-10 at counter (c0, c1, c2, c3), keyed by the seed. */
uint32_t draw_word_at(int word, uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3);

/* First word of Philox4x32-10 at counter (c0, c1, c2, c3), keyed by the seed. */
uint32_t draw_word(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3);

/* Gather: the token of 0 .. n-1 that draw `t` of token i reads. */
int64_t draw_index(uint64_t seed, uint32_t stream, int64_t i, int64_t t, int64_t n);

/* Permute and tokens: pi(i), a bijection of 0 .. n-1. */
int64_t draw_permuted(uint64_t seed, uint32_t stream, int64_t i, int64_t n);

/* Masked: image query i does not see image key j. */
int draw_hides(uint64_t seed, uint32_t stream, int64_t i, int64_t j, double probability);

/* Noisy: z of image query i and image key j. */
double draw_normal(uint64_t seed, uint32_t stream, int64_t i, int64_t j);

#endif
