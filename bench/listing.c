/* listing.c - see listing.h. */
#include "listing.h"

#include <stdio.h>
#include <string.h>

static void set_type(ag_problem *p, ag_dtype dtype) { p->q.dtype = p->k.dtype = p->v.dtype = p->out.dtype = dtype; }

static double tensor_bytes(const ag_problem *p)
{
    const double q = (double)(p->batch * p->heads * p->n_q), k = (double)(p->batch * p->heads * p->n_k);
    return (double)ag_dtype_size(p->q.dtype) * (q * (double)(p->d + p->d_v) + k * (double)(p->d + p->d_v));
}

subject *listing_add(listing *l, const char *op, const shape *s, ag_dtype dtype, const char *kernel)
{
    static subject spare;
    char all[160];
    snprintf(all, sizeof all, "%s %s %s %s", op, s->name, dtype_name(dtype), kernel);
    const bool wanted = l->n < MOST_CASES && (!l->work->only || strstr(all, l->work->only));
    subject *x = wanted ? &l->list[l->n++] : &spare;
    memset(x, 0, sizeof *x);
    snprintf(x->op, sizeof x->op, "%s", op);
    snprintf(x->shape, sizeof x->shape, "%s", s->name);
    snprintf(x->kernel, sizeof x->kernel, "%s", kernel);
    x->dtype = dtype;
    x->threads = l->threads;
    x->section = l->section;
    ag_problem_init(&x->problem, s->b, s->h, s->n_q, s->n_k, s->d);
    set_type(&x->problem, dtype);
    x->flop = 4.0 * (double)(s->b * s->h * s->d) * (double)s->n_q * (double)s->n_k;
    x->bytes = tensor_bytes(&x->problem);
    return x;
}
