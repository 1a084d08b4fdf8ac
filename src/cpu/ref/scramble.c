/* scramble.c - draw, permute, tally, gather: the steps of scrambled attention. */
#include "../../semantics.h"
#include "../cpu.h"
#include "../rows.h"
#include "scramble.h"

/* ---- draw: the row's index array from its seed and stream ---- */

static int64_t draw_tasks(const ag_step *s) { return ag_chunks(s->u.draw.n); }

static void draw_run(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_draw *x = &s->u.draw;
    const ag_row_args row = ag_row_values(bound, s->b);
    const uint32_t stream = (uint32_t)row.random_stream;
    const int half = ag_permutation_half(x->n);
    int32_t *index = (int32_t *)(bound->base[AG_WORK] + x->offset);
    const int64_t first = task * AG_CHUNK, last = first + AG_CHUNK < x->n ? first + AG_CHUNK : x->n;
    for (int64_t i = first; i < last; i++) {
        if (x->permutation) index[i] = ag_permuted(row.seed, stream, i, x->n, half);
        else
            for (int64_t t = 0; t < x->draws; t++) index[i * x->draws + t] = ag_drawn(row.seed, stream, i, t, x->n);
    }
}

/* ---- permute: dst_i = mix src_pi(i) + (1 - mix) src_i ---- */

static void permute_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_permute *x = &s->u.permute;
    const ag_part part = ag_part_of(s, task, x->n);
    const ag_row_args row = ag_row_values(bound, s->b);
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    const float mix = x->use_mix ? (float)(row.mix * row.strength) : 1;
    float *own = memory;
    for (int64_t i = part.first; i < part.last; i++) {
        float *dst = ag_at(bound, &x->dst, part.h, x->o + i);
        /* At 0 and 1 the row is selected: standard attention must come out bit for bit, and 0 times inf is not 0. */
        ag_load_row(dst, ag_at(bound, &x->src, part.h, x->o + (mix == 0 ? i : index[i])), x->src.dtype, x->d);
        if (mix == 0 || mix == 1) continue;
        ag_load_row(own, ag_at(bound, &x->src, part.h, x->o + i), x->src.dtype, x->d);
        for (int64_t t = 0; t < x->d; t++) dst[t] = mix * dst[t] + (1 - mix) * own[t];
    }
}

/* ---- tally and gather: O_i = (m_i - mu) spread + mu ---- */

/* The mean of one token's drawn values. */
static void drawn_mean(const ag_gather *x, const ag_bound *bound, int64_t h, const int32_t *index, float *mean,
                       float *row)
{
    ag_load_row(mean, ag_at(bound, &x->src, h, x->o + index[0]), x->src.dtype, x->d);
    for (int64_t r = 1; r < x->draws; r++) {
        ag_load_row(row, ag_at(bound, &x->src, h, x->o + index[r]), x->src.dtype, x->d);
        for (int64_t t = 0; t < x->d; t++) mean[t] += row[t];
    }
    if (x->draws == 1) return;
    for (int64_t t = 0; t < x->d; t++) mean[t] /= (float)x->draws;
    if (!ag_row_is_finite(mean, x->d)) ag_gather_again(x, &(ag_draws){ bound, h, index, 0, 1 }, mean);
}

static void tally_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_gather *x = &s->u.gather;
    const ag_part part = ag_part_of(s, task, x->n);
    const ag_row_args row = ag_row_values(bound, s->b);
    if (ag_spread(x, &row) == 1) return; /* mu cancels */
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    float *mean = memory;
    double sum = 0;
    for (int64_t i = part.first; i < part.last; i++) {
        drawn_mean(x, bound, part.h, index + i * x->draws, mean, mean + x->d);
        for (int64_t t = 0; t < x->d; t++) sum += mean[t];
    }
    ((double *)(bound->base[AG_WORK] + x->sums))[task] = sum;
}

static void gather_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_gather *x = &s->u.gather;
    const ag_part part = ag_gathered(x, ag_part_of(s, task, x->rows.count));
    const ag_row_args row = ag_row_values(bound, s->b);
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    const float by = ag_spread(x, &row), mu = by == 1 ? 0 : ag_tallied(x, bound);
    float *mean = memory;
    for (int64_t i = part.first; i < part.last; i++) {
        drawn_mean(x, bound, part.h, index + i * x->draws, mean, mean + x->d);
        for (int64_t t = 0; by != 1 && t < x->d; t++) mean[t] = (mean[t] - mu) * by + mu;
        if (by != 1 && !ag_row_is_finite(mean, x->d))
            ag_gather_again(x, &(ag_draws){ bound, part.h, index + i * x->draws, mu, by }, mean);
        ag_store_row(ag_at(bound, &x->dst, part.h, x->o + i), mean, x->dst.dtype, x->d);
    }
}

const ag_kernel ag_draw_ref = {
    .name = "draw_ref",
    .step = AG_STEP_DRAW,
    .refuse = ag_refuses_nothing,
    .tasks = draw_tasks,
    .run = draw_run,
};
const ag_kernel ag_permute_ref = {
    .name = "permute_ref",
    .step = AG_STEP_PERMUTE,
    .refuse = ag_refuses_nothing,
    .tasks = ag_permute_tasks,
    .scratch = ag_permute_scratch,
    .run = permute_run,
};
const ag_kernel ag_tally_f64_ref = {
    .name = "tally_f64_ref",
    .step = AG_STEP_TALLY,
    .refuse = ag_refuses_nothing,
    .tasks = ag_tally_tasks,
    .scratch = ag_gather_scratch,
    .run = tally_run,
};
const ag_kernel ag_gather_f32_ref = {
    .name = "gather_f32_ref",
    .step = AG_STEP_GATHER,
    .refuse = ag_refuses_nothing,
    .tasks = ag_gather_tasks,
    .scratch = ag_gather_scratch,
    .run = gather_run,
};
