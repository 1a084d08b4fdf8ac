/* verbs_base.h - the vector verbs in portable GNU vector C: 4 lanes, what every x86-64 and aarch64 has. */
#ifndef AG_VERBS_BASE_H
#define AG_VERBS_BASE_H

#include <stdint.h>
#include <string.h>

enum { LANES = 4, ROWS = 4 }; /* ROWS x 3 accumulators must fit in the registers */

typedef float vec __attribute__((vector_size(16), may_alias));
typedef int32_t ivec __attribute__((vector_size(16), may_alias));
typedef float vec_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

static inline vec v_all(float x) { return (vec){ x, x, x, x }; }

static inline vec v_max(vec a, vec b) /* b where either is NaN */
{
    const ivec greater = a > b;
    return (vec)((greater & (ivec)a) | (~greater & (ivec)b));
}

static inline int v_any_greater(vec a, vec b)
{
    const ivec greater = a > b;
    return (greater[0] | greater[1] | greater[2] | greater[3]) != 0;
}

static inline vec v_load(const float *x) { return *(const vec_unaligned *)x; }
static inline void v_store(float *x, vec a) { *(vec_unaligned *)x = a; }

/* The first n lanes, n < LANES; the others are 0, and their memory is not touched. */
static inline vec v_load_first(const float *x, int n)
{
    vec a = v_all(0);
    memcpy(&a, x, (size_t)n * sizeof *x);
    return a;
}

static inline void v_store_first(float *x, vec a, int n) { memcpy(x, &a, (size_t)n * sizeof *x); }

/* x[i][j] = x[j][i] */
static inline void v_transpose(vec *x)
{
    const vec a = x[0], b = x[1], c = x[2], d = x[3];
    for (int i = 0; i < LANES; i++) x[i] = (vec){ a[i], b[i], c[i], d[i] };
}

#include "exp2.h"

/* 2^x for x <= 0, relative error below 1.8e-7; 0 where it vanishes. x is split into n + f, |f| <= 1/2, by adding 1.5
 * 2^23, which leaves n in the low bits; 2^n is put together in the exponent. */
static inline vec v_exp2(vec x)
{
    const ivec vanishes = x < EXP2_VANISHES;
    const vec shifted = x + 12582912.0f, f = x - (shifted - 12582912.0f);
    const ivec scale = ((ivec)shifted - 0x4b400000 + 127) << 23;
    const vec p = v_exp2_fraction(f);
    return (vec)(~vanishes & (ivec)(p * (vec)scale));
}

/* Storage types: LANES numbers widened exactly, or rounded to nearest even. A NaN stays one, and becomes quiet. In
 * integers, as rows.h does it for one number. */
typedef uint32_t uvec __attribute__((vector_size(16), may_alias));
typedef uint16_t hvec __attribute__((vector_size(8), may_alias));
typedef uint16_t hvec_unaligned __attribute__((vector_size(8), aligned(2), may_alias));

static inline ivec v_choose(ivec mask, ivec yes, ivec no) { return (mask & yes) | (~mask & no); }

static inline vec v_of_half(hvec x)
{
    const ivec bits = __builtin_convertvector(x, ivec), sign = (bits & 0x8000) << 16, size = (bits & 0x7fff) << 13;
    const ivec smallest = 0 * bits + (113 << 23), denormal = (ivec)((vec)(size + smallest) - (vec)smallest);
    const ivec special = size + (224 << 23), quiet = special | ((special > 0x7f800000) & 0x400000);
    const ivec finite = v_choose(size < 1 << 23, denormal, size + (112 << 23));
    return (vec)(sign | v_choose(size >= 31 << 23, quiet, finite));
}

static inline hvec v_to_half(vec x)
{
    const ivec bits = (ivec)x, sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    const ivec denormal = (ivec)((vec)size + 0.5f) - 0x3f000000;
    const ivec normal = (size - (112 << 23) + 0xfff + (size >> 13 & 1)) >> 13;
    const ivec special = v_choose(size > 0x7f800000, 0x7e00 | (size >> 13 & 0x3ff), 0 * size + 0x7c00);
    const ivec finite = v_choose(size < 0x38800000, denormal, normal);
    return __builtin_convertvector(sign | v_choose(size >= 0x477ff000, special, finite), hvec);
}

static inline vec v_of_bfloat(hvec x) { return (vec)(__builtin_convertvector(x, uvec) << 16); }

static inline hvec v_to_bfloat(vec x)
{
    const uvec bits = (uvec)x, nan = (uvec)((bits & 0x7fffffff) > 0x7f800000);
    const uvec rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
    return __builtin_convertvector((nan & quiet) | (~nan & rounded), hvec);
}

/* Past the caches where a processor can; portable C cannot say so. */
static inline void v_stream(float *to, vec x) { *(vec *)to = x; }
static inline void h_stream(uint16_t *to, hvec x) { *(hvec *)to = x; }
static inline void v_fence(void) {}

/* The lower and the upper half of the lanes in float64, and back. */
typedef double wvec __attribute__((vector_size(16), may_alias));

typedef uint64_t words __attribute__((vector_size(16), may_alias));

static inline wvec w_all(double x) { return (wvec){ x, x }; }
static inline wvec w_low(vec x) { return (wvec){ x[0], x[1] }; }
static inline wvec w_high(vec x) { return (wvec){ x[2], x[3] }; }
static inline wvec w_load(const float *x) { return (wvec){ x[0], x[1] }; }
static inline double w_sum(wvec x) { return x[0] + x[1]; }
static inline wvec w_size(wvec x) { return (wvec)((words)x & INT64_MAX); }
/* sign(x) sqrt|x| */
static inline wvec w_root(wvec x)
{
    const wvec size = w_size(x), root = { __builtin_sqrt(size[0]), __builtin_sqrt(size[1]) };
    return (wvec)((words)root | ((words)x & INT64_MIN));
}
static inline vec w_narrow(wvec low, wvec high)
{
    return (vec){ (float)low[0], (float)low[1], (float)high[0], (float)high[1] };
}

/* Products of the lower 32 bits of each. */

static inline words u_multiply(words x, words y) { return (x & 0xffffffff) * (y & 0xffffffff); }

#endif
