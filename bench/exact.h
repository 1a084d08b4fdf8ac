/* exact.h - queries of standard attention by its definition, in float64: what was measured, here and on a device, is
 * judged beside them. */
#ifndef BENCH_EXACT_H
#define BENCH_EXACT_H

#include "attnguide.h"

/* One query: the first element of its row in q and out, of its head's first in k and v, all of d channels; and how far
 * one key is from the next. */
typedef struct exact_query {
    const void *q, *k, *v, *out;
    ag_dtype dtype, out_dtype;
    int64_t q_at, k_at, out_at, n_k, d, step;
    double scale;
} exact_query;

double exact_read(const void *data, ag_dtype dtype, int64_t at);

/* Adds the squares of what out is wrong by, and of what it should be. NaN in both: there is no memory. */
void exact_compare(const exact_query *x, double *wrong, double *all);

#endif
