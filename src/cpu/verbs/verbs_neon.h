/* verbs_neon.h - the vector verbs for NEON, which every aarch64 has: 4 lanes, 32 registers. */
#ifndef AG_VERBS_NEON_H
#define AG_VERBS_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 4, ROWS = 8 };

typedef float vec __attribute__((vector_size(16), may_alias));
typedef float vec_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

static inline vec v_all(float x) { return (vec)vdupq_n_f32(x); }

/* b where either is NaN: fmax would give NaN, fmaxnm the number. */
static inline vec v_max(vec a, vec b)
{
    return (vec)vbslq_f32(vcgtq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a, (float32x4_t)b);
}

static inline int v_any_greater(vec a, vec b) { return vmaxvq_u32(vcgtq_f32((float32x4_t)a, (float32x4_t)b)) != 0; }

static inline vec v_load(const float *x) { return (vec)vld1q_f32(x); }
static inline void v_store(float *x, vec a) { vst1q_f32(x, (float32x4_t)a); }

/* The first n lanes, n < LANES; the others are 0, and their memory is not touched. */
static inline vec v_load_first(const float *x, int n)
{
    vec a = v_all(0);
    memcpy(&a, x, (size_t)n * sizeof *x);
    return a;
}

static inline void v_store_first(float *x, vec a, int n) { memcpy(x, &a, (size_t)n * sizeof *x); }

/* x[i][j] = x[j][i]: elements of two rows, then pairs of elements. */
static inline void v_transpose(vec *x)
{
    const float32x4x2_t top = vtrnq_f32((float32x4_t)x[0], (float32x4_t)x[1]);
    const float32x4x2_t low = vtrnq_f32((float32x4_t)x[2], (float32x4_t)x[3]);
    for (int i = 0; i < 2; i++) {
        x[i] = (vec)vtrn1q_f64((float64x2_t)top.val[i], (float64x2_t)low.val[i]);
        x[i + 2] = (vec)vtrn2q_f64((float64x2_t)top.val[i], (float64x2_t)low.val[i]);
    }
}

#include "exp2.h"

/* 2^x for x <= 0, relative error below 1.8e-7; 0 where it vanishes. 2^f lies within [0.7, 1.5] and n above -101, so
 * that n can be added to its exponent as it is. A NaN counts as n = 0 and stays NaN. */
static inline vec v_exp2(vec x)
{
    const int32x4_t n = vcvtnq_s32_f32((float32x4_t)x);
    const vec p = v_exp2_fraction(x - (vec)vcvtq_f32_s32(n));
    const int32x4_t scaled = vaddq_s32((int32x4_t)p, vshlq_n_s32(n, 23));
    const uint32x4_t vanishes = vcltq_f32((float32x4_t)x, vdupq_n_f32(EXP2_VANISHES));
    return (vec)vbicq_s32(scaled, (int32x4_t)vanishes);
}

/* Storage types: LANES numbers widened exactly, or rounded to nearest even. A NaN stays one, and becomes quiet. */
typedef uint16_t hvec __attribute__((vector_size(8), may_alias));
typedef uint16_t hvec_unaligned __attribute__((vector_size(8), aligned(2), may_alias));

static inline vec v_of_half(hvec x) { return (vec)vcvt_f32_f16((float16x4_t)x); }
static inline hvec v_to_half(vec x) { return (hvec)vcvt_f16_f32((float32x4_t)x); }
static inline vec v_of_bfloat(hvec x) { return (vec)vshll_n_u16((uint16x4_t)x, 16); }

static inline hvec v_to_bfloat(vec x)
{
    const uint32x4_t bits = (uint32x4_t)x, quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    const uint32x4_t number = vceqq_f32((float32x4_t)x, (float32x4_t)x);
    return (hvec)vshrn_n_u32(vbslq_u32(number, rounded, quiet), 16);
}

/* Past the caches where that can be said: to these compilers it cannot. */
static inline void v_stream(float *to, vec x) { v_store(to, x); }
static inline void h_stream(uint16_t *to, hvec x) { vst1_u16(to, (uint16x4_t)x); }
static inline void v_fence(void) {}

/* The lower and the upper half of the lanes in float64, and back. */
typedef double wvec __attribute__((vector_size(16), may_alias));

static inline wvec w_all(double x) { return (wvec)vdupq_n_f64(x); }
static inline wvec w_low(vec x) { return (wvec)vcvt_f64_f32(vget_low_f32((float32x4_t)x)); }
static inline wvec w_high(vec x) { return (wvec)vcvt_high_f64_f32((float32x4_t)x); }
static inline wvec w_load(const float *x) { return (wvec)vcvt_f64_f32(vld1_f32(x)); }
static inline double w_sum(wvec x) { return vaddvq_f64((float64x2_t)x); }
static inline wvec w_size(wvec x) { return (wvec)vabsq_f64((float64x2_t)x); }
/* sign(x) sqrt|x| */
static inline wvec w_root(wvec x)
{
    const uint64x2_t sign = vdupq_n_u64(UINT64_C(1) << 63);
    return (wvec)vbslq_f64(sign, (float64x2_t)x, vsqrtq_f64((float64x2_t)w_size(x)));
}
static inline vec w_narrow(wvec low, wvec high)
{
    return (vec)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)low), (float64x2_t)high);
}

/* Products of the lower 32 bits of each. */
typedef uint64_t words __attribute__((vector_size(16), may_alias));

static inline words u_multiply(words x, words y)
{
    return (words)vmull_u32(vmovn_u64((uint64x2_t)x), vmovn_u64((uint64x2_t)y));
}

#endif
