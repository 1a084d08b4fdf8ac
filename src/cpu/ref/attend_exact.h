/* attend_exact.h - one row of the attend step in float64, as its definition says: what the reference kernel is made of,
 * and what other kernels do again where float32 does not hold the numbers. A row needs no memory that grows with the
 * keys: they join a running maximum, sum and result. */
#ifndef AG_ATTEND_EXACT_H
#define AG_ATTEND_EXACT_H

#include <math.h>

#include "../rows.h"

/* The queries of an output row and head, and room for one of them. */
typedef struct exact {
    const ag_attend *a;
    const ag_bound *run;
    ag_visible visible;
    ag_row_args row;
    int64_t b, h;
    double *result[2]; /* of each pass, [d_v] */
    float *q, *k, *v;  /* [d], [d], [d_v] */
} exact;

static inline size_t exact_bytes(const ag_attend *a)
{
    return 2 * (size_t)a->d_v * sizeof(double) + (size_t)(2 * a->d + a->d_v) * sizeof(float);
}

/* `memory` is aligned for double. */
static inline exact exact_of(const ag_attend *a, const ag_bound *run, int64_t b, int64_t h, void *memory)
{
    exact x = { .a = a, .run = run, .visible = ag_visible_of(run, b), .row = ag_row_values(run, b), .b = b, .h = h };
    x.result[0] = memory;
    x.result[1] = x.result[0] + a->d_v;
    x.q = (float *)(x.result[1] + a->d_v);
    x.k = x.q + a->d;
    x.v = x.k + a->d;
    return x;
}

/* What has been seen so far of one pass of one query. */
typedef struct exact_sum {
    double m, l, *o;
} exact_sum;

/* Row j of r as float32: where it lies, or widened into `to`. */
static inline const float *exact_load(const exact *x, const ag_ref *r, int64_t j, float *to, int64_t d)
{
    const void *from = ag_at(x->run, r, x->h, j);
    if (r->dtype == AG_F32) return from;
    ag_load_row(to, from, r->dtype, d);
    return to;
}

/* In 8 sums, which vectors hold. Products of float32 numbers and their sums stay far from the end of float64. */
static inline double exact_dot(const float *x, const float *y, int64_t d)
{
    double sum[8] = { 0 }, all = 0;
    int64_t t = 0;
    for (; t + 8 <= d; t += 8)
        for (int i = 0; i < 8; i++) sum[i] += (double)x[t + i] * y[t + i];
    for (int i = 0; i < 8; i++) all += sum[i];
    for (; t < d; t++) all += (double)x[t] * y[t];
    return all;
}

/* A key of this logit and value joins. What is of no weight may be anything, NaN too. */
static inline void exact_join(const exact *x, exact_sum *to, double logit, const ag_ref *v, int64_t j)
{
    const int64_t d_v = x->a->d_v;
    if (logit == -INFINITY) return;
    if (logit > to->m || isnan(logit)) {
        const double by = exp(to->m - logit);
        to->m = logit;
        to->l *= by;
        for (int64_t t = 0; t < d_v; t++) to->o[t] = by == 0 ? 0 : to->o[t] * by;
    }
    const double w = exp(logit - to->m);
    if (w == 0) return;
    const float *value = exact_load(x, v, j, x->v, d_v);
    to->l += w;
    for (int64_t t = 0; t < d_v; t++) to->o[t] += w * value[t];
}

/* ---- one pass of one query ---- */

static inline void exact_own(const exact *x, const ag_pass *p, const float *q, int64_t i, exact_sum *to)
{
    const int64_t j = p->own == AG_OWN_SELF ? i : 0;
    double more = 0;
    if (p->own == AG_OWN_NONE || (p->own == AG_OWN_SELF && !ag_key_visible(&x->visible, i))) return;
    if (p->own == AG_OWN_MEAN) more = log(*(const float *)ag_at(x->run, &p->own_count, x->h, 0));
    if (more == -INFINITY) return;
    const double logit = p->scale * exact_dot(q, exact_load(x, &p->own_k, j, x->k, x->a->d), x->a->d) + more;
    exact_join(x, to, logit, &p->own_v, j);
}

/* Masked, noisy: what the words of query i and key j add to their logit; -inf where they hide the key. */
static inline double exact_disturbance(const exact *x, const ag_disturbance *by, int64_t i, int64_t j)
{
    const uint32_t stream = (uint32_t)x->row.random_stream, from = (uint32_t)(i - by->o), to = (uint32_t)(j - by->o);
    if (by->kind == AG_DISTURB_NONE || j < by->o || j >= by->o + by->n) return 0;
    if (by->kind == AG_DISTURB_MASK) return ag_hides(x->row.seed, stream, from, to, by->last) ? -INFINITY : 0;
    return by->amplitude * ag_normal(ag_logit_words(x->row.seed, stream, from, to));
}

/* Of query i, whose logits are of row `at`, and key j; -inf where it is hidden, and then the key may be anything. */
static inline double exact_logit(const exact *x, const ag_pass *p, const ag_keys *keys, const float *q,
                                 const int64_t at[2])
{
    const int64_t i = at[0], j = at[1], d = x->a->d;
    if (!ag_key_visible(&x->visible, j)) return -INFINITY;
    const double bias = ag_bias_at(x->run, x->b, x->h, i, j), more = exact_disturbance(x, &p->disturbance, i, j);
    if (bias == -INFINITY || more == -INFINITY) return -INFINITY;
    return p->scale * exact_dot(q, exact_load(x, &keys->k, j, x->k, d), d) + bias + more;
}

/* ---- weights S + lambda (E - S) of softmax and entmax: sweeps over the keys for maximum, tau, sums, values ---- */

/* On the way over the keys that a query sees. */
typedef struct exact_walk {
    const exact *x;
    const ag_pass *p;
    const float *q;
    int64_t seen, at[2]; /* its last key, and the numbers of query and key */
    int range;
    double logit;
    const ag_ref *v;
} exact_walk;

static inline int exact_next(exact_walk *w)
{
    for (; w->range < w->p->n_keys; w->range++, w->at[1] = INT64_MIN) {
        const ag_keys *keys = &w->p->keys[w->range];
        w->v = &keys->v;
        for (w->at[1] = w->at[1] < keys->first ? keys->first : w->at[1] + 1;
             w->at[1] < keys->first + keys->count && w->at[1] < w->seen; w->at[1]++) {
            w->logit = exact_logit(w->x, w->p, keys, w->q, w->at);
            if (w->logit != -INFINITY) return 1;
        }
    }
    return 0;
}

/* Of a query: its greatest logit, sum of exp(L - m), tau, and the sum of entmax weights. */
typedef struct exact_entmax {
    double m, l, tau, sum;
} exact_entmax;

/* max(0, (power - 1)(L - m) - tau), of which a weight is the square or the number itself. */
static inline double exact_excess(const exact_walk *w, const exact_entmax *e)
{
    return fmax(0, (w->p->power - 1) * (w->logit - e->m) - e->tau);
}

/* Newton's steps from -1, where the greatest key alone weighs 1. The sum of weights falls with tau, convex: they never
 * pass the tau that makes it 1. A NaN ends them. */
static inline void exact_find_tau(const exact_walk *from, exact_entmax *e)
{
    const int squares = from->p->power == 1.5;
    double step = 1;
    for (int n = 0; n < 100 && step > -1e-15 * e->tau; n++) {
        double slope = 0;
        e->sum = 0;
        for (exact_walk w = *from; exact_next(&w);) {
            const double u = exact_excess(&w, e);
            e->sum += squares ? u * u : u;
            slope += squares ? 2 * u : u > 0;
        }
        step = (e->sum - 1) / slope;
        if (step > -1e-15 * e->tau) e->tau += step;
    }
}

static inline void exact_sparse(const exact *x, const ag_pass *p, const float *q, int64_t i, double *out)
{
    const exact_walk from = {
        .x = x, .p = p, .q = q, .seen = ag_causal_end(x->a->causal, x->a->causal_shift, i), .at = { i, INT64_MIN }
    };
    exact_entmax e = { .m = -INFINITY, .tau = -1 };
    for (exact_walk w = from; exact_next(&w);)
        if (w.logit > e.m || isnan(w.logit)) e.m = w.logit;
    if (e.m == -INFINITY) return;
    exact_find_tau(&from, &e);
    for (exact_walk w = from; exact_next(&w);) e.l += exp(w.logit - e.m);
    for (exact_walk w = from; exact_next(&w);) {
        const double u = exact_excess(&w, &e), soft = exp(w.logit - e.m) / e.l;
        const double weight = soft + x->row.lambda * ((p->power == 1.5 ? u * u : u) / e.sum - soft);
        if (soft == 0 && u == 0) continue; /* what is of no weight may be anything */
        const float *value = exact_load(x, w.v, w.at[1], x->v, x->a->d_v);
        for (int64_t t = 0; t < x->a->d_v; t++) out[t] += weight * value[t];
    }
}

/* Returns lse; x->result is the weighted mean of the values, zeros where nothing is seen. */
static inline double exact_pass(const exact *x, int number, int span, int64_t i)
{
    const ag_attend *a = x->a;
    const ag_pass *p = &a->pass[number];
    exact_sum sum = { -INFINITY, 0, x->result[number] };
    if (p->ready) {
        const float *row = exact_load(x, &p->q[0], ag_mapped(&p->map, i), x->v, a->d_v);
        for (int64_t t = 0; t < a->d_v; t++) sum.o[t] = row[t];
        return 0;
    }
    const float *q = exact_load(x, &p->q[span], i, x->q, a->d);
    int64_t at[2] = { i, 0 };
    for (int64_t t = 0; t < a->d_v; t++) sum.o[t] = 0;
    if (p->power != 0 && x->row.lambda != 0) {
        exact_sparse(x, p, q, i, sum.o);
        return 0; /* it has no lse */
    }
    exact_own(x, p, q, i, &sum);
    if (p->permuted) at[0] = ag_index_at(x->run, &p->index, &x->row)[i - p->o] + p->o;
    const int64_t seen = ag_causal_end(a->causal, a->causal_shift, at[0]);
    for (int n = 0; n < p->n_keys; n++) {
        const ag_keys *keys = &p->keys[n];
        for (at[1] = keys->first; at[1] < keys->first + keys->count && at[1] < seen; at[1]++)
            exact_join(x, &sum, exact_logit(x, p, keys, q, at), &keys->v, at[1]);
    }
    for (int64_t t = 0; t < a->d_v && sum.m != -INFINITY; t++) sum.o[t] /= sum.l;
    return sum.m == -INFINITY ? sum.m : sum.m + log(sum.l);
}

/* Token i, which lies in this span, into out[d_v]; returns its lse. */
static inline double exact_row(const exact *x, int span, int64_t i, float *out)
{
    const double u = x->a->n_passes == 2 ? x->row.strength : 0;
    const double lse = u < 1 ? exact_pass(x, 0, span, i) : 0;
    if (u > 0) exact_pass(x, 1, span, i);
    for (int64_t t = 0; t < x->a->d_v; t++) {
        if (u == 0) out[t] = (float)x->result[0][t];
        else if (u == 1) out[t] = (float)x->result[1][t];
        else out[t] = (float)((1 - u) * x->result[0][t] + u * x->result[1][t]);
    }
    return lse;
}

#endif
