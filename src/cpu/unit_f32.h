/* unit_f32.h - what tiles multiply: float32 numbers, one at a time. The other unit is unit_bf16.h. */
#ifndef AG_UNIT_H
#define AG_UNIT_H

#include "rows_vector.h"

typedef float unit;

enum {
    NUMBERS = 1,    /* in a unit */
    SCALES_LATE = 0 /* queries are scaled when they are packed */
};

static inline vec unit_all(unit x) { return v_all(x); }
static inline vec unit_madd(vec sum, vec a, vec b) { return sum + a * b; }

/* The exponential of a weight. */
static inline vec unit_exp2(vec x) { return v_exp2(x); }

/* NUMBERS vectors as one of units. */
static inline vec unit_of(const vec *x) { return x[0]; }

/* Rows of this type and distance lie as they would be packed. */
static inline int unit_keys_lie(const ag_ref *k, int64_t d) { return k->dtype == AG_F32 && k->stride_i == d; }
static inline int unit_values_lie(const ag_ref *v, int64_t d, int64_t wide)
{
    return v->dtype == AG_F32 && v->stride_i == d && d == wide;
}

static inline void unit_pack_key(unit *to, const void *from, ag_dtype type, int64_t d) { row_load(to, from, type, d); }

/* NUMBERS rows of d values as one of `wide` units; a row that is not there is NULL. */
static inline void unit_pack_values(unit *to, const void *const *from, const ag_dtype *type, int64_t d, int64_t wide)
{
    row_load(to, from[0], type[0], d);
    for (int64_t t = d; t < wide; t++) to[t] = 0;
}

#endif
