/* scramble_tmpl.h - permute, tally, gather (scramble.c), written over the vector verbs that the including file
 * chose. */
#include "../cpu.h"
#include "../verbs/rows_vector.h"
#include "../ref/scramble.h"

/* Memory is read faster in order than in none: while the rows of a task's head are taken as they are drawn, its share
 * of the next head's is asked for as it lies. */
ROW_INLINE void scramble_ask_for_next(const ag_step *s, const ag_bound *bound, int64_t head, const ag_ref *src,
                                      int64_t i, int64_t bytes)
{
    if (head + 1 < s->n_heads) row_fetch(ag_at(bound, src, s->heads[head + 1], i), bytes);
}

static int64_t permute_tasks(const ag_step *s) { return row_tasks(s, s->u.permute.n); }

static int64_t gather_tasks(const ag_step *s) { return row_tasks(s, s->u.gather.rows.count); }

/* ---- permute: dst_i = mix src_pi(i) + (1 - mix) src_i ---- */

static void permute_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_permute *x = &s->u.permute;
    const ag_part part = ag_part_in(s, task, x->n, row_chunk(s, x->n));
    const ag_row_args row = ag_row_values(bound, s->b);
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    const float mix = x->use_mix ? (float)(row.mix * row.strength) : 1;
    const int64_t bytes = x->d * (int64_t)ag_size_of(x->src.dtype);
    const int64_t chunks = row_tasks(s, x->n) / s->n_heads;
    float *own = memory;
    for (int64_t i = part.first; i < part.last; i++) {
        float *dst = ag_at(bound, &x->dst, part.h, x->o + i);
        scramble_ask_for_next(s, bound, task / chunks, &x->src, x->o + i, bytes);
        if (i + AHEAD < part.last) row_fetch(ag_at(bound, &x->src, part.h, x->o + index[i + AHEAD]), bytes);
        row_load(dst, ag_at(bound, &x->src, part.h, x->o + (mix == 0 ? i : index[i])), x->src.dtype, x->d);
        if (mix == 0 || mix == 1) continue;
        row_load(own, ag_at(bound, &x->src, part.h, x->o + i), x->src.dtype, x->d);
        for (int64_t t = 0; t < x->d; t++) dst[t] = mix * dst[t] + (1 - mix) * own[t];
    }
}

/* ---- tally and gather ---- */

/* The mean of one token's drawn values. */
static void gather_drawn_mean(const ag_gather *x, const ag_bound *bound, int64_t h, const int32_t *index, float *mean,
                              float *row)
{
    row_load(mean, ag_at(bound, &x->src, h, x->o + index[0]), x->src.dtype, x->d);
    for (int64_t r = 1; r < x->draws; r++) {
        row_load(row, ag_at(bound, &x->src, h, x->o + index[r]), x->src.dtype, x->d);
        for (int64_t t = 0; t < x->d; t++) mean[t] += row[t];
    }
    if (x->draws == 1) return;
    for (int64_t t = 0; t < x->d; t++) mean[t] /= (float)x->draws;
    if (!ag_row_is_finite(mean, x->d)) ag_gather_again(x, &(ag_draws){ bound, h, index, 0, 1 }, mean);
}

/* Asks for the rows of the token AHEAD of i. */
static void gather_look_ahead(const ag_gather *x, const ag_bound *bound, const ag_part *part, int64_t i,
                              const int32_t *index)
{
    if (i + AHEAD >= part->last) return;
    for (int64_t r = 0; r < x->draws; r++)
        row_fetch(ag_at(bound, &x->src, part->h, x->o + index[(i + AHEAD) * x->draws + r]),
                  x->d * (int64_t)ag_size_of(x->src.dtype));
}

static void tally_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_gather *x = &s->u.gather;
    const ag_part part = ag_part_of(s, task, x->n);
    const ag_row_args row = ag_row_values(bound, s->b);
    if (ag_spread(x, &row) == 1) return; /* mu cancels */
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    const int64_t chunks = x->chunks, bytes = x->d * (int64_t)ag_size_of(x->src.dtype);
    float *mean = memory;
    wvec low = w_all(0), high = w_all(0);
    double sum = 0;
    for (int64_t i = part.first; i < part.last; i++) {
        scramble_ask_for_next(s, bound, task / chunks, &x->src, x->o + i, bytes);
        gather_look_ahead(x, bound, &part, i, index);
        gather_drawn_mean(x, bound, part.h, index + i * x->draws, mean, mean + x->d);
        int64_t t = 0;
        for (; t + LANES <= x->d; t += LANES) {
            const vec v = *(const vec_unaligned *)(mean + t);
            low += w_low(v);
            high += w_high(v);
        }
        for (; t < x->d; t++) sum += mean[t];
    }
    for (int i = 0; i < LANES / 2; i++) sum += low[i] + high[i];
    ((double *)(bound->base[AG_WORK] + x->sums))[task] = sum;
}

static void gather_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_gather *x = &s->u.gather;
    const ag_part part = ag_gathered(x, ag_part_in(s, task, x->rows.count, row_chunk(s, x->rows.count)));
    const ag_row_args row = ag_row_values(bound, s->b);
    const int32_t *index = ag_index_at(bound, &x->index, &row);
    const float by = ag_spread(x, &row), mu = by == 1 ? 0 : ag_tallied(x, bound);
    const int stream = row_streams(s, x->rows.count, x->d, x->dst.dtype);
    const int64_t chunks = row_tasks(s, x->rows.count) / s->n_heads, bytes = x->d * (int64_t)ag_size_of(x->src.dtype);
    float *mean = memory;
    for (int64_t i = part.first; i < part.last; i++) {
        void *dst = ag_at(bound, &x->dst, part.h, x->o + i);
        scramble_ask_for_next(s, bound, task / chunks, &x->src, x->o + i, bytes);
        gather_look_ahead(x, bound, &part, i, index);
        if (x->draws == 1 && by == 1) {
            row_move(dst, x->dst.dtype, ag_at(bound, &x->src, part.h, x->o + index[i]), x->src.dtype, x->d, stream);
            continue;
        }
        gather_drawn_mean(x, bound, part.h, index + i * x->draws, mean, mean + x->d);
        for (int64_t t = 0; by != 1 && t < x->d; t++) mean[t] = (mean[t] - mu) * by + mu;
        if (by != 1 && !ag_row_is_finite(mean, x->d))
            ag_gather_again(x, &(ag_draws){ bound, part.h, index + i * x->draws, mu, by }, mean);
        row_move(dst, x->dst.dtype, mean, AG_F32, x->d, stream);
    }
    if (stream) v_fence();
}
