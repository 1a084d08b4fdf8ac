/* attend_task_tmpl.h - a task of the tiled attend kernel: its queries, its panels, and the memory they live in. */
#ifndef AG_ATTEND_TASK_TMPL_H
#define AG_ATTEND_TASK_TMPL_H

#include "../cpu.h"
#include "../verbs/rows_vector.h"
#include "../verbs/tile.h"

#include "../verbs/amend.h"

#include "../ref/attend_exact.h"

enum {
    ATTEND_STREAM_KEYS = 512,
    ATTEND_KEPT = 32 * BLOCK,
    ATTEND_TASK = 384 * NUMBERS,
    ATTEND_MOST_PANELS = ATTEND_TASK / PANEL + 1,
    ATTEND_MOST_QUERIES = ATTEND_MOST_PANELS * PANEL
};

/* Queries lane by lane, and where their results gather. */
typedef struct attend_panel {
    int first, vectors;  /* first query of the task in this panel */
    int empty;           /* nothing has been summed in o yet, and it holds nothing */
    int64_t shown, seen; /* keys from here on are hidden from some of them, from all */
    unit *qt;            /* [attend_units(d)][PANEL] */
    float *o, *m, *l;    /* [d_v rounded up to ROWS][PANEL], [PANEL], [PANEL] */
    float *size;         /* [PANEL]: square of each packed query's norm, 0 where that is not finite */
    float largest;       /* of them */
} attend_panel;

/* Rows that will be read soon: a few are fetched into the cache with each tile of logits. */
typedef struct attend_fetch {
    const char *at;
    int64_t stride, bytes;
    int rows, rows_each;
} attend_fetch;

typedef struct attend_tile {
    const ag_attend *a;
    const ag_bound *run;
    int64_t b, h;
    ag_visible visible;
    float strength; /* of the blend; 0 and 1 where one pass alone is run */
    int queries, panels;
    int64_t token[ATTEND_MOST_QUERIES];     /* output token of each lane; lanes past the last repeat it */
    int64_t logit_row[ATTEND_MOST_QUERIES]; /* row of causal and bias */
    int span[ATTEND_MOST_QUERIES];
    attend_panel panel[ATTEND_MOST_PANELS];
    float *s, *top, *by;               /* [attend_kept_keys()][PANEL], of which a pass uses BLOCK; [PANEL], [PANEL] */
    unit *w;                           /* weights: [BLOCK / NUMBERS][PANEL], s itself where a unit is one number */
    unit *k, *v;                       /* [BLOCK][attend_units(d)], [BLOCK / NUMBERS][wide] */
    float *rows, *first;               /* [LANES][pitch], result of pass 0 [ATTEND_TASK][d_v] */
    const unit *key_rows, *value_rows; /* of this block: k and v, or the caller's own */
    attend_fetch next_queries, next_keys, next_values;
    int64_t key[BLOCK]; /* the key each row came from */
    int range[BLOCK];   /* and its place among the pass's ranges of keys */

    /* attend_extreme_tmpl.h: numbers that float32 or the tiles do not hold */
    void *exact_memory;
    unsigned char again[ATTEND_MOST_QUERIES];    /* the query is computed again, exactly */
    unsigned char poisoned[ATTEND_MOST_QUERIES]; /* it sees NaN or infinity in this pass, and no exactness helps */
    int large;                                   /* some value of this pass is so large that results are looked at */
    float key_size;                              /* sum of squares of the block's keys */
    int sized;                                   /* key_sizes are those of this block */
    double *key_sizes; /* [BLOCK]: squares of norms; infinite, or NaN where a key is not finite */
    int odd, odd_key[BLOCK], odd_finite[BLOCK]; /* rows of the block whose values are not finite, or nearly */
    uint32_t *odd_seen;                         /* [BLOCK][PANEL]: all bits where the lane sees the odd key */

    /* attend_sparse_tmpl.h: of a pass with a power of entmax */
    double lambda;            /* of the run; 0: softmax alone */
    float *logits;            /* [attend_kept_keys()][PANEL], of which x->s is the block at hand */
    float *tau, *slope, *sum; /* [PANEL] each */
} attend_tile;

static int64_t attend_units(int64_t numbers) { return (numbers + NUMBERS - 1) / NUMBERS; }

static int64_t attend_wide(const ag_attend *a) { return (a->d_v + ROWS - 1) / ROWS * ROWS; }

/* Keys whose logits a panel has room for at once. With a power of entmax the search goes over them again and again:
 * then as many as the second cache holds. By shape only. */
static int64_t attend_kept_keys(const ag_attend *a)
{
    int64_t keys = 0;
    for (int i = 0; i < a->pass[0].n_keys && a->pass[0].power != 0; i++) keys += a->pass[0].keys[i].count;
    if (keys > ATTEND_KEPT) return ATTEND_KEPT;
    return keys <= BLOCK ? BLOCK : (keys + BLOCK - 1) / BLOCK * BLOCK;
}

/* Elements from one row of x->rows to the next. */
static int64_t attend_pitch(const ag_attend *a)
{
    const int64_t longest = a->d > a->d_v ? a->d : a->d_v;
    return (longest + LANES - 1) / LANES * LANES;
}

static int64_t attend_queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

/* Queries per task: ATTEND_TASK, or fewer where that would leave less than 32 tasks. By shape only. */
static int64_t attend_queries_per_task(const ag_step *s)
{
    const int64_t n = attend_queries_of(&s->u.attend), panels = (n + PANEL - 1) / PANEL;
    int64_t each = panels * s->n_heads / 32;
    if (each < 2) each = 2;
    if (each > ATTEND_TASK / PANEL) each = ATTEND_TASK / PANEL;
    return each * PANEL;
}

static int64_t attend_tiles_of(const ag_step *s)
{
    const int64_t each = attend_queries_per_task(s);
    return (attend_queries_of(&s->u.attend) + each - 1) / each;
}

static int64_t attend_tasks(const ag_step *s) { return s->n_heads * attend_tiles_of(s); }

/* ---- memory ---- */

/* Units are as large as floats. */
static void *attend_carve(char **memory, int64_t floats)
{
    void *at = *memory;
    *memory += ((size_t)floats * sizeof(float) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    return at;
}

/* Lays the tile's arrays out from `memory`; returns the end. */
static char *attend_lay_out(attend_tile *x, char *memory)
{
    const ag_attend *a = x->a;
    for (int i = 0; i < ATTEND_MOST_PANELS; i++) {
        attend_panel *p = &x->panel[i];
        p->qt = attend_carve(&memory, attend_units(a->d) * PANEL);
        p->o = attend_carve(&memory, attend_wide(a) * PANEL);
        p->m = attend_carve(&memory, PANEL);
        p->l = attend_carve(&memory, PANEL);
        p->size = attend_carve(&memory, PANEL);
    }
    x->s = x->logits = attend_carve(&memory, attend_kept_keys(a) * PANEL);
    x->top = attend_carve(&memory, PANEL);
    x->by = attend_carve(&memory, PANEL);
    x->w = NUMBERS > 1 ? attend_carve(&memory, (int64_t)BLOCK / NUMBERS * PANEL) : (unit *)x->s;
    x->k = attend_carve(&memory, BLOCK * attend_units(a->d));
    x->v = attend_carve(&memory, BLOCK / NUMBERS * attend_wide(a));
    x->rows = attend_carve(&memory, LANES * attend_pitch(a));
    x->first = a->n_passes == 2 ? attend_carve(&memory, ATTEND_TASK * a->d_v) : NULL;
    x->tau = attend_carve(&memory, PANEL);
    x->slope = attend_carve(&memory, PANEL);
    x->sum = attend_carve(&memory, PANEL);
    x->key_sizes = attend_carve(&memory, 2 * BLOCK);
    x->odd_seen = attend_carve(&memory, (int64_t)BLOCK * PANEL);
    x->exact_memory = attend_carve(&memory, (int64_t)(exact_bytes(a) / sizeof(float)));
    return memory;
}

static size_t attend_tile_bytes(void) { return (sizeof(attend_tile) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT; }

static size_t attend_scratch(const ag_step *s)
{
    attend_tile x;
    x.a = &s->u.attend;
    char *const none = (char *)(uintptr_t)AG_ALIGNMENT;
    return attend_tile_bytes() + (size_t)(attend_lay_out(&x, none) - none);
}

/* ---- queries ---- */

static void attend_list_queries(attend_tile *x, int64_t from)
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
    for (; n < ATTEND_MOST_QUERIES; n++) {
        x->token[n] = x->token[x->queries - 1];
        x->span[n] = x->span[x->queries - 1];
    }
}

/* Panels of 3 vectors; a remainder of 4 is two of 2, never 3 and 1. */
static void attend_cut_panels(attend_tile *x)
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

static void attend_choose_logit_rows(attend_tile *x, const ag_pass *pass)
{
    for (int i = 0; i < ATTEND_MOST_QUERIES; i++) x->logit_row[i] = x->token[i];
    if (!pass->permuted) return;
    const ag_row_args row = ag_row_values(x->run, x->b);
    const int32_t *index = ag_index_at(x->run, &pass->index, &row);
    for (int i = 0; i < ATTEND_MOST_QUERIES; i++) x->logit_row[i] = index[x->token[i] - pass->o] + pass->o;
}

#endif
