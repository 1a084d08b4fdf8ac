/* combination.c - see combination.h. */
#include "combination.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "oracle_guidance.h"
#include "problem.h"
#include "random.h"

/* What rounding to a type costs: relative, and at least. */
static const double unit_roundoff[] = { [AG_F32] = 0, [AG_F16] = 0x1p-11, [AG_BF16] = 0x1p-8 };
static const double least[] = { [AG_F32] = 0x1p-126, [AG_F16] = 0x1p-25, [AG_BF16] = 0x1p-126 };

static int keeps_momentum(const combination *x) { return x->g.rule == AG_APG && x->g.inputs == 3; }

void combination_init(combination *x, ag_rule rule, int inputs, int64_t samples, int64_t count)
{
    memset(x, 0, sizeof *x);
    ag_guidance_init(&x->g, rule, inputs, samples, count);
    x->g.place = problem_where;
    ag_guidance_args_init(&x->a);
    x->in_place = x->lse_in_place = -1;
    for (int i = 0; i < COMBINATION_SAMPLES * AG_MOST_INPUTS; i++) x->weights[i] = i % AG_MOST_INPUTS == 0;
    x->a.weights = x->weights;
}

/* ---- random ones ---------------------------------------------------------------------------------------------- */

static void random_numbers(combination *x, random_state *r)
{
    ag_guidance_args *a = &x->a;
    for (int i = 0; i < COMBINATION_SAMPLES * AG_MOST_INPUTS; i++)
        x->weights[i] = random_chance(r, 6) ? 0 : random_between(r, -3, 5);
    a->rescale = random_chance(r, 4) ? 1 : random_between(r, 0, 1);
    a->scale = random_chance(r, 6) ? 1 : random_between(r, -1, 9);
    a->eta = random_between(r, -0.5, 1.5);
    a->radius = random_chance(r, 3) ? 0 : random_between(r, 0.1, 30);
    a->momentum = random_between(r, -0.9, 0.5);
    a->tau = random_between(r, 0.2, 4);
    a->alpha = random_between(r, 0, 1);
    x->g.from_uncond = random_chance(r, 2);
    x->g.norm = 1 + random_chance(r, 2);
    x->g.weights_per_sample = random_chance(r, 2);
}

static void random_places(combination *x, random_state *r)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    const int plain = random_chance(r, 3);
    for (int k = 0; k < x->g.inputs; k++) {
        const int momentum = keeps_momentum(x) && k == 2;
        x->g.dtype[k] = plain || momentum ? AG_F32 : types[random_below(r, 3)];
        x->g.stride[k] += random_chance(r, 3) ? random_below(r, 40) : 0;
        if (!momentum && random_chance(r, 8)) x->g.stride[k] = 0;
        if (random_chance(r, 12)) x->mix[k] = (mixture)(MIX_CONSTANT + random_below(r, 2));
    }
    x->g.out_dtype = plain ? AG_F32 : types[random_below(r, 3)];
    x->g.out_stride += random_chance(r, 3) ? random_below(r, 40) : 0;
    if (x->g.rule == AG_MERGE && random_chance(r, 3)) x->lse_in_place = (int)random_below(r, 2);
    if (!random_chance(r, 4)) return;
    x->in_place = (int)random_below(r, x->g.inputs < 2 ? 1 : 2);
    x->g.dtype[x->in_place] = x->g.out_dtype;
    x->g.stride[x->in_place] = x->g.out_stride;
}

void combination_random(combination *x, uint64_t seed)
{
    static const int64_t counts[] = { 1, 2, 3, 7, 16, 77, 320, 511, 512, 513, 1024, 4099, 16383, 16384, 16385, 33000 };
    random_state r = { seed * 7919 + 1 };
    const ag_rule rule = (ag_rule)(seed % 6);
    int inputs = rule <= AG_RESCALE ? 1 + (int)random_below(&r, AG_MOST_INPUTS) : 2;
    if (rule == AG_APG) inputs += random_chance(&r, 2);
    combination_init(x, rule, inputs, 1 + random_below(&r, COMBINATION_SAMPLES),
                     random_chance(&r, 25) ? 100000 : counts[random_below(&r, sizeof counts / sizeof *counts)]);
    random_numbers(x, &r);
    random_places(x, &r);
}

/* ---- data ----------------------------------------------------------------------------------------------------- */

static double number_of(mixture mix, random_state *r)
{
    switch (mix) {
    case MIX_PLAIN: return random_between(r, -1, 1);
    case MIX_OFFSET: return 1e4 + random_between(r, -1, 1);
    case MIX_CONSTANT: return 0.1;
    case MIX_ZERO: return 0;
    }
    return NAN;
}

static int64_t reach(const combination *x, int64_t stride) { return (x->g.samples - 1) * stride + x->g.count; }

static int fill_input(combination *x, int k, random_state *r)
{
    const size_t size = number_size(x->g.dtype[k]);
    if (buffer_open(&x->in[k], (size_t)reach(x, x->g.stride[k]) * size, size)) return 1;
    for (int64_t b = 0; b < x->g.samples; b++)
        for (int64_t i = 0; i < x->g.count; i++) {
            const int64_t at = b * x->g.stride[k] + i;
            if (b == 0 || x->g.stride[k]) number_write(x->g.dtype[k], x->in[k].data, at, number_of(x->mix[k], r));
            const double value = number_read(x->g.dtype[k], x->in[k].data, at);
            x->scale[b] += value * value;
        }
    x->a.input[k] = x->in[k].data;
    return 0;
}

/* Both far apart and near, one or both of them -inf. */
static int fill_lse(combination *x, random_state *r)
{
    const size_t size = (size_t)x->g.samples * sizeof(float);
    for (int i = 0; i < 2; i++) {
        if (buffer_open(&x->lse[i], size, sizeof(float))) return 1;
        float *lse = (float *)x->lse[i].data;
        for (int64_t b = 0; b < x->g.samples; b++)
            lse[b] = random_chance(r, 4) ? -INFINITY : (float)random_between(r, -5, random_chance(r, 4) ? 500 : 5);
        x->a.lse[i] = lse;
        buffer_seal(&x->lse[i]);
    }
    return buffer_open(&x->lse_out, size, sizeof(float));
}

static int open_outputs(combination *x)
{
    const size_t size = number_size(x->g.out_dtype), all = (size_t)(x->g.samples * x->g.count) * sizeof(double);
    x->want = malloc(all);
    x->want_momentum = keeps_momentum(x) ? malloc(all) : NULL;
    x->want_lse = malloc((size_t)x->g.samples * sizeof(double));
    x->scale = calloc((size_t)x->g.samples, sizeof(double));
    if (!x->want || !x->want_lse || !x->scale || (keeps_momentum(x) && !x->want_momentum)) return 1;
    return buffer_open(&x->out, (size_t)reach(x, x->g.out_stride) * size, size);
}

void combination_answer(combination *x)
{
    x->a.weights = x->weights;
    oracle_guidance(&x->g, &x->a, x->want, x->want_momentum, x->want_lse);
}

int combination_build(combination *x, uint64_t seed)
{
    random_state r = { seed };
    if (open_outputs(x)) return 1;
    for (int k = 0; k < x->g.inputs; k++)
        if (fill_input(x, k, &r)) return 1;
    if (x->g.rule == AG_MERGE && fill_lse(x, &r)) return 1;
    combination_answer(x);
    if (keeps_momentum(x) && buffer_open(&x->start, x->in[2].size, sizeof(float))) return 1;
    if (keeps_momentum(x)) memcpy(x->start.data, x->in[2].data, x->start.size);
    for (int k = 0; k < x->g.inputs; k++)
        if (!keeps_momentum(x) || k != 2) buffer_seal(&x->in[k]);
    return 0;
}

void combination_free(combination *x)
{
    buffer *own[] = { &x->out, &x->lse[0], &x->lse[1], &x->lse_out, &x->start };
    for (int k = 0; k < AG_MOST_INPUTS; k++) buffer_close(&x->in[k]);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) buffer_close(own[i]);
    free(x->want);
    free(x->want_momentum);
    free(x->want_lse);
    free(x->scale);
}

/* ---- a run ---------------------------------------------------------------------------------------------------- */

void combination_begin(combination *x)
{
    buffer_poison(&x->out);
    buffer_poison(&x->lse_out);
    x->a.out = x->out.data;
    x->a.lse_out = (float *)x->lse_out.data;
    if (x->start.pages) memcpy(x->in[2].data, x->start.data, x->start.size);
    if (x->in_place >= 0) {
        memcpy(x->out.data, x->in[x->in_place].data, x->out.size);
        x->a.input[x->in_place] = x->out.data;
    }
    if (x->lse_in_place >= 0) {
        memcpy(x->lse_out.data, x->lse[x->lse_in_place].data, x->lse_out.size);
        x->a.lse[x->lse_in_place] = (float *)x->lse_out.data;
    }
}

ag_status combination_run(combination *x, ag_context *context, const char *kernel, char *why, size_t size)
{
    combination_begin(x);
    x->g.kernel = kernel;
    return ag_guidance_combine(context, &x->g, &x->a, why, size);
}

/* What lies between samples is still poison. */
static int gaps_are_poison(const combination *x, const buffer *b, int64_t stride, size_t size)
{
    for (int64_t s = 0; s + 1 < x->g.samples; s++)
        for (size_t at = (size_t)(s * stride + x->g.count) * size; at < (size_t)((s + 1) * stride) * size; at++)
            if (b->data[at] != 0xff) return 0;
    return 1;
}

/* Norm against norm: a sample's error against its inputs and result, all of it against the result. */
static int tensor_is_right(const combination *x, const void *got, ag_dtype type, int64_t stride, const double *want,
                           double *worst)
{
    const double allowed = 1e-6 + unit_roundoff[type], all = (double)(x->g.samples * x->g.count);
    double error = 0, norm = 0;
    for (int64_t b = 0; b < x->g.samples; b++) {
        double e = 0, n = 0;
        for (int64_t i = 0; i < x->g.count; i++) {
            const double w = want[b * x->g.count + i], d = number_read(type, got, b * stride + i) - w;
            e += d * d;
            n += w * w;
        }
        *worst = sqrt(e / n);
        if (!(sqrt(e) <= allowed * (sqrt(n) + sqrt(x->scale[b])) + least[type] * sqrt(all))) return 0;
        error += e;
        norm += n;
    }
    *worst = sqrt(error / norm);
    return all < 500 || sqrt(error) <= allowed * sqrt(norm) + least[type] * sqrt(all);
}

static int lse_is_right(const combination *x)
{
    for (int64_t b = 0; b < x->g.samples; b++) {
        const double got = ((const float *)x->lse_out.data)[b], want = x->want_lse[b];
        if (isinf(want) ? got != want : !(fabs(got - want) <= 1e-6 * (1 + fabs(want)))) return 0;
    }
    return 1;
}

static const char *what_is_wrong(const combination *x, double *worst)
{
    const ag_guidance *g = &x->g;
    if (!tensor_is_right(x, x->out.data, g->out_dtype, g->out_stride, x->want, worst)) return "out";
    if (!gaps_are_poison(x, &x->out, g->out_stride, number_size(g->out_dtype))) return "a gap of out";
    if (g->rule == AG_MERGE && !lse_is_right(x)) return "lse";
    if (!keeps_momentum(x)) return NULL;
    if (!gaps_are_poison(x, &x->in[2], g->stride[2], sizeof(float))) return "a gap of the momentum";
    return tensor_is_right(x, x->in[2].data, AG_F32, g->stride[2], x->want_momentum, worst) ? NULL : "the momentum";
}

const char *combination_judge(const combination *x, char *text, size_t size)
{
    double worst = 0;
    const ag_guidance *g = &x->g;
    const char *wrong = what_is_wrong(x, &worst);
    if (!wrong) return NULL;
    snprintf(text, size, "%s is off by %g: rule %d, %d inputs, %lld x %lld, types %d %d %d to %d, in place %d", wrong,
             worst, (int)g->rule, (int)g->inputs, (long long)g->samples, (long long)g->count, (int)g->dtype[0],
             (int)g->dtype[1], (int)g->dtype[2], (int)g->out_dtype, x->in_place);
    return text;
}
