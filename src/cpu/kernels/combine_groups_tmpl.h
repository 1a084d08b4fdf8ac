/* combine_groups_tmpl.h - the combine step of some groups at once, which are rows of what is held, or columns, written
 * over the vector verbs that the including file chose. */
#ifndef AG_COMBINE_GROUPS_TMPL_H
#define AG_COMBINE_GROUPS_TMPL_H

#include "combine_blend_tmpl.h"
#include "groups_tmpl.h"

/* One of the two results of some held rows: the terms that it has, and the groups' weights. */
typedef struct groups_blend {
    const held *h;
    const groups_room *r;
    const ag_forms *forms;
    int columns, is_kept;
    int n, term[AG_MOST_TERMS];
} groups_blend;

/* The exact weights of half a vector, where it begins at column t of a row. */
ROW_INLINE wvec groups_exact(const groups_blend *b, int k, int row, int t)
{
    const groups_room *r = b->r;
    const double *const by_x = b->is_kept ? r->by_kept : r->by_x;
    const wvec x = w_all(b->forms->x[k]), y = w_all(b->is_kept ? 0 : b->forms->y[k]);
    const wvec base = w_all(b->is_kept ? b->forms->kept[k] : b->forms->base[k]);
    if (b->columns) return base + *groups_wide(&by_x[t]) * x + *groups_wide(&r->by_y[t]) * y;
    return base + w_all(by_x[row]) * x + w_all(r->by_y[row]) * y;
}

/* Elements [t, t + LANES) of a row, those that need it in float64. */
static __attribute__((noinline, cold)) vec groups_blend_again(const groups_blend *b, int row, int t, vec sum)
{
    wvec wide[2] = { w_all(0), w_all(0) };
    for (int k = 0; k < b->n; k++) {
        const float *from = b->h->from[b->term[k]] + row * b->h->stride + t;
        for (int i = 0; i < 2; i++)
            wide[i] += groups_exact(b, b->term[k], row, t + i * LANES / 2) * w_load(from + i * LANES / 2);
    }
    const vec all = w_narrow(wide[0], wide[1]);
    for (int i = 0; i < LANES; i++)
        if (b->r->wide[b->columns ? t + i : row] || !isfinite(sum[i])) sum[i] = all[i];
    return sum;
}

/* Rows [first, last), whole vectors: to = sum_k weight_k a_k, `bytes` from one to the next. */
ROW_INLINE void groups_blend_terms(const groups_blend *b, const int n, const int columns, int first, int last, char *to,
                                   int64_t bytes, const ag_dtype type, const int stream)
{
    const groups_room *const r = b->r;
    const float *from[AG_MOST_TERMS], *by[AG_MOST_TERMS];
    const int64_t stride = b->h->stride, end = b->h->end;
    for (int k = 0; k < n; k++) {
        from[k] = b->h->from[b->term[k]];
        by[k] = b->is_kept ? r->kept[b->term[k]] : r->weight[b->term[k]];
    }
    for (int row = first; row < last; row++, to += bytes)
        for (int t = 0; t < end; t += LANES) {
            vec sum = v_all(0);
            for (int k = 0; k < n; k++) {
                const vec weight = columns ? row_vec(by[k], AG_F32, t) : v_all(by[k][row]);
                sum += weight * row_vec(from[k], AG_F32, row * stride + t);
            }
            const int64_t wide = columns ? r->any_wide[t / LANES] : r->wide[row];
            if (wide || !v_finite(sum)) sum = groups_blend_again(b, row, t, sum);
            row_put(to, type, t, sum, stream);
        }
}

ROW_INLINE void groups_blend_as(const groups_blend *b, const int columns, int first, int last, char *to, int64_t bytes,
                                ag_dtype type, int stream)
{
#define ROWS(N, TYPE, STREAM) groups_blend_terms(b, N, columns, first, last, to, bytes, TYPE, STREAM)
    if (b->n == 2 && type == AG_F32 && stream) ROWS(2, AG_F32, 1);
    else if (b->n == 2 && type == AG_F32) ROWS(2, AG_F32, 0);
    else if (b->n == 3 && type == AG_F32) ROWS(3, AG_F32, stream);
    else if (type == AG_F32) ROWS(b->n, AG_F32, stream);
    else if (type == AG_F16) ROWS(b->n, AG_F16, stream);
    else ROWS(b->n, AG_BF16, stream);
#undef ROWS
}

/* Rows of whole vectors go straight to where they belong; others, whose last vector is not all theirs, one by one. */
static void groups_put(const groups_blend *b, char *to, int64_t step, ag_dtype type, int stream)
{
    const int n = b->h->n, whole = n == b->h->end;
    const int64_t bytes = step * (int64_t)ag_size_of(type);
    float row[COMBINE_BLOCK_SIZE] __attribute__((aligned(LINE)));
    stream &= row_may_stream(to) & (bytes % LINE == 0);
    if (whole && b->columns) groups_blend_as(b, 1, 0, b->h->rows, to, bytes, type, stream);
    else if (whole) groups_blend_as(b, 0, 0, b->h->rows, to, bytes, type, stream);
    for (int i = 0; i < b->h->rows && !whole; i++, to += bytes) {
        if (b->columns) groups_blend_as(b, 1, i, i + 1, (char *)row, 0, AG_F32, 0);
        else groups_blend_as(b, 0, i, i + 1, (char *)row, 0, AG_F32, 0);
        row_move(to, type, row, AG_F32, n, stream);
    }
}

/* The results of what is held, which begins at element i. Everything is read by now, or nothing but out is written,
 * vector by vector: out may be an input. */
static void groups_write(const combine_piece *p, const groups_room *r, const held *h, int columns, int64_t i,
                         int stream)
{
    for (int is_kept = 0; is_kept <= (p->s.run->state != NULL); is_kept++) {
        groups_blend b = { .h = h, .r = r, .forms = p->forms, .columns = columns, .is_kept = is_kept };
        for (int k = 0; k < ag_terms(&p->s); k++)
            if (h->from[k] && (is_kept ? r->used_kept[k] : r->used[k])) b.term[b.n++] = k;
        if (is_kept) groups_put(&b, (char *)combine_state_at(p, i), h->step, AG_F32, 0);
        else groups_put(&b, combine_output_at(p, i), h->step, p->s.g->out_dtype, stream);
    }
}

/* ---- columns ---- */

/* A line's chunks: sum number i of column t is at (i width + t). */
static double *columns_sums(const ag_combine *c, const ag_bound *bound, int64_t line, int64_t chunk)
{
    return (double *)(bound->base[AG_WORK] + c->sums) + (line * c->chunks + chunk) * AG_SUMS * c->width;
}

static void columns_collect(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part, int64_t column,
                            groups_room *r)
{
    const unsigned wanted = bound->combining.sums;
    for (int i = 0; i < AG_SUMS; i++) {
        if (!(wanted >> i & 1)) continue;
        memset(r->sums[i], 0, sizeof r->sums[i]);
        for (int64_t chunk = 0; chunk < c->chunks; chunk++) {
            const double *from = columns_sums(c, bound, part->line, chunk) + i * c->width + column;
            for (int t = 0; t < r->n; t++) r->sums[i][t] += from[t];
        }
    }
}

/* Some columns of the part, from `column` on: r->n of them. */
static combine_piece columns_at(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part, int64_t column,
                                ag_forms *forms, groups_room *r)
{
    r->n = (int)(part->last - column < GROUPS ? part->last - column : GROUPS);
    return combine_piece_of(c, bound, part, column, forms);
}

static void combine_columns(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    const int stream = combine_streams(c, bound);
    groups_room r;
    held h;
    ag_forms forms;
    for (int64_t column = part->first; column < part->last; column += GROUPS) {
        const combine_piece p = columns_at(c, bound, part, column, &forms, &r);
        h.rows = h.sums_only = 0;
        if (c->local) columns_find_sums(&p, c->inner, &h, &r);
        else columns_collect(c, bound, part, column, &r);
        groups_find_weights(&p, &r);
        const int all_held = h.rows == p.last - p.first;
        for (int64_t row = p.first; row < p.last; row += h.rows) {
            if (!all_held) columns_hold(&p, row, c->inner, &r, &h);
            groups_write(&p, &r, &h, 1, row * c->inner, stream);
        }
    }
    if (stream) v_fence();
}

/* ---- rows: groups so small that they are still in the caches when factors of some are found together ---- */

enum { SMALL = 256, SOME = 2048 }; /* elements of one group, of some */

static int rows_suit(const ag_combine *c) { return c->inner == 1 && c->chunks == 1 && c->reduced <= SMALL; }

/* How many groups of the part, from here on, are of one sample. */
static int64_t rows_left(const ag_combine *c, const ag_combine_part *part, const combine_piece *p, int64_t group)
{
    const int64_t in_part = part->last - group, in_sample = (c->count - p->at) / c->reduced;
    return in_part < in_sample ? in_part : in_sample;
}

/* How many of them at once. */
static int rows_at_once(const combine_piece *p, int64_t left, int64_t reduced)
{
    const int64_t some = (SOME - 1) / reduced + 1, most = some < GROUPS ? some : GROUPS;
    return held_rows(p, left < most ? left : most, (int)reduced);
}

/* Some groups of the part, from `group` on: r->n of them. */
static combine_piece rows_at(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part, int64_t group,
                             ag_forms *forms, groups_room *r)
{
    const combine_piece p = combine_piece_of(c, bound, part, group, forms);
    r->n = rows_at_once(&p, rows_left(c, part, &p, group), c->reduced);
    return p;
}

static void combine_rows(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    const int stream = combine_streams(c, bound);
    groups_room r;
    held h;
    ag_forms forms;
    for (int64_t group = part->first; group < part->last; group += r.n) {
        const combine_piece p = rows_at(c, bound, part, group, &forms, &r);
        h.sums_only = 0;
        rows_find_sums(&p, c->reduced, &h, &r);
        groups_find_weights(&p, &r);
        groups_write(&p, &r, &h, 0, 0, stream);
    }
    if (stream) v_fence();
}

#endif
