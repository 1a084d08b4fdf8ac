/* rows_vector.h - rows.h for whole vectors: rows widened, rounded and copied, written over the vector verbs that the
 * including file chose. Bit for bit what rows.h makes of one number. */
#ifndef AG_ROWS_VECTOR_H
#define AG_ROWS_VECTOR_H

#include "../rows.h"

#define ROW_INLINE static inline __attribute__((always_inline))

/* A step that writes this many bytes passes the caches by: they would keep little of it for the step that follows, and
 * what they fetch to write into is a third of the traffic. */
enum { STREAM_FROM = 4 << 20, LINE = 64 };

static inline int row_streams(const ag_step *s, int64_t tokens, int64_t d, ag_dtype type)
{
    return (double)s->n_heads * (double)tokens * (double)d * (double)ag_size_of(type) >= STREAM_FROM;
}

/* Tokens of a task, by shape alone: stores past the caches are waited for at its end, so that large tensors want long
 * tasks, but 32 of them. */
static inline int64_t row_chunk(const ag_step *s, int64_t tokens)
{
    const int64_t times = s->n_heads * tokens / (32 * AG_CHUNK);
    return AG_CHUNK * (times < 1 ? 1 : times < 16 ? times : 16);
}

static inline int64_t row_tasks(const ag_step *s, int64_t tokens)
{
    return s->n_heads * ((tokens + row_chunk(s, tokens) - 1) / row_chunk(s, tokens));
}

/* No lane is infinite or NaN: x - x is 0 for a finite number, NaN for any other, and v_max takes its second then. */
ROW_INLINE int v_finite(vec x) { return !v_any_greater(v_all(0), v_max(x - x, v_all(-1))); }

/* Rows that a processor does not foresee, few at a time or in no order, are fetched this many before they are used. */
enum { AHEAD = 8 };

ROW_INLINE void row_fetch(const void *row, int64_t bytes)
{
    for (int64_t at = 0; at < bytes; at += LINE) __builtin_prefetch((const char *)row + at);
}

/* `to` takes whole vectors past the caches. */
static inline int row_may_stream(const void *to) { return (uintptr_t)to % LINE == 0; }

/* Numbers [t, t + LANES) of a row, widened. `type` is a constant where this is called. */
ROW_INLINE vec row_vec(const void *from, const ag_dtype type, int64_t t)
{
    if (type == AG_F32) return *(const vec_unaligned *)((const float *)from + t);
    const hvec x = *(const hvec_unaligned *)((const uint16_t *)from + t);
    return type == AG_F16 ? v_of_half(x) : v_of_bfloat(x);
}

/* The same numbers rounded. */
ROW_INLINE void row_put(void *to, const ag_dtype type, int64_t t, vec x, const int stream)
{
    uint16_t *half = (uint16_t *)to + t;
    float *full = (float *)to + t;
    if (type == AG_F32) {
        if (stream) v_stream(full, x);
        else *(vec_unaligned *)full = x;
        return;
    }
    const hvec rounded = type == AG_F16 ? v_to_half(x) : v_to_bfloat(x);
    if (stream) h_stream(half, rounded);
    else *(hvec_unaligned *)half = rounded;
}

/* A vector or more of numbers, one type into another. The last vector overlaps the one before: there is nothing to do
 * number by number. */
ROW_INLINE void row_turn(void *to, const ag_dtype to_type, const void *from, const ag_dtype from_type, int64_t n,
                         const int stream)
{
    int64_t t = 0;
    for (; t + LANES <= n; t += LANES) row_put(to, to_type, t, row_vec(from, from_type, t), stream);
    if (t < n) row_put(to, to_type, n - LANES, row_vec(from, from_type, n - LANES), 0);
}

ROW_INLINE void row_turn_from(void *to, ag_dtype to_type, const void *from, const ag_dtype from_type, int64_t n,
                              const int stream)
{
    if (to_type == AG_F32) row_turn(to, AG_F32, from, from_type, n, stream);
    else if (to_type == AG_F16) row_turn(to, AG_F16, from, from_type, n, stream);
    else row_turn(to, AG_BF16, from, from_type, n, stream);
}

ROW_INLINE void row_turn_any(void *to, ag_dtype to_type, const void *from, ag_dtype from_type, int64_t n,
                             const int stream)
{
    if (from_type == AG_F32) row_turn_from(to, to_type, from, AG_F32, n, stream);
    else if (from_type == AG_F16) row_turn_from(to, to_type, from, AG_F16, n, stream);
    else row_turn_from(to, to_type, from, AG_BF16, n, stream);
}

/* Any bytes, a vector at a time. */
typedef float vec_bytes __attribute__((vector_size(LANES * sizeof(float)), aligned(1), may_alias));

ROW_INLINE void row_copy(void *to, const void *from, int64_t bytes, const int stream)
{
    const int64_t size = (int64_t)sizeof(vec);
    char *dst = to;
    const char *src = from;
    for (; bytes >= size; bytes -= size, dst += size, src += size) {
        const vec x = *(const vec_bytes *)src;
        if (stream) v_stream((float *)(void *)dst, x);
        else *(vec_bytes *)dst = x;
    }
    memcpy(dst, src, (size_t)bytes);
}

/* to[0 .. n) = from, both of their types; past the caches where `stream`, and v_fence is the caller's. */
static inline void row_move(void *restrict to, ag_dtype to_type, const void *restrict from, ag_dtype from_type,
                            int64_t n, int stream)
{
    float few[LANES];
    if (stream && !row_may_stream(to)) stream = 0;
    if (to_type == from_type) {
        if (stream) row_copy(to, from, n * (int64_t)ag_size_of(to_type), 1);
        else row_copy(to, from, n * (int64_t)ag_size_of(to_type), 0);
    } else if (n < LANES) {
        ag_load_row(few, from, from_type, n);
        ag_store_row(to, few, to_type, n);
    } else if (stream) {
        row_turn_any(to, to_type, from, from_type, n, 1);
    } else {
        row_turn_any(to, to_type, from, from_type, n, 0);
    }
}

/* to[0 .. n) = from, widened. */
static inline void row_load(float *restrict to, const void *restrict from, ag_dtype type, int64_t n)
{
    row_move(to, AG_F32, from, type, n, 0);
}

/* to = from[0 .. n), rounded to the storage type. */
static inline void row_store(void *restrict to, const float *restrict from, ag_dtype type, int64_t n)
{
    row_move(to, type, from, AG_F32, n, 0);
}

#endif
