/* attend_extreme_tmpl.h - what the tiled attend kernel does about numbers that are not finite or too large for its
 * tiles.
 *
 * NaN and infinity reach only queries that see them. A hidden logit is replaced, whatever it was (amend.h). Values that
 * are not finite are packed as 0, since 0 times NaN is NaN, and added to the results of the queries that see them.
 *
 * Finite numbers give what they should. A query is computed again, in float64 and alone, where a product that it sees
 * might leave float32 or lose what tells logits apart, where its maximum is that far out, and where its result does not
 * fit the storage type. What decides is bounds: |q . k| <= |q| |k|, of a panel and a block first, of each query and key
 * where those are too large. Tensors of common numbers pay one pass over each block's keys and values. */
#ifndef AG_ATTEND_EXTREME_TMPL_H
#define AG_ATTEND_EXTREME_TMPL_H

#include "attend_amend_tmpl.h"
#include "attend_keys_tmpl.h"

/* In units of log 2. Beyond the first, rounding of partial sums reaches the weights whatever remains of them; beyond
 * the second, that of the logit itself does. */
#define ATTEND_PRODUCTS_FIT 0x1p24
#define ATTEND_MAXIMUM_FITS 0x1p16f
/* Scales below this, and what is scaled with them, may be denormal. */
#define ATTEND_SCALE_FITS 0x1p-100
/* Products that are scaled late must fit unscaled. */
#define ATTEND_UNSCALED_FITS 0x1p120
/* Values up to this are finite in every storage type, and so are sums of as many as there can be keys. */
#define ATTEND_VALUES_FIT 0x1p63f
/* Values up to this stay finite when they are rounded to bfloat16. */
#define ATTEND_VALUE_FITS 0x1p127f

/* What makes a logit of a product, in units of log 2. */
static float attend_scale_of(const ag_pass *pass) { return (float)(pass->scale * LOG2E); }

/* What squares of d numbers may lose where small ones count as 0. */
static float attend_lost_squares(int64_t d) { return (float)d * FLT_MIN; }

/* Sum of squares of n units side by side; NaN and infinity show in it. */
TILE_CALL float attend_squares(const unit *x, int64_t n)
{
    vec sum[4] = { v_all(0), v_all(0), v_all(0), v_all(0) };
    int64_t t = 0;
    float all = 0;
    for (; t + 4 * LANES <= n; t += 4 * LANES)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const vec at = v_load((const float *)x + t + i * LANES);
            sum[i] = unit_madd(sum[i], at, at);
        }
    for (; t + LANES <= n; t += LANES) {
        const vec at = v_load((const float *)x + t);
        sum[0] = unit_madd(sum[0], at, at);
    }
    if (t < n) {
        const vec at = v_load_first((const float *)x + t, (int)(n - t));
        sum[0] = unit_madd(sum[0], at, at);
    }
    sum[0] += sum[1] + (sum[2] + sum[3]);
    for (int i = 0; i < LANES; i++) all += sum[0][i];
    return all;
}

static float attend_sum_of_squares(const float *x, int64_t n)
{
    vec sum = v_all(0);
    float all = 0;
    int64_t t = 0;
    for (; t + LANES <= n; t += LANES) sum += v_load(x + t) * v_load(x + t);
    for (int i = 0; i < LANES; i++) all += sum[i];
    for (; t < n; t++) all += x[t] * x[t];
    return all;
}

static int attend_all_finite(const float *x, int64_t n)
{
    int odd = 0;
    for (int64_t t = 0; t < n; t++) odd |= (ag_to_bits(x[t]) & 0x7f800000) == 0x7f800000;
    return !odd;
}

/* The largest size among n numbers; infinity and NaN come after all others. */
static float attend_largest_of(const float *x, int n)
{
    uint32_t most = 0;
    for (int i = 0; i < n; i++) {
        const uint32_t size = ag_to_bits(x[i]) & 0x7fffffff;
        most = size > most ? size : most;
    }
    return ag_from_bits(most);
}

/* Row `from` of d numbers in float32: where it lies, or in x->rows. */
static const float *attend_widened(attend_tile *x, const void *from, ag_dtype type, int64_t d)
{
    if (type == AG_F32) return from;
    row_load(x->rows, from, type, d);
    return x->rows;
}

/* ---- queries ---- */

/* Logits of a query and a key whose squares are these might not fit. */
static int attend_too_large(double q, double k, const ag_pass *pass)
{
    const double by = SCALES_LATE ? (double)attend_scale_of(pass) : 1, square = q * k;
    return square * by * by > ATTEND_PRODUCTS_FIT * ATTEND_PRODUCTS_FIT ||
           square > ATTEND_UNSCALED_FITS * ATTEND_UNSCALED_FITS;
}

/* Queries beyond all bounds: computed again, or not to be helped. */
static void attend_decide_queries(attend_tile *x, const ag_pass *pass, attend_panel *p)
{
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int n = p->first + lane;
        const ag_ref *q = &pass->q[x->span[n]];
        if (p->size[lane] < INFINITY) continue;
        const void *row = ag_at(x->run, q, x->h, x->token[n]);
        if (attend_all_finite(attend_widened(x, row, q->dtype, x->a->d), x->a->d)) x->again[n] = 1;
        else x->poisoned[n] = 1;
        p->size[lane] = 0;
    }
}

/* After packing: the panel's squares of norms. */
static void attend_size_queries(attend_tile *x, const ag_pass *pass, attend_panel *p)
{
    const int lanes = p->vectors * LANES;
    const vec lost = v_all(attend_lost_squares(x->a->d));
    for (int c = 0; c < lanes; c += LANES) *(vec *)(p->size + c) += lost;
    p->largest = attend_largest_of(p->size, lanes);
    if (p->largest < INFINITY) return;
    attend_decide_queries(x, pass, p);
    p->largest = attend_largest_of(p->size, lanes);
}

/* ---- keys ---- */

/* The block's keys one by one, as they are stored. */
static void attend_size_keys(attend_tile *x, const ag_pass *pass, int keys)
{
    const int64_t d = x->a->d;
    for (int j = 0; j < keys; j++) {
        const float *row = attend_widened(x, attend_key_row(x, pass, j), attend_range_of(pass, x, j)->k.dtype, d);
        const double size = (double)attend_sum_of_squares(row, d) + attend_lost_squares(d);
        x->key_sizes[j] = size < INFINITY ? size : attend_all_finite(row, d) ? INFINITY : NAN;
    }
    x->sized = 1;
}

/* Some logit of the panel and the block might not fit. */
static int attend_are_extreme(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    const double block = (double)x->key_size + attend_lost_squares(x->a->d);
    if (block < INFINITY && !attend_too_large(p->largest, block, pass)) return 0;
    if (!x->sized) attend_size_keys(x, pass, keys);
    return 1;
}

/* Logits that might not fit become NaN, so that hiding tells those that count from those that do not. */
static void attend_mark_logits(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    for (int j = 0; j < keys; j++)
        for (int lane = 0; attend_too_large(p->largest, x->key_sizes[j], pass) && lane < p->vectors * LANES; lane++)
            if (attend_too_large(p->size[lane], x->key_sizes[j], pass)) x->s[j * PANEL + lane] = NAN;
}

/* After hiding: who saw such a logit, or one of a key that is not finite. */
static void attend_judge_logits(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    for (int j = 0; j < keys; j++) {
        const int finite = !isnan(x->key_sizes[j]);
        if (finite && !attend_too_large(p->largest, x->key_sizes[j], pass)) continue;
        for (int lane = 0; lane < p->vectors * LANES; lane++) {
            const int n = p->first + lane, seen = x->s[j * PANEL + lane] != -INFINITY;
            if (!finite && seen) x->poisoned[n] = 1;
            else if (seen && attend_too_large(p->size[lane], x->key_sizes[j], pass)) x->again[n] = 1;
        }
    }
}

/* ---- values ---- */

/* The largest result that is stored without a look. */
static float attend_values_fit(const ag_attend *a) { return a->out.dtype == AG_F16 ? 65504 : ATTEND_VALUES_FIT; }

/* Number t of packed row j becomes 0. */
static void attend_clear_value(attend_tile *x, int j, int64_t t)
{
    const size_t size = sizeof(unit) / NUMBERS;
    memset((char *)(x->v + j / NUMBERS * attend_wide(x->a) + t) + (size_t)(j % NUMBERS) * size, 0, size);
}

/* Lists the rows of the block that the tiles do not hold, and clears what makes them so. */
static void attend_list_odd(attend_tile *x, const ag_pass *pass, int keys)
{
    const int64_t d = x->a->d_v;
    if (x->value_rows != x->v) attend_pack_values(x, pass, keys);
    for (int j = 0; j < keys; j++) {
        const float *row = attend_widened(x, attend_value_row(x, pass, j), attend_range_of(pass, x, j)->v.dtype, d);
        int is_odd = 0;
        for (int64_t t = 0; t < d; t++) {
            if (fabsf(row[t]) <= ATTEND_VALUE_FITS) continue;
            attend_clear_value(x, j, t);
            is_odd = 1;
        }
        if (!is_odd) continue;
        x->odd_finite[x->odd] = attend_all_finite(row, d);
        x->odd_key[x->odd++] = j;
    }
}

/* Before weights are made of the logits: who sees odd rows. */
static void attend_see_odd(attend_tile *x, const attend_panel *p)
{
    for (int n = 0; n < x->odd; n++) {
        const float *s = x->s + x->odd_key[n] * PANEL;
        unsigned char *mark = x->odd_finite[n] ? x->again : x->poisoned;
        for (int lane = 0; lane < p->vectors * LANES; lane++) {
            const int seen = s[lane] != -INFINITY;
            x->odd_seen[n * PANEL + lane] = seen ? ~(uint32_t)0 : 0;
            mark[p->first + lane] |= (unsigned char)seen;
        }
    }
}

/* After the product: what is not finite reaches those who see it. */
static void attend_add_odd(attend_tile *x, const ag_pass *pass, const attend_panel *p)
{
    typedef __typeof__(v_all(0) == v_all(0)) attend_lanes;
    const int64_t d = x->a->d_v;
    for (int n = 0; n < x->odd; n++) {
        const int j = x->odd_key[n];
        if (x->odd_finite[n]) continue;
        const float *row = attend_widened(x, attend_value_row(x, pass, j), attend_range_of(pass, x, j)->v.dtype, d);
        for (int64_t t = 0; t < d; t++)
            for (int c = 0; !isfinite(row[t]) && c < p->vectors * LANES; c += LANES) {
                const attend_lanes seen = (attend_lanes) * (const vec *)(x->odd_seen + n * PANEL + c);
                *(vec *)(p->o + t * PANEL + c) += (vec)(seen & (attend_lanes)v_all(row[t]));
            }
    }
}

/* The keys of a new block ... */
static void attend_look_at_keys(attend_tile *x, int keys)
{
    x->key_size = attend_squares(x->key_rows, keys * attend_units(x->a->d));
    x->sized = 0;
}

/* ... and its values. */
static void attend_look_at_values(attend_tile *x, const ag_pass *pass, int keys)
{
    const float values = attend_squares(x->value_rows, attend_units(keys) * attend_wide(x->a)),
                fit = attend_values_fit(x->a);
    x->odd = 0;
    if (values < fit * fit) return;
    x->large = 1;
    if (!(values < INFINITY)) attend_list_odd(x, pass, keys);
}

static void attend_look_at_block(attend_tile *x, const ag_pass *pass, int keys)
{
    attend_look_at_keys(x, keys);
    attend_look_at_values(x, pass, keys);
}

/* ---- the own key ---- */

/* `row` is its key, or its value. */
static void attend_look_at_own(attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane, const float *key)
{
    const int n = p->first + lane;
    const double size = (double)attend_sum_of_squares(key, x->a->d) + attend_lost_squares(x->a->d);
    if (attend_too_large(p->size[lane], size, pass) || !(size < INFINITY)) {
        if (attend_all_finite(key, x->a->d)) x->again[n] = 1;
        else x->poisoned[n] = 1;
    }
}

static void attend_look_at_own_value(attend_tile *x, const attend_panel *p, int lane, const float *value)
{
    const float size = attend_sum_of_squares(value, x->a->d_v), fit = attend_values_fit(x->a);
    if (size < fit * fit) return;
    x->large = 1;
    if (!attend_all_finite(value, x->a->d_v)) x->poisoned[p->first + lane] = 1;
}

/* ---- results ---- */

/* The biases that a query sees differ, though units of log 2 hold them as one. */
static int attend_biases_differ(const attend_tile *x, const ag_pass *pass, int64_t row)
{
    const amendment by = { x->run, x->b, x->h, x->a->causal_shift, x->a->causal, x->a->biased };
    float first = -INFINITY;
    for (int range = 0; range < pass->n_keys; range++) {
        const ag_keys *keys = &pass->keys[range];
        for (int64_t j = keys->first; j < keys->first + keys->count && j < seen_by(&by, row); j++) {
            const float bias = ag_key_visible(&x->visible, j) ? ag_bias_at(x->run, x->b, x->h, row, j) : -INFINITY;
            if (bias == -INFINITY || bias == first) continue;
            if (first != -INFINITY) return 1;
            first = bias;
        }
    }
    return 0;
}

static int attend_maximum_fits(const attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane)
{
    const float m = p->m[lane];
    const int64_t row = x->logit_row[p->first + lane];
    if (m == -FLT_MAX) return p->l[lane] == 0 || !attend_biases_differ(x, pass, row);
    if (m == INFINITY && x->a->biased && attend_greatest_bias(x, pass, row) == INFINITY) return 1; /* its row is NaN */
    return !(fabsf(m) > ATTEND_MAXIMUM_FITS);
}

/* Lanes whose results the storage type might not hold, as `fit` is the largest number it does. */
static void attend_judge_results(attend_tile *x, const attend_panel *p)
{
    const ag_dtype type = x->a->out.dtype;
    const float fit = type == AG_F16 ? 65504 : type == AG_BF16 ? 0x1.fcp127f : FLT_MAX * 0.9999f;
    for (int lane = 0; lane < p->vectors * LANES; lane++)
        for (int64_t t = 0; t < x->a->d_v && p->l[lane] != 0 && !x->poisoned[p->first + lane]; t++)
            if (!(fabsf(p->o[t * PANEL + lane] / p->l[lane]) <= fit)) x->again[p->first + lane] = 1;
}

/* Before results are stored: which are computed again. */
static void attend_judge_panel(attend_tile *x, const ag_pass *pass, const attend_panel *p)
{
    const double scale = fabs(pass->scale);
    const int lanes = p->vectors * LANES, scaled = scale == 0 || scale >= ATTEND_SCALE_FITS;
    const int fits = scaled && attend_largest_of(p->m, lanes) <= ATTEND_MAXIMUM_FITS;
    for (int lane = 0; !fits && lane < lanes; lane++) {
        const int n = p->first + lane;
        if (x->poisoned[n]) continue;
        if (!scaled || !attend_maximum_fits(x, pass, p, lane)) x->again[n] = 1;
    }
    if (x->large && !p->empty) attend_judge_results(x, p);
}

#endif
