/* combine_rows.h - the statistics and combine steps over blocks of elements, written over the vector verbs that the
 * including file chose: inputs are widened, combined with float32 weights, stored once. Statistics are float64 sums of
 * LANES lanes. */
#include "../coefficients.h"
#include "cpu.h"
#include "rows_vector.h"

enum { TASK_ELEMENTS = 16384 };

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

/* Room for the inputs of a block that are not float32. */
typedef struct room {
    float row[AG_MOST_INPUTS][ROW_BLOCK];
} room;

static const char *input_at(const piece *p, int k, int64_t i)
{
    return (const char *)p->a->input[k] + (p->sample * p->g->stride[k] + i) * (int64_t)ag_size_of(p->g->dtype[k]);
}

/* Elements [i, i + n) of input k, widened: the caller's own where they are float32 and whole vectors. What fills the
 * last vector is `rest`. */
static const float *widened(const piece *p, int k, int64_t i, int n, float rest, float *row)
{
    if (p->g->dtype[k] == AG_F32 && n % LANES == 0) return (const float *)input_at(p, k, i);
    row_load(row, input_at(p, k, i), p->g->dtype[k], n);
    for (int t = n; t % LANES; t++) row[t] = rest;
    return row;
}

/* to[0 .. n) = sum_k weight_k a_k from element i on, to whole vectors. Inputs of weight 0 are not read. */
static void linear_form(const piece *p, const double *weight, int64_t i, int n, room *r, float *to)
{
    const float *from[AG_MOST_INPUTS];
    float by[AG_MOST_INPUTS];
    int terms = 0;
    for (int k = 0; k < p->g->inputs; k++) {
        if ((float)weight[k] == 0) continue;
        by[terms] = (float)weight[k];
        from[terms++] = widened(p, k, i, n, 0, r->row[k]);
    }
    for (int t = 0; t < n; t += LANES) {
        vec sum = v_all(0);
        for (int k = 0; k < terms; k++) sum += v_all(by[k]) * *(const vec_unaligned *)(from[k] + t);
        *(vec_unaligned *)(to + t) = sum;
    }
}

/* ---- statistics: in float64, as a float32 sum of large predictions loses the little they differ by ---- */

/* A linear form of one block: n terms, each a weight and the widened elements of an input. */
typedef struct form {
    int n;
    double weight[AG_MOST_INPUTS];
    const float *from[AG_MOST_INPUTS];
} form;

static void add_term(form *f, double weight, const float *from)
{
    f->weight[f->n] = weight;
    f->from[f->n++] = from;
}

typedef struct wide_sums {
    wvec low[AG_SUMS], high[AG_SUMS];
} wide_sums;

ROW_INLINE void of_form(const form *f, int t, double pivot, wvec *low, wvec *high)
{
    *low = *high = w_all(0);
    for (int k = 0; k < f->n; k++) {
        const vec from = *(const vec_unaligned *)(f->from[k] + t);
        const wvec weight = w_all(f->weight[k]);
        *low += weight * w_low(from);
        *high += weight * w_high(from);
    }
    *low -= pivot;
    *high -= pivot;
}

/* `wanted` is a constant where this is called: the sums that the rule is made of, as bits. */
ROW_INLINE void add_sums(const unsigned wanted, wvec a, wvec b, wvec *to)
{
    if (wanted & 1 << AG_SUM_X) to[AG_SUM_X] += a;
    if (wanted & 1 << AG_SUM_Y) to[AG_SUM_Y] += b;
    if (wanted & 1 << AG_SUM_XX) to[AG_SUM_XX] += a * a;
    if (wanted & 1 << AG_SUM_YY) to[AG_SUM_YY] += b * b;
    if (wanted & 1 << AG_SUM_XY) to[AG_SUM_XY] += a * b;
    if (wanted & 1 << AG_SUM_ABS_X) to[AG_SUM_ABS_X] += w_size(a);
    if (wanted & 1 << AG_SUM_ABS_Y) to[AG_SUM_ABS_Y] += w_size(b);
}

ROW_INLINE void add_block(const unsigned wanted, const form f[2], const forms *of, int n, wide_sums *s)
{
    wide_sums local = *s;
    for (int t = 0; t < n; t += LANES) {
        wvec x[2], y[2];
        of_form(&f[0], t, of->pivot_x, &x[0], &x[1]);
        of_form(&f[1], t, of->pivot_y, &y[0], &y[1]);
        add_sums(wanted, x[0], y[0], local.low);
        add_sums(wanted, x[1], y[1], local.high);
    }
    *s = local;
}

static void add_wanted(const ag_guidance *g, const form f[2], const forms *of, int n, wide_sums *s)
{
    const unsigned deviations = 1 << AG_SUM_X | 1 << AG_SUM_Y | 1 << AG_SUM_XX | 1 << AG_SUM_YY;
    const unsigned products = 1 << AG_SUM_XX | 1 << AG_SUM_YY | 1 << AG_SUM_XY;
    if (g->rule == AG_RESCALE) add_block(deviations, f, of, n, s);
    else if (g->rule == AG_NAG && g->norm == 1) add_block(1 << AG_SUM_ABS_X | 1 << AG_SUM_ABS_Y, f, of, n, s);
    else add_block(products, f, of, n, s);
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

/* What fills the last vector adds nothing: zero, or the elements whose forms the pivots are. */
static void statistics_of(const piece *p, double *out)
{
    const forms of = forms_of(p);
    wide_sums s;
    room r;
    for (int i = 0; i < AG_SUMS; i++) s.low[i] = s.high[i] = w_all(0);
    for (int64_t i = p->first; i < p->last; i += ROW_BLOCK) {
        const int n = (int)(p->last - i < ROW_BLOCK ? p->last - i : ROW_BLOCK);
        form f[2] = { { .n = 0 }, { .n = 0 } };
        for (int k = 0; k < p->g->inputs; k++) {
            if (of.x[k] == 0 && of.y[k] == 0) continue;
            const float rest = p->g->rule == AG_RESCALE ? ag_load_one(input_at(p, k, 0), p->g->dtype[k], 0) : 0;
            const float *from = widened(p, k, i, n, rest, r.row[k]);
            if (of.x[k] != 0) add_term(&f[0], of.x[k], from);
            if (of.y[k] != 0) add_term(&f[1], of.y[k], from);
        }
        add_wanted(p->g, f, &of, n, &s);
    }
    for (int i = 0; i < AG_SUMS; i++) {
        out[i] = 0;
        for (int lane = 0; lane < LANES / 2; lane++) out[i] += s.low[i][lane] + s.high[i][lane];
    }
}

/* Momentum is written after everything of the block is read. */
static void combine_piece(const piece *p, const double *weight, int stream)
{
    const int momentum = p->g->rule == AG_APG && p->g->inputs == 3;
    double form_x[AG_MOST_INPUTS], form_y[AG_MOST_INPUTS];
    float out[ROW_BLOCK], kept[ROW_BLOCK];
    room r;
    if (momentum) ag_rule_forms(p->g, p->a, p->sample, form_x, form_y);
    for (int64_t i = p->first; i < p->last; i += ROW_BLOCK) {
        const int n = (int)(p->last - i < ROW_BLOCK ? p->last - i : ROW_BLOCK);
        char *to = (char *)p->a->out + (p->sample * p->g->out_stride + i) * (int64_t)ag_size_of(p->g->out_dtype);
        linear_form(p, weight, i, n, &r, out);
        if (momentum) {
            linear_form(p, form_x, i, n, &r, kept);
            memcpy((void *)(uintptr_t)input_at(p, 2, i), kept, (size_t)n * sizeof *kept);
        }
        row_move(to, p->g->out_dtype, out, AG_F32, n, stream);
    }
    if (stream) v_fence();
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
    const double bytes = (double)c->samples * (double)c->count * (double)ag_size_of(p->g->out_dtype);
    combine_piece(p, weight, bytes >= STREAM_FROM);
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
