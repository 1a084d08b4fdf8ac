/* study.c - statistics of the attention map, streamed row by row: attention received, energy, curvature; and
 * the map itself. In float64. */
#include "cpu.h"
#include "log2.h"
#include "logits.h"

#define TILE 16 /* queries per task of energy and map */

/* Per worker: logits of one query [n_k], sums per key [n_k], a row of q and one of k. */
typedef struct space {
    double *weight, *sum;
    float *q, *k;
} space;

static size_t scratch(const ag_step *s)
{
    const ag_study *x = &s->u.study;
    return 2 * (size_t)x->n_k * sizeof(double) + 2 * (size_t)x->d * sizeof(float);
}

static space carve(const ag_study *x, void *memory)
{
    double *weight = memory;
    float *q = (float *)(weight + 2 * x->n_k);
    return (space){ weight, weight + x->n_k, q, q + x->d };
}

/* A row's greatest logit and the sum of exp(L - m): 0 where nothing is seen. */
typedef struct sums {
    double m, l;
} sums;

static double lse_of(sums x) { return x.l == 0 ? -INFINITY : x.m + log(x.l); }

/* Leaves softmax(L_i) in s->weight; zeros where nothing is seen. */
static sums softmax_row(const ag_study *x, ag_logit_row *r, const space *s)
{
    double sum = 0;
    r->seen = x->causal ? r->i + x->causal_shift + 1 : INT64_MAX;
    ag_load_row(s->q, ag_at(r->run, &x->q, r->h, r->i), x->q.dtype, x->d);
    for (int64_t j = 0; j < x->n_k; j++) s->weight[j] = ag_logit(r, s->q, &x->k, j, s->k, x->d);
    const double m = ag_greatest(s->weight, x->n_k);
    for (int64_t j = 0; j < x->n_k; j++) sum += s->weight[j] = m == -INFINITY ? 0 : exp(s->weight[j] - m);
    for (int64_t j = 0; j < x->n_k && sum != 0; j++) s->weight[j] /= sum;
    return (sums){ m, sum };
}

/* For received kernels: m as a float in units of log 2, and l to go with exactly that. */
static void leave_sums(const ag_study *x, const ag_logit_row *r, sums of)
{
    const double exact = of.m * LOG2E;
    const float m = exact < -FLT_MAX ? -FLT_MAX : (float)exact;
    *(float *)ag_at(r->run, &x->m, r->h, r->i) = m;
    *(float *)ag_at(r->run, &x->l, r->h, r->i) = (float)(exact < -FLT_MAX ? of.l : of.l * exp2(exact - m));
}

static ag_logit_row row_of(const ag_step *s, const ag_bound *bound, int64_t h)
{
    return (ag_logit_row){
        .run = bound, .visible = ag_visible_of(bound, s->b), .b = s->b, .h = h, .scale = s->u.study.scale
    };
}

/* ---- received_j = sum_i mean_h A[h,i,j] ---- */

static int64_t received_tasks(const ag_step *s)
{
    (void)s;
    return 1;
}

static void received_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    (void)task;
    const ag_study *x = &step->u.study;
    const space s = carve(x, memory);
    float *out = ag_at(bound, &x->out, 0, 0);
    for (int64_t j = 0; j < x->n_k; j++) s.sum[j] = 0;
    for (int64_t h = 0; h < x->heads; h++) {
        ag_logit_row r = row_of(step, bound, h);
        for (r.i = 0; r.i < x->n_q; r.i++) {
            softmax_row(x, &r, &s);
            for (int64_t j = 0; j < x->n_k; j++) s.sum[j] += s.weight[j];
        }
    }
    for (int64_t j = 0; j < x->n_k; j++) out[j] = (float)(s.sum[j] / (double)x->heads);
}

/* ---- energy -lse, and curvature: the spectral norm of diag(a) - a a^T ---- */

/* Below its root in (a_2, a_1) this is negative, above it positive (methods.md section 3). */
static double secular(const double *a, int64_t n, double x)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
        if (a[j] > 0) sum += a[j] / (a[j] - x);
    return sum;
}

static double curvature(const double *a, int64_t n)
{
    double first = 0, second = 0;
    int64_t seen = 0;
    for (int64_t j = 0; j < n; j++) {
        if (a[j] > first) {
            second = first;
            first = a[j];
        } else if (a[j] > second) second = a[j];
        seen += a[j] > 0;
    }
    if (seen < 2) return 0;
    if (seen == 2) return 2 * first * second;
    double low = second, high = first;
    for (int step = 0; step < 100 && low < high; step++) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (secular(a, n, middle) < 0) low = middle;
        else high = middle;
    }
    return high;
}

static int64_t tiled_tasks(const ag_step *s) { return s->n_heads * ((s->u.study.n_q + TILE - 1) / TILE); }

static void energy_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *x = &step->u.study;
    const space s = carve(x, memory);
    const int64_t tiles = (x->n_q + TILE - 1) / TILE, first = task % tiles * TILE;
    ag_logit_row r = row_of(step, bound, step->heads[task / tiles]);
    for (r.i = first; r.i < first + TILE && r.i < x->n_q; r.i++) {
        const sums of = softmax_row(x, &r, &s);
        if (x->out.source != AG_SOURCES) *(float *)ag_at(bound, &x->out, r.h, r.i) = (float)-lse_of(of);
        if (x->m.source != AG_SOURCES) leave_sums(x, &r, of);
        if (x->curvature.source != AG_SOURCES && bound->base[AG_TO_CURVATURE])
            *(float *)ag_at(bound, &x->curvature, r.h, r.i) = (float)(isnan(of.l) ? of.l : curvature(s.weight, x->n_k));
    }
}

/* ---- the map itself ---- */

static void map_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *x = &step->u.study;
    const space s = carve(x, memory);
    const int64_t tiles = (x->n_q + TILE - 1) / TILE, first = task % tiles * TILE;
    ag_logit_row r = row_of(step, bound, step->heads[task / tiles]);
    for (r.i = first; r.i < first + TILE && r.i < x->n_q; r.i++) {
        softmax_row(x, &r, &s);
        float *out = ag_at(bound, &x->out, r.h, r.i);
        for (int64_t j = 0; j < x->n_k; j++) out[j] = (float)s.weight[j];
    }
}

const ag_kernel ag_received_f64_ref = {
    .name = "received_f64_ref",
    .step = AG_STEP_RECEIVED,
    .refuse = ag_refuses_nothing,
    .tasks = received_tasks,
    .scratch = scratch,
    .run = received_run,
};
const ag_kernel ag_energy_f64_ref = {
    .name = "energy_f64_ref",
    .step = AG_STEP_ENERGY,
    .refuse = ag_refuses_nothing,
    .tasks = tiled_tasks,
    .scratch = scratch,
    .run = energy_run,
};
const ag_kernel ag_map_f64_ref = {
    .name = "map_f64_ref",
    .step = AG_STEP_MAP,
    .refuse = ag_refuses_nothing,
    .tasks = tiled_tasks,
    .scratch = scratch,
    .run = map_run,
};
