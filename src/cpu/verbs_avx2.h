/* verbs_avx2.h - the vector verbs for AVX2 with FMA: 8 lanes. */
#ifndef AG_VERBS_AVX2_H
#define AG_VERBS_AVX2_H

#include <immintrin.h>
#include <stdint.h>

enum { LANES = 8, ROWS = 4 };

typedef float vec __attribute__((vector_size(32), may_alias));
typedef float vec_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

static inline vec v_all(float x) { return (vec)_mm256_set1_ps(x); }
static inline vec v_max(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); } /* b where either is NaN */
static inline int v_any_greater(vec a, vec b)
{
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_GT_OQ)) != 0;
}

static inline vec v_load(const float *x) { return (vec)_mm256_loadu_ps(x); }
static inline void v_store(float *x, vec a) { _mm256_storeu_ps(x, (__m256)a); }

static inline __m256i v_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Past the caches, to a multiple of the vector's size; v_streamed() once before anyone else reads it. */
static inline void v_stream(float *x, vec a) { _mm256_stream_ps(x, (__m256)a); }
static inline void v_streamed(void) { _mm_sfence(); }

/* The first n lanes, n < LANES; the others are 0, and their memory is not touched. */
static inline vec v_load_first(const float *x, int n) { return (vec)_mm256_maskload_ps(x, v_first(n)); }
static inline void v_store_first(float *x, vec a, int n) { _mm256_maskstore_ps(x, v_first(n), (__m256)a); }

/* x[i][j] = x[j][i]: pairs of elements, then of pairs, then of halves. */
static inline void v_transpose(vec *x)
{
    __m256d pair[LANES];
    __m256 four[LANES];
    for (int i = 0; i < LANES; i += 2) {
        pair[i] = _mm256_castps_pd(_mm256_unpacklo_ps((__m256)x[i], (__m256)x[i + 1]));
        pair[i + 1] = _mm256_castps_pd(_mm256_unpackhi_ps((__m256)x[i], (__m256)x[i + 1]));
    }
    for (int i = 0; i < LANES; i += 4)
        for (int j = 0; j < 2; j++) {
            four[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(pair[i + j], pair[i + 2 + j]));
            four[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(pair[i + j], pair[i + 2 + j]));
        }
    for (int i = 0; i < 4; i++) {
        x[i] = (vec)_mm256_permute2f128_ps(four[i], four[i + 4], 0x20);
        x[i + 4] = (vec)_mm256_permute2f128_ps(four[i], four[i + 4], 0x31);
    }
}

#include "exp2.h"

/* 2^x for x <= 0, relative error below 1.8e-7; 0 where it vanishes. */
static inline vec v_exp2(vec x)
{
    const vec n = (vec)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = x - n;
    const __m256i scale =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32((__m256)n), _mm256_set1_epi32(127)), 23);
    const vec p = v_exp2_fraction(f);
    const __m256 keep = _mm256_cmp_ps((__m256)x, _mm256_set1_ps(EXP2_VANISHES), _CMP_NLT_UQ);
    return (vec)_mm256_and_ps(keep, (__m256)(p * (vec)_mm256_castsi256_ps(scale)));
}

#endif
