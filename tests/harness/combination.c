/* combination.c - see combination.h. */
#include "combination.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/number.h"
#include "../oracle/oracle_guidance.h"
#include "problem.h"
#include "random.h"

/* What rounding to a type costs: relative, and at least. */
static const double unit_roundoff[] = { [AG_F32] = 0, [AG_F16] = 0x1p-11, [AG_BF16] = 0x1p-8 };
static const double least[] = { [AG_F32] = 0x1p-126, [AG_F16] = 0x1p-25, [AG_BF16] = 0x1p-126 };

int combination_rules(void)
{
    ag_rule_info info;
    int n = 0;
    ag_rule_info_init(&info);
    while (!ag_rule_at(n, &info)) n++;
    return n;
}

ag_rule_info combination_info(ag_rule rule)
{
    ag_rule_info info;
    ag_rule_info_init(&info);
    ag_rule_at((int)rule, &info);
    return info;
}

static int uses(const combination *x, uint32_t what) { return (combination_info(x->g.rule).uses & what) != 0; }

void combination_rule(combination *x, ag_rule rule)
{
    x->g.rule = rule;
    ag_parameters_init(x->parameters, AG_MOST_PARAMETERS);
    x->a.parameter_count = combination_info(rule).parameter_count;
    x->a.parameters = x->a.parameter_count ? x->parameters : NULL;
    x->a.weights = uses(x, AG_USES_WEIGHTS) ? x->weights : NULL;
}

/* Planes of 4 rows, or 2 levels would not fit: then one. */
static void set_picture(ag_guidance *g)
{
    const int64_t width = g->count % 64 == 0 ? 16 : 4, fits = g->count % (4 * width) == 0;
    g->levels = fits ? 2 : 1;
    g->picture[0] = fits ? g->count / (4 * width) : 1;
    g->picture[1] = fits ? 4 : 1;
    g->picture[2] = fits ? width : g->count;
}

void combination_init(combination *x, ag_rule rule, int inputs, int64_t samples, int64_t count)
{
    memset(x, 0, sizeof *x);
    const ag_rule_info info = combination_info(rule);
    const int needed = inputs < info.least_inputs ? info.least_inputs : inputs;
    x->keeps = (info.uses & AG_NEEDS_STATE) || ((info.uses & AG_USES_STATE) && inputs > info.most_inputs);
    ag_guidance_init(&x->g, rule, needed > info.most_inputs ? info.most_inputs : needed, samples, count);
    if (info.uses & AG_USES_PICTURE) set_picture(&x->g);
    x->g.place = problem_where;
    ag_guidance_args_init(&x->a);
    x->in_place = x->lse_in_place = -1;
    for (int i = 0; i < COMBINATION_SAMPLES * AG_MOST_INPUTS; i++) x->weights[i] = i % AG_MOST_INPUTS == 0;
    combination_rule(x, rule);
}

/* ---- random ones ---------------------------------------------------------------------------------------------- */

/* Around a usual value, or one of those that change nothing. */
static double random_parameter(const ag_parameter_info *p, random_state *r)
{
    if (p->whole) return p->least + (double)random_below(r, (int64_t)(p->most - p->least) + 1);
    if (random_chance(r, 6)) return AG_NOT_SET;
    if (random_chance(r, 6)) return p->neutral;
    const double value = p->usual + random_between(r, -1, 1) * (p->usual != 0 ? fabs(p->usual) : 1);
    return fmin(fmax(value, p->least), p->most);
}

static void random_numbers(combination *x, random_state *r)
{
    for (int i = 0; i < COMBINATION_SAMPLES * AG_MOST_INPUTS; i++)
        x->weights[i] = random_chance(r, 6) ? 0 : random_between(r, -3, 5);
    if (uses(x, AG_USES_WEIGHTS)) x->g.weights_per_sample = random_chance(r, 2);
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at(x->g.rule, i, &p); i++) x->parameters[i] = random_parameter(&p, r);
    if (x->g.rule == AG_APG && !x->keeps) x->parameters[AG_APG_MOMENTUM] = AG_NOT_SET;
    if (x->g.rule == AG_RENORM && x->parameters[AG_RENORM_MIN] > x->parameters[AG_RENORM_MAX])
        x->parameters[AG_RENORM_MAX] = AG_NOT_SET;
    for (int l = x->g.levels; x->g.rule == AG_FDG && l < AG_FDG_PARALLEL; l++)
        x->parameters[AG_FDG_SCALES + l] = x->parameters[AG_FDG_PARALLEL + l] = AG_NOT_SET;
    if (x->keeps) x->a.first_step = random_chance(r, 4);
    x->a.parameter_count -= (int)random_below(r, x->a.parameter_count + 1) / 2;
    if (!x->a.parameter_count) x->a.parameters = NULL;
}

static void random_places(combination *x, random_state *r)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    const int plain = random_chance(r, 3), flat = !uses(x, AG_USES_PICTURE); /* levels of what is flat are rounding */
    for (int k = 0; k < x->g.inputs; k++) {
        x->g.dtype[k] = plain ? AG_F32 : types[random_below(r, 3)];
        x->g.stride[k] += random_chance(r, 3) ? random_below(r, 40) : 0;
        if (random_chance(r, 8)) x->g.stride[k] = 0;
        if (flat && random_chance(r, 12)) x->mix[k] = (mixture)(MIX_CONSTANT + random_below(r, 2));
    }
    x->g.out_dtype = plain ? AG_F32 : types[random_below(r, 3)];
    x->g.out_stride += random_chance(r, 3) ? random_below(r, 40) : 0;
    if (uses(x, AG_USES_LSE) && random_chance(r, 3)) x->lse_in_place = (int)random_below(r, 2);
    if (!random_chance(r, 4)) return;
    x->in_place = (int)random_below(r, x->g.inputs < 2 ? 1 : 2);
    x->g.dtype[x->in_place] = x->g.out_dtype;
    x->g.stride[x->in_place] = x->g.out_stride;
}

/* Few groups and many, narrow and wide, and some that no cache holds. */
static void random_group(ag_guidance *g, random_state *r)
{
    static const int64_t outer[] = { 1, 1, 2, 7, 40 }, inner[] = { 1, 1, 3, 16, 77, 256, 600 };
    static const int64_t reduced[] = { 1, 2, 3, 4, 16, 77, 320, 1100 };
    g->group[0] = outer[random_below(r, sizeof outer / sizeof *outer)];
    g->group[1] = reduced[random_below(r, sizeof reduced / sizeof *reduced)];
    g->group[2] = inner[random_below(r, sizeof inner / sizeof *inner)];
    while (g->group[0] * g->group[1] * g->group[2] > 150000) g->group[0] > 1 ? (g->group[0] = 1) : (g->group[2] /= 2);
    g->count = g->group[0] * g->group[1] * g->group[2];
}

static void random_picture(ag_guidance *g, random_state *r)
{
    g->levels = 1 + (int)random_below(r, 4);
    const int64_t side = (int64_t)1 << (g->levels - 1), cells = g->levels > 1 ? 2 : 1;
    g->picture[0] = 1 + random_below(r, 5);
    g->picture[1] = side * (cells + random_below(r, 7));
    g->picture[2] = side * (cells + random_below(r, random_chance(r, 5) ? 300 : 9));
    g->count = g->picture[0] * g->picture[1] * g->picture[2];
}

static void random_shape(combination *x, random_state *r)
{
    if (uses(x, AG_USES_PICTURE)) random_picture(&x->g, r);
    else if (uses(x, AG_USES_GROUPS) && random_chance(r, 2)) random_group(&x->g, r);
    for (int k = 0; k < AG_MOST_INPUTS; k++) x->g.stride[k] = x->g.count;
    x->g.out_stride = x->g.count;
}

void combination_random(combination *x, uint64_t seed)
{
    static const int64_t counts[] = { 1, 2, 3, 7, 16, 77, 320, 511, 512, 513, 1024, 4099, 16383, 16384, 16385, 33000 };
    random_state r = { seed * 7919 + 1 };
    const ag_rule rule = (ag_rule)(seed % (uint64_t)combination_rules());
    const ag_rule_info info = combination_info(rule);
    int inputs = info.least_inputs + (int)random_below(&r, info.most_inputs - info.least_inputs + 1);
    if ((info.uses & AG_USES_STATE) && !(info.uses & AG_NEEDS_STATE) && random_chance(&r, 2)) inputs++;
    combination_init(x, rule, inputs, 1 + random_below(&r, COMBINATION_SAMPLES),
                     random_chance(&r, 25) ? 100000 : counts[random_below(&r, sizeof counts / sizeof *counts)]);
    random_shape(x, &r);
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
    case MIX_HUGE: return 2e38 * random_between(r, 0.95, 1);
    case MIX_TINY: return 1e-30 * random_between(r, -1, 1);
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

static int fill_state(combination *x, random_state *r)
{
    const int64_t all = x->g.samples * x->g.count;
    if (buffer_open(&x->state, (size_t)all * sizeof(float), sizeof(float))) return 1;
    if (buffer_open(&x->start, (size_t)all * sizeof(float), sizeof(float))) return 1;
    for (int64_t i = 0; i < all; i++) {
        const double value = number_of(x->mix[x->g.inputs], r);
        number_write(AG_F32, x->state.data, i, value);
        x->scale[i / x->g.count] += value * value;
    }
    x->a.state = (float *)x->state.data;
    memcpy(x->start.data, x->state.data, x->start.size);
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
    x->want_state = x->keeps ? malloc(all) : NULL;
    x->want_lse = malloc((size_t)x->g.samples * sizeof(double));
    x->scale = calloc((size_t)x->g.samples, sizeof(double));
    if (!x->want || !x->want_lse || !x->scale || (x->keeps && !x->want_state)) return 1;
    return buffer_open(&x->out, (size_t)reach(x, x->g.out_stride) * size, size);
}

void combination_answer(combination *x) { oracle_guidance(&x->g, &x->a, x->want, x->want_state, x->want_lse); }

int combination_build(combination *x, uint64_t seed)
{
    random_state r = { seed };
    if (open_outputs(x)) return 1;
    for (int k = 0; k < x->g.inputs; k++)
        if (fill_input(x, k, &r)) return 1;
    if (uses(x, AG_USES_LSE) && fill_lse(x, &r)) return 1;
    if (x->keeps && fill_state(x, &r)) return 1;
    combination_answer(x);
    for (int k = 0; k < x->g.inputs; k++) buffer_seal(&x->in[k]);
    return 0;
}

void combination_free(combination *x)
{
    buffer *own[] = { &x->out, &x->lse[0], &x->lse[1], &x->lse_out, &x->state, &x->start };
    for (int k = 0; k < AG_MOST_INPUTS; k++) buffer_close(&x->in[k]);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) buffer_close(own[i]);
    free(x->want);
    free(x->want_state);
    free(x->want_lse);
    free(x->scale);
}

/* ---- a run ---------------------------------------------------------------------------------------------------- */

void combination_begin(combination *x)
{
    buffer_poison(&x->out);
    buffer_poison(&x->lse_out);
    x->a.out = x->out.data;
    x->a.lse_out = (float *)x->lse_out.data; /* NULL where the rule has none */
    if (x->start.pages) memcpy(x->state.data, x->start.data, x->start.size);
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

/* Norm against norm: a sample's error against its inputs and result, all of it against the result, unless
 * that cancels. */
static int tensor_is_right(const combination *x, const void *got, ag_dtype type, int64_t stride, const double *want,
                           double *worst)
{
    const double allowed = 1e-6 + unit_roundoff[type], all = (double)(x->g.samples * x->g.count);
    double error = 0, norm = 0, inputs = 0;
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
        inputs += x->scale[b];
    }
    *worst = sqrt(error / norm);
    const int cancels = norm < 1e-6 * inputs;
    return all < 500 || cancels || sqrt(error) <= allowed * sqrt(norm) + least[type] * sqrt(all);
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
    if (uses(x, AG_USES_LSE) && !lse_is_right(x)) return "lse";
    if (!x->keeps) return NULL;
    return tensor_is_right(x, x->state.data, AG_F32, g->count, x->want_state, worst) ? NULL : "the state";
}

const char *combination_judge(const combination *x, char *text, size_t size)
{
    double worst = 0;
    const ag_guidance *g = &x->g;
    const char *wrong = what_is_wrong(x, &worst);
    const int64_t *shape = g->levels ? g->picture : g->group;
    if (!wrong) return NULL;
    snprintf(text, size,
             "%s is off by %g: %s, %d inputs%s, %lld x %lld, types %d %d %d to %d, in place %d, "
             "shape %lld %lld %lld",
             wrong, worst, combination_info(g->rule).name, (int)g->inputs, x->keeps ? " and a state" : "",
             (long long)g->samples, (long long)g->count, (int)g->dtype[0], (int)g->dtype[1], (int)g->dtype[2],
             (int)g->out_dtype, x->in_place, (long long)shape[0], (long long)shape[1], (long long)shape[2]);
    return text;
}
