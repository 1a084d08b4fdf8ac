/* attend.c - the attend step as its definition: one query at a time, logits, maximum and sums in float64.
 * Refuses nothing. Memory: a few rows. */
#include "../cpu.h"
#include "attend_exact.h"

#define TILE 16 /* queries per task */

static int64_t queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

static int64_t tasks(const ag_step *s) { return s->n_heads * ((queries_of(&s->u.attend) + TILE - 1) / TILE); }

static size_t scratch(const ag_step *s) { return exact_bytes(&s->u.attend) + (size_t)s->u.attend.d_v * sizeof(float); }

static void run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_attend *a = &step->u.attend;
    const int64_t n = queries_of(a), tiles = (n + TILE - 1) / TILE;
    const int64_t first = task % tiles * TILE, last = first + TILE < n ? first + TILE : n;
    const exact x = exact_of(a, bound, step->b, step->heads[task / tiles], memory);
    float *row = (float *)((char *)memory + exact_bytes(a));
    int64_t before = 0;
    for (int span = 0; span < a->n_spans; before += a->spans[span++].count)
        for (int64_t at = 0; at < a->spans[span].count; at++) {
            const int64_t i = a->spans[span].first + at;
            if (before + at < first || before + at >= last) continue;
            const double lse = exact_row(&x, span, i, row);
            ag_store_row(ag_at(bound, &a->out, x.h, i), row, a->out.dtype, a->d_v);
            if (a->lse.source != AG_SOURCES) *(float *)ag_at(bound, &a->lse, x.h, i) = (float)lse;
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
