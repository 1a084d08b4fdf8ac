/* attend_sparse_tmpl.h - the pass of the tiled attend kernel whose weights are S + lambda (E - S): S softmax, E entmax
 * of the same logits. One product with the values serves both.
 *
 * E_j = max(0, z_j - tau)^p with z_j = (power - 1)(L_j - max L), p = 1 / (power - 1). Their sum falls with tau, convex,
 * from at least 1 at -1, which the greatest key alone gives: Newton's steps from there on never pass the tau that makes
 * it 1.
 *
 * The logits of a panel stay in the cache while the steps go over them. Where there are more keys than ATTEND_KEPT
 * every step multiplies them again, block by block. A lane's tau rests once its step is small, so that it does not
 * depend on how many steps its neighbours take. */
#ifndef AG_ATTEND_SPARSE_TMPL_H
#define AG_ATTEND_SPARSE_TMPL_H

#include "attend_block_tmpl.h"
#include "attend_panel_tmpl.h"

/* A step below this share of tau is the last: the error that it leaves is of its square. */
#define ATTEND_SPARSE_RESTS 0x1p-17f

/* A step halves the distance at least, and soon squares it. */
enum { ATTEND_SPARSE_STEPS = 48 };

/* Beyond this lambda the difference of two weights in float32 tells too little: rows are computed again. */
#define ATTEND_LAMBDA_FITS 16

/* ---- tiles ---- */

/* Logits of some keys and what belongs to their lanes. Once they are known, l and sum are turned over: 1 / l. */
typedef struct sparse_tile {
    int64_t keys;
    const float *s, *m, *tau; /* [keys][PANEL], [PANEL], [PANEL] */
    float *l, *sum, *slope;   /* [PANEL] each: sums of softmax, of E, of its power below */
    float lambda;
} sparse_tile;

/* z - tau, at least 0. `squares`: the power is 1.5, else 2. */
TILE_INLINE vec sparse_excess(const int squares, vec below_top, vec tau)
{
    return v_max(below_top * v_all(squares ? (float)(LN2 / 2) : (float)LN2) - tau, v_all(0));
}

/* E of that, ... */
TILE_INLINE vec sparse_power(const int squares, vec u)
{
    if (squares) return u * u;
    return u;
}

/* ... and the power below, of which p times the slope is made. */
TILE_INLINE vec sparse_below(const int squares, vec u)
{
    typedef __typeof__(u > u) lanes;
    if (squares) return u;
    return (vec)((lanes)(u > v_all(0)) & (lanes)v_all(1));
}

TILE_INLINE void sparse_sums(const int n, const int squares, const sparse_tile *t)
{
    const float *s = t->s;
    vec sum[VECTORS], slope[VECTORS], m[VECTORS], tau[VECTORS];
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        sum[c] = slope[c] = v_all(0);
        m[c] = *(const vec *)(t->m + c * LANES);
        tau[c] = *(const vec *)(t->tau + c * LANES);
    }
    for (int64_t j = 0; j < t->keys; j++, s += PANEL)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) {
            const vec u = sparse_excess(squares, *(const vec *)(s + c * LANES) - m[c], tau[c]);
            sum[c] += sparse_power(squares, u);
            slope[c] += sparse_below(squares, u);
        }
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        *(vec *)(t->sum + c * LANES) += sum[c];
        *(vec *)(t->slope + c * LANES) += slope[c];
    }
}

TILE_INLINE void sparse_totals(const int n, const int squares, const sparse_tile *t)
{
    const float *s = t->s;
    vec sum[VECTORS], l[VECTORS];
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) sum[c] = l[c] = v_all(0);
    for (int64_t j = 0; j < t->keys; j++, s += PANEL)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) {
            const vec x = *(const vec *)(s + c * LANES) - *(const vec *)(t->m + c * LANES);
            const vec u = sparse_excess(squares, x, *(const vec *)(t->tau + c * LANES));
            l[c] += unit_exp2(x);
            sum[c] += sparse_power(squares, u);
        }
#pragma GCC unroll 3
    for (int c = 0; c < n; c++) {
        *(vec *)(t->l + c * LANES) += l[c];
        *(vec *)(t->sum + c * LANES) += sum[c];
    }
}

/* The weight of one key in the lanes from `lane` on. A NaN among a lane's logits makes its l and the weight NaN. */
TILE_INLINE vec sparse_weight(const int squares, const sparse_tile *t, const float *s, int lane)
{
    const vec x = *(const vec *)(s + lane) - *(const vec *)(t->m + lane);
    const vec u = sparse_excess(squares, x, *(const vec *)(t->tau + lane));
    const vec soft = unit_exp2(x) * *(const vec *)(t->l + lane);
    return soft + t->lambda * (sparse_power(squares, u) * *(const vec *)(t->sum + lane) - soft);
}

TILE_INLINE void sparse_weights(const int n, const int squares, const sparse_tile *t, unit *w)
{
    const float *s = t->s;
    int64_t j = 0;
    for (; j < t->keys; j += NUMBERS, s += NUMBERS * PANEL, w += PANEL)
#pragma GCC unroll 3
        for (int c = 0; c < n; c++) {
            vec x[NUMBERS];
#pragma GCC unroll 2
            for (int i = 0; i < NUMBERS; i++) /* the last number may have no neighbour */
                x[i] = j + i < t->keys ? sparse_weight(squares, t, s + i * PANEL, c * LANES) : v_all(0);
            *(vec *)(w + c * LANES) = unit_of(x);
        }
}

/* Either power has code of its own for any number of vectors, so that a lane's bytes do not depend on its panel. */
TILE_CALL void attend_sparse_sums(int n, int squares, const sparse_tile *t)
{
    if (n == 3 && squares) sparse_sums(3, 1, t);
    else if (n == 3) sparse_sums(3, 0, t);
    else if (n == 2 && squares) sparse_sums(2, 1, t);
    else if (n == 2) sparse_sums(2, 0, t);
    else if (squares) sparse_sums(1, 1, t);
    else sparse_sums(1, 0, t);
}

TILE_CALL void attend_sparse_totals(int n, int squares, const sparse_tile *t)
{
    if (n == 3 && squares) sparse_totals(3, 1, t);
    else if (n == 3) sparse_totals(3, 0, t);
    else if (n == 2 && squares) sparse_totals(2, 1, t);
    else if (n == 2) sparse_totals(2, 0, t);
    else if (squares) sparse_totals(1, 1, t);
    else sparse_totals(1, 0, t);
}

TILE_CALL void attend_sparse_weights(int n, int squares, const sparse_tile *t, unit *w)
{
    if (n == 3 && squares) sparse_weights(3, 1, t, w);
    else if (n == 3) sparse_weights(3, 0, t, w);
    else if (n == 2 && squares) sparse_weights(2, 1, t, w);
    else if (n == 2) sparse_weights(2, 0, t, w);
    else if (squares) sparse_weights(1, 1, t, w);
    else sparse_weights(1, 0, t, w);
}

/* ---- blocks of keys ---- */

/* On the way over the keys of a pass that some query of the task may see. */
typedef struct sparse_walk {
    int64_t keys, end, done; /* how many there are, below which key, and in the blocks before */
    attend_cursor at;
} sparse_walk;

enum { SPARSE_FIRST = 1, SPARSE_VALUES = 2 }; /* what a sweep wants: new logits, a look at them; values */

static sparse_walk attend_sparse_keys(const attend_tile *x, const ag_pass *pass)
{
    sparse_walk w = { .end = INT64_MIN };
    for (int i = 0; i < x->panels; i++)
        if (x->panel[i].seen > w.end) w.end = x->panel[i].seen;
    for (attend_cursor c = { 0, 0 }; attend_more_keys(x, pass, &c, w.end); c.at++) w.keys++;
    return w;
}

/* Products that are scaled late become logits, and their maxima those of logits. */
static void attend_sparse_scale(attend_tile *x, const attend_panel *p, int keys, float by)
{
    for (int c = 0; c < p->vectors * LANES; c += LANES) {
        vec top = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) {
            vec *at = (vec *)(x->s + j * PANEL + c);
            *at *= by;
            top = v_max(top, *at);
        }
        *(vec *)(x->top + c) = top;
    }
}

static void attend_sparse_logits(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys, int first)
{
    attend_multiply_keys(x, p, keys);
    const int extreme = first && attend_are_extreme(x, pass, p, keys);
    if (extreme) attend_mark_logits(x, pass, p, keys);
    const float by = attend_scale_late(x, pass, p, keys);
    if (by != 1) attend_sparse_scale(x, p, keys, by);
    if (extreme) attend_judge_logits(x, pass, p, keys);
    for (int c = 0; first && c < p->vectors * LANES; c += LANES)
        *(vec *)(p->m + c) = v_max(*(const vec *)(x->top + c), *(const vec *)(p->m + c));
}

/* The next block's logits are at x->s, with its values beside them where they are wanted; how many keys it has. Keys of
 * a single block are there already. */
static int attend_sparse_next(attend_tile *x, const ag_pass *pass, const attend_panel *p, sparse_walk *w, int wants)
{
    const int64_t left = w->keys - w->done;
    const int keys = (int)(left < BLOCK ? left : BLOCK), multiplies = wants & SPARSE_FIRST || w->keys > ATTEND_KEPT;
    if (!keys) return 0;
    x->s = x->logits + (w->keys > ATTEND_KEPT ? 0 : w->done * PANEL);
    if (NUMBERS == 1) x->w = (unit *)x->s;
    w->done += keys;
    if (w->keys > BLOCK && (multiplies || wants & SPARSE_VALUES)) attend_list_keys(x, pass, &w->at, w->end);
    if (w->keys > BLOCK && multiplies) {
        attend_place_keys(x, pass, keys);
        attend_look_at_keys(x, keys);
    }
    if (w->keys > BLOCK && wants & SPARSE_VALUES) {
        attend_place_values(x, pass, keys);
        attend_look_at_values(x, pass, keys);
    }
    if (multiplies) attend_sparse_logits(x, pass, p, keys, wants & SPARSE_FIRST);
    return keys;
}

/* ---- a panel ---- */

static sparse_tile attend_sparse_tile(const attend_tile *x, const attend_panel *p, int keys)
{
    return (sparse_tile){ .keys = keys,
                          .s = x->s,
                          .m = p->m,
                          .tau = x->tau,
                          .l = p->l,
                          .sum = x->sum,
                          .slope = x->slope,
                          .lambda = (float)fmin(x->lambda, ATTEND_LAMBDA_FITS) };
}

static void attend_sparse_fill(float *lanes, float value)
{
    for (int c = 0; c < PANEL; c += LANES) *(vec *)(lanes + c) = v_all(value);
}

/* Every tau makes its step; returns 0 where all of them rest after it. A lane that sees nothing has no step, -inf. */
static int attend_sparse_step(attend_tile *x, const attend_panel *p, int squares)
{
    typedef __typeof__(v_all(0) > v_all(0)) lanes;
    vec step[VECTORS], small[VECTORS];
    int moves = 0;
    for (int c = 0; c < p->vectors; c++) {
        const vec slope = *(const vec *)(x->slope + c * LANES) * (squares ? 2.0f : 1.0f);
        step[c] = v_max((*(const vec *)(x->sum + c * LANES) - 1) / slope, v_all(-ATTEND_SPARSE_RESTS));
        small[c] = *(const vec *)(x->tau + c * LANES) * -ATTEND_SPARSE_RESTS;
        moves |= v_any_greater(step[c], small[c]);
    }
    for (int c = 0; c < p->vectors; c++) {
        if (moves) step[c] = (vec)((lanes)(step[c] > small[c]) & (lanes)step[c]);
        *(vec *)(x->tau + c * LANES) += step[c];
    }
    return moves;
}

static void attend_sparse_search(attend_tile *x, const ag_pass *pass, const attend_panel *p, const sparse_walk *walk)
{
    const int squares = pass->power == 1.5;
    attend_sparse_fill(x->tau, -1);
    for (int step = 0, moves = 1; moves && step < ATTEND_SPARSE_STEPS; step++) {
        sparse_walk w = *walk;
        attend_sparse_fill(x->sum, 0);
        attend_sparse_fill(x->slope, 0);
        for (int keys; (keys = attend_sparse_next(x, pass, p, &w, 0));) {
            const sparse_tile t = attend_sparse_tile(x, p, keys);
            attend_sparse_sums(p->vectors, squares, &t);
        }
        moves = attend_sparse_step(x, p, squares);
    }
}

/* Weights are made whole, so that results need no division. */
static void attend_sparse_share(attend_tile *x, const ag_pass *pass, const attend_panel *p, const sparse_walk *walk)
{
    sparse_walk w = *walk;
    attend_sparse_fill(x->sum, 0);
    for (int keys; (keys = attend_sparse_next(x, pass, p, &w, 0));) {
        const sparse_tile t = attend_sparse_tile(x, p, keys);
        attend_sparse_totals(p->vectors, pass->power == 1.5, &t);
    }
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        p->l[lane] = p->l[lane] == 0 ? 0 : 1 / p->l[lane];
        x->sum[lane] = x->sum[lane] == 0 ? 0 : 1 / x->sum[lane];
    }
}

static void attend_sparse_panel(attend_tile *x, const ag_pass *pass, attend_panel *p, const sparse_walk *walk)
{
    sparse_walk w = *walk;
    while (attend_sparse_next(x, pass, p, &w, SPARSE_FIRST)) {}
    attend_sparse_search(x, pass, p, walk);
    attend_sparse_share(x, pass, p, walk);
    attend_sparse_fill(x->by, 1);
    w = *walk;
    for (int keys; (keys = attend_sparse_next(x, pass, p, &w, SPARSE_VALUES));) {
        const sparse_tile t = attend_sparse_tile(x, p, keys);
        if (x->odd) attend_see_odd(x, p);
        attend_sparse_weights(p->vectors, pass->power == 1.5, &t, x->w);
        attend_multiply_values(x, p, keys);
        if (x->odd) attend_add_odd(x, pass, p);
    }
    for (int lane = 0; lane < p->vectors * LANES; lane++) p->l[lane] = p->l[lane] == 0 ? 0 : 1;
    for (int n = p->first; x->lambda > ATTEND_LAMBDA_FITS && n < p->first + p->vectors * LANES; n++) x->again[n] = 1;
}

static void attend_sparse_pass(attend_tile *x, const ag_pass *pass)
{
    attend_choose_logit_rows(x, pass);
    x->large = 0;
    memset(x->poisoned, 0, sizeof x->poisoned);
    for (int i = 0; i < x->panels; i++) attend_see(x, &x->panel[i]);
    sparse_walk w = attend_sparse_keys(x, pass);
    if (w.keys > 0 && w.keys <= BLOCK) {
        const int keys = attend_next_block(x, pass, &w.at, w.end);
        attend_look_at_block(x, pass, keys);
    }
    for (int i = 0; i < x->panels; i++) {
        attend_start_panel(x, pass, &x->panel[i]);
        if (i + 1 < x->panels) attend_fetch_queries(x, pass, &x->panel[i + 1], BLOCK);
        attend_sparse_panel(x, pass, &x->panel[i], &w);
        attend_finish_panel(x, pass, &x->panel[i]);
    }
}

#endif
