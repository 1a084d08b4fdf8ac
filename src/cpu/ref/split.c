/* split.c - a query's part along its own key, and the rest:
 * k^ = k / max(|k|, 1e-12), par = (q.k^) k^, perp = q - par. In float64, stored as float32. */
#include <math.h>

#include "../cpu.h"
#include "logits.h"

static int64_t tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.split.n); }

static size_t scratch(const ag_step *s) { return 2 * (size_t)s->u.split.d * sizeof(float); }

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_split *x = &s->u.split;
    const ag_part part = ag_part_of(s, task, x->n);
    float *q = memory, *k = q + x->d;
    for (int64_t i = x->o + part.first; i < x->o + part.last; i++) {
        ag_load_row(q, ag_at(bound, &x->q, part.h, i), x->q.dtype, x->d);
        ag_load_row(k, ag_at(bound, &x->k, part.h, i), x->k.dtype, x->d);
        const double norm = fmax(sqrt(ag_dot(k, k, x->d)), 1e-12), along = ag_dot(q, k, x->d) / norm / norm;
        float *perp = ag_at(bound, &x->perp, part.h, i);
        for (int64_t t = 0; t < x->d; t++) perp[t] = (float)(q[t] - along * k[t]);
        if (x->par.source == AG_SOURCES) continue;
        float *par = ag_at(bound, &x->par, part.h, i);
        for (int64_t t = 0; t < x->d; t++) par[t] = (float)(along * k[t]);
    }
}

const ag_kernel ag_split_f64_ref = {
    .name = "split_f64_ref",
    .step = AG_STEP_SPLIT,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
