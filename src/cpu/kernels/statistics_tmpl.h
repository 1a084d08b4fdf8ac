/* statistics_tmpl.h - the statistics step over blocks of elements, written over the vector verbs that the including
 * file chose. Sums are float64, in LANES lanes: a float32 sum of large predictions loses the little they differ by. */
#ifndef AG_STATISTICS_TMPL_H
#define AG_STATISTICS_TMPL_H

#include "combine_pieces_tmpl.h"

/* The widened elements of an input; and what is needed next of it, to be fetched meanwhile: so much is computed from
 * what is read that the processor does not look far enough ahead by itself. */
typedef struct statistics_term {
    const float *from;
    const char *next;
    int64_t size; /* of an element there */
} statistics_term;

/* A linear form of one block: n terms, each with a weight. */
typedef struct statistics_form {
    int n;
    double weight[AG_MOST_TERMS];
    statistics_term term[AG_MOST_TERMS];
} statistics_form;

static void statistics_add_term(statistics_form *f, double weight, statistics_term term)
{
    f->weight[f->n] = weight;
    f->term[f->n++] = term;
}

/* Both forms of n elements, rounded up to whole vectors; and what is taken off each. */
typedef struct statistics_block {
    statistics_form x, y;
    double pivot_x, pivot_y;
    int n;
} statistics_block;

static int statistics_uses(const ag_forms *f, int k) { return f->x[k] != 0 || f->y[k] != 0; }

typedef struct statistics_sums {
    wvec low[AG_SUMS], high[AG_SUMS];
} statistics_sums;

/* The form at element t, n terms. */
ROW_INLINE void statistics_of_form(const statistics_form *f, const int n, int64_t t, wvec *low, wvec *high)
{
    for (int k = 0; k < n; k++) {
        const float *from = f->term[k].from + t;
        const wvec weight = w_all(f->weight[k]);
        *low = k ? *low + weight * w_load(from) : weight * w_load(from);
        *high = k ? *high + weight * w_load(from + LANES / 2) : weight * w_load(from + LANES / 2);
    }
}

ROW_INLINE void statistics_fetch_form(const statistics_form *f, const int n, int64_t t)
{
    for (int k = 0; k < n; k++) __builtin_prefetch(f->term[k].next + t * f->term[k].size);
}

/* `wanted`: the sums that the rule is made of, as bits. */
ROW_INLINE void statistics_add_sums(const unsigned wanted, wvec a, wvec b, wvec *to)
{
    if (wanted & 1 << AG_SUM_X) to[AG_SUM_X] += a;
    if (wanted & 1 << AG_SUM_Y) to[AG_SUM_Y] += b;
    if (wanted & 1 << AG_SUM_XX) to[AG_SUM_XX] += a * a;
    if (wanted & 1 << AG_SUM_YY) to[AG_SUM_YY] += b * b;
    if (wanted & 1 << AG_SUM_XY) to[AG_SUM_XY] += a * b;
    if (wanted & 1 << AG_SUM_ABS_X) to[AG_SUM_ABS_X] += w_size(a);
    if (wanted & 1 << AG_SUM_ABS_Y) to[AG_SUM_ABS_Y] += w_size(b);
    if (wanted & 1 << AG_SUM_ROOTS) to[AG_SUM_ROOTS] += w_root(a * b);
}

/* A block of forms of n_x and n_y terms, which are constants where this is called, as `wanted` is. */
ROW_INLINE void statistics_add_block(const unsigned wanted, const int n_x, const int n_y, const statistics_block *b,
                                     statistics_sums *s)
{
    statistics_sums local;
    const int deviates = ag_sums_deviate(wanted);
    for (int i = 0; i < AG_SUMS; i++) {
        if (!(wanted >> i & 1)) continue;
        local.low[i] = s->low[i];
        local.high[i] = s->high[i];
    }
    for (int t = 0; t < b->n; t += LANES) {
        wvec x[2], y[2];
        statistics_of_form(&b->x, n_x, t, &x[0], &x[1]);
        statistics_of_form(&b->y, n_y, t, &y[0], &y[1]);
        statistics_fetch_form(&b->x, n_x, t);
        statistics_fetch_form(&b->y, n_y, t);
        for (int half = 0; deviates && half < 2; half++) {
            x[half] -= b->pivot_x;
            y[half] -= b->pivot_y;
        }
        statistics_add_sums(wanted, x[0], y[0], local.low);
        statistics_add_sums(wanted, x[1], y[1], local.high);
    }
    for (int i = 0; i < AG_SUMS; i++) {
        if (!(wanted >> i & 1)) continue;
        s->low[i] = local.low[i];
        s->high[i] = local.high[i];
    }
}

/* A weight of 0 leaves an input out, so that a form may have any number of terms. */
static void statistics_add_any(const unsigned wanted, const statistics_block *b, statistics_sums *s)
{
    wvec *const low = s->low, *const high = s->high;
    const wvec pivot_x = w_all(b->pivot_x), pivot_y = w_all(b->pivot_y);
    for (int t = 0; t < b->n; t += LANES) {
        wvec x[2] = { w_all(0), w_all(0) }, y[2] = { w_all(0), w_all(0) };
        statistics_of_form(&b->x, b->x.n, t, &x[0], &x[1]);
        statistics_of_form(&b->y, b->y.n, t, &y[0], &y[1]);
        statistics_add_sums(wanted, x[0] - pivot_x, y[0] - pivot_y, low);
        statistics_add_sums(wanted, x[1] - pivot_x, y[1] - pivot_y, high);
    }
}

/* The forms that rules usually have, each with a loop of its own; any other by the last. */
#define STATISTICS_USUAL                                                                                               \
    CASE(AG_SUMS_OF_DEVIATIONS, 1, 2)                                                                                  \
    CASE(AG_SUMS_OF_DEVIATIONS, 1, 3)                                                                                  \
    CASE(AG_SUMS_OF_SIZES, 1, 2)                                                                                       \
    CASE(AG_SUMS_OF_SQUARES, 1, 2)                                                                                     \
    CASE(AG_SUMS_OF_SQUARES, 1, 3)                                                                                     \
    CASE(AG_SUMS_OF_SQUARES, 2, 1)                                                                                     \
    CASE(AG_SUMS_OF_PRODUCTS, 1, 1)                                                                                    \
    CASE(AG_SUMS_OF_PRODUCTS, 1, 2)                                                                                    \
    CASE(AG_SUMS_OF_PRODUCTS, 2, 1)                                                                                    \
    CASE(AG_SUMS_OF_PRODUCTS, 2, 2)                                                                                    \
    CASE(AG_SUMS_OF_PRODUCTS, 3, 1)                                                                                    \
    CASE(AG_SUMS_OF_ROOTS, 1, 2)

static void statistics_add_wanted(const unsigned wanted, const statistics_block *b, statistics_sums *s)
{
#define CASE(WANTED, X, Y)                                                                                             \
    if (wanted == (WANTED) && b->x.n == (X) && b->y.n == (Y)) {                                                        \
        statistics_add_block(WANTED, X, Y, b, s);                                                                      \
        return;                                                                                                        \
    }
    STATISTICS_USUAL
#undef CASE
    statistics_add_any(wanted, b, s);
}

/* Where only deviations matter the group's first element is taken off: then a constant has none, to the bit. */
static void statistics_find_pivots(const combine_piece *p, statistics_block *b)
{
    b->pivot_x = b->pivot_y = 0;
    if (!ag_sums_deviate(p->s.run->sums)) return;
    for (int k = 0; k < ag_terms(&p->s); k++) {
        if (!statistics_uses(p->forms, k)) continue;
        const double a = ag_load_one(combine_input_at(p, k, 0), ag_term_type(&p->s, k), 0);
        b->pivot_x += p->forms->x[k] * a;
        b->pivot_y += p->forms->y[k] * a;
    }
}

/* The terms of elements [i, i + n). What fills the last vector adds nothing: zero, or elements that pivots are of. */
static void statistics_fill(const combine_piece *p, int64_t i, int n, statistics_block *b, combine_room *r)
{
    const int deviates = ag_sums_deviate(p->s.run->sums);
    b->x.n = b->y.n = 0;
    b->n = n;
    for (int k = 0; k < ag_terms(&p->s); k++) {
        if (!statistics_uses(p->forms, k)) continue;
        const float rest = deviates ? ag_load_one(combine_input_at(p, k, 0), ag_term_type(&p->s, k), 0) : 0;
        const statistics_term term = { combine_widened(p, k, i, n, rest, r->row[k]),
                                       combine_input_at(p, k, i + COMBINE_BLOCK_SIZE),
                                       (int64_t)ag_size_of(ag_term_type(&p->s, k)) };
        if (p->forms->x[k] != 0) statistics_add_term(&b->x, p->forms->x[k], term);
        if (p->forms->y[k] != 0) statistics_add_term(&b->y, p->forms->y[k], term);
    }
}

/* The sums that are wanted; others are 0. */
static void statistics_of(const combine_piece *p, double *out)
{
    const unsigned wanted = p->s.run->sums;
    statistics_block b;
    statistics_sums s;
    combine_room r;
    for (int i = 0; i < AG_SUMS; i++)
        if (wanted >> i & 1) s.low[i] = s.high[i] = w_all(0);
    statistics_find_pivots(p, &b);
    for (int64_t i = p->first; wanted && i < p->last; i += COMBINE_BLOCK_SIZE) {
        const int n = (int)(p->last - i < COMBINE_BLOCK_SIZE ? p->last - i : COMBINE_BLOCK_SIZE);
        statistics_fill(p, i, n, &b, &r);
        statistics_add_wanted(wanted, &b, &s);
    }
    for (int i = 0; i < AG_SUMS; i++) out[i] = wanted >> i & 1 ? w_sum(s.low[i] + s.high[i]) : 0;
}

#endif
