/* mean.c - the mean of visible image keys or values, and how many they are. Sums in float64. */
#include "../cpu.h"
#include "../rows.h"

static int64_t tasks(const ag_step *s) { return s->n_heads; }

static size_t scratch(const ag_step *s) { return (size_t)s->u.mean.d * (sizeof(double) + sizeof(float)); }

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_mean *m = &s->u.mean;
    const ag_visible visible = ag_visible_of(bound, s->b);
    const int64_t h = s->heads[task];
    double *sum = memory;
    float *row = (float *)(sum + m->d), *dst = ag_at(bound, &m->dst, h, 0);
    int64_t n = 0;
    for (int64_t t = 0; t < m->d; t++) sum[t] = 0;
    for (int64_t j = m->o; j < m->o + m->n; j++) {
        if (!ag_key_visible(&visible, j)) continue;
        ag_load_row(row, ag_at(bound, &m->src, h, j), m->src.dtype, m->d);
        for (int64_t t = 0; t < m->d; t++) sum[t] += row[t];
        n++;
    }
    for (int64_t t = 0; t < m->d; t++) dst[t] = n ? (float)(sum[t] / (double)n) : 0;
    if (m->count.source != AG_SOURCES) *(float *)ag_at(bound, &m->count, h, 0) = (float)n;
}

const ag_kernel ag_mean_f64_ref = {
    .name = "mean_f64_ref",
    .step = AG_STEP_MEAN,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
