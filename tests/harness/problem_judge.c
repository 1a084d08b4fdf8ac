/* problem_judge.c - running a problem and comparing with the oracle. */
#include "problem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/number.h"
#include "../oracle/oracle.h"

/* How far an array is from the oracle's. */
typedef struct distance {
    double error, norm;        /* 2-norms over the finite elements */
    double most, most_want;    /* largest error and largest number */
    double got, want;          /* at the largest error */
    int64_t worst, infinities; /* element of the largest error; elements infinite on one side only */
} distance;

static void measure(distance *d, int64_t at, double want, double got)
{
    if (isinf(want) || isinf(got)) {
        if (want != got) d->infinities++;
        return;
    }
    const double e = fabs(got - want);
    d->error += e * e;
    d->norm += want * want;
    d->most_want = fmax(d->most_want, fabs(want));
    if (e <= d->most || isnan(d->most)) return; /* a NaN gets past the first and stays by the second */
    d->most = e;
    d->got = got;
    d->want = want;
    d->worst = at;
}

static double roundoff(ag_dtype type) { return type == AG_F32 ? 0x1p-24 : type == AG_F16 ? 0x1p-11 : 0x1p-9; }

static verdict failed(const problem *x, const char *format, ...)
{
    verdict v = { .outcome = OUTCOME_WRONG };
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(v.text, sizeof v.text, format, list);
    va_end(list);
    if (n < (int)sizeof v.text) problem_describe(x, v.text + n, sizeof v.text - (size_t)n);
    return v;
}

/* Element [b, h, i, c] of out, whose place is poison again. */
static double take(problem *x, int64_t at)
{
    const ag_problem *p = &x->p;
    const int packed = p->operation >= AG_RECEIVED;
    const int64_t d = p->operation == AG_BLUR ? p->d : p->d_v, row = at / d, *s = p->out.stride;
    const int64_t i = row % p->n_q, h = row / p->n_q % p->heads, b = row / p->n_q / p->heads;
    const int64_t place = packed ? at : b * s[0] + h * s[1] + i * s[2] + at % d;
    const ag_dtype type = packed ? AG_F32 : p->out.dtype;
    const double got = number_read(type, x->out.data, place);
    memset(x->out.data + place * (int64_t)number_size(type), 0xff, number_size(type));
    return got;
}

static double base_tolerance(const problem *x) { return x->p.n_q >= 1000 || x->p.n_k >= 1000 ? 3e-6 : 1e-6; }

/* Below this the types themselves end: float32's subnormal sums, and bfloat16 dot products that flush. */
static double underflow(const problem *x)
{
    const double flushed = x->p.q.dtype == AG_BF16 || x->p.k.dtype == AG_BF16 ? 0x1p-125 : 0;
    return flushed + (double)x->p.n_k * 0x1p-149;
}

static verdict judge_out(problem *x)
{
    const int64_t count = oracle_count(&x->p);
    const double rounding = roundoff(x->p.out.dtype) + roundoff(x->p.k.dtype), base = base_tolerance(x);
    const double lucky = count < 256 ? 2 * rounding : 0; /* few numbers: the plain computation may hit by luck */
    verdict v = { .outcome = OUTCOME_RIGHT };
    distance d = { 0 };
    for (int64_t at = 0; at < count; at++) measure(&d, at, x->want[at], take(x, at));
    v.error = d.norm > 0 ? sqrt(d.error / d.norm) : 0;
    v.allowed = fmax(fmax(base, lucky), 2 * x->naive) + x->noise;
    const double most =
        fmax(fmax(10 * base, 2 * lucky) * d.most_want, 4 * x->naive_most) + 10 * x->noise * d.most_want + underflow(x);
    if (d.infinities) return failed(x, "out: %lld infinities do not coincide: ", (long long)d.infinities);
    if (!(sqrt(d.error) <= v.allowed * sqrt(d.norm) + underflow(x) * sqrt((double)count)))
        return failed(x, "out: error %.3g, allowed %.3g, worst at %lld: %.9g for %.9g: ", sqrt(d.error / d.norm),
                      v.allowed, (long long)d.worst, d.got, d.want);
    if (!(d.most <= most))
        return failed(x, "out: element %lld is %.9g for %.9g, allowed %.3g: ", (long long)d.worst, d.got, d.want, most);
    return v;
}

/* lse, energy and curvature: float32, packed; `allowed` for numbers up to 1, then in proportion. */
static verdict judge_floats(problem *x, const char *name, buffer *b, const double *want, double allowed)
{
    const int64_t count = x->p.batch * x->p.heads * x->p.n_q;
    for (int64_t at = 0; at < count && want; at++) {
        const double got = number_read(AG_F32, b->data, at), size = fmax(1, fabs(want[at]));
        const int same = isinf(want[at]) ? got == want[at] : fabs(got - want[at]) <= allowed * size;
        if (!same) return failed(x, "%s: element %lld is %.9g for %.9g: ", name, (long long)at, got, want[at]);
    }
    if (want) memset(b->data, 0xff, b->size);
    return (verdict){ .outcome = OUTCOME_RIGHT };
}

verdict problem_judge(problem *x)
{
    /* Energy is an lse: its error is that of the logits, whatever cancels in them. */
    const int energy = x->p.operation == AG_ENERGY;
    const verdict v = energy ? judge_floats(x, "energy", &x->out, x->want, 2e-6 + x->noise) : judge_out(x);
    if (v.outcome != OUTCOME_RIGHT) return v;
    verdict w = judge_floats(x, "lse", &x->lse, x->want_lse, 2e-6 + x->noise + x->kept);
    if (w.outcome != OUTCOME_RIGHT) return w;
    w = judge_floats(x, "curvature", &x->curvature, x->want_curvature, 2e-6 + x->noise);
    if (w.outcome != OUTCOME_RIGHT) return w;
    if (!buffer_is_poison(&x->out)) return failed(x, "bytes around or between the rows of out were written: ");
    if (!buffer_is_poison(&x->lse)) return failed(x, "bytes around lse were written: ");
    if (!buffer_is_poison(&x->curvature)) return failed(x, "bytes around curvature were written: ");
    return v;
}

static ag_status run_plan(const problem *x, const ag_plan *plan, char *why, size_t size)
{
    buffer workspace = { 0 };
    if (buffer_open(&workspace, ag_plan_workspace(plan), AG_ALIGNMENT)) return AG_ERR_MEMORY;
    ag_args a = x->a;
    a.workspace = workspace.data;
    a.workspace_size = workspace.size;
    const ag_status status = ag_plan_run(plan, &a, why, size);
    buffer_close(&workspace);
    return status;
}

ag_status problem_execute(problem *x, ag_context *context, const char *kernel, char *why, size_t size)
{
    ag_plan *plan = NULL;
    x->p.kernel = kernel;
    ag_status status = ag_plan_create(context, &x->p, &plan, why, size);
    if (!status) status = run_plan(x, plan, why, size);
    ag_plan_free(plan);
    return status;
}

unsigned char *problem_bytes(problem *x, ag_context *context, const char *kernel, char *why, size_t size)
{
    if (problem_execute(x, context, kernel, why, size)) return NULL;
    unsigned char *copy = malloc(x->out.pages_size);
    if (copy) memcpy(copy, x->out.pages, x->out.pages_size);
    buffer_poison(&x->out);
    buffer_poison(&x->lse);
    buffer_poison(&x->curvature);
    return copy;
}

verdict problem_run(problem *x, ag_context *context, const char *kernel)
{
    char why[AG_MESSAGE_SIZE] = "";
    const ag_status status = problem_execute(x, context, kernel, why, sizeof why);
    verdict v = { .outcome = OUTCOME_REFUSED };
    if (!status) v = problem_judge(x);
    else if (status != AG_ERR_KERNEL || !kernel) v = failed(x, "%s: %s: ", ag_status_string(status), why);
    else snprintf(v.text, sizeof v.text, "%s", why);
    v.status = status;
    return v;
}
