/* held_tmpl.h - a block of a sample's elements that the caches hold, written over the vector verbs that the including
 * file chose: rows of every term that the rule uses, widened. Memory is read once, however often the block is; and rows
 * that are a power of two from one another, of which a cache would keep a few, lie side by side unless they are few. */
#ifndef AG_HELD_TMPL_H
#define AG_HELD_TMPL_H

#include "combine_pieces_tmpl.h"

enum { HELD = 12288 };  /* elements of all terms together */
enum { FEW_LINES = 8 }; /* rows of all terms, which a first cache keeps wherever they are */

typedef struct held {
    int sums_only;                    /* nothing is written while this is in use */
    int once;                         /* what is held next is read only once */
    int rows, n;                      /* elements of a row */
    int64_t end, stride;              /* n, to whole vectors; from row to row */
    const float *from[AG_MOST_TERMS]; /* NULL: the rule has no use for the term */
    const char *next[AG_MOST_TERMS];  /* what is held next, to be fetched meanwhile */
    int64_t step;                     /* from row to row there: elements */
    float room[HELD] __attribute__((aligned(64)));
} held;

static int held_uses(const ag_forms *f, int k) { return f->x[k] != 0 || f->y[k] != 0 || f->base[k] != 0 || f->kept[k]; }

/* How many of `rows` rows can be held. */
static int held_rows(const combine_piece *p, int64_t rows, int n)
{
    const int64_t most = HELD / (ag_terms(&p->s) * ((n + LANES - 1) / LANES * LANES));
    return (int)(rows < most ? rows : most);
}

/* A row of a term, widened. What fills the last vector adds nothing to sums: zero, or the element that deviations are
 * of where the row is a group. */
static void hold_row(const combine_piece *p, int k, int64_t i, const held *h, float *to)
{
    row_load(to, combine_input_at(p, k, i), ag_term_type(&p->s, k), h->n);
    const float rest = ag_sums_deviate(p->s.run->sums) ? to[0] : 0;
    for (int t = h->n; t < h->end; t++) to[t] = rest;
}

/* Whether the caller's own rows will do, wherever they are: nothing is written before everything is read, and they are
 * read once, or stay in a first cache. */
static int held_in_place(const combine_piece *p, int rows, const held *h)
{
    int lines = 0;
    for (int k = 0; k < ag_terms(&p->s); k++) {
        if (!held_uses(p->forms, k)) continue;
        if (ag_term_type(&p->s, k) != AG_F32) return 0;
        lines += rows;
    }
    return h->n == h->end && (h->sums_only || !p->s.run->state) && (h->once || lines <= FEW_LINES);
}

/* Holds `rows` rows of n elements, the first from element i on, `step` from one to the next; `ahead` is from here to
 * what is held next. The caller's own where that is the same and nothing is written before everything is read. */
static void hold(const combine_piece *p, int64_t i, int64_t step, int64_t ahead, int rows, int n, held *h)
{
    float *to = h->room;
    h->rows = rows;
    h->n = n;
    h->step = step;
    h->end = (n + LANES - 1) / LANES * LANES;
    h->stride = held_in_place(p, rows, h) ? step : h->end;
    for (int k = 0; k < ag_terms(&p->s); k++) {
        h->from[k] = NULL;
        if (!held_uses(p->forms, k)) continue;
        h->next[k] = combine_input_at(p, k, i + ahead);
        const int own =
            ag_term_type(&p->s, k) == AG_F32 && step == h->stride && n == h->end && (h->sums_only || !p->s.run->state);
        h->from[k] = own ? (const float *)combine_input_at(p, k, i) : to;
        for (int row = 0; row < rows && !own; row++, to += h->stride) hold_row(p, k, i + row * step, h, to);
    }
}

#endif
