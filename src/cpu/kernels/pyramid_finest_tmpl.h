/* pyramid_finest_tmpl.h - the finest scale is reduced, and the sums over its level are made while its rows are there:
 * they are those of the inputs, which would have to be read once more. Of two levels the other is the next scale
 * itself, and its sums are made as well. Written over the vector verbs that the including file chose. */
#ifndef AG_PYRAMID_FINEST_TMPL_H
#define AG_PYRAMID_FINEST_TMPL_H

#include "pyramid_rows_tmpl.h"

/* Of both forms: rows of the finest scale, and those of the next that a row of the level lies between. The part's own
 * are stored; the two before it and behind are made here as well. */
typedef struct pyramid_window {
    pyramid_room form[2];
    float *room[2][PYRAMID_RING];
    const float *cells[2][PYRAMID_RING];
    wvec products[2], squares[2]; /* by level */
} pyramid_window;

/* Levels whose sums are made here. */
static int pyramid_summed(const ag_pyramid *y) { return y->levels == 2 ? 2 : y->levels > 2; }

static size_t pyramid_window_rows(const ag_pyramid *y)
{
    return 2 * (PYRAMID_ROOM * (size_t)pyramid_stride(&y->fine) + PYRAMID_RING * (size_t)pyramid_stride(&y->coarse));
}

static void pyramid_window_in(const ag_pyramid *y, float *scratch, pyramid_window *w)
{
    for (int which = 0; which < 2; which++) {
        w->products[which] = w->squares[which] = w_all(0);
        w->form[which] = pyramid_room_in(y, scratch);
        scratch += PYRAMID_ROOM * pyramid_stride(&y->fine);
        for (int i = 0; i < PYRAMID_RING; i++, scratch += pyramid_stride(&y->coarse)) w->room[which][i] = scratch;
    }
}

ROW_INLINE void pyramid_add_vector(int level, vec x, vec y, pyramid_window *w)
{
    w->products[level] += w_low(x) * w_low(y) + w_high(x) * w_high(y);
    w->squares[level] += w_low(y) * w_low(y) + w_high(y) * w_high(y);
}

static void pyramid_add_cells(const pyramid_part *t, int64_t row, pyramid_window *w)
{
    const float *x = pyramid_stored(t, &t->of->coarse, PYRAMID_X, row);
    const float *y = pyramid_stored(t, &t->of->coarse, PYRAMID_Y, row);
    const int64_t n = t->of->coarse.width, whole = n / LANES * LANES;
    const int rest = (int)(n - whole);
    for (int64_t i = 0; i < whole; i += LANES) pyramid_add_vector(1, v_load(x + i), v_load(y + i), w);
    if (rest) pyramid_add_vector(1, v_load_first(x + whole, rest), v_load_first(y + whole, rest), w);
}

static void pyramid_make_row(const pyramid_part *t, int which, int64_t row, pyramid_window *w)
{
    const int slot = (int)(row % PYRAMID_RING), own = row >= t->first && row < t->last;
    float *to = own ? pyramid_stored(t, &t->of->coarse, which, row) : w->room[which][slot];
    pyramid_reduce_row(t, which, row, &w->form[which], to);
    w->cells[which][slot] = to;
}

/* A row of the next scale, in both forms. */
static void pyramid_make_cells(const pyramid_part *t, int64_t row, pyramid_window *w)
{
    pyramid_make_row(t, PYRAMID_X, row, w);
    pyramid_make_row(t, PYRAMID_Y, row, w);
    if (pyramid_summed(t->of) > 1 && row >= t->first && row < t->last) pyramid_add_cells(t, row, w);
}

/* What the next scale expands to in row y. */
static const float *pyramid_cells_expanded(const pyramid_part *t, int which, int64_t y, pyramid_window *w)
{
    const ag_scale *coarse = &t->of->coarse;
    pyramid_room *r = &w->form[which];
    const float *row[5];
    float weight[5];
    pyramid_taps(y, t->of->fine.height, weight);
    for (int k = 0; k < 5; k++)
        row[k] = w->cells[which][ag_pyramid_clamped(y / 2 + k - 2, coarse->height) % PYRAMID_RING];
    pyramid_expand_down(row, weight, coarse->width, 0, r->across);
    pyramid_expand_across(r->across, coarse->width, r->up);
    return r->up;
}

/* Row y of the level: of the scale, less what the next expands to. */
static void pyramid_add_row(const pyramid_part *t, int64_t y, pyramid_window *w)
{
    const float *of_x = pyramid_row(t, PYRAMID_X, y, &w->form[0]), *of_y = pyramid_row(t, PYRAMID_Y, y, &w->form[1]);
    const float *less_x = pyramid_cells_expanded(t, PYRAMID_X, y, w);
    const float *less_y = pyramid_cells_expanded(t, PYRAMID_Y, y, w);
    const int64_t n = t->of->fine.width, whole = n / LANES * LANES;
    const int rest = (int)(n - whole);
    for (int64_t i = 0; i < whole; i += LANES)
        pyramid_add_vector(0, v_load(of_x + i) - v_load(less_x + i), v_load(of_y + i) - v_load(less_y + i), w);
    if (!rest) return;
    pyramid_add_vector(0, v_load_first(of_x + whole, rest) - v_load_first(less_x + whole, rest),
                       v_load_first(of_y + whole, rest) - v_load_first(less_y + whole, rest), w);
}

/* A task's sums take the place of those of the level's task of the same number in the plane; there are no fewer of
 * those, and what is left of them is 0. */
static void pyramid_put_sums(const pyramid_part *t, int level, const pyramid_window *w)
{
    const int64_t slots = t->of->parts[level] / t->of->channels, task = t->first / t->of->rows;
    double *sums = (double *)(t->work + t->of->sums[level]) + 2 * (t->plane * slots + task);
    sums[0] = w_sum(w->products[level]);
    sums[1] = w_sum(w->squares[level]);
    if (t->last == t->of->coarse.height) memset(sums + 2, 0, 2 * (size_t)(slots - task - 1) * sizeof *sums);
}

static void pyramid_reduce_finest(const pyramid_part *t, void *scratch)
{
    int64_t made = t->first < 2 ? 0 : t->first - 2;
    pyramid_window w;
    pyramid_window_in(t->of, scratch, &w);
    for (int64_t row = t->first; row < t->last; row++) {
        for (; made <= row + 2 && made < t->of->coarse.height; made++) pyramid_make_cells(t, made, &w);
        pyramid_add_row(t, 2 * row, &w);
        pyramid_add_row(t, 2 * row + 1, &w);
    }
    for (int level = 0; level < pyramid_summed(t->of); level++) pyramid_put_sums(t, level, &w);
}

#endif
