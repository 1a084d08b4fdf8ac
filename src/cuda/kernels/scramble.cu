/* scramble.cu - draw, permute, tally, gather: the steps of scrambled attention. Indices are the CPU's, bit for bit.
 * Rows are read once for each use of them and written once. Refuse nothing. */
#include "vectors.h"

enum { THREADS = 256, WARPS = THREADS / 32 };

/* ---- draw: the row's index array from its seed and stream, a token a thread ---- */

KERNEL(ag_draw_indices, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_draw &x = s->u.draw;
    const ag_row_value row = row_value(launch, s->b);
    const uint32_t stream = (uint32_t)row.random_stream;
    int32_t *index = (int32_t *)(launch.base[AG_WORK] + x.offset);
    const int64_t i = (int64_t)task.at * THREADS + thread();
    if (i >= x.n) return;
    if (x.permutation) index[i] = ag_permuted(row.seed, stream, i, x.n, ag_permutation_half(x.n));
    else
        for (int64_t r = 0; r < x.draws; r++) index[i * x.draws + r] = ag_drawn(row.seed, stream, i, r, x.n);
}

/* ---- rows by index ---- */

/* NaN where the caller's index is none. Tokens are counted from `o`. */
DEVICE void load_indexed(const head_rows &r, int64_t o, const int32_t *index, int64_t entry, int64_t n, int64_t t,
                         int64_t d, float (&to)[8])
{
    const int64_t i = index_entry(index, entry, n);
    load_run(to, r, o + (i < 0 ? 0 : i), t, d);
    UNROLL for (int c = 0; c < 8; c++)
    {
        if (i < 0) to[c] = NAN;
    }
}

/* ---- permute: dst_i = mix src_pi(i) + (1 - mix) src_i ---- */

KERNEL(ag_permute_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_permute &x = s->u.permute;
    const part p = part_of(s, task.at, x.n);
    const ag_row_value row = row_value(launch, s->b);
    const int32_t *index = index_at(launch, x.index, row);
    const float mix = x.use_mix ? (float)(row.mix * row.strength) : 1;
    const head_rows from = rows_of(launch, x.src, p.h), dst = rows_of(launch, x.dst, p.h);
    const int runs = (int)((x.d + 7) / 8), all = (int)(p.last - p.first) * runs;
    for (int at_run = thread(); at_run < all; at_run += THREADS) {
        const int64_t i = p.first + at_run / runs, t = at_run % runs * 8;
        float to[8], own[8];
        /* At 0 and 1 the row is selected: standard attention must come out bit for bit, and 0 times inf is not 0. */
        if (mix == 0) load_run(to, from, x.o + i, t, x.d);
        else load_indexed(from, x.o, index, i, x.n, t, x.d, to);
        if (mix != 0 && mix != 1) {
            load_run(own, from, x.o + i, t, x.d);
            UNROLL for (int c = 0; c < 8; c++) to[c] = mixed(own[c], to[c], mix);
        }
        store_run(dst, x.o + i, t, x.d, to);
    }
}

/* ---- tally and gather: O_i = (m_i - mu) sqrt(r) gain + mu ---- */

DEVICE float spread(const ag_gather &x, const ag_row_value &row) { return (float)(sqrt((double)x.draws) * row.gain); }

/* The same where the sum overflows: in float64. */
DEVICE void wide_mean(const ag_gather &x, const head_rows &from, const int32_t *index, int64_t i, int64_t t,
                      float (&mean)[8])
{
    double sum[8] = {};
    ROLLED for (int64_t r = 0; r < x.draws; r++)
    {
        float more[8];
        load_indexed(from, x.o, index, i * x.draws + r, x.n, t, x.d, more);
        UNROLL for (int c = 0; c < 8; c++) sum[c] += more[c];
    }
    UNROLL for (int c = 0; c < 8; c++)
    {
        if (!is_finite(mean[c])) mean[c] = (float)(sum[c] / (double)x.draws);
    }
}

/* The mean of token i's drawn values, in the order of the draws. */
DEVICE void drawn_mean(const ag_gather &x, const head_rows &from, const int32_t *index, int64_t i, int64_t t,
                       float (&mean)[8])
{
    load_indexed(from, x.o, index, i * x.draws, x.n, t, x.d, mean);
    for (int64_t r = 1; r < x.draws; r++) {
        float more[8];
        load_indexed(from, x.o, index, i * x.draws + r, x.n, t, x.d, more);
        UNROLL for (int c = 0; c < 8; c++) mean[c] += more[c];
    }
    int finite = 1;
    UNROLL for (int c = 0; c < 8; c++)
    {
        mean[c] /= (float)x.draws;
        finite &= is_finite(mean[c]);
    }
    if (!finite) wide_mean(x, from, index, i, t, mean);
}

/* A partial sum for each head and AG_CHUNK tokens. */
KERNEL(ag_tally_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_gather &x = s->u.gather;
    const ag_row_value row = row_value(launch, s->b);
    if (spread(x, row) == 1) return; /* mu cancels */
    const int32_t *index = index_at(launch, x.index, row);
    const int64_t first = task.at % x.chunks * AG_CHUNK, end = first + AG_CHUNK, last = end < x.n ? end : x.n;
    const head_rows from = rows_of(launch, x.src, s->heads[task.at / x.chunks]);
    const int runs = (int)((x.d + 7) / 8), all = (int)(last - first) * runs;
    double sum = 0;
    for (int at_run = thread(); at_run < all; at_run += THREADS) {
        const int64_t t = at_run % runs * 8;
        float mean[8];
        drawn_mean(x, from, index, first + at_run / runs, t, mean);
        UNROLL for (int c = 0; c < 8; c++)
        {
            if (t + c < x.d) sum += mean[c];
        }
    }
    sum = block_sum(sum, (double *)shared_memory(), WARPS);
    if (!thread()) ((double *)(launch.base[AG_WORK] + x.sums))[task.at] = sum;
}

/* mu of the whole output row. Every block adds the same sums in the same order. */
DEVICE float tallied(const ag_launch &l, const ag_gather &x)
{
    const double *sums = (const double *)(l.base[AG_WORK] + x.sums);
    double sum = 0;
    for (int64_t i = thread(); i < x.kv_heads * x.chunks; i += THREADS) sum += sums[i];
    sum = block_sum(sum, (double *)shared_memory(), WARPS);
    return (float)(sum / ((double)x.kv_heads * (double)x.n * (double)x.d));
}

KERNEL(ag_gather_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_gather &x = s->u.gather;
    const part p = part_of(s, task.at, x.rows.count);
    const ag_row_value row = row_value(launch, s->b);
    const int32_t *index = index_at(launch, x.index, row);
    const float by = spread(x, row), mu = by == 1 ? 0 : tallied(launch, x);
    const head_rows from = rows_of(launch, x.src, p.h), dst = rows_of(launch, x.dst, p.h);
    const int runs = (int)((x.d + 7) / 8), all = (int)(p.last - p.first) * runs;
    for (int at_run = thread(); at_run < all; at_run += THREADS) {
        const int64_t i = x.rows.first - x.o + p.first + at_run / runs, t = at_run % runs * 8;
        float mean[8];
        drawn_mean(x, from, index, i, t, mean);
        UNROLL for (int c = 0; c < 8; c++)
        {
            if (by == 1) continue;
            const float wide = (float)(((double)mean[c] - mu) * by + mu), narrow = (mean[c] - mu) * by + mu;
            mean[c] = is_finite(narrow) ? narrow : wide;
        }
        store_run(dst, x.o + i, t, x.d, mean);
    }
}

/* ---- kernels ---- */

static const char *refuse(const ag_step *) { return NULL; }
static int64_t draw_tasks(const ag_step *s) { return (s->u.draw.n + THREADS - 1) / THREADS; }
static int64_t permute_tasks(const ag_step *s) { return s->n_heads * chunks_of(s->u.permute.n); }
static int64_t tally_tasks(const ag_step *s) { return s->n_heads * s->u.gather.chunks; }
static int64_t gather_tasks(const ag_step *s) { return s->n_heads * chunks_of(s->u.gather.rows.count); }
static size_t sums(const ag_step *) { return WARPS * sizeof(double); }

const ag_cuda_kernel ag_draw_simt = {
    .kernel = {
        .name = "draw_simt",
        .step = AG_STEP_DRAW,
        .refuse = refuse,
        .tasks = draw_tasks,
    },
    .entry = (const void *)ag_draw_indices,
    .threads = THREADS,
};
const ag_cuda_kernel ag_permute_simt = {
    .kernel = {
        .name = "permute_simt",
        .step = AG_STEP_PERMUTE,
        .refuse = refuse,
        .tasks = permute_tasks,
    },
    .entry = (const void *)ag_permute_rows,
    .threads = THREADS,
};
const ag_cuda_kernel ag_tally_simt = {
    .kernel = {
        .name = "tally_simt",
        .step = AG_STEP_TALLY,
        .refuse = refuse,
        .tasks = tally_tasks,
    },
    .entry = (const void *)ag_tally_rows,
    .threads = THREADS,
    .shared = sums,
};
const ag_cuda_kernel ag_gather_simt = {
    .kernel = {
        .name = "gather_simt",
        .step = AG_STEP_GATHER,
        .refuse = refuse,
        .tasks = gather_tasks,
    },
    .entry = (const void *)ag_gather_rows,
    .threads = THREADS,
    .shared = sums,
};
