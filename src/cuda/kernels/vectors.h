/* vectors.h - runs of channels moved 16 bytes at a time where they lie so, sums over lanes and blocks. Sums are in
 * float64 and in an order that the shape alone decides: no result depends on which block ran first. */
/* clang-format off */
#ifndef AG_CUDA_VECTORS_H
#define AG_CUDA_VECTORS_H

#include "rows.h"

/* clang-format on */

/* The rows of one head: the division by the group is done once, and in 32 bits, which hold any head. */
struct head_rows {
    char *first;  /* row 0, which need not be there */
    int64_t step; /* bytes */
    ag_dtype dtype;
    int whole; /* every row begins at a multiple of 16 bytes */
};

DEVICE head_rows rows_of(const ag_launch &l, const ag_ref &r, int64_t h)
{
    const int64_t size = (int64_t)ag_size_of(r.dtype), stored = (int32_t)h / (int32_t)r.group;
    return { l.base[r.source] + r.offset + stored * r.stride_h * size, r.stride_i * size, r.dtype, is_aligned(l, r) };
}

DEVICE char *row(const head_rows &r, int64_t i) { return r.first + i * r.step; }

struct alignas(16) four {
    float x[4];
};

struct alignas(8) couple {
    uint32_t x[2];
};

/* Both are found and one is taken: cheaper than a branch for each element. */
DEVICE float of_storage(uint32_t h, ag_dtype type)
{
    const float half = of_half((uint16_t)h), bfloat = of_bfloat((uint16_t)h);
    return type == AG_F16 ? half : bfloat;
}

DEVICE uint32_t to_storage(float x, ag_dtype type)
{
    const uint32_t half = to_half(x), bfloat = to_bfloat(x);
    return type == AG_F16 ? half : bfloat;
}

/* N halves in N / 2 words. */
template <int N> DEVICE void widen(float (&to)[N], const uint32_t *word, ag_dtype type)
{
    UNROLL for (int i = 0; i < N; i++) to[i] = of_storage(word[i / 2] >> 16 * (i % 2), type);
}

/* The first `left` of N elements, one at a time, and zeros. */
template <int N> DEVICE void load_each(float (&to)[N], const char *from, ag_dtype type, int left)
{
    if (type == AG_F32) {
        UNROLL for (int i = 0; i < N; i++) to[i] = i < left ? ((const float *)from)[i] : 0;
        return;
    }
    uint32_t h[N];
    UNROLL for (int i = 0; i < N; i++) h[i] = i < left ? ((const uint16_t *)from)[i] : 0;
    UNROLL for (int i = 0; i < N; i++) to[i] = of_storage(h[i], type);
}

/* Channels [t, t + N) of a row of n, those past its end 0. t is a multiple of N, which is 4 or 8; whole: the row begins
 * at a multiple of 16 bytes. */
template <int N> DEVICE void load_run(float (&to)[N], const char *row, ag_dtype type, int64_t t, int64_t n, int whole)
{
    const char *from = row + t * (int64_t)ag_size_of(type);
    const int left = n - t < N ? (int)(n - t) : N;
    if (!whole || left < N) {
        load_each(to, from, type, left);
    } else if (type == AG_F32) {
        UNROLL for (int i = 0; i < N; i += 4)
        {
            const four x = ((const four *)from)[i / 4];
            UNROLL for (int j = 0; j < 4; j++) to[i + j] = x.x[j];
        }
    } else if (N == 8) {
        const quad x = *(const quad *)from;
        widen(to, x.x, type);
    } else {
        const couple x = *(const couple *)from;
        widen(to, x.x, type);
    }
}

template <int N>
DEVICE void store_run(char *row, ag_dtype type, int64_t t, int64_t n, int whole, const float (&from)[N])
{
    char *to = row + t * (int64_t)ag_size_of(type);
    const int left = n - t < N ? (int)(n - t) : N;
    if (!whole || left < N) {
        UNROLL for (int i = 0; i < N; i++)
        {
            if (i >= left) continue;
            if (type == AG_F32) ((float *)to)[i] = from[i];
            else ((uint16_t *)to)[i] = (uint16_t)to_storage(from[i], type);
        }
        return;
    }
    if (type == AG_F32) {
        UNROLL for (int i = 0; i < N; i += 4)
        {
            ((four *)to)[i / 4] = { { from[i], from[i + 1], from[i + 2], from[i + 3] } };
        }
        return;
    }
    uint32_t word[N / 2];
    UNROLL for (int i = 0; i < N; i += 2) word[i / 2] = to_storage(from[i], type) | to_storage(from[i + 1], type) << 16;
    if constexpr (N == 8) *(quad *)to = { { word[0], word[1], word[2], word[3] } };
    else *(couple *)to = { { word[0], word[1] } };
}

template <int N> DEVICE void load_run(float (&to)[N], const head_rows &r, int64_t i, int64_t t, int64_t n)
{
    load_run(to, row(r, i), r.dtype, t, n, r.whole);
}

template <int N> DEVICE void store_run(const head_rows &r, int64_t i, int64_t t, int64_t n, const float (&from)[N])
{
    store_run(row(r, i), r.dtype, t, n, r.whole, from);
}

/* ---- Sums: every lane or thread gets the same bits ---- */

DEVICE double warp_sum(double x)
{
    for (int mask = 16; mask; mask /= 2) x += shuffle_xor(x, mask);
    return x;
}

/* room: one double for each warp. */
DEVICE double block_sum(double x, double *room, int warps)
{
    const double mine = warp_sum(x);
    double sum = 0;
    sync_block(); /* nobody still reads what was there */
    if (!lane()) room[warp()] = mine;
    sync_block(); /* every warp's is there */
    for (int w = 0; w < warps; w++) sum += room[w];
    return sum;
}

/* ---- The mean of a few channels over many tokens: a block's work ---- */

enum { MEAN_THREADS = 512, MEAN_CHANNELS = 16 };

struct mean_room {
    double sum[MEAN_THREADS / 32][MEAN_CHANNELS];
    int count[MEAN_THREADS / 32];
};

static inline int64_t mean_slabs(int64_t d) { return (d + MEAN_CHANNELS - 1) / MEAN_CHANNELS; }

/* Visible tokens [first, first + n) of head h. Two lanes hold a token, four tokens are on their way at a time. Returns
 * how many were visible; what mean_channel() then tells thread t < MEAN_CHANNELS is that of channel t0 + t. */
DEVICE int mean_tokens(const ag_launch &l, const ag_ref &src, int64_t h, int64_t first, int64_t n, int64_t t0,
                       int64_t d, const ag_visible &seen, mean_room *room)
{
    enum { AT_ONCE = MEAN_THREADS / 2, AHEAD = 4 };
    const int64_t end = first + n, t = t0 + thread() % 2 * 8;
    const head_rows rows = rows_of(l, src, h);
    double sum[8] = {};
    int count = 0;
    for (int64_t j0 = first + thread() / 2; j0 < end; j0 += AHEAD * AT_ONCE) {
        float x[AHEAD][8];
        UNROLL for (int a = 0; a < AHEAD; a++)
        {
            const int64_t j = j0 + a * AT_ONCE;
            const int counts = j < end && is_visible(seen, j);
            load_run(x[a], rows, counts ? j : first, t, counts ? d : 0);
            count += counts;
        }
        UNROLL for (int i = 0; i < AHEAD * 8; i++) sum[i % 8] += x[i / 8][i % 8];
    }
    for (int mask = 2; mask < 32; mask *= 2) {
        UNROLL for (int i = 0; i < 8; i++) sum[i] += shuffle_xor(sum[i], mask);
        count += shuffle_xor(count, mask);
    }
    UNROLL for (int i = 0; i < 8; i++)
    {
        if (lane() < 2) room->sum[warp()][lane() * 8 + i] = sum[i];
    }
    if (!lane()) room->count[warp()] = count;
    sync_block(); /* every warp's sums are there */
    count = 0;
    for (int w = 0; w < MEAN_THREADS / 32; w++) count += room->count[w];
    return count;
}

/* Of channel t < MEAN_CHANNELS; 0 where nothing was visible. */
DEVICE float mean_channel(const mean_room *room, int t, int count)
{
    double sum = 0;
    for (int w = 0; w < MEAN_THREADS / 32; w++) sum += room->sum[w][t];
    return count ? (float)(sum / count) : 0;
}

#endif
