/* problem_fill.c - the data of a problem: what is read gets numbers, everything else stays NaN. */
#include "problem.h"

#include <math.h>
#include <stdlib.h>

#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "random.h"

/* The range of one tensor's numbers; `rise` is added along the tokens. */
typedef struct range {
    double low, high, rise;
} range;

static range range_q(const problem *x)
{
    if (x->fill == FILL_LARGE) return (range){ -100, 100, 0 };
    if (x->fill == FILL_NEGATIVE) return (range){ 50, 100, 0 };
    if (x->fill == FILL_RISING) return (range){ 0.5, 1, 0 };
    if (x->fill == FILL_DENORMAL) return (range){ -1e-39, 1e-39, 0 };
    return (range){ -1, 1, 0 };
}

static range range_k(const problem *x)
{
    if (x->fill == FILL_LARGE) return (range){ -100, 100, 0 };
    if (x->fill == FILL_NEGATIVE) return (range){ -100, -50, 0 };
    if (x->fill == FILL_RISING) return (range){ -1, 1, 10 };
    if (x->fill == FILL_SMALL) return (range){ -1e-3, 1e-3, 0 };
    if (x->fill == FILL_DENORMAL) return (range){ -1e-39, 1e-39, 0 };
    return (range){ -1, 1, 0 };
}

static range range_v(const problem *x)
{
    if (x->fill == FILL_DENORMAL && x->p.v.dtype == AG_F16) return (range){ -6e-5, 6e-5, 0 };
    if (x->fill == FILL_DENORMAL) return (range){ -1e-39, 1e-39, 0 };
    return (range){ -1, 1, 0 };
}

/* The row of the tensor that output row b reads. */
static int64_t tensor_row(const problem *x, unsigned bit, int64_t b)
{
    const ag_row *row = &x->rows[x->p.row_count == 1 ? 0 : b];
    const int64_t mapped = bit == AG_NEEDS_Q ? row->q_row : row->kv_row;
    return !x->p.row_count || mapped == AG_ROW_SAME ? b : mapped;
}

/* Numbers for every head of token i of tensor row `from`. */
static void fill_token(void *data, const ag_layout *l, const int64_t at[2], const int64_t extent[3], range of,
                       random_state *r)
{
    const double rise = of.rise * (double)at[1] / (double)extent[1];
    for (int64_t h = 0; h < extent[0]; h++)
        for (int64_t c = 0; c < extent[2]; c++)
            number_write(l->dtype, data, at[0] * l->stride[0] + h * l->stride[1] + at[1] * l->stride[2] + c,
                         rise + random_between(r, of.low, of.high));
}

/* One tensor; a token that two output rows read is simply written twice. */
static unsigned fill_tensor(problem *x, unsigned bit, random_state *r)
{
    const ag_problem *p = &x->p;
    const int64_t extent_q[3] = { p->heads, p->n_q, p->d }, extent_k[3] = { p->kv_heads, p->n_k, p->d };
    const int64_t extent_v[3] = { p->kv_heads, p->n_k, p->d_v };
    const int64_t *extent = bit == AG_NEEDS_Q ? extent_q : bit == AG_NEEDS_K ? extent_k : extent_v;
    const ag_layout *l = bit == AG_NEEDS_Q ? &p->q : bit == AG_NEEDS_K ? &p->k : &p->v;
    const range of = bit == AG_NEEDS_Q ? range_q(x) : bit == AG_NEEDS_K ? range_k(x) : range_v(x);
    void *data = bit == AG_NEEDS_Q ? x->q.data : bit == AG_NEEDS_K ? x->k.data : x->v.data;
    unsigned any = 0;
    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < extent[1]; i++) {
            if (!(oracle_reads(p, &x->a, b, i + (bit == AG_NEEDS_Q ? p->q_offset : p->k_offset)) & bit)) continue;
            const int64_t at[2] = { tensor_row(x, bit, b), i };
            fill_token(data, l, at, extent, of, r);
            any = bit;
        }
    return any;
}

/* Holes, whole rows of nothing, and any nonzero byte for "visible". */
static void fill_mask(problem *x, random_state *r)
{
    const ag_problem *p = &x->p;
    for (int64_t b = 0; b < p->batch; b++) {
        const int64_t from = random_below(r, p->n_k + 1), to = from + random_below(r, p->n_k + 1);
        const int nothing = random_chance(r, 8), block = random_chance(r, 2), holes = random_chance(r, 2) ? 3 : 30;
        for (int64_t j = 0; j < p->n_k; j++) {
            const int hidden = nothing || random_chance(r, holes) || (block && j >= from && j < to);
            x->mask.data[b * p->key_mask_stride[0] + j * p->key_mask_stride[1]] =
                hidden ? 0 : (uint8_t)(1 + random_below(r, 255));
        }
    }
}

static void fill_lengths(problem *x, random_state *r)
{
    int32_t *length = (int32_t *)x->lengths.data;
    const int64_t keys = (x->p.length_end ? x->p.length_end : x->p.n_k) - x->p.length_first;
    for (int64_t b = 0; b < x->p.batch; b++) length[b] = (int32_t)random_below(r, keys + 1);
}

static void fill_bias(problem *x, random_state *r)
{
    const ag_dtype type = x->p.bias_dtype;
    const int64_t count = (int64_t)(x->bias.size / number_size(type));
    for (int64_t at = 0; at < count; at++) {
        const int hidden = random_chance(r, 6);
        if (type == AG_U8) number_write(type, x->bias.data, at, !hidden);
        else number_write(type, x->bias.data, at, hidden ? -INFINITY : random_between(r, -3, 3));
    }
}

/* A map for gather, a permutation for permute and tokens. */
static void fill_index(problem *x, random_state *r)
{
    const int64_t room = (int64_t)(x->index.size / sizeof(int32_t)) / x->p.row_count;
    for (int64_t b = 0; b < x->p.row_count; b++) {
        const ag_row *row = &x->rows[b];
        const int64_t n = row->image_length == AG_ALL_TOKENS ? x->p.global_n_q - row->image_offset : row->image_length;
        int32_t *index = (int32_t *)x->index.data + b * room;
        if (!row->indexed) continue;
        x->run[b].index = index;
        for (int64_t i = 0; i < n * row->draws && row->kind == AG_GATHER; i++) index[i] = (int32_t)random_below(r, n);
        for (int64_t i = 0; i < n && row->kind != AG_GATHER; i++) {
            const int64_t j = random_below(r, i + 1);
            index[i] = index[j];
            index[j] = (int32_t)i;
        }
    }
}

/* Rounding of a logit of size s d |q| |k| is a relative error of its weight. */
static double logit_noise(const problem *x)
{
    const range q = range_q(x), k = range_k(x);
    const double most = fmax(fabs(k.low), fabs(k.high)) + k.rise;
    double tau = 1;
    for (int64_t b = 0; b < x->p.row_count; b++)
        if (x->rows[b].method == AG_SOFTENED) tau = fmax(tau, x->rows[b].inverse_temperature);
    if (x->fill == FILL_PLAIN || x->fill == FILL_DENORMAL || x->fill == FILL_SMALL) return 0;
    return 4 * 0x1p-24 * tau * x->p.scale * (double)x->p.d * q.high * most;
}

/* What the header allows z of noisy rows, as a relative error of a weight. */
static double random_noise(const problem *x)
{
    double most = 0;
    for (int64_t b = 0; b < x->p.row_count; b++)
        if (x->rows[b].method == AG_NOISY) most = fmax(most, x->rows[b].amplitude);
    return 2e-6 * most;
}

/* On a device queries of one half type are kept in it after a blur, and once before where parts are added: errors of
 * either sign, over d products. */
static double kept_noise(const problem *x)
{
    const ag_problem *p = &x->p;
    const range q = range_q(x), k = range_k(x);
    const double most = fmax(fabs(k.low), fabs(k.high)) + k.rise;
    int blurs = 0;
    for (int64_t b = 0; b < p->row_count; b++)
        blurs |= x->rows[b].method == AG_SMOOTHED || x->rows[b].method == AG_ORTHOGONAL;
    if (p->place != AG_CUDA || !blurs || p->q.dtype != p->k.dtype || p->out.dtype != p->k.dtype) return 0;
    if (p->k.dtype == AG_F32) return 0;
    return 2 * (p->k.dtype == AG_F16 ? 0x1p-11 : 0x1p-8) * fabs(p->scale) * sqrt((double)p->d) * q.high * most;
}

int problem_build(problem *x, uint64_t seed)
{
    random_state r = { seed };
    for (int64_t b = 0; b < x->p.row_count; b++) problem_tidy(x, b);
    if (problem_allocate(x)) return 1;
    if (x->p.has_key_mask) fill_mask(x, &r);
    if (x->p.has_key_lengths) fill_lengths(x, &r);
    if (x->p.bias_dtype) fill_bias(x, &r);
    if (x->index.data) fill_index(x, &r);
    const unsigned read =
        fill_tensor(x, AG_NEEDS_Q, &r) | fill_tensor(x, AG_NEEDS_K, &r) | fill_tensor(x, AG_NEEDS_V, &r);
    const int masked = x->p.has_key_mask || x->p.has_key_lengths; /* a plan does not know what they will hide */
    if (!(read & AG_NEEDS_Q) && !masked) x->a.q = NULL;
    if (!(read & AG_NEEDS_K) && !masked) x->a.k = NULL;
    if (!(read & AG_NEEDS_V) && !masked) x->a.v = NULL;
    x->noise = logit_noise(x) + random_noise(x);
    x->kept = kept_noise(x);
    return problem_answer(x);
}
