/* received_tmpl.h - attention received in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 8 panels of keys, for all heads one after the other: lanes are keys, and the queries that see any of
 * them come by in packed blocks, each with its m and l from the energy step before. Sums over a block of queries are
 * float32, those over blocks and heads float64, in an order that depends on shapes and masks only. */
#include "study_panels_tmpl.h"

static int64_t received_keys_per_task(const ag_study *s) { return study_tokens_per_task(s->n_k, 1); }

static int64_t received_tasks(const ag_step *s)
{
    const int64_t each = received_keys_per_task(&s->u.study);
    return (s->u.study.n_k + each - 1) / each;
}

static size_t received_scratch(const ag_step *s) { return study_bytes(&s->u.study, 0, 0); }

/* Lists the visible keys of [first, end) in panels. */
static void received_list_keys(study *x, int64_t first, int64_t end)
{
    x->panels = 0;
    for (int64_t j = first; j < end; j++) {
        if (!ag_key_visible(&x->visible, j)) continue;
        if (!x->panels || x->panel[x->panels - 1].lanes == PANEL) x->panel[x->panels++].lanes = 0;
        study_panel *p = &x->panel[x->panels - 1];
        p->token[p->lanes++] = j;
    }
    for (int i = 0; i < x->panels; i++) memset(x->panel[i].total, 0, sizeof x->panel[i].total);
}

/* Queries as rows, with what their weights are made with. */
typedef struct received_block {
    int n;
    float m[BLOCK], by[BLOCK];
} received_block;

/* A query whose weights are NaN or beyond float32, by itself: it changes those keys alone that it sees. */
static void received_add_query(study *x, int64_t i, float m, float l)
{
    ag_study_row_begin(&x->row, x->h, i);
    const double top = isnan(l) ? 0 : ag_study_row_top(&x->row, m);
    for (int n = 0; n < x->panels; n++)
        for (int lane = 0; lane < x->panel[n].lanes; lane++)
            x->panel[n].total[lane] += ag_study_row_weight(&x->row, x->panel[n].token[lane], top, l);
}

/* The next queries of [*at, n_q), up to BLOCK of them; others on the way are added by themselves. */
static void received_load_queries(study *x, int64_t *at, received_block *q)
{
    q->n = 0;
    for (; q->n < BLOCK && *at < x->what->n_q; ++*at) {
        const float m = *(const float *)ag_at(x->run, &x->what->m, x->h, *at);
        const float l = *(const float *)ag_at(x->run, &x->what->l, x->h, *at);
        if (isnan(l) || ag_study_row_marked(l)) {
            received_add_query(x, *at, m, l);
            continue;
        }
        study_load_row(x, q->n, &x->what->q, *at, study_query_scale(x));
        q->m[q->n] = m;
        q->by[q->n++] = l == 0 ? 0 : 1 / l;
    }
    if (q->n) study_pad_rows(x, q->n);
}

static void received_add_queries(study *x, study_panel *p, const received_block *q)
{
    study_logits(x, p, q->n, x->s, 0);
    for (int c = 0; c < p->vectors * LANES; c += LANES) {
        vec sum = v_all(0);
        for (int r = 0; r < q->n; r++)
            sum += v_exp2(*(const vec *)(x->s + r * PANEL + c) - v_all(q->m[r])) * v_all(q->by[r]);
        for (int i = 0; i < LANES; i++) p->total[c + i] += sum[i];
    }
}

/* The first query that sees key j. */
static int64_t received_first_query(const study *x, int64_t j)
{
    const int64_t i = x->what->causal ? j - x->what->causal_shift : 0;
    return i > 0 ? i : 0;
}

static void received_receive_head(study *x)
{
    received_block q;
    for (int i = 0; i < x->panels; i++) study_load_panel(x, &x->panel[i], &x->what->k, 1);
    for (int64_t i = received_first_query(x, x->panel[0].token[0]); i < x->what->n_q;) {
        received_load_queries(x, &i, &q);
        for (int n = 0; q.n && n < x->panels; n++)
            if (received_first_query(x, x->panel[n].token[0]) < i) received_add_queries(x, &x->panel[n], &q);
    }
}

static void received_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *s = &step->u.study;
    study *x = study_begin(step, bound, 0, 0, memory);
    const int64_t each = received_keys_per_task(s), first = task * each,
                  end = first + each < s->n_k ? first + each : s->n_k;
    received_list_keys(x, first, end);
    for (int64_t h = 0; x->panels && h < step->n_heads; h++) {
        x->h = step->heads[h];
        received_receive_head(x);
    }
    for (int64_t j = first; j < end; j++) *(float *)ag_at(bound, &s->out, 0, j) = 0;
    for (int n = 0; n < x->panels; n++)
        for (int lane = 0; lane < x->panel[n].lanes; lane++)
            *(float *)ag_at(bound, &s->out, 0, x->panel[n].token[lane]) =
                (float)(x->panel[n].total[lane] / (double)s->heads);
}
