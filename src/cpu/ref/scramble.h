/* scramble.h - what the kernels of permute, tally and gather share. */
#ifndef AG_SCRAMBLE_H
#define AG_SCRAMBLE_H

#include <float.h>
#include <math.h>

#include "../cpu.h"

static inline int64_t ag_permute_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.permute.n); }

static inline size_t ag_permute_scratch(const ag_step *s) { return (size_t)s->u.permute.d * sizeof(float); }

static inline int64_t ag_tally_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.gather.n); }

static inline int64_t ag_gather_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.gather.rows.count); }

/* A part of the rows that gather writes, in image-local numbers. */
static inline ag_part ag_gathered(const ag_gather *x, ag_part part)
{
    part.first += x->rows.first - x->o;
    part.last += x->rows.first - x->o;
    return part;
}

static inline size_t ag_gather_scratch(const ag_step *s) { return 2 * (size_t)s->u.gather.d * sizeof(float); }

/* Gather: O_i = (m_i - mu) spread + mu, spread = sqrt(draws) gain. */
static inline float ag_spread(const ag_gather *x, const ag_row_args *row)
{
    return (float)(sqrt((double)x->draws) * row->gain);
}

static inline int ag_row_is_finite(const float *x, int64_t d)
{
    int finite = 1;
    for (int64_t t = 0; t < d; t++) finite &= fabsf(x[t]) <= FLT_MAX;
    return finite;
}

/* A token's drawn values, as gather puts them out; their mean alone where `by` is 1. Where float32 has left what is
 * finite on its way, such numbers are taken again in float64. */
typedef struct ag_draws {
    const ag_bound *bound;
    int64_t h;
    const int32_t *index;
    double mu, by;
} ag_draws;

static inline void ag_gather_again(const ag_gather *x, const ag_draws *from, float *dst)
{
    for (int64_t t = 0; t < x->d; t++) {
        double mean = 0;
        if (isfinite(dst[t])) continue;
        for (int64_t r = 0; r < x->draws; r++)
            mean += ag_load_one(ag_at(from->bound, &x->src, from->h, x->o + from->index[r]), x->src.dtype, t);
        mean /= (double)x->draws;
        dst[t] = (float)(from->by == 1 ? mean : (mean - from->mu) * from->by + from->mu);
    }
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
