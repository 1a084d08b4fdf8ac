/* blur_tiled.h - the blur step, each axis as a banded matrix applied with the product tile, written over the vector
 * verbs that the including file chose.
 *
 * A task is one head and up to 32 channels: packed to float32 once, blurred axis after axis (width, height, time)
 * between two buffers, stored once. ROWS rows of the matrix are packed at a time and applied to every line, so a line
 * costs its multiply-adds; columns outside the band are skipped, which makes short kernels cheap and long ones no
 * dearer than the whole axis. No boundary code: the reflection is in the weights. */
#include "../axis.h"
#include "cpu.h"
#include "rows.h"
#include "unit_f32.h"

#include "tile.h"

enum { SLAB = 32 };

typedef struct slab {
    const ag_blur *blur;
    int64_t t0, channels, width; /* first channel, how many, rounded up to LANES */
    int64_t extent[3];
    float *from, *to, *weight;
} slab;

static int64_t tokens_in(const ag_blur *x) { return x->axis[0].in * x->axis[1].in * x->axis[2].in; }

static int64_t longest(const ag_blur *x)
{
    int64_t most = x->axis[0].in > x->axis[1].in ? x->axis[0].in : x->axis[1].in;
    return most > x->axis[2].in ? most : x->axis[2].in;
}

static int64_t slabs(const ag_blur *x) { return (x->d + SLAB - 1) / SLAB; }

static int64_t tasks(const ag_step *s) { return s->n_heads * slabs(&s->u.blur); }

static size_t scratch(const ag_step *s)
{
    const ag_blur *x = &s->u.blur;
    return (size_t)(2 * tokens_in(x) * SLAB + (longest(x) * ROWS + AG_ALIGNMENT)) * sizeof(float);
}

static void pack_weights(const ag_axis *axis, int64_t i, int rows, float *weight)
{
    const int64_t low = ag_axis_low(axis, i), high = ag_axis_high(axis, i, rows);
    for (int64_t j = low; j < high; j++)
        for (int r = 0; r < rows; r++) weight[(j - low) * rows + r] = (float)ag_axis_weight(axis, i + r, j);
}

TILE_INLINE void columns(const int rows, const int64_t inner, product p)
{
    int64_t at = 0;
    for (; at + VECTORS * LANES <= inner; at += VECTORS * LANES, p.z += VECTORS * LANES, p.y += VECTORS * LANES)
        tile_product(rows, VECTORS, 0, &p);
    if (inner - at == 2 * LANES) tile_product(rows, 2, 0, &p);
    else if (inner > at) tile_product(rows, 1, 0, &p);
}

/* Rows [i, i + rows) of the axis, on every line: to[outer][i][inner] = sum_j G[i][j] from[outer][j][inner]. */
TILE_INLINE void apply_rows(const int rows, const slab *s, const ag_axis *axis, int64_t i, int64_t outer, int64_t inner)
{
    const int64_t low = ag_axis_low(axis, i), length = ag_axis_high(axis, i, rows) - low;
    pack_weights(axis, i, rows, s->weight);
    for (int64_t o = 0; o < outer; o++)
        columns(rows, inner,
                (product){ length, s->weight, s->from + (o * axis->in + low) * inner,
                           s->to + (o * axis->out + i) * inner, rows, inner, inner, NULL });
}

static void apply_axis(slab *s, int a)
{
    const ag_axis *axis = &s->blur->axis[a];
    const int64_t outer = a == 0 ? 1 : a == 1 ? s->extent[0] : s->extent[0] * s->extent[1];
    const int64_t inner = s->width * (a == 2 ? 1 : a == 1 ? s->extent[2] : s->extent[1] * s->extent[2]);
    int64_t i = 0;
    for (; i + ROWS <= axis->out; i += ROWS) apply_rows(ROWS, s, axis, i, outer, inner);
    for (; i < axis->out; i++) apply_rows(1, s, axis, i, outer, inner);
    s->extent[a] = axis->out;
    float *swap = s->from;
    s->from = s->to;
    s->to = swap;
}

static void load_slab(slab *s, const ag_bound *bound, int64_t h)
{
    const ag_blur *x = s->blur;
    const int64_t skip = s->t0 * (int64_t)ag_size_of(x->src.dtype);
    for (int64_t i = 0; i < tokens_in(x); i++) {
        float *row = s->from + i * s->width;
        ag_load_row(row, (const char *)ag_at(bound, &x->src, h, x->o + i) + skip, x->src.dtype, s->channels);
        for (int64_t t = s->channels; t < s->width; t++) row[t] = 0;
    }
}

static void store_slab(const slab *s, const ag_bound *bound, int64_t h)
{
    const ag_blur *x = s->blur;
    const int64_t skip = s->t0 * (int64_t)ag_size_of(x->dst.dtype), n = s->extent[0] * s->extent[1] * s->extent[2];
    for (int64_t i = 0; i < n; i++) {
        char *dst = (char *)ag_at(bound, &x->dst, h, x->dst_o + i) + skip;
        float *row = s->from + i * s->width;
        for (int64_t t = 0; x->accumulate && t < s->channels; t++) row[t] += ag_load_one(dst, x->dst.dtype, t);
        ag_store_row(dst, row, x->dst.dtype, s->channels);
    }
}

static void run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_blur *x = &step->u.blur;
    const int64_t h = step->heads[task / slabs(x)], t0 = task % slabs(x) * SLAB, left = x->d - t0;
    slab s = { .blur = x, .t0 = t0, .channels = left < SLAB ? left : SLAB, .from = memory };
    s.width = (s.channels + LANES - 1) / LANES * LANES;
    s.to = s.from + tokens_in(x) * SLAB;
    s.weight = s.to + tokens_in(x) * SLAB;
    for (int a = 0; a < 3; a++) s.extent[a] = x->axis[a].in;
    load_slab(&s, bound, h);
    for (int a = 2; a >= 0; a--)
        if (x->axis[a].changes) apply_axis(&s, a);
    store_slab(&s, bound, h);
}
