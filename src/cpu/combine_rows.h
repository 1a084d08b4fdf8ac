/* combine_rows.h - the statistics and combine steps over blocks of elements: inputs are widened, combined with float32
 * weights, stored once. Statistics are float64 sums of eight lanes. For the instruction set that the including file
 * chose. */
#include "../coefficients.h"
#include "cpu.h"
#include "rows.h"

enum { BLOCK_SIZE = 512, SUM_LANES = 8, TASK_ELEMENTS = 16384 };

typedef double wide_sum __attribute__((vector_size(64), may_alias));
typedef int64_t wide_bits __attribute__((vector_size(64)));

/* The linear forms the statistics are of, and what is taken off each. */
typedef struct forms {
    double x[AG_MOST_INPUTS], y[AG_MOST_INPUTS], pivot_x, pivot_y;
} forms;

/* One sample, or part of one. */
typedef struct piece {
    const ag_guidance *g;
    const ag_guidance_args *a;
    int64_t sample, first, last;
} piece;

static const char *input_at(const piece *p, int k, int64_t i)
{
    return (const char *)p->a->input[k] + (p->sample * p->g->stride[k] + i) * (int64_t)ag_size_of(p->g->dtype[k]);
}

/* Widened elements [i, i + n) of input k: the caller's own where they are float32, else in `row`. */
static const float *widened(const piece *p, int k, int64_t i, int n, float *row)
{
    if (p->g->dtype[k] == AG_F32) return (const float *)input_at(p, k, i);
    ag_load_row(row, input_at(p, k, i), p->g->dtype[k], n);
    return row;
}

/* to[0 .. n) = sum_k weight_k a_k from element i on. Inputs of weight 0 are not read. */
static void linear_form(const piece *p, const double *weight, int64_t i, int n, float *restrict to)
{
    float row[BLOCK_SIZE];
    memset(to, 0, (size_t)n * sizeof *to);
    for (int k = 0; k < p->g->inputs; k++) {
        const float w = (float)weight[k];
        if (w == 0) continue;
        const float *from = widened(p, k, i, n, row);
        for (int t = 0; t < n; t++) to[t] += w * from[t];
    }
}

/* The two forms of a block in float64: a float32 sum of large predictions loses the little they differ by. Elements
 * past n are the pivot, and so add nothing. */
static void wide_forms(const piece *p, const forms *f, int64_t i, int n, double *restrict x, double *restrict y)
{
    float row[BLOCK_SIZE];
    for (int t = 0; t < BLOCK_SIZE; t++) {
        x[t] = t < n ? 0 : f->pivot_x;
        y[t] = t < n ? 0 : f->pivot_y;
    }
    for (int k = 0; k < p->g->inputs; k++) {
        const double of_x = f->x[k], of_y = f->y[k];
        if (of_x == 0 && of_y == 0) continue;
        const float *from = widened(p, k, i, n, row);
        for (int t = 0; t < n; t++) {
            x[t] += of_x * from[t];
            y[t] += of_y * from[t];
        }
    }
}

static void add_block(const forms *f, const double *x, const double *y, wide_sum sums[AG_SUMS])
{
    for (int t = 0; t < BLOCK_SIZE; t += SUM_LANES) {
        const wide_sum a = *(const wide_sum *)(x + t) - f->pivot_x, b = *(const wide_sum *)(y + t) - f->pivot_y;
        sums[AG_SUM_X] += a;
        sums[AG_SUM_Y] += b;
        sums[AG_SUM_XX] += a * a;
        sums[AG_SUM_YY] += b * b;
        sums[AG_SUM_XY] += a * b;
        sums[AG_SUM_ABS_X] += (wide_sum)((wide_bits)a & INT64_MAX);
        sums[AG_SUM_ABS_Y] += (wide_sum)((wide_bits)b & INT64_MAX);
    }
}

/* Where only deviations matter the sample's first element is taken off: then a constant has none, to the bit. */
static forms forms_of(const piece *p)
{
    forms f = { .pivot_x = 0 };
    double x = 0, y = 0;
    ag_rule_forms(p->g, p->a, p->sample, f.x, f.y);
    if (p->g->rule != AG_RESCALE) return f;
    for (int k = 0; k < p->g->inputs; k++) {
        if (f.x[k] == 0 && f.y[k] == 0) continue;
        const double a = ag_load_one(input_at(p, k, 0), p->g->dtype[k], 0);
        x += f.x[k] * a;
        y += f.y[k] * a;
    }
    f.pivot_x = x;
    f.pivot_y = y;
    return f;
}

static void statistics_of(const piece *p, double *out)
{
    wide_sum sums[AG_SUMS] = { { 0 } };
    double x[BLOCK_SIZE] __attribute__((aligned(64))), y[BLOCK_SIZE] __attribute__((aligned(64)));
    const forms f = forms_of(p);
    for (int64_t i = p->first; i < p->last; i += BLOCK_SIZE) {
        wide_forms(p, &f, i, (int)(p->last - i < BLOCK_SIZE ? p->last - i : BLOCK_SIZE), x, y);
        add_block(&f, x, y, sums);
    }
    for (int s = 0; s < AG_SUMS; s++) {
        out[s] = 0;
        for (int lane = 0; lane < SUM_LANES; lane++) out[s] += sums[s][lane];
    }
}

/* Momentum is written after everything of the block is read. */
static void combine_piece(const piece *p, const double *weight)
{
    const int momentum = p->g->rule == AG_APG && p->g->inputs == 3;
    double form_x[AG_MOST_INPUTS], form_y[AG_MOST_INPUTS];
    float out[BLOCK_SIZE], kept[BLOCK_SIZE];
    if (momentum) ag_rule_forms(p->g, p->a, p->sample, form_x, form_y);
    for (int64_t i = p->first; i < p->last; i += BLOCK_SIZE) {
        const int n = (int)(p->last - i < BLOCK_SIZE ? p->last - i : BLOCK_SIZE);
        char *to = (char *)p->a->out + (p->sample * p->g->out_stride + i) * (int64_t)ag_size_of(p->g->out_dtype);
        linear_form(p, weight, i, n, out);
        if (momentum) {
            linear_form(p, form_x, i, n, kept);
            memcpy((void *)(uintptr_t)input_at(p, 2, i), kept, (size_t)n * sizeof *kept);
        }
        ag_store_row(to, out, p->g->out_dtype, n);
    }
}

/* ---- tasks: chunks of a sample, or several samples that are one chunk each ---- */

static int64_t samples_per_task(const ag_combine *c)
{
    const int64_t n = TASK_ELEMENTS / c->count;
    return c->chunks > 1 || n < 1 ? 1 : n;
}

static int64_t tasks(const ag_step *s)
{
    const ag_combine *c = &s->u.combine;
    if (c->chunks > 1) return c->samples * c->chunks;
    return (c->samples + samples_per_task(c) - 1) / samples_per_task(c);
}

static piece piece_of(const ag_combine *c, const ag_bound *bound, int64_t task)
{
    piece p = { .g = &bound->c->g, .a = bound->args->guidance, .sample = task / c->chunks };
    p.first = task % c->chunks * c->chunk;
    p.last = p.first + c->chunk < c->count ? p.first + c->chunk : c->count;
    return p;
}

static void run_statistics(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_combine *c = &s->u.combine;
    const piece p = piece_of(c, bound, task);
    statistics_of(&p, (double *)(bound->base[AG_WORK] + c->sums) + task * AG_SUMS);
}

/* The sample's sums: its own, or its chunks' in order, so that every task comes to the same weights. */
static void collect(const ag_combine *c, const ag_bound *bound, const piece *p, double *sums)
{
    if (c->local) {
        statistics_of(p, sums);
        return;
    }
    for (int i = 0; i < AG_SUMS; i++) sums[i] = 0;
    if (!ag_rule_has_statistics(p->g->rule)) return;
    const double *of_chunk = (const double *)(bound->base[AG_WORK] + c->sums) + p->sample * c->chunks * AG_SUMS;
    for (int64_t i = 0; i < c->chunks * AG_SUMS; i++) sums[i % AG_SUMS] += of_chunk[i];
}

static void combine_one(const ag_combine *c, const ag_bound *bound, const piece *p)
{
    double sums[AG_SUMS], weight[AG_MOST_INPUTS] = { 0 };
    collect(c, bound, p, sums);
    ag_rule_coefficients(p->g, p->a, p->sample, sums, weight);
    combine_piece(p, weight);
}

/* lse[0] or lse[1] may be lse_out: a sample's own are read before it is written. */
static void merge_lse(const piece *p)
{
    if (p->g->rule == AG_MERGE && p->a->lse_out) p->a->lse_out[p->sample] = ag_rule_merged_lse(p->a, p->sample);
}

static void run_combine(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_combine *c = &s->u.combine;
    if (c->chunks > 1) {
        const piece p = piece_of(c, bound, task);
        combine_one(c, bound, &p);
        return;
    }
    const int64_t each = samples_per_task(c), last = (task + 1) * each < c->samples ? (task + 1) * each : c->samples;
    for (int64_t sample = task * each; sample < last; sample++) {
        const piece p = piece_of(c, bound, sample);
        combine_one(c, bound, &p);
        merge_lse(&p);
    }
}
