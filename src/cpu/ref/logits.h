/* logits.h - one row of logits in float64, for the reference kernels. */
#ifndef AG_LOGITS_H
#define AG_LOGITS_H

#include <math.h>

#include "../rows.h"

/* Which logits of output row b, head h are seen: keys [first, first + count) of query i. */
typedef struct ag_logit_row {
    const ag_bound *run;
    ag_visible visible;
    int64_t b, h, i;
    int64_t seen; /* leading keys causality leaves */
    double scale;
} ag_logit_row;

static inline double ag_dot(const float *x, const float *y, int64_t d)
{
    double sum = 0;
    for (int64_t t = 0; t < d; t++) sum += (double)x[t] * y[t];
    return sum;
}

/* -inf for none; NaN where one is: a row of NaN is not a row that sees nothing. */
static inline double ag_greatest(const double *x, int64_t n)
{
    double m = -INFINITY;
    for (int64_t j = 0; j < n; j++)
        if (x[j] > m || isnan(x[j])) m = x[j];
    return m;
}

/* Logit of query row q with key j at k; -inf where it is not seen, and then k is not read. `row` holds d floats. */
static inline double ag_logit(const ag_logit_row *r, const float *q, const ag_ref *k, int64_t j, float *row, int64_t d)
{
    if (j >= r->seen || !ag_key_visible(&r->visible, j)) return -INFINITY;
    const float bias = ag_bias_at(r->run, r->b, r->h, r->i, j);
    if (bias == -INFINITY) return -INFINITY;
    ag_load_row(row, ag_at(r->run, k, r->h, j), k->dtype, d);
    return r->scale * ag_dot(q, row, d) + bias;
}

#endif
