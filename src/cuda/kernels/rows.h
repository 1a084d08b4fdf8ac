/* rows.h - what kernels share: where rows are, what is in them, which keys are seen, the values of a run. The CUDA side
 * of cpu/rows.h. Halves are widened exactly and rounded to nearest even. */
/* clang-format off */
#ifndef AG_CUDA_ROWS_H
#define AG_CUDA_ROWS_H

#include <prim.h>

#include "../../visible.h"

/* clang-format on */

/* ---- Where ---- */

DEVICE char *at(const ag_launch &l, const ag_ref &r, int64_t h, int64_t i)
{
    const int64_t element = h / r.group * r.stride_h + i * r.stride_i;
    return l.base[r.source] + r.offset + element * (int64_t)ag_size_of(r.dtype);
}

/* Tokens per task of the steps that move rows: fewer than on the CPU, for there are more hands. */
enum { CHUNK = 64 };

static inline int64_t chunks_of(int64_t tokens) { return (tokens + CHUNK - 1) / CHUNK; }

/* Task `task` of such a step: its head and the image-local tokens [first, last). */
struct part {
    int64_t h, first, last;
};

DEVICE part part_of(const ag_step *s, int64_t task, int64_t tokens)
{
    const int64_t chunks = (tokens + CHUNK - 1) / CHUNK, first = task % chunks * CHUNK;
    const int64_t last = first + CHUNK < tokens ? first + CHUNK : tokens;
    return { s->heads[task / chunks], first, last };
}

/* ---- What ---- */

DEVICE float load_one(const char *from, ag_dtype type, int64_t t)
{
    if (type == AG_F32) return ((const float *)from)[t];
    const uint16_t h = ((const uint16_t *)from)[t];
    return type == AG_F16 ? of_half(h) : of_bfloat(h);
}

DEVICE void store_one(char *to, ag_dtype type, int64_t t, float x)
{
    if (type == AG_F32) ((float *)to)[t] = x;
    else ((uint16_t *)to)[t] = type == AG_F16 ? to_half(x) : to_bfloat(x);
}

/* Logits that float32 tells apart well enough for their weights; sums that overflowed are beyond. */
#define LOGITS_FIT 0x1p16f

/* x is not infinite, nor NaN. */
DEVICE int is_finite(float x) { return fabsf(x) <= 3.402823466e38f; }

/* (1 - u) a + u b. Beside the largest float32 the sum of the parts may round to infinity, though the mean fits. */
DEVICE float mixed(float a, float b, float u)
{
    const float y = (1 - u) * a + u * b;
    return is_finite(y) ? y : (float)((1 - (double)u) * a + (double)u * b);
}

/* What one access can move. */
struct alignas(16) quad {
    uint32_t x[4];
};

/* Every row of `r` begins at a multiple of 16 bytes. */
DEVICE int is_aligned(const ag_launch &l, const ag_ref &r)
{
    const int64_t size = (int64_t)ag_size_of(r.dtype);
    return !(((int64_t)l.base[r.source] | r.offset | r.stride_h * size | r.stride_i * size) & 15);
}

/* ---- Output row b: which keys are visible (visible.h), what the bias is ---- */

DEVICE ag_visible visible_of(const ag_launch &l, int64_t b)
{
    return ag_visible_by(l.problem, l.key_mask, l.key_lengths, b);
}

DEVICE int is_visible(const ag_visible &v, int64_t j) { return ag_key_visible(&v, j); }

/* What the bias adds to logit (h, i, j) of output row b, which has one; -inf where it hides the key. */
DEVICE float bias_at(const ag_launch &l, int64_t b, int64_t h, int64_t i, int64_t j)
{
    const int64_t element = ag_bias_element(l.problem, b, h, i, j);
    if (l.problem->bias_dtype == AG_U8) return ag_bias_of_byte(((const uint8_t *)l.bias)[element]);
    return load_one((const char *)l.bias, l.problem->bias_dtype, element);
}

/* ---- Values of this run ---- */

DEVICE int64_t entry_of(const ag_launch &l, int64_t b) { return l.row_count > 1 ? b : 0; }

DEVICE ag_row_value row_value(const ag_launch &l, int64_t b)
{
    ag_row_value x = (l.rows ? l.rows : l.u.row)[entry_of(l, b)];
    if (x.random_stream == AG_STREAM_DEFAULT) x.random_stream = ag_default_stream(b, l.problem->row_offset);
    return x;
}

/* Of a row with entmax. */
DEVICE double lambda_of(const ag_launch &l, int64_t b)
{
    return l.rows ? l.rows[entry_of(l, b)].gain : l.u.lambda[entry_of(l, b)];
}

DEVICE const int32_t *index_at(const ag_launch &l, const ag_index &x, const ag_row_value &row)
{
    return x.from_args ? row.index : (const int32_t *)(l.base[AG_WORK] + x.offset);
}

/* Entry `at` of an index array, which nobody could check on the host: -1 where it is not in [0, n). What depends on it
 * becomes NaN. */
DEVICE int64_t index_entry(const int32_t *index, int64_t entry, int64_t n)
{
    const int32_t i = index[entry];
    return i >= 0 && i < n ? i : -1;
}

#endif
