/* attend_ref.c - the attend step as its definition: one query at a time, logits, maximum and sums in float64.
 * Refuses nothing. Memory: one row of logits. */
#include "../semantics.h"
#include "cpu.h"
#include "logits.h"

#define TILE 16 /* queries per task */

/* Per worker: weights of one query [n_k + 1], result of each pass [d_v], rows of q, k or v. */
typedef struct space {
    double *weight, *result[2];
    float *q, *row;
} space;

static int64_t keys_of(const ag_attend *a)
{
    int64_t most = 0;
    for (int p = 0; p < a->n_passes; p++) {
        int64_t n = 1;
        for (int i = 0; i < a->pass[p].n_keys; i++) n += a->pass[p].keys[i].count;
        if (n > most) most = n;
    }
    return most;
}

static size_t scratch(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const int64_t wide = a->d > a->d_v ? a->d : a->d_v;
    return (size_t)(keys_of(a) + 2 * a->d_v) * sizeof(double) + (size_t)(a->d + wide) * sizeof(float);
}

static space carve(const ag_attend *a, void *memory)
{
    space s = { .weight = memory };
    s.result[0] = s.weight + keys_of(a);
    s.result[1] = s.result[0] + a->d_v;
    s.q = (float *)(s.result[1] + a->d_v);
    s.row = s.q + a->d;
    return s;
}

/* ---- one pass of one query ---- */

static double own_logit(const ag_pass *p, const ag_logit_row *r, const space *s, int64_t d)
{
    if (p->own == AG_OWN_SELF) return ag_logit(r, s->q, &p->own_k, r->i, s->row, d);
    if (p->own == AG_OWN_NONE) return -INFINITY;
    const float count = *(const float *)ag_at(r->run, &p->own_count, r->h, 0);
    if (count == 0) return -INFINITY;
    ag_load_row(s->row, ag_at(r->run, &p->own_k, r->h, 0), p->own_k.dtype, d);
    return r->scale * ag_dot(s->q, s->row, d) + log(count);
}

/* Masked, noisy: what the words of query i and key j make of their logit. */
static double disturbed(const ag_disturbance *x, const ag_row_args *row, int64_t i, int64_t j, double logit)
{
    const uint32_t stream = (uint32_t)row->stream, from = (uint32_t)(i - x->o), to = (uint32_t)(j - x->o);
    if (j < x->o || j >= x->o + x->n || logit == -INFINITY) return logit;
    if (x->kind == AG_DISTURB_NOISE)
        return logit + x->amplitude * ag_normal(ag_logit_words(row->seed, stream, from, to));
    return ag_hides(row->seed, stream, from, to, x->last) ? -INFINITY : logit;
}

static int64_t all_logits(const ag_pass *p, const ag_logit_row *r, const space *s, int64_t d)
{
    const ag_row_args row = ag_row_values(r->run, r->b);
    int64_t n = 0;
    s->weight[n++] = own_logit(p, r, s, d);
    for (int i = 0; i < p->n_keys; i++)
        for (int64_t j = p->keys[i].first; j < p->keys[i].first + p->keys[i].count; j++) {
            const double x = ag_logit(r, s->q, &p->keys[i].k, j, s->row, d);
            s->weight[n++] = p->disturbance.kind ? disturbed(&p->disturbance, &row, r->i, j, x) : x;
        }
    return n;
}

static void add_value(const ag_logit_row *r, const ag_ref *v, int64_t j, double weight, const space *s, double *out,
                      int64_t d_v)
{
    if (weight == 0) return; /* a masked value may be anything, NaN too */
    ag_load_row(s->row, ag_at(r->run, v, r->h, j), v->dtype, d_v);
    for (int64_t t = 0; t < d_v; t++) out[t] += weight * s->row[t];
}

/* Returns lse; out is the weighted mean of the values, zeros where nothing is seen. */
static double attend(const ag_attend *a, const ag_pass *p, const ag_logit_row *r, const space *s, double *out)
{
    const int64_t n = all_logits(p, r, s, a->d);
    const double m = ag_greatest(s->weight, n);
    double sum = 0;
    for (int64_t t = 0; t < a->d_v; t++) out[t] = 0;
    if (m == -INFINITY) return m;
    for (int64_t j = 0; j < n; j++) sum += s->weight[j] = exp(s->weight[j] - m);
    for (int64_t j = 0; j < n; j++) s->weight[j] /= sum;

    int64_t at = 1; /* 0 is the own key */
    if (p->own != AG_OWN_NONE) add_value(r, &p->own_v, p->own == AG_OWN_SELF ? r->i : 0, s->weight[0], s, out, a->d_v);
    for (int i = 0; i < p->n_keys; i++)
        for (int64_t j = 0; j < p->keys[i].count; j++)
            add_value(r, &p->keys[i].v, p->keys[i].first + j, s->weight[at++], s, out, a->d_v);
    return m + log(sum);
}

static double run_pass(const ag_step *step, int number, int span, ag_logit_row r, const space *s)
{
    const ag_attend *a = &step->u.attend;
    const ag_pass *p = &a->pass[number];
    double *out = s->result[number];
    if (p->ready) {
        ag_load_row(s->row, ag_at(r.run, &p->q[0], r.h, ag_mapped(&p->map, r.i)), p->q[0].dtype, a->d_v);
        for (int64_t t = 0; t < a->d_v; t++) out[t] = s->row[t];
        return 0;
    }
    ag_load_row(s->q, ag_at(r.run, &p->q[span], r.h, r.i), p->q[span].dtype, a->d);
    if (p->permuted) {
        const ag_row_args row = ag_row_values(r.run, step->b);
        r.i = ag_index_at(r.run, &p->index, &row)[r.i - p->o] + p->o;
    }
    r.scale = p->scale;
    r.seen = a->causal ? r.i + a->causal_shift + 1 : INT64_MAX;
    return attend(a, p, &r, s, out);
}

/* ---- one query ---- */

static void run_query(const ag_step *step, int span, const ag_logit_row *r, const space *s)
{
    const ag_attend *a = &step->u.attend;
    const double u = a->n_passes == 2 ? ag_row_values(r->run, step->b).strength : 0;
    const double lse = u < 1 ? run_pass(step, 0, span, *r, s) : 0;
    if (u > 0) run_pass(step, 1, span, *r, s);

    for (int64_t t = 0; t < a->d_v; t++) {
        if (u == 0) s->row[t] = (float)s->result[0][t];
        else if (u == 1) s->row[t] = (float)s->result[1][t];
        else s->row[t] = (float)((1 - u) * s->result[0][t] + u * s->result[1][t]);
    }
    ag_store_row(ag_at(r->run, &a->out, r->h, r->i), s->row, a->out.dtype, a->d_v);
    if (a->lse.source != AG_SOURCES) *(float *)ag_at(r->run, &a->lse, r->h, r->i) = (float)lse;
}

static int64_t queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

static int64_t tasks(const ag_step *s) { return s->n_heads * ((queries_of(&s->u.attend) + TILE - 1) / TILE); }

static void run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_attend *a = &step->u.attend;
    const space s = carve(a, memory);
    const int64_t n = queries_of(a), tiles = (n + TILE - 1) / TILE;
    const int64_t first = task % tiles * TILE, last = first + TILE < n ? first + TILE : n;
    ag_logit_row r = {
        .run = bound, .visible = ag_visible_of(bound, step->b), .b = step->b, .h = step->heads[task / tiles]
    };
    int64_t before = 0;
    for (int span = 0; span < a->n_spans; span++) {
        for (int64_t x = 0; x < a->spans[span].count; x++) {
            if (before + x < first || before + x >= last) continue;
            r.i = a->spans[span].first + x;
            run_query(step, span, &r, &s);
        }
        before += a->spans[span].count;
    }
}

const ag_kernel ag_attend_f64_ref = {
    .name = "attend_f64_ref",
    .step = AG_STEP_ATTEND,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
