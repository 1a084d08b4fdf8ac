/* rows_vector.h - rows.h for whole vectors: rows widened, rounded and copied, written over the vector verbs that the
 * including file chose. Bit for bit what rows.h makes of one number. */
#ifndef AG_ROWS_VECTOR_H
#define AG_ROWS_VECTOR_H

#include "rows.h"

#define ROW_INLINE static inline __attribute__((always_inline))

/* Numbers [t, t + LANES) of a row, widened. `type` is a constant where this is called. */
ROW_INLINE vec row_vec(const void *from, const ag_dtype type, int64_t t)
{
    if (type == AG_F32) return *(const vec_unaligned *)((const float *)from + t);
    const uint16_t *half = (const uint16_t *)from + t;
    return type == AG_F16 ? v_load_half(half) : v_load_bfloat(half);
}

/* The same numbers rounded. */
ROW_INLINE void row_put(void *to, const ag_dtype type, int64_t t, vec x)
{
    uint16_t *half = (uint16_t *)to + t;
    if (type == AG_F32) *(vec_unaligned *)((float *)to + t) = x;
    else if (type == AG_F16) v_store_half(half, x);
    else v_store_bfloat(half, x);
}

/* The last vector overlaps the one before: there is nothing to do number by number in rows of a vector or more. */
ROW_INLINE void row_convert(void *to, const ag_dtype to_type, const void *from, const ag_dtype from_type, int64_t n)
{
    int64_t t = 0;
    for (; t + LANES <= n; t += LANES) row_put(to, to_type, t, row_vec(from, from_type, t));
    if (t < n) row_put(to, to_type, n - LANES, row_vec(from, from_type, n - LANES));
}

/* to[0 .. n) = from, widened. */
static inline void row_load(float *restrict to, const void *restrict from, ag_dtype type, int64_t n)
{
    if (n < LANES || type == AG_F32) ag_load_row(to, from, type, n);
    else if (type == AG_F16) row_convert(to, AG_F32, from, AG_F16, n);
    else row_convert(to, AG_F32, from, AG_BF16, n);
}

/* to = from[0 .. n), rounded to the storage type. */
static inline void row_store(void *restrict to, const float *restrict from, ag_dtype type, int64_t n)
{
    if (n < LANES || type == AG_F32) ag_store_row(to, from, type, n);
    else if (type == AG_F16) row_convert(to, AG_F16, from, AG_F32, n);
    else row_convert(to, AG_BF16, from, AG_F32, n);
}

/* ---- stores past the caches ---- */

/* A step that writes this many bytes leaves nothing of them in a cache for the step after it: 12 MiB, a third of a
 * large one. */
enum { STREAM_FROM = 12 << 20, LINE = 64 };

/* Whole lines past the caches, what is left and right of them as usual. Ends with v_fence in the caller's hands. */
static inline void row_stream(void *restrict to, const void *restrict from, int64_t bytes)
{
    char *dst = to;
    const char *src = from;
    const int64_t head = (int64_t)(-(uintptr_t)dst % LINE);
    if (bytes < head + 2 * LINE) {
        memcpy(dst, src, (size_t)bytes);
        return;
    }
    memcpy(dst, src, (size_t)head);
    int64_t at = head;
    for (; at + LINE <= bytes; at += LINE)
        for (int64_t x = 0; x < LINE; x += LANES * (int64_t)sizeof(float))
            v_stream((float *)(dst + at + x), *(const vec_unaligned *)(src + at + x));
    memcpy(dst + at, src + at, (size_t)(bytes - at));
}

/* Numbers on their way from one storage type to another go through the cache in blocks. */
enum { ROW_BLOCK = 512 };

/* to[0 .. n) = from; either type, past the caches where `stream`. */
static inline void row_move(void *restrict to, ag_dtype to_type, const void *restrict from, ag_dtype from_type,
                            int64_t n, int stream)
{
    const int64_t to_size = (int64_t)ag_size_of(to_type), from_size = (int64_t)ag_size_of(from_type);
    float row[ROW_BLOCK];
    uint16_t rounded[ROW_BLOCK];
    if (to_type == from_type) {
        if (stream) row_stream(to, from, n * to_size);
        else memcpy(to, from, (size_t)(n * to_size));
        return;
    }
    for (int64_t t = 0; t < n; t += ROW_BLOCK) {
        const int64_t part = n - t < ROW_BLOCK ? n - t : ROW_BLOCK;
        const void *src = (const char *)from + t * from_size, *made = row;
        void *dst = (char *)to + t * to_size;
        if (from_type == AG_F32) made = src;
        else row_load(to_type == AG_F32 && !stream ? dst : row, src, from_type, part);
        if (to_type != AG_F32) {
            row_store(stream ? rounded : dst, made, to_type, part);
            made = rounded;
        }
        if (stream) row_stream(dst, made, part * to_size);
    }
}

#endif
