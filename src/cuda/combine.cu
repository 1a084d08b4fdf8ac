/* combine.cu - the statistics and combine steps: samples cut into chunks, a block for each; or, where a sample is one
 * chunk, a block or a warp for each, which finds its statistics first and the second time reads from the cache. So what
 * needs no statistic, and small samples, are one launch, the rest two. Inputs are read and out is written once, 16
 * bytes at a time where they lie so; statistics are float64. Scales and weights are the launch's parameter. Refuse
 * nothing. */
#include "../coefficients.h"
#include "vectors.h"

enum { THREADS = 256, WARPS = THREADS / 32, RUN = 8 };
enum { WARP_ELEMENTS = 1024 }; /* samples up to this are a warp's each */

/* What those who share a sample know of it. */
struct board {
    double x[AG_MOST_INPUTS], y[AG_MOST_INPUTS]; /* the forms the statistics are of */
    double pivot_x, pivot_y;                     /* taken off each */
    double sums[WARPS][AG_SUMS], total[AG_SUMS];
    double weight[AG_MOST_INPUTS];
};

struct room {
    ag_guidance_args args; /* the launch's, weights where they are */
    board boards[WARPS];
};

/* A sample, or part of one; the threads it has. */
struct piece {
    const ag_guidance *g;
    const ag_guidance_args *a;
    board *b;
    int64_t sample, first, last;
};

DEVICE const ag_guidance_args *take_args(const ag_launch &l, room *r)
{
    if (!thread()) {
        r->args = l.u.combine.args;
        r->args.weights = l.u.combine.weights;
    }
    sync_block();
    return &r->args;
}

/* ---- those who share a sample: TEAM is 32, a warp, or THREADS, the block ---- */

template <int TEAM> DEVICE int rank() { return TEAM == 32 ? lane() : thread(); }

template <int TEAM> DEVICE void sync_team()
{
    if (TEAM == 32) sync_warp();
    else sync_block();
}

/* ---- inputs and output: element 0 of the sample, and whether 16 bytes can be moved at once ---- */

DEVICE char *input_at(const piece &p, int k)
{
    return (char *)p.a->input[k] + p.sample * p.g->stride[k] * (int64_t)ag_size_of(p.g->dtype[k]);
}

DEVICE char *out_at(const piece &p)
{
    return (char *)p.a->out + p.sample * p.g->out_stride * (int64_t)ag_size_of(p.g->out_dtype);
}

DEVICE int is_whole(const char *row) { return !((uintptr_t)row & 15); }

DEVICE void load_input(const piece &p, int k, int64_t i, float (&to)[RUN])
{
    const char *row = input_at(p, k);
    load_run(to, row, p.g->dtype[k], i, p.last, is_whole(row));
}

/* ---- statistics ---- */

/* Where only deviations matter the sample's first element is taken off: then a constant has none, to the bit. */
template <int TEAM> DEVICE void find_forms(const piece &p)
{
    board *b = p.b;
    if (!rank<TEAM>()) {
        ag_rule_forms(p.g, p.a, p.sample, b->x, b->y);
        b->pivot_x = b->pivot_y = 0;
        for (int k = 0; p.g->rule == AG_RESCALE && k < p.g->inputs; k++) {
            if (b->x[k] == 0 && b->y[k] == 0) continue;
            const double a = load_one(input_at(p, k), p.g->dtype[k], 0);
            b->pivot_x += b->x[k] * a;
            b->pivot_y += b->y[k] * a;
        }
    }
    sync_team<TEAM>();
}

/* The two forms of RUN elements. */
DEVICE void wide_forms(const piece &p, int64_t i, double (&x)[RUN], double (&y)[RUN])
{
    UNROLL for (int t = 0; t < RUN; t++) x[t] = y[t] = 0;
    for (int k = 0; k < p.g->inputs; k++) {
        const double of_x = p.b->x[k], of_y = p.b->y[k];
        if (of_x == 0 && of_y == 0) continue;
        float a[RUN];
        load_input(p, k, i, a);
        UNROLL for (int t = 0; t < RUN; t++)
        {
            x[t] += of_x * a[t];
            y[t] += of_y * a[t];
        }
    }
}

DEVICE void add_element(double x, double y, double (&sums)[AG_SUMS])
{
    sums[AG_SUM_X] += x;
    sums[AG_SUM_Y] += y;
    sums[AG_SUM_XX] += x * x;
    sums[AG_SUM_YY] += y * y;
    sums[AG_SUM_XY] += x * y;
    sums[AG_SUM_ABS_X] += fabs(x);
    sums[AG_SUM_ABS_Y] += fabs(y);
}

/* Leaves the sums of the piece in the board's total. */
template <int TEAM> DEVICE void find_sums(const piece &p)
{
    board *b = p.b;
    double sums[AG_SUMS] = {};
    find_forms<TEAM>(p);
    for (int64_t i = p.first + rank<TEAM>() * RUN; i < p.last; i += TEAM * RUN) {
        double x[RUN], y[RUN];
        wide_forms(p, i, x, y);
        UNROLL for (int t = 0; t < RUN; t++)
        {
            if (i + t < p.last) add_element(x[t] - b->pivot_x, y[t] - b->pivot_y, sums);
        }
    }
    UNROLL for (int n = 0; n < AG_SUMS; n++)
    {
        sums[n] = warp_sum(sums[n]);
        if (!lane()) b->sums[rank<TEAM>() / 32][n] = sums[n];
    }
    sync_team<TEAM>();
    const int n = rank<TEAM>();
    if (n < AG_SUMS) {
        double sum = 0;
        for (int w = 0; w < TEAM / 32; w++) sum += b->sums[w][n];
        b->total[n] = sum;
    }
    sync_team<TEAM>();
}

/* The sample's chunks, a warp for each sum: every block comes to the same bits. */
DEVICE void collect(const ag_launch &l, const ag_combine &c, const piece &p)
{
    const double *of_chunk = (const double *)(l.base[AG_WORK] + c.sums) + p.sample * c.chunks * AG_SUMS;
    if (warp() < AG_SUMS) {
        double sum = 0;
        for (int64_t i = lane(); i < c.chunks; i += 32) sum += of_chunk[i * AG_SUMS + warp()];
        sum = warp_sum(sum);
        if (!lane()) p.b->total[warp()] = sum;
    }
    sync_block();
}

/* ---- the pass ---- */

/* lse[0] or lse[1] may be lse_out: a sample's own are read before it is written. */
template <int TEAM> DEVICE void find_weights(const piece &p)
{
    if (!rank<TEAM>()) {
        for (int k = 0; k < AG_MOST_INPUTS; k++) p.b->weight[k] = 0;
        ag_rule_coefficients(p.g, p.a, p.sample, p.b->total, p.b->weight);
        if (p.g->rule == AG_MERGE && p.a->lse_out) p.a->lse_out[p.sample] = ag_rule_merged_lse(p.a, p.sample);
    }
    sync_team<TEAM>();
}

/* Momentum is written after everything of the run is read; nobody else reads it. */
template <int TEAM> DEVICE void write_piece(const piece &p)
{
    const int momentum = p.g->rule == AG_APG && p.g->inputs == 3;
    char *to = out_at(p);
    for (int64_t i = p.first + rank<TEAM>() * RUN; i < p.last; i += TEAM * RUN) {
        float out[RUN] = {}, kept[RUN] = {};
        for (int k = 0; k < p.g->inputs; k++) {
            const float w = (float)p.b->weight[k], m = momentum ? (float)p.b->x[k] : 0;
            if (w == 0 && m == 0) continue; /* what has no weight is not read: it may be NaN */
            float a[RUN];
            load_input(p, k, i, a);
            UNROLL for (int t = 0; t < RUN; t++)
            {
                if (w != 0) out[t] += w * a[t];
                if (m != 0) kept[t] += m * a[t];
            }
        }
        if (momentum) store_run(input_at(p, 2), AG_F32, i, p.last, is_whole(input_at(p, 2)), kept);
        store_run(to, p.g->out_dtype, i, p.last, is_whole(to), out);
    }
}

template <int TEAM> DEVICE void combine_piece(const ag_launch &l, const ag_combine &c, const piece &p)
{
    if (ag_rule_has_statistics(p.g->rule)) {
        if (c.local) find_sums<TEAM>(p);
        else {
            find_forms<TEAM>(p); /* momentum is one of them */
            collect(l, c, p);
        }
    }
    find_weights<TEAM>(p);
    write_piece<TEAM>(p);
}

/* ---- kernels ---- */

DEVICE piece piece_of(const ag_launch &l, const ag_combine &c, room *r, int64_t task)
{
    piece p = { l.guidance, take_args(l, r), r->boards, task / c.chunks, task % c.chunks * c.chunk, 0 };
    p.last = p.first + c.chunk < c.count ? p.first + c.chunk : c.count;
    return p;
}

KERNEL(ag_statistics_chunks, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_combine &c = launch.steps[task.step].u.combine;
    const piece p = piece_of(launch, c, (room *)shared_memory(), task.at);
    find_sums<THREADS>(p);
    double *sums = (double *)(launch.base[AG_WORK] + c.sums) + (int64_t)task.at * AG_SUMS;
    if (thread() < AG_SUMS) sums[thread()] = p.b->total[thread()];
}

AG_FN int is_small(const ag_combine *c) { return c->count <= WARP_ELEMENTS; }

KERNEL(ag_combine_chunks, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_combine &c = launch.steps[task.step].u.combine;
    room *r = (room *)shared_memory();
    if (!is_small(&c)) {
        combine_piece<THREADS>(launch, c, piece_of(launch, c, r, task.at));
        return;
    }
    const piece p = { launch.guidance, take_args(launch, r), &r->boards[warp()], (int64_t)task.at * WARPS + warp(), 0,
                      c.count };
    if (p.sample < c.samples) combine_piece<32>(launch, c, p);
}

static const char *refuse(const ag_step *) { return NULL; }
static size_t shared(const ag_step *) { return sizeof(room); }
static int64_t chunk_tasks(const ag_step *s) { return s->u.combine.samples * s->u.combine.chunks; }

static int64_t combine_tasks(const ag_step *s)
{
    return is_small(&s->u.combine) ? (s->u.combine.samples + WARPS - 1) / WARPS : chunk_tasks(s);
}

const ag_cuda_kernel ag_statistics_simt = {
    .kernel = {
        .name = "statistics_simt",
        .step = AG_STEP_STATISTICS,
        .refuse = refuse,
        .tasks = chunk_tasks,
    },
    .entry = (const void *)ag_statistics_chunks,
    .threads = THREADS,
    .shared = shared,
};
const ag_cuda_kernel ag_combine_simt = {
    .kernel = {
        .name = "combine_simt",
        .step = AG_STEP_COMBINE,
        .refuse = refuse,
        .tasks = combine_tasks,
    },
    .entry = (const void *)ag_combine_chunks,
    .threads = THREADS,
    .shared = shared,
};
