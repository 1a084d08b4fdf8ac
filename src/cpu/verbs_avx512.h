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

static inline vec v_load(const float *x) { return (vec)_mm512_loadu_ps(x); }
static inline void v_store(float *x, vec a) { _mm512_storeu_ps(x, (__m512)a); }

/* Past the caches, to a multiple of the vector's size; v_streamed() once before anyone else reads it. */
static inline void v_stream(float *x, vec a) { _mm512_stream_ps(x, (__m512)a); }
static inline void v_streamed(void) { _mm_sfence(); }

/* The first n lanes, n < LANES; the others are 0, and their memory is not touched. */
static inline vec v_load_first(const float *x, int n)
{
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1 << n) - 1), x);
}
static inline void v_store_first(float *x, vec a, int n)
{
    _mm512_mask_storeu_ps(x, (__mmask16)((1 << n) - 1), (__m512)a);
}

/* x[i][j] = x[j][i]: pairs of elements, then of pairs, then of quarters. */
static inline void v_transpose(vec *x)
{
    __m512d pair[LANES];
    __m512 four[LANES];
    for (int i = 0; i < LANES; i += 2) {
        pair[i] = _mm512_castps_pd(_mm512_unpacklo_ps((__m512)x[i], (__m512)x[i + 1]));
        pair[i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps((__m512)x[i], (__m512)x[i + 1]));
    }
    for (int i = 0; i < LANES; i += 4)
        for (int j = 0; j < 2; j++) {
            four[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(pair[i + j], pair[i + 2 + j]));
            four[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pair[i + j], pair[i + 2 + j]));
        }
    for (int i = 0; i < 4; i++) {
        const __m512 a = _mm512_shuffle_f32x4(four[i], four[i + 4], 0x88);
        const __m512 b = _mm512_shuffle_f32x4(four[i], four[i + 4], 0xdd);
        const __m512 c = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0x88);
        const __m512 d = _mm512_shuffle_f32x4(four[i + 8], four[i + 12], 0xdd);
        x[i] = (vec)_mm512_shuffle_f32x4(a, c, 0x88);
        x[i + 4] = (vec)_mm512_shuffle_f32x4(b, d, 0x88);
        x[i + 8] = (vec)_mm512_shuffle_f32x4(a, c, 0xdd);
        x[i + 12] = (vec)_mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

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
