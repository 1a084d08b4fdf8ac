/* placed.c - a layer on the device: its plan, its rotated tensors, one run, and whether the outputs are right. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/device/device.h"
#include "../../tests/oracle/number.h"
#include "../exact.h"
#include "layers.h"
#include "timing.h"

enum { SAMPLES = 6 };

static int combines(const placed *l) { return l->x.g.size != 0; }
static ag_dtype type_of(const placed *l) { return combines(l) ? l->x.g.out_dtype : l->x.p.out.dtype; }

/* Elements of each tensor: in all of these layers they are alike. */
static size_t count_of(const placed *l)
{
    const ag_problem *p = &l->x.p;
    return combines(l) ? (size_t)l->x.g.count : (size_t)(p->batch * p->heads * p->n_q * p->d);
}

static int take_tensors(placed *l)
{
    const ag_dtype type = type_of(l);
    for (int i = 0; i < l->sets; i++) {
        l->q[i] = pool_tensor(type, count_of(l), 3 * i);
        l->k[i] = pool_tensor(type, count_of(l), 3 * i + 1);
        l->v[i] = pool_tensor(type, count_of(l), 3 * i + 2);
        l->out[i] = device_take(count_of(l) * number_size(type));
        if (!l->q[i] || !l->k[i] || !l->v[i] || !l->out[i]) return 1;
    }
    const size_t room = ag_plan_workspace(l->plan);
    return room && !(l->work = device_take(room));
}

int layer_place(placed *l, ag_context *context, int sets)
{
    ag_problem *p = &l->x.p;
    l->context = context;
    l->sets = sets < LAYER_SETS ? sets : LAYER_SETS;
    p->rows = p->row_count ? l->x.rows : NULL;
    const ag_status status = combines(l) ? ag_guidance_plan(context, &l->x.g, &l->plan, l->why, sizeof l->why)
                                         : ag_plan_create(context, p, &l->plan, l->why, sizeof l->why);
    return status || take_tensors(l);
}

/* A linear combination, or one that is rescaled. */
static int run_combination(placed *l, int set, void *stream)
{
    const double phi = 0.7;
    ag_guidance_args g;
    ag_guidance_args_init(&g);
    g.input[0] = l->q[set];
    g.input[1] = l->k[set];
    g.input[2] = l->v[set];
    g.out = l->out[set];
    g.weights = l->x.weights;
    if (l->x.g.rule == AG_RESCALE) g.parameters = &phi, g.parameter_count = 1;
    g.workspace = l->work;
    g.workspace_size = ag_plan_workspace(l->plan);
    g.cuda_stream = stream;
    return ag_guidance_run(l->plan, &g, l->why, sizeof l->why) != AG_OK;
}

int layer_run(void *arg, int set, void *stream)
{
    placed *l = arg;
    ag_args a;
    if (combines(l)) return run_combination(l, set, stream);
    ag_args_init(&a, l->q[set], l->k[set], l->v[set], l->out[set]);
    a.workspace = l->work;
    a.workspace_size = ag_plan_workspace(l->plan);
    a.cuda_stream = stream;
    return ag_plan_run(l->plan, &a, l->why, sizeof l->why) != AG_OK;
}

void layer_remove(placed *l)
{
    for (int i = 0; i < l->sets; i++) {
        device_give(l->q[i]);
        device_give(l->k[i]);
        device_give(l->v[i]);
        device_give(l->out[i]);
    }
    device_give(l->work);
    ag_plan_free(l->plan);
}

/* ---- are the outputs right? ---- */

typedef struct host_copy {
    void *q, *k, *v, *out;
    ag_dtype type;
} host_copy;

/* Query i of head h of row b, against what was written. */
static double sample_error(const placed *l, const host_copy *c, int64_t b, int64_t h, int64_t i)
{
    const ag_problem *p = &l->x.p;
    const int64_t width = p->heads * p->d, row = b * p->n_q * width + h * p->d, at = row + i * width;
    const exact_query x = {
        c->q,        c->k,         c->v,          c->out,    c->type,       c->type,          .q_at = at,
        .k_at = row, .out_at = at, .n_k = p->n_k, .d = p->d, .step = width, .scale = p->scale
    };
    double wrong = 0, all = 0;
    exact_compare(&x, &wrong, &all);
    return sqrt(wrong / all);
}

static const char *wrong_samples(placed *l, const host_copy *c)
{
    const ag_problem *p = &l->x.p;
    const double allowed = c->type == AG_F32 ? 1e-5 : 2e-2;
    for (int s = 0; s < SAMPLES; s++) {
        const int64_t b = s % p->batch, h = s * 7 % p->heads, i = s == SAMPLES - 1 ? p->n_q - 1 : s * 613 % p->n_q;
        const double error = sample_error(l, c, b, h, i);
        if (error <= allowed) continue;
        snprintf(l->why, sizeof l->why, "row %lld head %lld query %lld is off by %.3g", (long long)b, (long long)h,
                 (long long)i, error);
        return l->why;
    }
    return NULL;
}

static const char *wrong_copy(placed *l, const host_copy *c)
{
    for (size_t i = 0; i < count_of(l); i++)
        if (!isfinite(exact_read(c->out, c->type, (int64_t)i))) return "an element was not written, or is not finite";
    return l->x.sampled ? wrong_samples(l, c) : NULL;
}

const char *layer_wrong(placed *l)
{
    const size_t size = count_of(l) * number_size(type_of(l));
    host_copy c = { malloc(size), malloc(size), malloc(size), malloc(size), type_of(l) };
    const char *wrong = "no memory on the host";
    if (c.q && c.k && c.v && c.out) {
        const int lost = device_read(c.q, l->q[0], size) || device_read(c.k, l->k[0], size) ||
                         device_read(c.v, l->v[0], size) || device_read(c.out, l->out[0], size);
        wrong = lost ? device_fault() : wrong_copy(l, &c);
    }
    free(c.q);
    free(c.k);
    free(c.v);
    free(c.out);
    return wrong;
}
