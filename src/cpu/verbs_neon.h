/* verbs_neon.h - the vector verbs for NEON, which every aarch64 has: 4 lanes, 32 registers. */
#ifndef AG_VERBS_NEON_H
#define AG_VERBS_NEON_H

#include <arm_neon.h>
#include <stdint.h>

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

#include "exp2.h"

/* 2^x for x <= 0, relative error below 1.8e-7; 0 where it vanishes. 2^f lies within [0.7, 1.5] and n above -101, so that
 * n can be added to its exponent as it is. A NaN counts as n = 0 and stays NaN. */
static inline vec v_exp2(vec x)
{
    const int32x4_t n = vcvtnq_s32_f32((float32x4_t)x);
    const vec p = v_exp2_fraction(x - (vec)vcvtq_f32_s32(n));
    const int32x4_t scaled = vaddq_s32((int32x4_t)p, vshlq_n_s32(n, 23));
    const uint32x4_t vanishes = vcltq_f32((float32x4_t)x, vdupq_n_f32(EXP2_VANISHES));
    return (vec)vbicq_s32(scaled, (int32x4_t)vanishes);
}

#endif
