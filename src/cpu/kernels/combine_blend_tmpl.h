/* combine_blend_tmpl.h - sums of weighted inputs, block by block, written over the vector verbs that the including file
 * chose: in float32, or in float64 where that would not do. */
#ifndef AG_COMBINE_BLEND_TMPL_H
#define AG_COMBINE_BLEND_TMPL_H

#include <float.h>
#include <math.h>

#include "combine_pieces_tmpl.h"

/* sum_k weight_k a_k of some elements of inputs that are all of one type. Inputs of weight 0 are not read. In float32
 * the sum may overflow on its way to a result that fits, and weights beyond its normal numbers are not what they were:
 * such results are taken again in float64, number by number, so that none depends on its neighbours. */
typedef struct combine_blend {
    int n, wide; /* all in float64 */
    float weight[AG_MOST_TERMS];
    double exact[AG_MOST_TERMS];
    const void *from[AG_MOST_TERMS];
} combine_blend;

static void combine_blend_add(combine_blend *b, double weight, const void *from)
{
    const double size = fabs(weight);
    if (size < FLT_MIN || size > FLT_MAX) b->wide = 1;
    b->weight[b->n] = (float)weight;
    b->exact[b->n] = weight;
    b->from[b->n++] = from;
}

/* Elements [t, t + LANES), those that are not finite, or all, in float64. */
static __attribute__((noinline, cold)) vec combine_blend_again(const combine_blend *b, ag_dtype type, int64_t t,
                                                               vec sum)
{
    wvec low = w_all(0), high = w_all(0);
    for (int k = 0; k < b->n; k++) {
        const vec a = type == AG_F32   ? row_vec(b->from[k], AG_F32, t)
                      : type == AG_F16 ? row_vec(b->from[k], AG_F16, t)
                                       : row_vec(b->from[k], AG_BF16, t);
        low += w_all(b->exact[k]) * w_low(a);
        high += w_all(b->exact[k]) * w_high(a);
    }
    const vec all = w_narrow(low, high);
    for (int i = 0; i < LANES; i++)
        if (b->wide || !isfinite(sum[i])) sum[i] = all[i];
    return sum;
}

ROW_INLINE void combine_blend_terms(const combine_blend *b, const int terms, const ag_dtype type, void *to,
                                    const ag_dtype to_type, int64_t n, const int stream)
{
    const void *from[AG_MOST_TERMS];
    float weight[AG_MOST_TERMS]; /* of its own, which no store through `to` can change */
    for (int k = 0; k < terms; k++) {
        from[k] = b->from[k];
        weight[k] = b->weight[k];
    }
    for (int64_t t = 0; t < n; t += LANES) {
        vec sum = v_all(0);
        for (int k = 0; k < terms; k++) sum += v_all(weight[k]) * row_vec(from[k], type, t);
        if (b->wide || !v_finite(sum)) sum = combine_blend_again(b, type, t, sum);
        row_put(to, to_type, t, sum, stream);
    }
}

/* Two and three are guidance as most models use it. */
ROW_INLINE void combine_blend_as(const combine_blend *b, const ag_dtype type, void *to, const ag_dtype to_type,
                                 int64_t n, const int stream)
{
    if (b->n == 2) combine_blend_terms(b, 2, type, to, to_type, n, stream);
    else if (b->n == 3) combine_blend_terms(b, 3, type, to, to_type, n, stream);
    else combine_blend_terms(b, b->n, type, to, to_type, n, stream);
}

ROW_INLINE void combine_blend_from(const combine_blend *b, const ag_dtype type, void *to, ag_dtype to_type, int64_t n,
                                   const int stream)
{
    if (to_type == AG_F32) combine_blend_as(b, type, to, AG_F32, n, stream);
    else if (to_type == AG_F16) combine_blend_as(b, type, to, AG_F16, n, stream);
    else combine_blend_as(b, type, to, AG_BF16, n, stream);
}

ROW_INLINE void combine_blend_any(const combine_blend *b, ag_dtype type, void *to, ag_dtype to_type, int64_t n,
                                  const int stream)
{
    if (type == AG_F32) combine_blend_from(b, AG_F32, to, to_type, n, stream);
    else if (type == AG_F16) combine_blend_from(b, AG_F16, to, to_type, n, stream);
    else combine_blend_from(b, AG_BF16, to, to_type, n, stream);
}

/* The type of all inputs that are read; AG_NONE where they are of several. */
static ag_dtype combine_common_type(const combine_piece *p, const double *weight)
{
    ag_dtype type = AG_NONE;
    for (int k = 0; k < p->s.g->inputs; k++) {
        if (weight[k] == 0) continue;
        if (type != AG_NONE && p->s.g->dtype[k] != type) return AG_NONE;
        type = p->s.g->dtype[k];
    }
    return type;
}

/* to[0 .. n) = the form's elements from i on, widened block by block, to whole vectors. */
static void combine_linear_form(const combine_piece *p, const double *weight, int wide, int64_t i, int n,
                                combine_room *r, float *to)
{
    combine_blend b = { .n = 0, .wide = wide };
    for (int k = 0; k < ag_terms(&p->s); k++)
        if (weight[k] != 0) combine_blend_add(&b, weight[k], combine_widened(p, k, i, n, 0, r->row[k]));
    combine_blend_as(&b, AG_F32, to, AG_F32, n, 0);
}

/* The whole vectors of a piece whose inputs are all of one type, straight from them to the output, which may be one of
 * them. Returns where the rest begins. */
static int64_t combine_alike(const combine_piece *p, const double *weight, int wide, ag_dtype type, int stream)
{
    combine_blend b = { .n = 0, .wide = wide };
    const int64_t n = (p->last - p->first) / LANES * LANES;
    void *to = combine_output_at(p, p->first);
    for (int k = 0; k < p->s.g->inputs; k++)
        if (weight[k] != 0) combine_blend_add(&b, weight[k], combine_input_at(p, k, p->first));
    if (stream && row_may_stream(to)) combine_blend_any(&b, type, to, p->s.g->out_dtype, n, 1);
    else combine_blend_any(&b, type, to, p->s.g->out_dtype, n, 0);
    return p->first + n;
}

/* to += by sign, of n elements. */
static void combine_add_signs(float by, const float *sign, int n, float *to)
{
    for (int t = 0; t < n; t++) to[t] += by * sign[t];
}

/* What a piece of one factor is made of. */
typedef struct combine_weights {
    double out[AG_MOST_TERMS], kept[AG_MOST_TERMS];
    ag_factors by;
    int wide; /* in float64 */
} combine_weights;

/* Of a block: the result, and what the state becomes. */
typedef struct combine_block {
    float out[COMBINE_BLOCK_SIZE], kept[COMBINE_BLOCK_SIZE], signs[COMBINE_BLOCK_SIZE];
    combine_room rows;
} combine_block;

/* Elements [t, t + LANES) of a sum in float64. */
static __attribute__((noinline, cold)) vec combine_signs_again(const float *const *from, const double *weight,
                                                               int terms, int t)
{
    wvec low = w_all(0), high = w_all(0);
    for (int k = 0; k < terms; k++) {
        low += w_all(weight[k]) * w_load(from[k] + t);
        high += w_all(weight[k]) * w_load(from[k] + t + LANES / 2);
    }
    return w_narrow(low, high);
}

/* More than what nine terms are rounded by, of the sum of their sizes. */
#define SIGNS_UNSURE 1e-6f

/* b->signs: of the form x. Float32 knows the sign of a sum that is not small beside its terms; rounding would turn what
 * is near 0, which, as what is not finite, is summed again. */
static void combine_find_signs(const combine_piece *p, int64_t i, int n, combine_block *b)
{
    const float *from[AG_MOST_TERMS];
    double weight[AG_MOST_TERMS];
    int terms = 0;
    for (int k = 0; k < ag_terms(&p->s); k++) {
        if (p->forms->x[k] == 0) continue;
        from[terms] = combine_widened(p, k, i, n, 0, b->rows.row[k]);
        weight[terms++] = p->forms->x[k];
    }
    for (int t = 0; t < n; t += LANES) {
        vec x = v_all(0), sizes = v_all(0);
        for (int k = 0; k < terms; k++) {
            const vec term = v_all((float)weight[k]) * row_vec(from[k], AG_F32, t);
            x += term;
            sizes += v_max(term, -term);
        }
        const vec sure = v_max(x, -x) - v_all(SIGNS_UNSURE) * sizes;
        if (v_any_greater(v_all(FLT_MIN), v_max(sure, v_all(-1)))) x = combine_signs_again(from, weight, terms, t);
        *(vec_unaligned *)(b->signs + t) = __builtin_convertvector((x < 0) - (x > 0), vec);
    }
}

static void combine_fill(const combine_piece *p, const combine_weights *w, int64_t i, int n, combine_block *b)
{
    combine_linear_form(p, w->out, w->wide, i, n, &b->rows, b->out);
    if (!p->s.run->state) return;
    combine_linear_form(p, w->kept, w->wide, i, n, &b->rows, b->kept);
    if (!p->forms->signs) return;
    combine_find_signs(p, i, n, b);
    combine_add_signs((float)w->by.x, b->signs, n, b->out);
    combine_add_signs((float)w->by.kept, b->signs, n, b->kept);
}

/* The state is written after everything of the block is read. */
static void combine_put(const combine_piece *p, const combine_block *b, int64_t i, int n, int stream)
{
    if (p->s.run->state) memcpy(combine_state_at(p, i), b->kept, (size_t)n * sizeof *b->kept);
    row_move(combine_output_at(p, i), p->s.g->out_dtype, b->out, AG_F32, n, stream);
}

static void combine_elements(const combine_piece *p, const combine_weights *w, int stream)
{
    combine_block b;
    const ag_dtype type = p->s.run->state ? AG_NONE : combine_common_type(p, w->out);
    int64_t i = type == AG_NONE ? p->first : combine_alike(p, w->out, w->wide, type, stream);
    for (; i < p->last; i += COMBINE_BLOCK_SIZE) {
        const int n = (int)(p->last - i < COMBINE_BLOCK_SIZE ? p->last - i : COMBINE_BLOCK_SIZE);
        combine_fill(p, w, i, n, &b);
        combine_put(p, &b, i, n, stream);
    }
}

static int combine_streams(const ag_combine *c, const ag_bound *bound)
{
    return (double)c->samples * (double)c->count * (double)ag_size_of(bound->c->g.out_dtype) >= STREAM_FROM;
}

#endif
