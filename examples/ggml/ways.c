/* ways.c - see ways.h. */
#include "ways.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

setup machine;

void stop(const char *why)
{
    printf("cannot go on: %s\n0 passed, 1 failed, 0 skipped\n", why);
    exit(1);
}

/* ---- what is asked for ---- */

/* Not 1/sqrt(d), so that a scale that goes unheeded shows. */
static float logit_scale(const shape *s) { return 1.5f / sqrtf((float)s->d); }

ag_problem pose(const shape *s, const ag_ggml_inputs *in, int threads)
{
    ag_problem p;
    char why[AG_MESSAGE_SIZE];
    if (ag_ggml_problem(&p, in, logit_scale(s), threads, why, sizeof why)) stop(why);
    return p;
}

void set_rows(const shape *s, request asked, ag_row rows[MOST_ROWS])
{
    for (int64_t b = 0; b < s->b; b++) {
        const int smoothed = asked == SMOOTHED || (asked == GUIDED && b == s->b - 1);
        ag_row_init(&rows[b], smoothed ? AG_SMOOTHED : AG_STANDARD);
        if (!smoothed) continue;
        rows[b].sigma = asked == GUIDED ? 1e6 : 2; /* above 9999: infinite */
        rows[b].image_offset = s->text;
        memcpy(rows[b].grid, s->grid, sizeof s->grid);
    }
}

/* ---- the library's attention, as nodes ---- */

outcome run_guided(const shape *s, const inputs *x, request asked, int planned, int threads)
{
    ag_row rows[MOST_ROWS];
    ag_ggml g;
    char why[AG_MESSAGE_SIZE];
    ag_problem p = pose(s, &x->in, planned);
    set_rows(s, asked, rows);
    p.rows = rows;
    p.row_count = s->b;
    if (ag_ggml_open(&g, machine.context, &p, why, sizeof why)) stop(why);
    graph host = graph_open(SHARED);
    if (ag_ggml_check(&g, why, sizeof why)) stop(why);
    struct ggml_tensor *out = ag_ggml_attention(&g, host.ctx, &x->in);
    outcome o = { .values = graph_compute(&host, out, machine.backend, threads), .phases = ag_plan_phases(g.plan) };
    o.copies = graph_copies(&host);
    o.in_place = out->data == out->view_src->data && out->view_src->op == GGML_OP_CUSTOM;
    graph_close(&host);
    ag_ggml_close(&g);
    return o;
}

/* ---- ggml's ---- */

/* All queries, packed; those of smoothed rows blurred, by a call of its own. */
static inputs blur_queries(const shape *s, const inputs *x, request asked)
{
    ag_row rows[MOST_ROWS];
    ag_args args;
    char why[AG_MESSAGE_SIZE];
    ag_ggml_inputs in = x->in;
    in.mask = NULL;
    ag_problem p = pose(s, &in, 1);
    set_rows(s, asked, rows);
    p.operation = AG_BLUR;
    p.rows = rows;
    p.row_count = s->b;
    p.out = ag_layout_bhnd(AG_F32, s->h, s->n, s->d);
    float *blurred = malloc((size_t)(s->b * s->h * s->n * s->d) * sizeof *blurred);
    if (!blurred) stop("no memory");
    ag_args_init(&args, in.q->data, in.k->data, in.v->data, blurred);
    if (ag_attention_guided(machine.context, &p, &args, why, sizeof why)) stop(why);
    inputs q = inputs_of_queries(s, machine.backend, blurred);
    free(blurred);
    return q;
}

static struct ggml_tensor *flash(struct ggml_context *ctx, const shape *s, struct ggml_tensor *q,
                                 const ag_ggml_inputs *in)
{
    struct ggml_tensor *out = ggml_flash_attn_ext(ctx, q, in->k, in->v, in->mask, logit_scale(s), 0, 0);
    ggml_flash_attn_ext_set_prec(out, GGML_PREC_F32);
    return out;
}

float *run_flash(const shape *s, const inputs *x, request asked)
{
    inputs q = blur_queries(s, x, asked);
    graph host = graph_open(SHARED);
    float *values = graph_compute(&host, flash(host.ctx, s, q.in.q, &x->in), machine.backend, MOST_THREADS);
    graph_close(&host);
    inputs_close(&q);
    return values;
}
