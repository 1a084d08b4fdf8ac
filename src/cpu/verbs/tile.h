/* tile.h - the innermost loops of the tiled kernels, up to 3 vectors wide, over the units that the including file
 * chose. For attend, lanes are queries: everything is transposed (S^T = K Q^T, O^T = V^T P^T), so that maximum and sum
 * run along lanes without a horizontal step, and all products have one shape: ROWS scalars broadcast against up to 3
 * vectors. */
#ifndef AG_TILE_H
#define AG_TILE_H

enum { VECTORS = 3, PANEL = VECTORS * LANES, BLOCK = 128 };

#define TILE_INLINE static inline __attribute__((always_inline))

/* A function around innermost loops: the accumulators have all registers to themselves. */
#define TILE_CALL static __attribute__((noinline))

/* s[ROWS][PANEL] = k[ROWS][length] qt[length][PANEL]; top[PANEL] = max(top, s) */
TILE_INLINE void tile_logits(const int n, int64_t length, const unit *k, const unit *qt, float *s, float *top)
{
    vec sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) sum[r][c] = v_all(0);
    for (int64_t t = 0; t < length; t++, qt += PANEL) {
        vec q[VECTORS];
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) q[c] = *(const vec *)(qt + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const vec x = unit_all(k[r * length + t]);
#pragma GCC unroll 3
            for (int c = 0; c < n; c++) sum[r][c] = unit_madd(sum[r][c], x, q[c]);
        }
    }
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        vec most = *(const vec *)(top + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            *(vec *)(s + r * PANEL + c * LANES) = sum[r][c];
            most = v_max(most, sum[r][c]);
        }
        *(vec *)(top + c * LANES) = most;
    }
}

/* Operands of a product: y[rows][n vectors] = x[length][rows]^T z[length][n vectors], each with its own row stride; or
 * that added to y times `by`, lane by lane. The sum is made apart and then added: short sums round less. */
typedef struct product {
    int64_t length;
    const unit *x, *z;
    float *y;
    int64_t x_stride, z_stride, y_stride;
    const float *by;
} product;

TILE_INLINE void tile_product(const int rows, const int n, const int add, const product *p)
{
    const unit *x = p->x, *z = p->z;
    vec sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) sum[r][c] = v_all(0);
    for (int64_t j = 0; j < p->length; j++, x += p->x_stride, z += p->z_stride) {
        vec w[VECTORS];
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) w[c] = *(const vec *)(z + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const vec by = unit_all(x[r]);
#pragma GCC unroll 3
            for (int c = 0; c < n; c++) sum[r][c] = unit_madd(sum[r][c], by, w[c]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) {
            vec *y = (vec *)(p->y + r * p->y_stride + c * LANES);
            if (add) *y = *y * *(const vec *)(p->by + c * LANES) + sum[r][c];
            else *y = sum[r][c];
        }
}

/* The weight of a logit: 2^(s - m), or 2^(s by - m). */
TILE_INLINE vec tile_weight(const float *s, vec by, vec m)
{
    const vec x = *(const vec *)s;
    return unit_exp2(SCALES_LATE ? x * by - m : x - m);
}

/* w[keys / NUMBERS][PANEL] = weights of s[keys][PANEL], added up over the block before they join the running sum: short
 * sums round less. w may be s where a unit is one number. */
TILE_INLINE void tile_weights(const int n, int64_t keys, const float *s, float scale, const float *m, unit *w, float *l)
{
    const vec by = v_all(scale);
    vec sum[VECTORS], top[VECTORS];
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        sum[c] = v_all(0);
        top[c] = *(const vec *)(m + c * LANES);
    }
    int64_t j = 0;
    for (; j + NUMBERS <= keys; j += NUMBERS, s += NUMBERS * PANEL, w += PANEL)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) {
            vec x[NUMBERS];
#pragma GCC unroll 2
            for (int i = 0; i < NUMBERS; i++) {
                x[i] = tile_weight(s + i * PANEL + c * LANES, by, top[c]);
                sum[c] += x[i];
            }
            *(vec *)(w + c * LANES) = unit_of(x);
        }
    for (int c = 0; j < keys && c < n; c++) { /* the last number has no neighbour */
        vec x[NUMBERS] = { tile_weight(s + c * LANES, by, top[c]) };
        sum[c] += x[0];
        *(vec *)(w + c * LANES) = unit_of(x);
    }
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) *(vec *)(l + c * LANES) += sum[c];
}

/* m = max(m, top); by = what has been summed so far shrinks by where a maximum grew, and l shrinks at once. */
TILE_INLINE void tile_rescale(const int n, const float *top, float *m, float *l, float *by)
{
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        const vec old = *(const vec *)(m + c * LANES), now = v_max(old, *(const vec *)(top + c * LANES));
        const vec factor = v_exp2(old - now); /* where nothing grew, exactly 1 */
        *(vec *)(by + c * LANES) = factor;
        *(vec *)(l + c * LANES) *= factor;
        *(vec *)(m + c * LANES) = now;
    }
}

/* x . y over d elements, lanes first, then across. */
TILE_INLINE float tile_dot(const float *x, const float *y, int64_t d)
{
    vec sum = v_all(0);
    float all = 0;
    int64_t t = 0;
    for (; t + LANES <= d; t += LANES) sum += *(const vec_unaligned *)(x + t) * *(const vec_unaligned *)(y + t);
    for (int i = 0; i < LANES; i++) all += sum[i];
    for (; t < d; t++) all += x[t] * y[t];
    return all;
}

#endif
