/* pyramid_rows_tmpl.h - rows of a pyramid's scales, reduced and expanded, written over the vector verbs that the
 * including file chose. A row is first made of its neighbours above and below, whole rows at a time, then of those at
 * its sides. */
#ifndef AG_PYRAMID_ROWS_TMPL_H
#define AG_PYRAMID_ROWS_TMPL_H

#include "../../program/pyramid.h"
#include "combine_blend_tmpl.h"

enum { PYRAMID_RING = 8, PYRAMID_PAD = 16 };

/* Some rows of one plane. */
typedef struct pyramid_part {
    const ag_pyramid *of;
    combine_piece p; /* begins with the plane */
    int64_t plane, first, last;
    char *work;
} pyramid_part;

/* Of a worker: rows of the finest scale that several rows below need; a row on its way. */
typedef struct pyramid_room {
    float *ring[PYRAMID_RING], *across, *up;
    int64_t held[PYRAMID_RING]; /* which row */
} pyramid_room;

static int64_t pyramid_stride(const ag_scale *s) { return (s->width + 2 * PYRAMID_PAD) / 16 * 16; }

/* Rows of a room. */
enum { PYRAMID_ROOM = PYRAMID_RING + 2 };

static pyramid_room pyramid_room_in(const ag_pyramid *y, void *scratch)
{
    pyramid_room r;
    float *at = scratch;
    for (int i = 0; i < PYRAMID_RING; i++, at += pyramid_stride(&y->fine)) {
        r.ring[i] = at;
        r.held[i] = -1;
    }
    r.across = at + PYRAMID_PAD; /* a row may be read two numbers before its first */
    r.up = at + pyramid_stride(&y->fine) + PYRAMID_PAD;
    return r;
}

/* ---- tasks ---- */

static const ag_scale *pyramid_rows_of(const ag_step *s)
{
    return s->kind == AG_STEP_REDUCE ? &s->u.pyramid.coarse : &s->u.pyramid.fine;
}

static int64_t pyramid_tasks(const ag_step *s)
{
    const ag_pyramid *y = &s->u.pyramid;
    return y->planes * ((pyramid_rows_of(s)->height + y->rows - 1) / y->rows);
}

static pyramid_part pyramid_part_of(const ag_step *s, const ag_bound *bound, int64_t task, ag_forms *forms)
{
    const ag_pyramid *y = &s->u.pyramid;
    const int64_t height = pyramid_rows_of(s)->height, each = (height + y->rows - 1) / y->rows;
    pyramid_part t = { .of = y, .plane = task / each, .first = task % each * y->rows, .work = bound->base[AG_WORK] };
    t.last = t.first + y->rows < height ? t.first + y->rows : height;
    t.p = (combine_piece){ .s = { &bound->c->g, &bound->combining, t.plane / y->channels }, .forms = forms };
    t.p.at = t.plane % y->channels * y->fine.height * y->fine.width; /* where the finest scale is the step's */
    ag_rule_forms(&t.p.s, forms);
    return t;
}

/* ---- rows ---- */

enum { PYRAMID_X, PYRAMID_Y };

static float *pyramid_stored(const pyramid_part *t, const ag_scale *s, int which, int64_t row)
{
    return (float *)(t->work + (which == PYRAMID_Y ? s->y : s->x)) + (t->plane * s->height + row) * s->width;
}

/* The input that a form is, where it is nothing else, and its rows are as they are wanted; -1. */
static int pyramid_only_input(const pyramid_part *t, const double *form)
{
    int only = -1;
    for (int k = 0; k < ag_terms(&t->p.s); k++) {
        if (form[k] == 0) continue;
        if (only >= 0 || form[k] != 1 || ag_term_type(&t->p.s, k) != AG_F32) return -1;
        only = k;
    }
    return only;
}

/* Rows are made one by one, with much to do in between: those of the inputs that come after `row` are on their way. */
static void pyramid_fetch_next(const pyramid_part *t, const double *form, int64_t row)
{
    enum { LEAST_ROWS = 3, ENOUGH = 2048 };
    const ag_scale *fine = &t->of->fine;
    row += LEAST_ROWS * fine->width < ENOUGH ? ENOUGH / fine->width : LEAST_ROWS;
    for (int k = 0; k < ag_terms(&t->p.s) && row < fine->height; k++)
        if (form[k] != 0)
            row_fetch(combine_input_at(&t->p, k, row * fine->width),
                      fine->width * (int64_t)ag_size_of(ag_term_type(&t->p.s, k)));
}

/* A form of the inputs, row by row. */
static void pyramid_form_row(const pyramid_part *t, const double *form, int64_t row, float *to)
{
    combine_room rows;
    const int64_t width = t->of->fine.width;
    pyramid_fetch_next(t, form, row);
    for (int64_t x = 0; x < width; x += COMBINE_BLOCK_SIZE) {
        const int n = (int)(width - x < COMBINE_BLOCK_SIZE ? width - x : COMBINE_BLOCK_SIZE);
        combine_linear_form(&t->p, form, 0, row * width + x, n, &rows, to + x);
    }
}

/* A row of scale `level`: in the workspace, or made of the inputs. */
static const float *pyramid_row(const pyramid_part *t, int which, int64_t row, pyramid_room *r)
{
    if (t->of->level) return pyramid_stored(t, &t->of->fine, which, row);
    const double *form = which == PYRAMID_Y ? t->p.forms->y : t->p.forms->x;
    const int slot = (int)(row % PYRAMID_RING), only = pyramid_only_input(t, form);
    if (only >= 0) return (const float *)combine_input_at(&t->p, only, row * t->of->fine.width);
    if (r->held[slot] != row) pyramid_form_row(t, form, row, r->ring[slot]);
    r->held[slot] = row;
    return r->ring[slot];
}

/* ---- reduce: five taps along both axes, then the mean of two by two: together six taps, for one row of two ---- */

static void pyramid_reduce_down(const float *const *row, int64_t n, float *restrict to)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3], *e = row[4], *f = row[5];
    for (int64_t x = 0; x < n; x++)
        to[x] = (a[x] + f[x]) * (1.f / 32) + (b[x] + e[x]) * (5.f / 32) + (c[x] + d[x]) * (10.f / 32);
}

/* n is the row's width, at least 4; `from` has room for what is reflected. */
static void pyramid_reduce_across(float *from, int64_t n, float *restrict to)
{
    for (int i = 1; i <= 3; i++) from[n - 1 + i] = from[ag_pyramid_reflected(n - 1 + i, n)];
    from[-1] = from[1];
    from[-2] = from[2];
    for (int64_t x = 0; x < n / 2; x++) {
        const float *at = from + 2 * x;
        to[x] = (at[-2] + at[3]) * (1.f / 32) + (at[-1] + at[2]) * (5.f / 32) + (at[0] + at[1]) * (10.f / 32);
    }
}

/* Row y of the next scale. */
static void pyramid_reduce_row(const pyramid_part *t, int which, int64_t y, pyramid_room *r, float *to)
{
    const ag_scale *fine = &t->of->fine;
    const float *row[6];
    for (int k = 0; k < 6; k++) row[k] = pyramid_row(t, which, ag_pyramid_reflected(2 * y - 2 + k, fine->height), r);
    pyramid_reduce_down(row, fine->width, r->across);
    pyramid_reduce_across(r->across, fine->width, to);
}

/* ---- expand: each cell becomes two, 3/4 of it and 1/4 of the neighbour on that side, then five taps ---- */

/* Most rows are far from the edges: their taps are constants. */
static void pyramid_taps(int64_t i, int64_t n, float *weight)
{
    static const float inner[2][5] = { { 1.f / 64, 21.f / 64, 35.f / 64, 7.f / 64, 0 },
                                       { 0, 7.f / 64, 35.f / 64, 21.f / 64, 1.f / 64 } };
    const int64_t middle = i / 2, cells = n / 2;
    if (middle >= 2 && middle < cells - 2) {
        memcpy(weight, inner[i % 2], sizeof inner[0]);
        return;
    }
    ag_pyramid_taps(i, n, weight);
}

/* to = sum of five rows; beside what is there where `add`. */
static void pyramid_expand_down(const float *const *row, const float *weight, int64_t n, int add, float *restrict to)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3], *e = row[4];
    const float u = weight[0], v = weight[1], w = weight[2], p = weight[3], q = weight[4];
    if (add)
        for (int64_t x = 0; x < n; x++) to[x] += u * a[x] + v * b[x] + w * c[x] + p * d[x] + q * e[x];
    else
        for (int64_t x = 0; x < n; x++) to[x] = u * a[x] + v * b[x] + w * c[x] + p * d[x] + q * e[x];
}

/* `from` has room for what is beyond its ends, which is the cell there. What is reflected makes the first two and the
 * last two different. */
static void pyramid_expand_across(float *from, int64_t cells, float *restrict to)
{
    const float a = 1.f / 64, b = 21.f / 64, c = 35.f / 64, d = 7.f / 64;
    const float near = 50.f / 64, far = 14.f / 64, p = 41.f / 64, q = 22.f / 64;
    const int64_t last = cells - 1;
    from[-1] = from[0];
    from[cells] = from[last];
    for (int64_t j = 1; j < last; j++) {
        to[2 * j] = a * from[j - 2] + b * from[j - 1] + c * from[j] + d * from[j + 1];
        to[2 * j + 1] = d * from[j - 1] + c * from[j] + b * from[j + 1] + a * from[j + 2];
    }
    to[0] = near * from[0] + far * from[1];
    to[1] = p * from[0] + q * from[1] + a * from[2];
    to[2 * last] = p * from[last] + q * from[last - 1] + a * from[last - 2];
    to[2 * last + 1] = near * from[last] + far * from[last - 1];
}

/* What one of the forms of the scale below, times `by`, expands to in row y: into r->across. */
static void pyramid_expand_rows(const pyramid_part *t, int which, double by, int64_t y, int add, pyramid_room *r)
{
    const ag_scale *coarse = &t->of->coarse;
    const float *row[5];
    float weight[5];
    pyramid_taps(y, t->of->fine.height, weight);
    for (int k = 0; k < 5; k++) {
        row[k] = pyramid_stored(t, coarse, which, ag_pyramid_clamped(y / 2 + k - 2, coarse->height));
        weight[k] *= (float)by;
    }
    pyramid_expand_down(row, weight, coarse->width, add, r->across);
}

/* Row y of what the scale below, x f->x + y f->y, expands to: r->up. Without f->y there may be no y. */
static const float *pyramid_expanded(const pyramid_part *t, const ag_factors *f, int64_t y, pyramid_room *r)
{
    const int only_y = f->x == 0;
    pyramid_expand_rows(t, only_y ? PYRAMID_Y : PYRAMID_X, only_y ? f->y : f->x, y, 0, r);
    if (!only_y && f->y != 0) pyramid_expand_rows(t, PYRAMID_Y, f->y, y, 1, r);
    pyramid_expand_across(r->across, t->of->coarse.width, r->up);
    return r->up;
}

#endif
