/* scramble.h - what the kernels of permute, tally and gather share. */
#ifndef AG_SCRAMBLE_H
#define AG_SCRAMBLE_H

#include <math.h>

#include "cpu.h"

static inline int64_t ag_permute_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.permute.n); }

static inline size_t ag_permute_scratch(const ag_step *s) { return (size_t)s->u.permute.d * sizeof(float); }

static inline int64_t ag_gather_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.gather.n); }

static inline size_t ag_gather_scratch(const ag_step *s) { return 2 * (size_t)s->u.gather.d * sizeof(float); }

/* Gather: O_i = (m_i - mu) spread + mu, spread = sqrt(draws) gain. */
static inline float ag_spread(const ag_gather *x, const ag_row_args *row)
{
    return (float)(sqrt((double)x->draws) * row->gain);
}

/* mu of the whole output row. Every task adds the same sums in the same order. */
static inline float ag_tallied(const ag_gather *x, const ag_bound *bound)
{
    const double *sums = (const double *)(bound->base[AG_WORK] + x->sums);
    double sum = 0;
    for (int64_t i = 0; i < x->kv_heads * x->chunks; i++) sum += sums[i];
    return (float)(sum / ((double)x->kv_heads * (double)x->n * (double)x->d));
}

#endif
