/* combine_rows.h - the statistics and combine steps over blocks of elements, written over the vector verbs that the
 * including file chose: inputs are widened, combined with float32 weights, stored once. Statistics are float64 sums of
 * LANES lanes. */
#include "../coefficients.h"
#include "cpu.h"
#include "rows_vector.h"

enum { BLOCK_SIZE = 512, TASK_ELEMENTS = 16384 };

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
    float row[AG_MOST_INPUTS][BLOCK_SIZE];
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

/* sum_k weight_k a_k of some elements of inputs that are all of one type. Inputs of weight 0 are not read. */
typedef struct blend {
    int n;
    float weight[AG_MOST_INPUTS];
    const void *from[AG_MOST_INPUTS];
} blend;

ROW_INLINE void blend_terms(const blend *b, const int terms, const ag_dtype type, void *to, const ag_dtype to_type,
                            int64_t n, const int stream)
{
    for (int64_t t = 0; t < n; t += LANES) {
        vec sum = v_all(0);
        for (int k = 0; k < terms; k++) sum += v_all(b->weight[k]) * row_vec(b->from[k], type, t);
        row_put(to, to_type, t, sum, stream);
    }
}

/* Two and three are guidance as most models use it. */
ROW_INLINE void blend_as(const blend *b, const ag_dtype type, void *to, const ag_dtype to_type, int64_t n,
                         const int stream)
{
    const blend local = *b;
    if (b->n == 2) blend_terms(&local, 2, type, to, to_type, n, stream);
    else if (b->n == 3) blend_terms(&local, 3, type, to, to_type, n, stream);
    else blend_terms(b, b->n, type, to, to_type, n, stream);
}

ROW_INLINE void blend_from(const blend *b, const ag_dtype type, void *to, ag_dtype to_type, int64_t n, const int stream)
{
    if (to_type == AG_F32) blend_as(b, type, to, AG_F32, n, stream);
    else if (to_type == AG_F16) blend_as(b, type, to, AG_F16, n, stream);
    else blend_as(b, type, to, AG_BF16, n, stream);
}

ROW_INLINE void blend_any(const blend *b, ag_dtype type, void *to, ag_dtype to_type, int64_t n, const int stream)
{
    if (type == AG_F32) blend_from(b, AG_F32, to, to_type, n, stream);
    else if (type == AG_F16) blend_from(b, AG_F16, to, to_type, n, stream);
    else blend_from(b, AG_BF16, to, to_type, n, stream);
}

/* The type of all inputs that are read; AG_NONE where they are of several. */
static ag_dtype common_type(const piece *p, const double *weight)
{
    ag_dtype type = AG_NONE;
    for (int k = 0; k < p->g->inputs; k++) {
        if ((float)weight[k] == 0) continue;
        if (type != AG_NONE && p->g->dtype[k] != type) return AG_NONE;
        type = p->g->dtype[k];
    }
    return type;
}

/* to[0 .. n) = the form's elements from i on, widened block by block, to whole vectors. */
static void linear_form(const piece *p, const double *weight, int64_t i, int n, room *r, float *to)
{
    blend b = { .n = 0 };
    for (int k = 0; k < p->g->inputs; k++) {
        if ((float)weight[k] == 0) continue;
        b.weight[b.n] = (float)weight[k];
        b.from[b.n++] = widened(p, k, i, n, 0, r->row[k]);
    }
    blend_as(&b, AG_F32, to, AG_F32, n, 0);
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

/* Both forms of n elements, rounded up to whole vectors. */
typedef struct block {
    const forms *of;
    form x, y;
    int n;
} block;

typedef struct wide_sums {
    wvec low[AG_SUMS], high[AG_SUMS];
} wide_sums;

/* So much is computed from what is read that the processor does not look far enough ahead by itself: elements. */
enum { FORM_AHEAD = 512 };

/* The form at element t, n terms. */
ROW_INLINE void of_form(const form *f, const int n, int t, wvec *low, wvec *high)
{
    for (int k = 0; k < n; k++) {
        const vec from = *(const vec_unaligned *)(f->from[k] + t);
        __builtin_prefetch(f->from[k] + t + FORM_AHEAD);
        const wvec weight = w_all(f->weight[k]);
        *low = k ? *low + weight * w_low(from) : weight * w_low(from);
        *high = k ? *high + weight * w_high(from) : weight * w_high(from);
    }
}

/* `wanted`: the sums that the rule is made of, as bits. */
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

/* A block of forms of n_x and n_y terms, which are constants where this is called, as `wanted` is. */
ROW_INLINE void add_block(const unsigned wanted, const int n_x, const int n_y, const block *b, wide_sums *s)
{
    wide_sums local = *s;
    const int deviates = (wanted & 1 << AG_SUM_X) != 0;
    for (int t = 0; t < b->n; t += LANES) {
        wvec x[2], y[2];
        of_form(&b->x, n_x, t, &x[0], &x[1]);
        of_form(&b->y, n_y, t, &y[0], &y[1]);
        for (int half = 0; deviates && half < 2; half++) {
            x[half] -= b->of->pivot_x;
            y[half] -= b->of->pivot_y;
        }
        add_sums(wanted, x[0], y[0], local.low);
        add_sums(wanted, x[1], y[1], local.high);
    }
    *s = local;
}

/* A weight of 0 leaves an input out, so that a form may have any number of terms. */
static void add_any(const unsigned wanted, const block *b, wide_sums *s)
{
    wvec *const low = s->low, *const high = s->high;
    const wvec pivot_x = w_all(b->of->pivot_x), pivot_y = w_all(b->of->pivot_y);
    for (int t = 0; t < b->n; t += LANES) {
        wvec x[2] = { w_all(0), w_all(0) }, y[2] = { w_all(0), w_all(0) };
        of_form(&b->x, b->x.n, t, &x[0], &x[1]);
        of_form(&b->y, b->y.n, t, &y[0], &y[1]);
        add_sums(wanted, x[0] - pivot_x, y[0] - pivot_y, low);
        add_sums(wanted, x[1] - pivot_x, y[1] - pivot_y, high);
    }
}

enum {
    DEVIATIONS = 1 << AG_SUM_X | 1 << AG_SUM_Y | 1 << AG_SUM_XX | 1 << AG_SUM_YY,
    PRODUCTS = 1 << AG_SUM_XX | 1 << AG_SUM_YY | 1 << AG_SUM_XY,
    SIZES = 1 << AG_SUM_ABS_X | 1 << AG_SUM_ABS_Y
};

/* The forms that rules usually have, each with a loop of its own; any other by the last. */
static void add_wanted(const ag_guidance *g, const block *b, wide_sums *s)
{
    const int n_x = b->x.n, n_y = b->y.n;
    const unsigned wanted = g->rule == AG_RESCALE ? DEVIATIONS : g->rule == AG_NAG && g->norm == 1 ? SIZES : PRODUCTS;
    if (wanted == DEVIATIONS && n_x == 1 && n_y == 2) add_block(DEVIATIONS, 1, 2, b, s);
    else if (wanted == DEVIATIONS && n_x == 1 && n_y == 3) add_block(DEVIATIONS, 1, 3, b, s);
    else if (wanted == SIZES && n_x == 1 && n_y == 2) add_block(SIZES, 1, 2, b, s);
    else if (wanted == PRODUCTS && n_x == 1 && n_y == 2) add_block(PRODUCTS, 1, 2, b, s);
    else if (wanted == PRODUCTS && n_x == 1 && n_y == 1) add_block(PRODUCTS, 1, 1, b, s);
    else if (wanted == PRODUCTS && n_x == 2 && n_y == 1) add_block(PRODUCTS, 2, 1, b, s);
    else if (wanted == PRODUCTS && n_x == 3 && n_y == 1) add_block(PRODUCTS, 3, 1, b, s);
    else add_any(wanted, b, s);
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
    for (int64_t i = p->first; i < p->last; i += BLOCK_SIZE) {
        const int n = (int)(p->last - i < BLOCK_SIZE ? p->last - i : BLOCK_SIZE);
        block b = { .of = &of, .n = n };
        for (int k = 0; k < p->g->inputs; k++) {
            if (of.x[k] == 0 && of.y[k] == 0) continue;
            const float rest = p->g->rule == AG_RESCALE ? ag_load_one(input_at(p, k, 0), p->g->dtype[k], 0) : 0;
            const float *from = widened(p, k, i, n, rest, r.row[k]);
            if (of.x[k] != 0) add_term(&b.x, of.x[k], from);
            if (of.y[k] != 0) add_term(&b.y, of.y[k], from);
        }
        add_wanted(p->g, &b, &s);
    }
    for (int i = 0; i < AG_SUMS; i++) {
        out[i] = 0;
        const wvec all = s.low[i] + s.high[i];
        for (int lane = 0; lane < LANES / 2; lane++) out[i] += all[lane];
    }
}

static void *output_at(const piece *p, int64_t i)
{
    return (char *)p->a->out + (p->sample * p->g->out_stride + i) * (int64_t)ag_size_of(p->g->out_dtype);
}

/* The whole vectors of a piece whose inputs are all of one type, straight from them to the output, which may be one of
 * them. Returns where the rest begins. */
static int64_t combine_alike(const piece *p, const double *weight, ag_dtype type, int stream)
{
    blend b = { .n = 0 };
    const int64_t n = (p->last - p->first) / LANES * LANES;
    void *to = output_at(p, p->first);
    for (int k = 0; k < p->g->inputs; k++) {
        if ((float)weight[k] == 0) continue;
        b.weight[b.n] = (float)weight[k];
        b.from[b.n++] = input_at(p, k, p->first);
    }
    if (stream && row_may_stream(to)) blend_any(&b, type, to, p->g->out_dtype, n, 1);
    else blend_any(&b, type, to, p->g->out_dtype, n, 0);
    return p->first + n;
}

/* Momentum is written after everything of the block is read. */
static void combine_piece(const piece *p, const double *weight, int stream)
{
    const int momentum = p->g->rule == AG_APG && p->g->inputs == 3;
    double form_x[AG_MOST_INPUTS], form_y[AG_MOST_INPUTS];
    float out[BLOCK_SIZE], kept[BLOCK_SIZE];
    room r;
    if (momentum) ag_rule_forms(p->g, p->a, p->sample, form_x, form_y);
    const ag_dtype type = momentum ? AG_NONE : common_type(p, weight);
    int64_t i = type == AG_NONE ? p->first : combine_alike(p, weight, type, stream);
    for (; i < p->last; i += BLOCK_SIZE) {
        const int n = (int)(p->last - i < BLOCK_SIZE ? p->last - i : BLOCK_SIZE);
        linear_form(p, weight, i, n, &r, out);
        if (momentum) {
            linear_form(p, form_x, i, n, &r, kept);
            memcpy((void *)(uintptr_t)input_at(p, 2, i), kept, (size_t)n * sizeof *kept);
        }
        row_move(output_at(p, i), p->g->out_dtype, out, AG_F32, n, stream);
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
