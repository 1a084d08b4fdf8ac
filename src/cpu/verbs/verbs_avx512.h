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

/* Storage types: LANES numbers widened exactly, or rounded to nearest even. A NaN stays one, and becomes quiet. */
typedef uint16_t hvec __attribute__((vector_size(32), may_alias));
typedef uint16_t hvec_unaligned __attribute__((vector_size(32), aligned(2), may_alias));

static inline vec v_of_half(hvec x) { return (vec)_mm512_cvtph_ps((__m256i)x); }
static inline hvec v_to_half(vec x) { return (hvec)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT); }
static inline vec v_of_bfloat(hvec x) { return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)x), 16); }

static inline hvec v_to_bfloat(vec x)
{
    const __m512i bits = (__m512i)x, odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nan = _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q);
    const __m512i kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return (hvec)_mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
}

/* Past the caches, to an address that is a multiple of the vector's size; v_fence before others may read it. */
static inline void v_stream(float *to, vec x) { _mm512_stream_ps(to, (__m512)x); }
static inline void h_stream(uint16_t *to, hvec x) { _mm256_stream_si256((__m256i *)to, (__m256i)x); }
static inline void v_fence(void) { _mm_sfence(); }

/* The lower and the upper half of the lanes in float64, from memory, and back; the sum of such a half. */
typedef double wvec __attribute__((vector_size(64), may_alias));

static inline wvec w_all(double x) { return (wvec)_mm512_set1_pd(x); }
static inline wvec w_low(vec x) { return (wvec)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)); }
static inline wvec w_high(vec x) { return (wvec)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1)); }
static inline wvec w_load(const float *x) { return (wvec)_mm512_cvtps_pd(_mm256_loadu_ps(x)); }
static inline double w_sum(wvec x) { return _mm512_reduce_add_pd((__m512d)x); }
static inline wvec w_size(wvec x) { return (wvec)_mm512_abs_pd((__m512d)x); }
/* sign(x) sqrt|x|, to 1e-8: a square root takes many times as long as what it is refined from. */
static inline wvec w_root(wvec x)
{
    const __m512d size = (__m512d)w_size(x), near = _mm512_rsqrt14_pd(size);
    const __m512d square = _mm512_mul_pd(_mm512_mul_pd(size, near), near);
    const __m512d by = _mm512_fnmadd_pd(_mm512_set1_pd(0.5), square, _mm512_set1_pd(1.5));
    const __m512d root = _mm512_mul_pd(_mm512_mul_pd((__m512d)x, near), by);
    return (wvec)_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(size, _mm512_setzero_pd(), _CMP_NEQ_UQ), root);
}
static inline vec w_narrow(wvec low, wvec high)
{
    const __m512 x = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low));
    return (vec)_mm512_insertf32x8(x, _mm512_cvtpd_ps((__m512d)high), 1);
}

/* Products of the lower 32 bits of each. */
typedef uint64_t words __attribute__((vector_size(64), may_alias));

static inline words u_multiply(words x, words y) { return (words)_mm512_mul_epu32((__m512i)x, (__m512i)y); }

#endif
