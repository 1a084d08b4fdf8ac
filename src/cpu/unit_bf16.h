/* unit_bf16.h - what tiles multiply: pairs of bfloat16 numbers, whose products are added up in float32 (AVX512_BF16).
 * Keys are taken as they are stored; queries that are bfloat16 stay exact, as they are not scaled before the product;
 * weights are rounded to bfloat16, which costs less than the rounding of the values they weigh. */
#ifndef AG_UNIT_H
#define AG_UNIT_H

#include "rows_vector.h"

typedef uint32_t unit;

enum {
    NUMBERS = 2,
    SCALES_LATE = 1 /* logits are scaled on their way into the exponential */
};

static inline vec unit_all(unit x) { return (vec)_mm512_set1_epi32((int)x); }
static inline vec unit_madd(vec sum, vec a, vec b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

/* v_exp2 with a polynomial of degree 4, relative error below 3e-6: a weight keeps 8 bits. 2^0 is exact. */
static inline vec unit_exp2(vec x)
{
    const vec n = (vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = x - n;
    vec p = v_all(9.582853038e-03f);
    p = p * f + 5.590642468e-02f;
    p = p * f + 2.402409861e-01f;
    p = p * f + 6.931241934e-01f;
    p = p * f + 1.0f;
    return (vec)_mm512_maskz_scalef_ps(_mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(EXP2_VANISHES), _CMP_NLT_UQ),
                                       (__m512)p, (__m512)n);
}

/* x[0] in the lower halves, x[1] in the upper. */
static inline vec unit_of(const vec *x)
{
    const __m512i halves = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                            21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (vec)_mm512_permutexvar_epi16(halves, (__m512i)_mm512_cvtne2ps_pbh((__m512)x[1], (__m512)x[0]));
}

static inline int unit_keys_lie(const ag_ref *k, int64_t d)
{
    return k->dtype == AG_BF16 && k->stride_i == d && d % NUMBERS == 0;
}

static inline int unit_values_lie(const ag_ref *v, int64_t d, int64_t wide)
{
    (void)v, (void)d, (void)wide;
    return 0; /* keys go in pairs */
}

static inline void unit_pack_key(unit *to, const void *from, ag_dtype type, int64_t d)
{
    to[(d - 1) / NUMBERS] = 0;
    row_move(to, AG_BF16, from, type, d, 0);
}

/* The whole vectors of two rows of bfloat16; how many numbers that was. */
static inline int64_t unit_interleave(unit *to, const uint16_t *low, const uint16_t *high, int64_t d)
{
    int64_t t = 0;
    for (; t + LANES <= d; t += LANES) {
        const __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(low + t)));
        const __m512i y = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(high + t)));
        _mm512_storeu_si512(to + t, _mm512_or_si512(x, _mm512_slli_epi32(y, 16)));
    }
    return t;
}

static inline void unit_pack_values(unit *to, const void *const *from, const ag_dtype *type, int64_t d, int64_t wide)
{
    float row[NUMBERS][LANES];
    const int stored = type[0] == AG_BF16 && type[1] == AG_BF16 && from[1];
    int64_t t = stored ? unit_interleave(to, from[0], from[1], d) : 0;
    for (; t < d; t += LANES) {
        const int n = d - t < LANES ? (int)(d - t) : LANES;
        vec x[NUMBERS] = { v_all(0), v_all(0) };
        for (int i = 0; i < NUMBERS; i++) {
            if (!from[i]) continue;
            row_load(row[i], (const char *)from[i] + t * (int64_t)ag_size_of(type[i]), type[i], n);
            x[i] = n < LANES ? v_load_first(row[i], n) : v_load(row[i]);
        }
        if (n == LANES) v_store((float *)to + t, unit_of(x));
        else v_store_first((float *)to + t, unit_of(x), n);
    }
    for (t = d; t < wide; t++) to[t] = 0;
}

#endif
