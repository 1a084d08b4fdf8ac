/* blur_tile_tmpl.h - the products of the blur, over a line in the first cache, written over the vector verbs that the
 * including file chose. Lanes are channels; weights are broadcast, `columns` of them for each token of the line. */
#ifndef AG_BLUR_TILE_TMPL_H
#define AG_BLUR_TILE_TMPL_H

#include "../verbs/unit_f32.h"

#include "../verbs/tile.h"

/* Rows of a block: BLUR_PAIRS of them beside their mirror images, or BLUR_BAND. */
enum { BLUR_PAIRS = ROWS / 2, BLUR_BAND = ROWS, BLUR_ACROSS = 2 };

/* One block of rows of an axis on one line: y[row] = sum_j weight[j][row] line[j], rows `stride` elements apart. */
typedef struct blur_block {
    const float *weight, *line, *mirrored;
    int64_t length, width;
    float *y;
    int64_t stride;
    int64_t rows; /* that are wanted, at most BLUR_BAND or BLUR_PAIRS */
} blur_block;

TILE_INLINE void blur_band(const int n, const blur_block *b, int64_t at)
{
    const float *w = b->weight, *z = b->line + at;
    vec sum[BLUR_BAND][BLUR_ACROSS];
#pragma GCC unroll 8
    for (int r = 0; r < BLUR_BAND; r++)
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) sum[r][c] = v_all(0);
    for (int64_t j = 0; j < b->length; j++, w += BLUR_BAND, z += b->width) {
        vec x[BLUR_ACROSS];
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) x[c] = *(const vec *)(z + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < BLUR_BAND; r++) {
            const vec by = v_all(w[r]);
#pragma GCC unroll 2
            for (int c = 0; c < n; c++) sum[r][c] += by * x[c];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < BLUR_BAND; r++) {
        if (r >= b->rows) return;
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) *(vec_unaligned *)(b->y + r * b->stride + at + c * LANES) = sum[r][c];
    }
}

/* The line is folded in its middle: sums in `line`, differences in `mirrored`. Row r upwards from y, and its mirror
 * image downwards from the line's other end, which is `last` elements further. */
TILE_INLINE void blur_pairs(const int n, const blur_block *b, int64_t at, int64_t last)
{
    const float *w = b->weight, *sums = b->line + at, *differences = b->mirrored + at;
    vec even[BLUR_PAIRS][BLUR_ACROSS], odd[BLUR_PAIRS][BLUR_ACROSS];
#pragma GCC unroll 4
    for (int r = 0; r < BLUR_PAIRS; r++)
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) even[r][c] = odd[r][c] = v_all(0);
    for (int64_t j = 0; j < b->length; j++, w += 2 * BLUR_PAIRS, sums += b->width, differences += b->width) {
        vec x[BLUR_ACROSS], z[BLUR_ACROSS];
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) {
            x[c] = *(const vec *)(sums + c * LANES);
            z[c] = *(const vec *)(differences + c * LANES);
        }
#pragma GCC unroll 4
        for (int r = 0; r < BLUR_PAIRS; r++) {
            const vec of_sum = v_all(w[r]), of_difference = v_all(w[BLUR_PAIRS + r]);
#pragma GCC unroll 2
            for (int c = 0; c < n; c++) {
                even[r][c] += of_sum * x[c];
                odd[r][c] += of_difference * z[c];
            }
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < BLUR_PAIRS; r++) {
        if (r >= b->rows) return;
        float *up = b->y + r * b->stride + at, *down = b->y + last - r * b->stride + at;
#pragma GCC unroll 2
        for (int c = 0; c < n; c++) {
            *(vec_unaligned *)(up + c * LANES) = even[r][c] + odd[r][c];
            *(vec_unaligned *)(down + c * LANES) = even[r][c] - odd[r][c];
        }
    }
}

#endif
