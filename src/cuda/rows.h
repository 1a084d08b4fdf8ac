/* rows.h - what kernels share: where rows are, what is in them, which keys are seen, the values of a run. The CUDA side
 * of cpu/rows.h. Halves are widened exactly and rounded to nearest even. */
/* clang-format off */
#ifndef AG_CUDA_ROWS_H
#define AG_CUDA_ROWS_H

#include <prim.h>

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

/* ---- Which keys of output row b are seen ---- */

struct visible {
    const uint8_t *mask; /* NULL: all */
    int64_t stride, length;
};

DEVICE visible visible_of(const ag_launch &l, int64_t b)
{
    const ag_problem *p = l.problem;
    visible v = { NULL, p->key_mask_stride[1], p->n_k };
    if (p->has_key_mask) v.mask = l.key_mask + b * p->key_mask_stride[0];
    if (p->has_key_lengths && l.key_lengths[b] < v.length) v.length = l.key_lengths[b];
    return v;
}

DEVICE int is_visible(const visible &v, int64_t j) { return j < v.length && (!v.mask || v.mask[j * v.stride]); }

/* What the bias adds to logit (h, i, j) of output row b, which has one; -inf where it hides the key. */
DEVICE float bias_at(const ag_launch &l, int64_t b, int64_t h, int64_t i, int64_t j)
{
    const ag_problem *p = l.problem;
    const int64_t *s = p->bias_stride, element = b * s[0] + h * s[1] + i * s[2] + j * s[3];
    if (p->bias_dtype == AG_U8) return ((const uint8_t *)l.bias)[element] ? 0 : -INFINITY;
    return load_one((const char *)l.bias, p->bias_dtype, element);
}

/* ---- Values of this run ---- */

DEVICE ag_row_value row_value(const ag_launch &l, int64_t b)
{
    ag_row_value x = (l.rows ? l.rows : l.u.row)[l.row_count > 1 ? b : 0];
    if (x.stream == AG_STREAM_DEFAULT) x.stream = (int64_t)(uint32_t)((uint64_t)b + (uint64_t)l.problem->row_offset);
    return x;
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
