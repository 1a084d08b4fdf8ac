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

/* Past the caches where that can be said: here it cannot. */
static inline void v_stream(float *x, vec a) { v_store(x, a); }
static inline void v_streamed(void) {}

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

#endif
