/* received_tiled.h - attention received in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 8 panels of keys, for all heads one after the other: lanes are keys, and the queries that see any of
 * them come by in packed blocks, each with its m and l from the energy step before. Sums over a block of queries are
 * float32, those over blocks and heads float64, in an order that depends on shapes and masks only. */
#include "study_panels.h"

static int64_t keys_per_task(const ag_study *s) { return tokens_per_task(s->n_k, 1); }

static int64_t received_tasks(const ag_step *s)
{
    const int64_t each = keys_per_task(&s->u.study);
    return (s->u.study.n_k + each - 1) / each;
}

static size_t received_scratch(const ag_step *s) { return study_bytes(&s->u.study, 0); }

/* Lists the visible keys of [first, end) in panels. */
static void list_keys(study *x, int64_t first, int64_t end)
{
    x->panels = 0;
    for (int64_t j = first; j < end; j++) {
        if (!ag_key_visible(&x->visible, j)) continue;
        if (!x->panels || x->panel[x->panels - 1].lanes == PANEL) x->panel[x->panels++].lanes = 0;
        panel *p = &x->panel[x->panels - 1];
        p->token[p->lanes++] = j;
    }
    for (int i = 0; i < x->panels; i++) memset(x->panel[i].total, 0, sizeof x->panel[i].total);
}

/* Queries [i, i + n) as rows, with what their weights are made with. */
typedef struct block {
    int n;
    float m[BLOCK], by[BLOCK];
} block;

static void load_queries(study *x, int64_t i, block *q)
{
    const int64_t left = x->what->n_q - i;
    q->n = (int)(left < BLOCK ? left : BLOCK);
    for (int r = 0; r < q->n; r++) {
        const float l = *(const float *)ag_at(x->run, &x->what->l, x->h, i + r);
        load_row(x, r, &x->what->q, i + r, query_scale(x));
        q->m[r] = *(const float *)ag_at(x->run, &x->what->m, x->h, i + r);
        q->by[r] = l == 0 ? 0 : 1 / l; /* a NaN sum stays NaN */
    }
    pad_rows(x, q->n);
}

static void add_queries(study *x, panel *p, const block *q)
{
    logits(x, p, q->n, x->s, 0);
    for (int c = 0; c < p->vectors * LANES; c += LANES) {
        vec sum = v_all(0);
        for (int r = 0; r < q->n; r++)
            sum += v_exp2(*(const vec *)(x->s + r * PANEL + c) - v_all(q->m[r])) * v_all(q->by[r]);
        for (int i = 0; i < LANES; i++) p->total[c + i] += sum[i];
    }
}

/* The first query that sees key j. */
static int64_t first_query(const study *x, int64_t j)
{
    const int64_t i = x->what->causal ? j - x->what->causal_shift : 0;
    return i > 0 ? i : 0;
}

static void receive_head(study *x)
{
    block q;
    for (int i = 0; i < x->panels; i++) load_panel(x, &x->panel[i], &x->what->k, 1);
    for (int64_t i = first_query(x, x->panel[0].token[0]); i < x->what->n_q; i += q.n) {
        load_queries(x, i, &q);
        for (int n = 0; n < x->panels; n++)
            if (first_query(x, x->panel[n].token[0]) < i + q.n) add_queries(x, &x->panel[n], &q);
    }
}

static void received_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *s = &step->u.study;
    study *x = study_begin(step, bound, 0, memory);
    const int64_t each = keys_per_task(s), first = task * each, end = first + each < s->n_k ? first + each : s->n_k;
    list_keys(x, first, end);
    for (int64_t h = 0; x->panels && h < step->n_heads; h++) {
        x->h = step->heads[h];
        receive_head(x);
    }
    for (int64_t j = first; j < end; j++) *(float *)ag_at(bound, &s->out, 0, j) = 0;
    for (int n = 0; n < x->panels; n++)
        for (int lane = 0; lane < x->panel[n].lanes; lane++)
            *(float *)ag_at(bound, &s->out, 0, x->panel[n].token[lane]) =
                (float)(x->panel[n].total[lane] / (double)s->heads);
}
