/* groups_tmpl.h - some groups at once, each a row of what is held, or a column: their sums, and what follows from
 * these, written over the vector verbs that the including file chose. */
#ifndef AG_GROUPS_TMPL_H
#define AG_GROUPS_TMPL_H

#include <float.h>

#include "held_tmpl.h"
#include "statistics_tmpl.h"

enum { GROUPS = 256 };

typedef struct __attribute__((aligned(64))) groups_room {
    double sums[AG_SUMS][GROUPS];
    double pivot_x[GROUPS], pivot_y[GROUPS]; /* of columns */
    double by_x[GROUPS], by_y[GROUPS], by_kept[GROUPS];
    float weight[AG_MOST_TERMS][GROUPS], kept[AG_MOST_TERMS][GROUPS];
    int used[AG_MOST_TERMS], used_kept[AG_MOST_TERMS]; /* some group's weight of the term is not 0 */
    int64_t wide[GROUPS], any_wide[GROUPS / LANES];    /* sums in float64; any of a vector's groups */
    int n;                                             /* groups, at most GROUPS */
    int is_fresh;                                      /* of columns: nothing is in the sums yet */
} groups_room;

ROW_INLINE wvec *groups_wide(const double *from) { return (wvec *)(uintptr_t)from; }

/* ---- sums ---- */

/* Elements [t, t + LANES) of a row into sums, less the pivots, and what is held next on its way. */
ROW_INLINE void groups_add_vector(const unsigned wanted, const int n_x, const int n_y, const statistics_block *b,
                                  const held *h, int row, int64_t t, const wvec *pivot, statistics_sums *s)
{
    wvec x[2] = { w_all(0), w_all(0) }, y[2] = { w_all(0), w_all(0) };
    statistics_of_form(&b->x, n_x, row * h->stride + t, &x[0], &x[1]);
    statistics_of_form(&b->y, n_y, row * h->stride + t, &y[0], &y[1]);
    statistics_fetch_form(&b->x, n_x, row * h->step + t);
    statistics_fetch_form(&b->y, n_y, row * h->step + t);
    for (int half = 0; ag_sums_deviate(wanted) && half < 2; half++) {
        x[half] -= pivot[half];
        y[half] -= pivot[2 + half];
    }
    statistics_add_sums(wanted, x[0], y[0], s->low);
    statistics_add_sums(wanted, x[1], y[1], s->high);
}

/* Groups that are columns: a vector of them at a time, beside what is there. */
ROW_INLINE void groups_add_columns(const unsigned wanted, const int n_x, const int n_y, const statistics_block *b,
                                   const held *h, groups_room *r)
{
    for (int t = 0; t < r->n; t += LANES) {
        statistics_sums s;
        wvec *const x = groups_wide(&r->pivot_x[t]), *const y = groups_wide(&r->pivot_y[t]);
        const wvec pivot[4] = { x[0], x[1], y[0], y[1] };
        for (int i = 0; i < AG_SUMS; i++) {
            const int is_there = (wanted >> i & 1) && !r->is_fresh;
            s.low[i] = is_there ? groups_wide(&r->sums[i][t])[0] : w_all(0);
            s.high[i] = is_there ? groups_wide(&r->sums[i][t])[1] : w_all(0);
        }
        for (int row = 0; row < h->rows; row++) groups_add_vector(wanted, n_x, n_y, b, h, row, t, pivot, &s);
        for (int i = 0; i < AG_SUMS; i++) {
            if (!(wanted >> i & 1)) continue;
            groups_wide(&r->sums[i][t])[0] = s.low[i];
            groups_wide(&r->sums[i][t])[1] = s.high[i];
        }
    }
}

/* Groups that are rows. */
ROW_INLINE void groups_add_rows(const unsigned wanted, const int n_x, const int n_y, const statistics_block *b,
                                const held *h, groups_room *r)
{
    for (int row = 0; row < h->rows; row++) {
        statistics_sums s;
        wvec x[2] = { w_all(0), w_all(0) }, y[2] = { w_all(0), w_all(0) };
        statistics_of_form(&b->x, n_x, row * h->stride, &x[0], &x[1]);
        statistics_of_form(&b->y, n_y, row * h->stride, &y[0], &y[1]);
        const wvec pivot[4] = { w_all(x[0][0]), w_all(x[0][0]), w_all(y[0][0]), w_all(y[0][0]) };
        for (int i = 0; i < AG_SUMS; i++) s.low[i] = s.high[i] = w_all(0);
        for (int64_t t = 0; t < h->end; t += LANES) groups_add_vector(wanted, n_x, n_y, b, h, row, t, pivot, &s);
        for (int i = 0; i < AG_SUMS; i++)
            if (wanted >> i & 1) r->sums[i][row] = w_sum(s.low[i] + s.high[i]);
    }
}

static void groups_add_wanted(const unsigned wanted, int columns, const statistics_block *b, const held *h,
                              groups_room *r)
{
#define CASE(WANTED, X, Y)                                                                                             \
    if (wanted == (WANTED) && b->x.n == (X) && b->y.n == (Y)) {                                                        \
        if (columns) groups_add_columns(WANTED, X, Y, b, h, r);                                                        \
        else groups_add_rows(WANTED, X, Y, b, h, r);                                                                   \
        return;                                                                                                        \
    }
    STATISTICS_USUAL
#undef CASE
    if (columns) groups_add_columns(wanted, b->x.n, b->y.n, b, h, r);
    else groups_add_rows(wanted, b->x.n, b->y.n, b, h, r);
}

/* The forms of what is held. */
static statistics_block groups_forms(const combine_piece *p, const held *h)
{
    statistics_block b = { .n = h->n };
    for (int k = 0; k < ag_terms(&p->s); k++) {
        const statistics_term term = { h->from[k], h->next[k], (int64_t)ag_size_of(ag_term_type(&p->s, k)) };
        if (p->forms->x[k] != 0) statistics_add_term(&b.x, p->forms->x[k], term);
        if (p->forms->y[k] != 0) statistics_add_term(&b.y, p->forms->y[k], term);
    }
    return b;
}

/* Columns' first elements, where deviations are wanted. */
static void groups_find_pivots(const statistics_block *b, groups_room *r)
{
    for (int t = 0; t < r->n; t += LANES) {
        wvec *const x = groups_wide(&r->pivot_x[t]), *const y = groups_wide(&r->pivot_y[t]);
        statistics_of_form(&b->x, b->x.n, t, &x[0], &x[1]);
        statistics_of_form(&b->y, b->y.n, t, &y[0], &y[1]);
    }
}

/* Of r->n groups that are rows, all of them held. */
static void rows_find_sums(const combine_piece *p, int64_t reduced, held *h, groups_room *r)
{
    h->once = h->sums_only;
    hold(p, 0, reduced, r->n * reduced, r->n, (int)reduced, h);
    const statistics_block b = groups_forms(p, h);
    groups_add_wanted(p->s.run->sums, 0, &b, h, r);
}

/* Rows of columns: all, and next come the columns beside; or, where they are too many, a few, and next come the rows
 * below, for which the first cache has room beside these. */
static void columns_hold(const combine_piece *p, int64_t row, int64_t inner, const groups_room *r, held *h)
{
    enum { FEW = 16 };
    const int64_t all = p->last - p->first, left = p->last - row, few = left < FEW ? left : FEW;
    const int is_all = held_rows(p, all, r->n) == all, rows = is_all ? (int)all : held_rows(p, few, r->n);
    h->once = h->sums_only || !is_all;
    hold(p, row * inner, inner, is_all ? r->n : rows * inner, rows, r->n, h);
}

/* Of r->n groups that are columns; the last rows stay held. */
static void columns_find_sums(const combine_piece *p, int64_t inner, held *h, groups_room *r)
{
    const unsigned wanted = p->s.run->sums;
    r->is_fresh = h->once = 1;
    if (ag_sums_deviate(wanted) && p->first) {
        hold(p, 0, inner, 0, 1, r->n, h);
        const statistics_block first = groups_forms(p, h);
        groups_find_pivots(&first, r);
    }
    for (int64_t row = p->first; row < p->last; row += h->rows) {
        columns_hold(p, row, inner, r, h);
        const statistics_block b = groups_forms(p, h);
        if (ag_sums_deviate(wanted) && !row) groups_find_pivots(&b, r);
        groups_add_wanted(wanted, 1, &b, h, r);
        r->is_fresh = 0;
    }
}

/* ---- weights ---- */

/* Of weights some of which are 0, or are not what float32 holds: whether some is not 0. Marks the latter. */
static int groups_weigh_odd(groups_room *r, double base, double x, const double *by, double y)
{
    int64_t used = 0;
    for (int t = 0; t < r->n; t++) {
        const double weight = base + by[t] * x + r->by_y[t] * y, size = fabs(weight);
        used |= weight != 0;
        r->wide[t] |= (weight != 0) & !((size >= FLT_MIN) & (size <= FLT_MAX));
    }
    return used != 0;
}

/* to = base + by x + by_y y, of the groups. Returns whether some is not 0; marks those that float32 does not hold. */
static int groups_weigh(groups_room *r, double base, double x, const double *by, double y, float *to)
{
    int64_t odd = 0;
    for (int t = 0; t < r->n; t++) {
        const double weight = base + by[t] * x + r->by_y[t] * y, size = fabs(weight);
        odd |= !((size >= FLT_MIN) & (size <= FLT_MAX));
        to[t] = (float)weight;
    }
    return !odd || groups_weigh_odd(r, base, x, by, y);
}

static void groups_find_weights(const combine_piece *p, groups_room *r)
{
    const ag_forms *f = p->forms;
    int64_t some = 0;
    ag_factors_of to = { r->by_x, r->by_y, r->by_kept };
    ag_rule_factors_of(&p->s, r->n, r->sums[0], GROUPS, &to);
    for (int t = 0; t < r->n; t++) r->wide[t] = !((fabs(r->by_x[t]) <= AG_STEEP) & (fabs(r->by_y[t]) <= AG_STEEP));
    for (int k = 0; k < ag_terms(&p->s); k++) {
        r->used[k] = groups_weigh(r, f->base[k], f->x[k], r->by_x, f->y[k], r->weight[k]);
        if (p->s.run->state) r->used_kept[k] = groups_weigh(r, f->kept[k], f->x[k], r->by_kept, 0, r->kept[k]);
    }
    for (int t = 0; t < r->n; t++) some |= r->wide[t];
    memset(r->any_wide, 0, sizeof r->any_wide);
    for (int t = 0; some && t < r->n; t++) r->any_wide[t / LANES] |= r->wide[t];
}

#endif
