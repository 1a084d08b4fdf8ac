/* problem.c - see problem.h: making problems, their memory and their data. */
#include "problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "methods.h"
#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "random.h"

ag_place problem_where = AG_HOST;

/* ---- Shapes ------------------------------------------------------------------------------------------------- */

void problem_init(problem *x, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k, int64_t d)
{
    memset(x, 0, sizeof *x);
    ag_problem_init(&x->p, batch, heads, n_q, n_k, d);
    x->p.place = problem_where;
    ag_args_init(&x->a, NULL, NULL, NULL, NULL);
}

ag_row *problem_row(problem *x, int64_t b, ag_method method)
{
    for (int64_t i = 0; i < x->p.batch && !x->p.row_count; i++) {
        ag_row_init(&x->rows[i], AG_STANDARD);
        ag_row_args_init(&x->run[i]);
    }
    x->p.rows = x->rows;
    x->a.rows = x->run;
    x->p.row_count = x->a.row_count = x->p.batch;
    ag_row_init(&x->rows[b], method);
    return &x->rows[b];
}

ag_row *problem_perturb(problem *x, int64_t b, int number)
{
    const ag_method_info info = methods_info(number);
    ag_row *row = problem_row(x, b, info.method);
    row->kind = info.kind;
    row_usual(row, &x->run[b]);
    return row;
}

void problem_tidy(problem *x, int64_t b)
{
    ag_row *row = &x->rows[b], unset;
    ag_row_args *run = &x->run[b], unset_run;
    ag_parameter_info p, mine;
    const int number = methods_number(row->method, row->kind);
    const ag_method_info info = methods_info(number);
    ag_row_init(&unset, row->method);
    ag_row_args_init(&unset_run);
    for (int other = 0; other < methods_count(); other++)
        for (int i = 0; methods_parameter(other, i, &p); i++)
            if (!methods_takes(number, p.name, &mine)) row_put(row, run, &p, row_get(&unset, &unset_run, &p));
    if (!info.variant) row->kind = unset.kind;
    if (!(info.takes & AG_TAKES_INDEX)) row->indexed = unset.indexed;
    if (!(info.takes & AG_TAKES_BLEND)) row->blend = unset.blend;
    if (!(info.takes & AG_TAKES_IMAGE)) row->heads = unset.heads;
    if (!row->blend) run->strength = unset_run.strength;
    if (!row->indexed) run->index = unset_run.index;
    if (info.takes & AG_TAKES_SEED) return;
    run->seed = unset_run.seed;
    run->random_stream = unset_run.random_stream;
}

static ag_layout place(placing how, ag_dtype type, int64_t heads, int64_t tokens, int64_t width)
{
    ag_layout l = ag_layout_bhnd(type, heads, tokens, width);
    const int64_t line = 64 / (int64_t)number_size(type);
    if (how == PLACE_TOKENS) l = ag_layout_bnhd(type, heads, tokens, width);
    if (how == PLACE_FUSED) l = ag_layout_fused(type, tokens, 3 * heads * width, width);
    /* what wants aligned rows is on devices: there two of the ways promise them */
    const int whole = width * (int64_t)number_size(type) % 16 == 0;
    if (problem_where == AG_CUDA && whole && (how == PLACE_TOKENS || how == PLACE_FUSED)) l.align = 16;
    if (how != PLACE_PADDED) return l;
    l.align = 64;
    l.stride[2] = (width / line + 1) * line;
    l.stride[1] = l.stride[2] * (tokens + 1);
    l.stride[0] = l.stride[1] * heads + line;
    return l;
}

void problem_place(problem *x, placing how, ag_dtype q, ag_dtype kv, ag_dtype out)
{
    ag_problem *p = &x->p;
    p->q = place(how, q, p->heads, p->n_q, p->d);
    p->k = place(how, kv, p->kv_heads, p->n_k, p->d);
    p->v = place(how, kv, p->kv_heads, p->n_k, p->d_v);
    p->out = place(how, out, p->heads, p->n_q, p->operation == AG_BLUR ? p->d : p->d_v);
    if (how != PLACE_BROADCAST) return;
    p->q.stride[0] = 0;
    p->k.stride[1] = 0;
    p->v.stride[0] = p->v.stride[2] = 0;
}

void problem_mask(problem *x)
{
    x->p.has_key_mask = 1;
    x->p.key_mask_stride[0] = x->p.n_k;
    x->p.key_mask_stride[1] = 1;
}

void problem_bias(problem *x, ag_dtype type)
{
    ag_problem *p = &x->p;
    p->bias_dtype = type;
    p->bias_stride[3] = 1;
    p->bias_stride[2] = p->n_k;
    p->bias_stride[1] = p->n_k * p->n_q;
    p->bias_stride[0] = p->n_k * p->n_q * p->heads;
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

static int open_tensor(buffer *b, const ag_layout *l, int64_t batch, int64_t heads, int64_t tokens, int64_t width)
{
    const int64_t span = (batch - 1) * l->stride[0] + (heads - 1) * l->stride[1] + (tokens - 1) * l->stride[2] + width;
    const size_t size = number_size(l->dtype);
    return buffer_open(b, (size_t)span * size, l->align ? (size_t)l->align : size);
}

static int open_bias(problem *x)
{
    const ag_problem *p = &x->p;
    const int64_t *s = p->bias_stride, extent[4] = { p->batch, p->heads, p->n_q, p->n_k };
    int64_t span = 1;
    for (int axis = 0; axis < 4; axis++) span += (extent[axis] - 1) * s[axis];
    const size_t size = number_size(p->bias_dtype);
    return buffer_open(&x->bias, (size_t)span * size, size);
}

static int open_outputs(problem *x)
{
    const ag_problem *p = &x->p;
    const size_t rows = (size_t)(p->batch * p->heads * p->n_q) * sizeof(float);
    if (p->operation >= AG_RECEIVED) {
        if (buffer_open(&x->out, (size_t)oracle_count(p) * sizeof(float), sizeof(float))) return 1;
        return p->operation == AG_ENERGY && buffer_open(&x->curvature, rows, sizeof(float));
    }
    const int64_t width = p->operation == AG_BLUR ? p->d : p->d_v;
    if (open_tensor(&x->out, &p->out, p->batch, p->heads, p->n_q, width)) return 1;
    return p->want_lse && buffer_open(&x->lse, rows, sizeof(float));
}

static int open_index(problem *x)
{
    const ag_problem *p = &x->p;
    int64_t draws = 0;
    for (int64_t b = 0; b < p->row_count; b++)
        if (x->rows[b].indexed && x->rows[b].draws > draws) draws = x->rows[b].draws;
    return draws && buffer_open(&x->index, (size_t)(p->row_count * p->global_n_q * draws) * sizeof(int32_t), 4);
}

int problem_allocate(problem *x)
{
    const ag_problem *p = &x->p;
    const int64_t mask = (p->batch - 1) * p->key_mask_stride[0] + (p->n_k - 1) * p->key_mask_stride[1] + 1;
    if (open_tensor(&x->q, &p->q, p->q_batch, p->heads, p->n_q, p->d)) return 1;
    if (open_tensor(&x->k, &p->k, p->kv_batch, p->kv_heads, p->n_k, p->d)) return 1;
    if (open_tensor(&x->v, &p->v, p->kv_batch, p->kv_heads, p->n_k, p->d_v)) return 1;
    if (p->has_key_mask && buffer_open(&x->mask, (size_t)mask, 1)) return 1;
    if (p->has_key_lengths && buffer_open(&x->lengths, (size_t)p->batch * sizeof(int32_t), 4)) return 1;
    if (p->bias_dtype && open_bias(x)) return 1;
    if (open_index(x) || open_outputs(x)) return 1;
    ag_args *a = &x->a;
    a->q = x->q.data;
    a->k = x->k.data;
    a->v = x->v.data;
    a->out = x->out.data;
    a->lse = (float *)x->lse.data;
    a->curvature = (float *)x->curvature.data;
    a->key_mask = x->mask.data;
    a->key_lengths = (const int32_t *)x->lengths.data;
    a->bias = x->bias.data;
    return 0;
}

void problem_free(problem *x)
{
    buffer *all[] = {
        &x->q, &x->k, &x->v, &x->out, &x->lse, &x->curvature, &x->mask, &x->lengths, &x->bias, &x->index
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buffer_close(all[i]);
    free(x->want);
    free(x->want_lse);
    free(x->want_curvature);
    x->want = x->want_lse = x->want_curvature = NULL;
}

/* ---- The oracle's answer ------------------------------------------------------------------------------------ */

static int measure_naive(problem *x)
{
    const int64_t count = oracle_count(&x->p);
    double *naive = malloc((size_t)count * sizeof *naive), error = 0, norm = 0;
    if (!naive) return 1;
    const int failed = oracle_naive(&x->p, &x->a, naive);
    for (int64_t i = 0; i < count && !failed; i++) {
        if (!isfinite(naive[i]) || !isfinite(x->want[i])) continue;
        const double e = fabs(naive[i] - x->want[i]);
        error += e * e;
        norm += x->want[i] * x->want[i];
        if (e > x->naive_most) x->naive_most = e;
    }
    x->naive = norm > 0 ? sqrt(error / norm) : 0;
    free(naive);
    return failed;
}

int problem_answer(problem *x)
{
    const ag_problem *p = &x->p;
    const size_t rows = (size_t)(p->batch * p->heads * p->n_q) * sizeof(double);
    buffer *inputs[] = { &x->q, &x->k, &x->v, &x->mask, &x->lengths, &x->bias, &x->index };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) buffer_seal(inputs[i]);
    x->want = malloc((size_t)oracle_count(p) * sizeof *x->want);
    if (p->want_lse) x->want_lse = malloc(rows);
    if (p->operation == AG_ENERGY) x->want_curvature = malloc(rows);
    if (!x->want || oracle(p, &x->a, x->want, x->want_lse, x->want_curvature)) return 1;
    const int float32 = p->q.dtype == AG_F32 && p->k.dtype == AG_F32 && p->out.dtype == AG_F32;
    return !float32 && measure_naive(x);
}
