/* exact.c - see exact.h. */
#include "exact.h"

#include <math.h>
#include <stdlib.h>

#include "../src/halves.h"

double exact_read(const void *data, ag_dtype dtype, int64_t at)
{
    if (dtype == AG_F32) return ((const float *)data)[at];
    const uint16_t half = ((const uint16_t *)data)[at];
    return dtype == AG_F16 ? ag_from_half(half) : ag_from_bfloat(half);
}

/* The weights, not yet divided by their sum, which is returned. */
static double weigh(const exact_query *x, double *weight)
{
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < x->n_k; j++) {
        double product = 0;
        for (int64_t t = 0; t < x->d; t++)
            product += exact_read(x->q, x->dtype, x->q_at + t) * exact_read(x->k, x->dtype, x->k_at + j * x->step + t);
        weight[j] = product * x->scale;
        top = fmax(top, weight[j]);
    }
    for (int64_t j = 0; j < x->n_k; j++) sum += weight[j] = exp(weight[j] - top);
    return sum;
}

void exact_compare(const exact_query *x, double *wrong, double *all)
{
    double *weight = malloc((size_t)x->n_k * sizeof *weight);
    if (!weight) {
        *wrong = *all = NAN;
        return;
    }
    const double sum = weigh(x, weight);
    for (int64_t t = 0; t < x->d; t++) {
        double want = 0;
        for (int64_t j = 0; j < x->n_k; j++) want += weight[j] * exact_read(x->v, x->dtype, x->k_at + j * x->step + t);
        want /= sum;
        const double off = exact_read(x->out, x->out_dtype, x->out_at + t) - want;
        *wrong += off * off;
        *all += want * want;
    }
    free(weight);
}
