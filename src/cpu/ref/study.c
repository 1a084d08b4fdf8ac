/* study.c - statistics of the attention map, streamed row by row: attention received, energy, curvature; and
 * the map itself. In float64. */
#include "study_row.h"

#include "../verbs/log2.h"

#define TILE 16 /* queries per task of energy and map */

size_t ag_study_row_bytes(const ag_study *s, int weights)
{
    return (weights ? (size_t)s->n_k : 0) * sizeof(double) + (size_t)s->d * 2 * sizeof(float);
}

ag_study_row ag_study_row_in(const ag_step *s, const ag_bound *run, int weights, double *memory)
{
    const ag_study *x = &s->u.study;
    float *q = (float *)(memory + (weights ? x->n_k : 0));
    return (ag_study_row){
        .what = x,
        .at = { .run = run, .visible = ag_visible_of(run, s->b), .b = s->b, .scale = x->scale },
        .weight = weights ? memory : NULL,
        .q = q,
        .k = q + x->d,
    };
}

void ag_study_row_begin(ag_study_row *r, int64_t h, int64_t i)
{
    const ag_study *x = r->what;
    r->at.h = h;
    r->at.i = i;
    r->at.seen = ag_causal_end(x->causal, x->causal_shift, i);
    ag_load_row(r->q, ag_at(r->at.run, &x->q, h, i), x->q.dtype, x->d);
}

static __attribute__((noinline)) double logit(ag_study_row *r, int64_t j)
{
    return ag_logit(&r->at, r->q, &r->what->k, j, r->k, r->what->d);
}

/* -inf where the key is hidden. */
static float bias_of(const ag_study_row *r, int64_t j)
{
    if (j >= r->at.seen || !ag_key_visible(&r->at.visible, j)) return -INFINITY;
    return ag_bias_at(r->at.run, r->at.b, r->at.h, r->at.i, j);
}

static float greatest_size(const float *x, int64_t n)
{
    float most = 0;
    for (int64_t t = 0; t < n; t++)
        if (isfinite(x[t]) && fabsf(x[t]) > most) most = fabsf(x[t]);
    return most;
}

int ag_study_row_overflows(ag_study_row *r)
{
    const ag_study *x = r->what;
    float k = 0;
    for (int64_t j = 0; j < x->n_k && j < r->at.seen; j++) {
        if (bias_of(r, j) == -INFINITY) continue;
        ag_load_row(r->k, ag_at(r->at.run, &x->k, r->at.h, j), x->k.dtype, x->d);
        const float most = greatest_size(r->k, x->d);
        if (most > k) k = most;
    }
    return ag_logits_overflow(greatest_size(r->q, x->d), k, (double)x->d, x->scale * LOG2E);
}

int ag_study_biases_overflow(const ag_study_row *r, float l)
{
    for (int64_t j = 0; j < r->what->n_k && j < r->at.seen; j++) {
        const float bias = bias_of(r, j);
        if (l == 0 ? bias > -INFINITY : bias > AG_LOGIT_LIMIT && bias <= FLT_MAX) return 1;
    }
    return 0;
}

/* A row's greatest logit, whose it is, and the sum of exp(L - m): 0 where nothing is seen. */
typedef struct sums {
    double m, l;
    int32_t key;
} sums;

static double lse_of(sums x) { return x.l == 0 ? -INFINITY : x.m + log(x.l); }

/* Leaves softmax(L_i) in r->weight: 0 for hidden keys, though all that is seen be NaN. */
static sums softmax_row(ag_study_row *r)
{
    const int64_t n = r->what->n_k;
    double *w = r->weight;
    sums x = { -INFINITY, 0, 0 };
    for (int64_t j = 0; j < n; j++) w[j] = logit(r, j);
    x.m = ag_greatest(w, n);
    for (int64_t j = 0; j < n; j++) {
        if (w[j] == x.m) x.key = (int32_t)j;
        x.l += w[j] = w[j] == -INFINITY ? 0 : exp(w[j] - x.m);
    }
    for (int64_t j = 0; j < n; j++)
        if (w[j] != 0) w[j] /= x.l;
    return x;
}

/* For received kernels: m as a float in units of log 2 and l to go with exactly that, or the row marked. */
static void leave_sums(ag_study_row *r, sums of)
{
    const ag_study *x = r->what;
    const double exact = of.m * LOG2E;
    float m = of.l == 0 ? -FLT_MAX : (float)exact, l = (float)of.l;
    if (of.l > 0 && (!(fabs(exact) < AG_TOP_FINE) || ag_study_row_overflows(r))) {
        memcpy(&m, &of.key, sizeof m);
        l = -l;
    } else if (of.l > 0) {
        l = (float)(of.l * exp2(exact - m));
    }
    *(float *)ag_at(r->at.run, &x->m, r->at.h, r->at.i) = m;
    *(float *)ag_at(r->at.run, &x->l, r->at.h, r->at.i) = l;
}

double ag_study_row_top(ag_study_row *r, float m)
{
    int32_t key;
    memcpy(&key, &m, sizeof key);
    return logit(r, key);
}

double ag_study_row_weight(ag_study_row *r, int64_t j, double top, float l)
{
    if (isnan(l)) return bias_of(r, j) == -INFINITY ? 0 : l;
    const double x = logit(r, j);
    return x == -INFINITY ? 0 : exp(x - top) / fabsf(l);
}

/* Per worker: sums per key and a row. */
static size_t received_scratch(const ag_step *s)
{
    return (size_t)s->u.study.n_k * sizeof(double) + ag_study_row_bytes(&s->u.study, 1);
}

static size_t row_scratch(const ag_step *s) { return ag_study_row_bytes(&s->u.study, 1); }

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
    double *sum = memory;
    ag_study_row r = ag_study_row_in(step, bound, 1, sum + x->n_k);
    float *out = ag_at(bound, &x->out, 0, 0);
    for (int64_t j = 0; j < x->n_k; j++) sum[j] = 0;
    for (int64_t h = 0; h < x->heads; h++)
        for (int64_t i = 0; i < x->n_q; i++) {
            ag_study_row_begin(&r, h, i);
            softmax_row(&r);
            for (int64_t j = 0; j < x->n_k; j++) sum[j] += r.weight[j];
        }
    for (int64_t j = 0; j < x->n_k; j++) out[j] = (float)(sum[j] / (double)x->heads);
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

void ag_study_energy_row(ag_study_row *r)
{
    const ag_study *x = r->what;
    const ag_bound *run = r->at.run;
    const sums of = softmax_row(r);
    if (x->out.source != AG_SOURCES) *(float *)ag_at(run, &x->out, r->at.h, r->at.i) = (float)-lse_of(of);
    if (x->m.source != AG_SOURCES) leave_sums(r, of);
    if (x->curvature.source != AG_SOURCES && run->base[AG_TO_CURVATURE])
        *(float *)ag_at(run, &x->curvature, r->at.h, r->at.i) =
            (float)(isnan(of.l) ? of.l : curvature(r->weight, x->n_k));
}

static void each_row(const ag_step *step, const ag_bound *bound, int64_t task, double *memory,
                     void (*put)(ag_study_row *))
{
    const ag_study *x = &step->u.study;
    const int64_t tiles = (x->n_q + TILE - 1) / TILE, first = task % tiles * TILE;
    ag_study_row r = ag_study_row_in(step, bound, 1, memory);
    for (int64_t i = first; i < first + TILE && i < x->n_q; i++) {
        ag_study_row_begin(&r, step->heads[task / tiles], i);
        put(&r);
    }
}

static void energy_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    each_row(step, bound, task, memory, ag_study_energy_row);
}

/* ---- the map itself ---- */

void ag_study_map_row(ag_study_row *r)
{
    float *out = ag_at(r->at.run, &r->what->out, r->at.h, r->at.i);
    softmax_row(r);
    for (int64_t j = 0; j < r->what->n_k; j++) out[j] = (float)r->weight[j];
}

static void map_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    each_row(step, bound, task, memory, ag_study_map_row);
}

const ag_kernel ag_received_f64_ref = {
    .name = "received_f64_ref",
    .step = AG_STEP_RECEIVED,
    .refuse = ag_refuses_nothing,
    .tasks = received_tasks,
    .scratch = received_scratch,
    .run = received_run,
};
const ag_kernel ag_energy_f64_ref = {
    .name = "energy_f64_ref",
    .step = AG_STEP_ENERGY,
    .refuse = ag_refuses_nothing,
    .tasks = tiled_tasks,
    .scratch = row_scratch,
    .run = energy_run,
};
const ag_kernel ag_map_f64_ref = {
    .name = "map_f64_ref",
    .step = AG_STEP_MAP,
    .refuse = ag_refuses_nothing,
    .tasks = tiled_tasks,
    .scratch = row_scratch,
    .run = map_run,
};
