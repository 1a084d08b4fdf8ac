/* blur.c - the separable blur as its definition, axis after axis over a few channels, in float64. Refuses
 * nothing. */
#include "../../program/axis.h"
#include "../cpu.h"
#include "../rows.h"

#define CHANNELS 8 /* per task */

static int64_t tokens_in(const ag_blur *x) { return x->axis[0].in * x->axis[1].in * x->axis[2].in; }

static int64_t slabs(const ag_blur *x) { return (x->d + CHANNELS - 1) / CHANNELS; }

static int64_t tasks(const ag_step *s) { return s->n_heads * slabs(&s->u.blur); }

static size_t scratch(const ag_step *s) { return 2 * (size_t)tokens_in(&s->u.blur) * CHANNELS * sizeof(double); }

/* to[outer][i][inner] = sum_j G[i][j] from[outer][j][inner] */
static void apply(const ag_axis *axis, int64_t outer, int64_t inner, const double *from, double *to)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < axis->out; i++) {
            double *row = to + (o * axis->out + i) * inner;
            for (int64_t x = 0; x < inner; x++) row[x] = 0;
            for (int64_t j = ag_axis_low(axis, i); j < ag_axis_high(axis, i, 1); j++) {
                const double w = ag_axis_weight(axis, i, j), *in = from + (o * axis->in + j) * inner;
                for (int64_t x = 0; x < inner; x++) row[x] += w * in[x];
            }
        }
}

static void store(const ag_blur *x, void *dst, const double *from, int64_t t0, int64_t n)
{
    float row[CHANNELS], old[CHANNELS];
    char *at = (char *)dst + t0 * (int64_t)ag_size_of(x->dst.dtype);
    if (x->accumulate) ag_load_row(old, at, x->dst.dtype, n);
    for (int64_t t = 0; t < n; t++) row[t] = (float)(x->accumulate ? from[t] + old[t] : from[t]);
    ag_store_row(at, row, x->dst.dtype, n);
}

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_blur *x = &s->u.blur;
    const int64_t h = s->heads[task / slabs(x)], t0 = task % slabs(x) * CHANNELS;
    const int64_t n = x->d - t0 < CHANNELS ? x->d - t0 : CHANNELS;
    double *from = memory, *to = from + tokens_in(x) * CHANNELS;
    for (int64_t i = 0; i < tokens_in(x); i++)
        for (int64_t t = 0; t < n; t++)
            from[i * CHANNELS + t] = ag_load_one(ag_at(bound, &x->src, h, x->o + i), x->src.dtype, t0 + t);

    int64_t extent[3] = { x->axis[0].in, x->axis[1].in, x->axis[2].in };
    for (int a = 2; a >= 0; a--) {
        if (!x->axis[a].changes) continue;
        const int64_t outer = a == 0 ? 1 : a == 1 ? extent[0] : extent[0] * extent[1];
        const int64_t inner = CHANNELS * (a == 2 ? 1 : a == 1 ? extent[2] : extent[1] * extent[2]);
        apply(&x->axis[a], outer, inner, from, to);
        extent[a] = x->axis[a].out;
        double *swap = from;
        from = to;
        to = swap;
    }
    for (int64_t i = 0; i < extent[0] * extent[1] * extent[2]; i++)
        store(x, ag_at(bound, &x->dst, h, x->dst_o + i), from + i * CHANNELS, t0, n);
}

const ag_kernel ag_blur_f64_ref = {
    .name = "blur_f64_ref",
    .step = AG_STEP_BLUR,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
