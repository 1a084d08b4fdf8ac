/* combine.h - what combinations are made of on the device: a group of a sample, or part of one, and those who share it;
 * their sums; the pass over its elements. */
#ifndef AG_CUDA_COMBINE_H
#define AG_CUDA_COMBINE_H

#include <float.h>

#include "../../rules/dispatch.h"
#include "vectors.h"

enum { THREADS = 256, WARPS = THREADS / 32, RUN = 8 };
enum { WARP_ELEMENTS = 1024 }; /* groups up to this are a warp's each */

/* What those who share a group know of it. */
struct board {
    ag_forms f;
    double pivot_x, pivot_y; /* taken off each */
    double sums[WARPS][AG_SUMS], total[AG_SUMS];
    ag_factors by;
    double weight[AG_MOST_TERMS], kept[AG_MOST_TERMS]; /* of the result, of what the state becomes */
};

struct room {
    ag_combining run; /* the launch's, weights where they are */
    board boards[WARPS];
    double folded[WARPS];
};

/* A group, or part of one; or a column's line. */
struct piece {
    ag_sample s;
    board *b;
    int64_t at;          /* where it begins in the sample */
    int64_t first, last; /* elements */
};

DEVICE const ag_combining *take_run(const ag_launch &l, room *r)
{
    if (!thread()) {
        r->run = l.u.combine.run;
        r->run.weights = l.u.combine.weights;
    }
    sync_block();
    return &r->run;
}

/* ---- those who share a group: TEAM is 32, a warp, or THREADS, the block ---- */

template <int TEAM> DEVICE int rank() { return TEAM == 32 ? lane() : thread(); }

template <int TEAM> DEVICE void sync_team()
{
    if (TEAM == 32) sync_warp();
    else sync_block();
}

/* ---- inputs and output: where the piece begins, and whether 16 bytes can be moved at once ---- */

DEVICE char *input_at(const piece &p, int k)
{
    return (char *)ag_term_at(&p.s, k) + p.at * (int64_t)ag_size_of(ag_term_type(&p.s, k));
}

DEVICE char *out_at(const piece &p)
{
    return (char *)p.s.run->out + (p.s.number * p.s.g->out_stride + p.at) * (int64_t)ag_size_of(p.s.g->out_dtype);
}

DEVICE float *state_at(const piece &p)
{
    return p.s.run->state ? p.s.run->state + p.s.number * p.s.g->count + p.at : NULL;
}

DEVICE int is_whole(const void *row) { return !((uintptr_t)row & 15); }

DEVICE void load_input(const piece &p, int k, int64_t i, float (&to)[RUN])
{
    const char *row = input_at(p, k);
    load_run(to, row, ag_term_type(&p.s, k), i, p.last, is_whole(row));
}

/* ---- statistics ---- */

DEVICE int is_of_sums(const ag_forms &f, int k) { return f.x[k] != 0 || f.y[k] != 0; }

/* Where only deviations matter the group's first element is taken off: then a constant has none, to the bit. */
DEVICE void find_pivots(const piece &p, const ag_forms &f, double *x, double *y)
{
    *x = *y = 0;
    for (int k = 0; ag_sums_deviate(p.s.run->sums) && k < ag_terms(&p.s); k++) {
        if (!is_of_sums(f, k)) continue;
        const double a = load_one(input_at(p, k), ag_term_type(&p.s, k), 0);
        *x += f.x[k] * a;
        *y += f.y[k] * a;
    }
}

template <int TEAM> DEVICE void find_forms(const piece &p)
{
    if (!rank<TEAM>()) ag_rule_forms(&p.s, &p.b->f);
    sync_team<TEAM>();
}

/* The two forms of RUN elements. */
DEVICE void wide_forms(const piece &p, int64_t i, double (&x)[RUN], double (&y)[RUN])
{
    UNROLL for (int t = 0; t < RUN; t++) x[t] = y[t] = 0;
    for (int k = 0; k < ag_terms(&p.s); k++) {
        const double of_x = p.b->f.x[k], of_y = p.b->f.y[k];
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

DEVICE void add_element(unsigned wanted, double x, double y, double (&sums)[AG_SUMS])
{
    sums[AG_SUM_X] += x;
    sums[AG_SUM_Y] += y;
    sums[AG_SUM_XX] += x * x;
    sums[AG_SUM_YY] += y * y;
    sums[AG_SUM_XY] += x * y;
    sums[AG_SUM_ABS_X] += fabs(x);
    sums[AG_SUM_ABS_Y] += fabs(y);
    if (wanted >> AG_SUM_ROOTS & 1) sums[AG_SUM_ROOTS] += copysign(sqrt(fabs(x * y)), x * y);
}

/* Leaves the sums of the piece in the board's total. */
template <int TEAM> DEVICE void find_sums(const piece &p)
{
    board *b = p.b;
    double sums[AG_SUMS] = {};
    if (!rank<TEAM>()) find_pivots(p, b->f, &b->pivot_x, &b->pivot_y);
    sync_team<TEAM>();
    for (int64_t i = p.first + rank<TEAM>() * RUN; i < p.last; i += TEAM * RUN) {
        double x[RUN], y[RUN];
        wide_forms(p, i, x, y);
        UNROLL for (int t = 0; t < RUN; t++)
        {
            if (i + t < p.last) add_element(p.s.run->sums, x[t] - b->pivot_x, y[t] - b->pivot_y, sums);
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

/* The group's chunks, a warp for each sum: every block comes to the same bits. */
DEVICE void collect_chunks(const double *of_chunk, int64_t chunks, board *b)
{
    if (warp() < AG_SUMS) {
        double sum = 0;
        for (int64_t i = lane(); i < chunks; i += 32) sum += of_chunk[i * AG_SUMS + warp()];
        sum = warp_sum(sum);
        if (!lane()) b->total[warp()] = sum;
    }
    sync_block();
}

/* The mean of what the sample's groups fold to. */
template <int TEAM> DEVICE void collect_parts(const double *parts, const ag_combine &c, board *b)
{
    double sum = 0;
    if (rank<TEAM>() < 32) {
        for (int64_t i = lane(); i < c.parts; i += 32) sum += parts[i];
        sum = warp_sum(sum);
    }
    if (!rank<TEAM>()) b->total[0] = sum / (double)c.groups;
    sync_team<TEAM>();
}

template <int TEAM> DEVICE void collect(const ag_launch &l, const ag_combine &c, const piece &p, int64_t group)
{
    const double *sums = (const double *)(l.base[AG_WORK] + c.sums);
    if (rank<TEAM>() < AG_SUMS) p.b->total[rank<TEAM>()] = 0;
    sync_team<TEAM>();
    if (!p.s.run->sums || !c.statistics) return;
    if (c.folding == AG_FOLD_PARTS) collect_parts<TEAM>(sums + p.s.number * c.parts, c, p.b);
    else if (c.local) find_sums<TEAM>(p);
    else if (TEAM == THREADS) collect_chunks(sums + group * c.chunks * AG_SUMS, c.chunks, p.b);
    if (c.folding == AG_FOLD_SUMS && !rank<TEAM>()) p.b->total[0] = ag_rule_fold(&p.s, p.b->total);
}

/* ---- the pass ---- */

/* lse[0] or lse[1] may be lse_out: a sample's own are read before it is written. */
template <int TEAM> DEVICE void find_weights(const ag_combine &c, const piece &p)
{
    const ag_combining *run = p.s.run;
    board *b = p.b;
    if (!rank<TEAM>()) {
        b->by = ag_rule_factors(&p.s, b->total);
        for (int k = 0; k < AG_MOST_TERMS; k++) {
            b->weight[k] = ag_weight(&b->f, &b->by, k);
            b->kept[k] = ag_kept_weight(&b->f, &b->by, k);
        }
        if (c.gives_lse && run->lse_out) run->lse_out[p.s.number] = ag_rule_lse(&p.s);
    }
    sync_team<TEAM>();
}

/* A weight that is not what it was in float32: all is summed in float64. */
DEVICE int is_odd(double weight) { return weight != 0 && (fabs(weight) < FLT_MIN || fabs(weight) > FLT_MAX); }

DEVICE int is_wide(const double *weight)
{
    int wide = 0;
    ROLLED for (int k = 0; k < AG_MOST_TERMS; k++) wide |= is_odd(weight[k]);
    return wide;
}

/* Sums that overflowed on their way to a result that may fit, in float64; each number by itself. */
DEVICE void sum_again(const piece &p, const double *weight, int wide, int64_t i, float (&out)[RUN])
{
    double sum[RUN] = {};
    ROLLED for (int k = 0; k < ag_terms(&p.s); k++)
    {
        float a[RUN];
        if (weight[k] == 0) continue;
        load_input(p, k, i, a);
        UNROLL for (int t = 0; t < RUN; t++) sum[t] += weight[k] * a[t];
    }
    UNROLL for (int t = 0; t < RUN; t++)
    {
        if (wide || !is_finite(out[t])) out[t] = (float)sum[t];
    }
}

/* sum_k weight_k a_k. What has no weight is not read: it may be NaN. */
DEVICE void sum_run(const piece &p, const double *weight, int wide, int64_t i, float (&out)[RUN])
{
    int finite = !wide;
    UNROLL for (int t = 0; t < RUN; t++) out[t] = 0;
    for (int k = 0; k < ag_terms(&p.s); k++) {
        float a[RUN];
        if (weight[k] == 0) continue;
        load_input(p, k, i, a);
        UNROLL for (int t = 0; t < RUN; t++) out[t] += (float)weight[k] * a[t];
    }
    UNROLL for (int t = 0; t < RUN; t++) finite &= is_finite(out[t]);
    if (!finite) sum_again(p, weight, wide, i, out);
}

/* Of float64: rounding would turn what is near 0. */
DEVICE float sign_of(double x) { return (float)((x > 0) - (x < 0)); }

DEVICE void add_signs(const piece &p, int64_t i, float (&out)[RUN], float (&kept)[RUN])
{
    double x[RUN] = {};
    for (int k = 0; k < ag_terms(&p.s); k++) {
        float a[RUN];
        if (p.b->f.x[k] == 0) continue;
        load_input(p, k, i, a);
        UNROLL for (int t = 0; t < RUN; t++) x[t] += p.b->f.x[k] * a[t];
    }
    UNROLL for (int t = 0; t < RUN; t++)
    {
        out[t] += (float)p.b->by.x * sign_of(x[t]);
        kept[t] += (float)p.b->by.kept * sign_of(x[t]);
    }
}

/* The state is written after everything of the run is read; nobody else reads it. */
template <int TEAM> DEVICE void write_piece(const piece &p)
{
    char *to = out_at(p), *state = (char *)state_at(p);
    const int steep = ag_is_steep(p.b->by.x, p.b->by.y);
    const int wide = steep || is_wide(p.b->weight), wide_state = state && (steep || is_wide(p.b->kept));
    for (int64_t i = p.first + rank<TEAM>() * RUN; i < p.last; i += TEAM * RUN) {
        float out[RUN], kept[RUN];
        sum_run(p, p.b->weight, wide, i, out);
        if (state) {
            sum_run(p, p.b->kept, wide_state, i, kept);
            if (p.b->f.signs) add_signs(p, i, out, kept);
            store_run(state, AG_F32, i, p.last, is_whole(state), kept);
        }
        store_run(to, p.s.g->out_dtype, i, p.last, is_whole(to), out);
    }
}

template <int TEAM> DEVICE void combine_piece(const ag_launch &l, const ag_combine &c, const piece &p, int64_t group)
{
    find_forms<TEAM>(p);
    collect<TEAM>(l, c, p, group);
    find_weights<TEAM>(c, p);
    write_piece<TEAM>(p);
}

#endif
