/* verbs_avx512.h - the vector verbs for AVX-512: 16 lanes. */
#ifndef AG_VERBS_AVX512_H
#define AG_VERBS_AVX512_H

#include <immintrin.h>
#include <stdint.h>

enum { LANES = 16, ROWS = 8 };

typedef float vec __attribute__((vector_size(64), may_alias));
typedef float vec_unaligned __attribute__((vector_size(64), aligned(4), may_alias));

static inline vec v_all(float x) { return (vec)_mm512_set1_ps(x); }
static inline vec v_max(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); } /* b where either is NaN */
static inline int v_any_greater(vec a, vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ) != 0; }

#include "exp2.h"

/* 2^x for x <= 0, relative error below 1.8e-7; 0 where it vanishes. */
static inline vec v_exp2(vec x)
{
    const vec n = (vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = x - n;
    const vec p = v_exp2_fraction(f);
    return (vec)_mm512_maskz_scalef_ps(_mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(EXP2_VANISHES), _CMP_NLT_UQ),
                                       (__m512)p, (__m512)n);
}

#endif
