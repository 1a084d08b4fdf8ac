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
