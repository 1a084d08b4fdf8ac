/* rows.h - rows of f32, f16 or bf16 as rows of float32, and back: the only place on the CPU that knows storage types.
 * Halves are widened exactly and rounded to nearest even, and a NaN becomes quiet and keeps its leading bits, as
 * processors do it; no step depends on how the host treats denormals. Over vectors: rows_vector.h. */
#ifndef AG_ROWS_H
#define AG_ROWS_H

#include "../halves.h"
#include "../program/backend.h"
#include "../visible.h"

/* to[0 .. n) = from, widened. */
static inline void ag_load_row(float *restrict to, const void *restrict from, ag_dtype type, int64_t n)
{
    const uint16_t *half = from;
    if (type == AG_F32) memcpy(to, from, (size_t)n * sizeof *to);
    else if (type == AG_F16)
        for (int64_t t = 0; t < n; t++) to[t] = ag_from_half(half[t]);
    else
        for (int64_t t = 0; t < n; t++) to[t] = ag_from_bfloat(half[t]);
}

/* to = from[0 .. n), rounded to the storage type. */
static inline void ag_store_row(void *restrict to, const float *restrict from, ag_dtype type, int64_t n)
{
    uint16_t *half = to;
    if (type == AG_F32) memcpy(to, from, (size_t)n * sizeof *from);
    else if (type == AG_F16)
        for (int64_t t = 0; t < n; t++) half[t] = ag_to_half(from[t]);
    else
        for (int64_t t = 0; t < n; t++) half[t] = ag_to_bfloat(from[t]);
}

static inline float ag_load_one(const void *from, ag_dtype type, int64_t t)
{
    if (type == AG_F32) return ((const float *)from)[t];
    const uint16_t h = ((const uint16_t *)from)[t];
    return type == AG_F16 ? ag_from_half(h) : ag_from_bfloat(h);
}

/* ---- output row b: which keys are visible (visible.h), what the bias is ---- */

static inline ag_visible ag_visible_of(const ag_bound *run, int64_t b)
{
    return ag_visible_by(&run->c->p, run->args->key_mask, run->args->key_lengths, b);
}

/* What the bias adds to logit (h, i, j) of output row b: 0 without one, -inf where it hides the key. */
static inline float ag_bias_at(const ag_bound *run, int64_t b, int64_t h, int64_t i, int64_t j)
{
    const ag_problem *p = &run->c->p;
    if (p->bias_dtype == AG_NONE) return 0;
    const int64_t at = ag_bias_element(p, b, h, i, j);
    if (p->bias_dtype == AG_U8) return ag_bias_of_byte(((const uint8_t *)run->bias)[at]);
    return ag_load_one(run->bias, p->bias_dtype, at);
}

#endif
