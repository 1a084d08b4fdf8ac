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

/* Storage types: LANES numbers widened exactly, or rounded to nearest even. A NaN stays one, and becomes quiet. */
typedef uint16_t hvec __attribute__((vector_size(16), may_alias));
typedef uint16_t hvec_unaligned __attribute__((vector_size(16), aligned(2), may_alias));

static inline vec v_of_half(hvec x) { return (vec)_mm256_cvtph_ps((__m128i)x); }
static inline hvec v_to_half(vec x) { return (hvec)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT); }
static inline vec v_of_bfloat(hvec x) { return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32((__m128i)x), 16); }

static inline hvec v_to_bfloat(vec x)
{
    const __m256i bits = (__m256i)x, quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps((__m256)x, (__m256)x, _CMP_UNORD_Q));
    const __m256i kept = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    return (hvec)_mm_packus_epi32(_mm256_castsi256_si128(kept), _mm256_extracti128_si256(kept, 1));
}

/* Past the caches, to an address that is a multiple of the vector's size; v_fence before others may read it. */
static inline void v_stream(float *to, vec x) { _mm256_stream_ps(to, (__m256)x); }
static inline void h_stream(uint16_t *to, hvec x) { _mm_stream_si128((__m128i *)to, (__m128i)x); }
static inline void v_fence(void) { _mm_sfence(); }

/* The lower and the upper half of the lanes in float64, and back. */
typedef double wvec __attribute__((vector_size(32), may_alias));

static inline wvec w_all(double x) { return (wvec)_mm256_set1_pd(x); }
static inline wvec w_low(vec x) { return (wvec)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)); }
static inline wvec w_high(vec x) { return (wvec)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1)); }
static inline wvec w_load(const float *x) { return (wvec)_mm256_cvtps_pd(_mm_loadu_ps(x)); }
static inline double w_sum(wvec x) { return (x[0] + x[2]) + (x[1] + x[3]); }
static inline wvec w_size(wvec x) { return (wvec)_mm256_andnot_pd(_mm256_set1_pd(-0.0), (__m256d)x); }
/* sign(x) sqrt|x| */
static inline wvec w_root(wvec x)
{
    const __m256d sign = _mm256_and_pd(_mm256_set1_pd(-0.0), (__m256d)x);
    return (wvec)_mm256_or_pd(sign, _mm256_sqrt_pd((__m256d)w_size(x)));
}
static inline vec w_narrow(wvec low, wvec high)
{
    return (vec)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)high), _mm256_cvtpd_ps((__m256d)low));
}

/* Products of the lower 32 bits of each. */
typedef uint64_t words __attribute__((vector_size(32), may_alias));

static inline words u_multiply(words x, words y) { return (words)_mm256_mul_epu32((__m256i)x, (__m256i)y); }

#endif
