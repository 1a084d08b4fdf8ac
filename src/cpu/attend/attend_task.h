/* attend_task.h - a task of the tiled attend kernel: its queries, its panels, and the memory they live in. */
#ifndef AG_ATTEND_TASK_H
#define AG_ATTEND_TASK_H

#include "../cpu.h"
#include "../verbs/rows_vector.h"
#include "../verbs/tile.h"

#include "../verbs/amend.h"

enum { STREAM_KEYS = 512, TASK = 384 * NUMBERS, MOST_PANELS = TASK / PANEL + 1, MOST_QUERIES = MOST_PANELS * PANEL };

/* Queries lane by lane, and where their results gather. */
typedef struct panel {
    int first, vectors;  /* first query of the task in this panel */
    int empty;           /* nothing has been summed in o yet, and it holds nothing */
    int64_t shown, seen; /* keys from here on are hidden from some of them, from all */
    unit *qt;            /* [units(d)][PANEL] */
    float *o, *m, *l;    /* [d_v rounded up to ROWS][PANEL], [PANEL], [PANEL] */
} panel;

/* Rows that will be read soon: a few are fetched into the cache with each tile of logits. */
typedef struct fetch {
    const char *at;
    int64_t stride, bytes;
    int rows, rows_each;
} fetch;

typedef struct tile {
    const ag_attend *a;
    const ag_bound *run;
    int64_t b, h;
    ag_visible visible;
    float strength; /* of the blend; 0 and 1 where one pass alone is run */
    int queries, panels;
    int64_t token[MOST_QUERIES];     /* output token of each lane; lanes past the last repeat it */
    int64_t logit_row[MOST_QUERIES]; /* row of causal and bias */
    int span[MOST_QUERIES];
    panel panel[MOST_PANELS];
    float *s, *top, *by;               /* [BLOCK][PANEL], [PANEL], [PANEL] */
    unit *w;                           /* weights: [BLOCK / NUMBERS][PANEL], s itself where a unit is one number */
    unit *k, *v;                       /* [BLOCK][units(d)], [BLOCK / NUMBERS][wide] */
    float *rows, *first;               /* [LANES][pitch], result of pass 0 [TASK][d_v] */
    const unit *key_rows, *value_rows; /* of this block: k and v, or the caller's own */
    fetch next_queries, next_keys, next_values;
    int64_t key[BLOCK]; /* the key each row came from */
    int range[BLOCK];   /* and its place among the pass's ranges of keys */
} tile;

static int64_t units(int64_t numbers) { return (numbers + NUMBERS - 1) / NUMBERS; }

static int64_t wide(const ag_attend *a) { return (a->d_v + ROWS - 1) / ROWS * ROWS; }

/* Elements from one row of x->rows to the next. */
static int64_t pitch(const ag_attend *a)
{
    const int64_t longest = a->d > a->d_v ? a->d : a->d_v;
    return (longest + LANES - 1) / LANES * LANES;
}

static int64_t queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

/* Queries per task: TASK, or fewer where that would leave less than 32 tasks. By shape only. */
static int64_t queries_per_task(const ag_step *s)
{
    const int64_t n = queries_of(&s->u.attend), panels = (n + PANEL - 1) / PANEL;
    int64_t each = panels * s->n_heads / 32;
    if (each < 2) each = 2;
    if (each > TASK / PANEL) each = TASK / PANEL;
    return each * PANEL;
}

static int64_t tiles_of(const ag_step *s)
{
    const int64_t each = queries_per_task(s);
    return (queries_of(&s->u.attend) + each - 1) / each;
}

static int64_t tasks(const ag_step *s) { return s->n_heads * tiles_of(s); }

/* ---- memory ---- */

/* Units are as large as floats. */
static void *carve(char **memory, int64_t floats)
{
    void *at = *memory;
    *memory += ((size_t)floats * sizeof(float) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    return at;
}

/* Lays the tile's arrays out from `memory`; returns the end. */
static char *lay_out(tile *x, char *memory)
{
    const ag_attend *a = x->a;
    for (int i = 0; i < MOST_PANELS; i++) {
        panel *p = &x->panel[i];
        p->qt = carve(&memory, units(a->d) * PANEL);
        p->o = carve(&memory, wide(a) * PANEL);
        p->m = carve(&memory, PANEL);
        p->l = carve(&memory, PANEL);
    }
    x->s = carve(&memory, (int64_t)BLOCK * PANEL);
    x->top = carve(&memory, PANEL);
    x->by = carve(&memory, PANEL);
    x->w = NUMBERS > 1 ? carve(&memory, (int64_t)BLOCK / NUMBERS * PANEL) : (unit *)x->s;
    x->k = carve(&memory, BLOCK * units(a->d));
    x->v = carve(&memory, BLOCK / NUMBERS * wide(a));
    x->rows = carve(&memory, LANES * pitch(a));
    x->first = a->n_passes == 2 ? carve(&memory, TASK * a->d_v) : NULL;
    return memory;
}

static size_t tile_bytes(void) { return (sizeof(tile) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT; }

static size_t scratch(const ag_step *s)
{
    tile x;
    x.a = &s->u.attend;
    char *const none = (char *)(uintptr_t)AG_ALIGNMENT;
    return tile_bytes() + (size_t)(lay_out(&x, none) - none);
}

/* ---- queries ---- */

static void list_queries(tile *x, int64_t from)
{
    int64_t before = 0;
    int n = 0;
    for (int span = 0; span < x->a->n_spans; span++) {
        const ag_span *s = &x->a->spans[span];
        for (int64_t i = from + n - before; n < x->queries && i < s->count; i++, n++) {
            x->token[n] = s->first + i;
            x->span[n] = span;
        }
        before += s->count;
    }
    for (; n < MOST_QUERIES; n++) {
        x->token[n] = x->token[x->queries - 1];
        x->span[n] = x->span[x->queries - 1];
    }
}

/* Panels of 3 vectors; a remainder of 4 is two of 2, never 3 and 1. */
static void cut_panels(tile *x)
{
    int vectors = (x->queries + LANES - 1) / LANES, first = 0;
    for (x->panels = 0; vectors > 0; x->panels++) {
        const int n = vectors == 4 ? 2 : vectors < VECTORS ? vectors : VECTORS;
        x->panel[x->panels].first = first;
        x->panel[x->panels].vectors = n;
        first += n * LANES;
        vectors -= n;
    }
}

static void choose_logit_rows(tile *x, const ag_pass *pass)
{
    for (int i = 0; i < MOST_QUERIES; i++) x->logit_row[i] = x->token[i];
    if (!pass->permuted) return;
    const ag_row_args row = ag_row_values(x->run, x->b);
    const int32_t *index = ag_index_at(x->run, &pass->index, &row);
    for (int i = 0; i < MOST_QUERIES; i++) x->logit_row[i] = index[x->token[i] - pass->o] + pass->o;
}

#endif
