/* energy_tmpl.h - energy and curvature in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 8 panels of queries of one head. Visible keys come in packed blocks; each panel keeps the maximum m
 * and the sum l of the online softmax, and no values: energy = -(m + log2 l) ln 2.
 *
 * Curvature is a root per query, found panel by panel in units of l, where the largest weight is 1. All terms but that
 * of the largest weight w_1 are taken for r + t / (w_2 - x), equal to their sum in value and slope, which leaves a
 * quadratic equation; from the middle that comes nearer from one side only, and doubles the digits. Each step is a pass
 * over the panel's weights: kept, where they fit into a cache, or made again. Sums are float32, block by block: an
 * error of theirs moves the root by no more than it is relative to |w_j - x| <= 1. */
#include "study_panels_tmpl.h"

enum { ENERGY_KEPT_BYTES = 2 << 20, ENERGY_MOST_STEPS = 40 };

static int64_t energy_kept_rows(const ag_study *s)
{
    const int64_t rows = (s->n_k + BLOCK - 1) / BLOCK * BLOCK;
    if (s->curvature.source == AG_SOURCES || rows > ENERGY_KEPT_BYTES / (PANEL * (int64_t)sizeof(float))) return 0;
    return rows;
}

static int64_t energy_tiles(const ag_step *s)
{
    const int64_t each = study_tokens_per_task(s->u.study.n_q, s->n_heads);
    return (s->u.study.n_q + each - 1) / each;
}

static int64_t energy_tasks(const ag_step *s) { return s->n_heads * energy_tiles(s); }

static size_t energy_scratch(const ag_step *s) { return study_bytes(&s->u.study, energy_kept_rows(&s->u.study), 1); }

/* Packs the next visible keys in [*at, end), up to BLOCK of them. */
TILE_CALL int energy_next_keys(study *x, int64_t *at, int64_t end)
{
    int n = 0;
    for (; n < BLOCK && *at < end; (*at)++)
        if (ag_key_visible(&x->visible, *at)) {
            study_load_row(x, n, &x->what->k, *at, 1);
            const float reach = study_reach_of(x->rows + n++ * x->what->d, x->what->d);
            x->reach = reach > x->reach ? reach : x->reach;
        }
    if (n) study_pad_rows(x, n);
    return n;
}

/* Keys from here on are hidden from all queries of the panel. */
static int64_t energy_keys_end(const study *x, const study_panel *p)
{
    const amendment by = study_amendment_of(x);
    const int64_t seen = seen_by(&by, p->token[p->lanes - 1]);
    return seen < x->what->n_k ? seen : x->what->n_k;
}

/* ---- m and l ---- */

static void energy_add_keys(study *x, study_panel *p, int keys)
{
    study_logits(x, p, keys, x->s, 1);
    switch (p->vectors) {
    case 3:
        tile_rescale(3, x->top, p->m, p->l, x->by);
        tile_weights(3, keys, x->s, 1, p->m, x->s, p->l);
        return;
    case 2:
        tile_rescale(2, x->top, p->m, p->l, x->by);
        tile_weights(2, keys, x->s, 1, p->m, x->s, p->l);
        return;
    default: tile_rescale(1, x->top, p->m, p->l, x->by); tile_weights(1, keys, x->s, 1, p->m, x->s, p->l);
    }
}

static void energy_sum_panels(study *x)
{
    const int64_t end = energy_keys_end(x, &x->panel[x->panels - 1]);
    int64_t at = 0;
    for (int keys; (keys = energy_next_keys(x, &at, end)) > 0;)
        for (int i = 0; i < x->panels; i++)
            if (x->token[0] < energy_keys_end(x, &x->panel[i])) energy_add_keys(x, &x->panel[i], keys);
}

static float energy_of(const study_panel *p, int lane)
{
    if (p->l[lane] == 0) return INFINITY;
    return (float)(-((double)p->m[lane] + log2(p->l[lane])) * LN2);
}

static void energy_put(const study *x, const ag_ref *to, int64_t i, float value)
{
    if (to->source != AG_SOURCES) *(float *)ag_at(x->run, to, x->h, i) = value;
}

static void energy_store_panel(const study *x, const study_panel *p)
{
    for (int lane = 0; lane < p->lanes; lane++) {
        if (x->what->out.source != AG_SOURCES) energy_put(x, &x->what->out, p->token[lane], energy_of(p, lane));
        energy_put(x, &x->what->m, p->token[lane], p->m[lane]);
        energy_put(x, &x->what->l, p->token[lane], p->l[lane]);
    }
}

/* ---- rows that float32 does not hold ---- */

/* A greatest logit that leaves the others no digits; biases whose sums overflow, or whose rows are none for it;
 * and what products may have become. A NaN that the query sees is no reason. x->row is the lane's. */
static int energy_is_lost(study *x, const study_panel *p, int lane)
{
    const float m = p->m[lane], l = p->l[lane];
    if (l > 0 && fabsf(m) >= AG_TOP_FINE) return 1;
    if (x->what->biased && (l == 0 || isnan(l)) && ag_study_biases_overflow(&x->row, l)) return 1;
    return ag_logits_overflow(p->reach[lane], x->reach, (double)x->what->d, x->what->scale * LOG2E) &&
           ag_study_row_overflows(&x->row);
}

static void energy_mend_panel(study *x, const study_panel *p)
{
    for (int lane = 0; lane < p->lanes; lane++) {
        ag_study_row_begin(&x->row, x->h, p->token[lane]);
        if (energy_is_lost(x, p, lane)) ag_study_energy_row(&x->row);
    }
}

/* ---- curvature ---- */

/* A walk over the weights of one panel, block by block. */
typedef struct energy_walk {
    int made;      /* all are in x->kept */
    int64_t total; /* how many, then */
    int64_t at, key;
    float *w; /* this block's, [keys][PANEL] */
} energy_walk;

static int energy_next_weights(study *x, const study_panel *p, energy_walk *k)
{
    const int64_t left = k->total - k->at;
    int keys = (int)(left < BLOCK ? left : BLOCK);
    k->w = x->kept ? x->kept + k->at * PANEL : x->s;
    if (!k->made) {
        keys = energy_next_keys(x, &k->key, energy_keys_end(x, p));
        if (keys) study_logits(x, p, keys, k->w, 1);
        for (int j = 0; j < keys; j++)
            for (int c = 0; c < p->vectors * LANES; c += LANES) {
                vec *w = (vec *)(k->w + j * PANEL + c);
                *w = v_exp2(*w - *(const vec *)(p->m + c));
            }
    }
    k->at += keys;
    return keys;
}

/* From the first block again. */
static void energy_walk_back(const study *x, energy_walk *k)
{
    if (x->kept && !k->made) k->total = k->at, k->made = 1;
    k->at = k->key = 0;
}

/* Per lane: the two largest weights, where the root is sought, and there the sum of w / (x - w) over all weights but
 * the largest, and of w / (x - w)^2. */
typedef struct energy_root {
    _Alignas(AG_ALIGNMENT) float first[PANEL];
    _Alignas(AG_ALIGNMENT) float second[PANEL];
    _Alignas(AG_ALIGNMENT) float x[PANEL];
    _Alignas(AG_ALIGNMENT) float sum[PANEL];
    _Alignas(AG_ALIGNMENT) float slope[PANEL];
} energy_root;

typedef int32_t energy_lanes_chosen __attribute__((vector_size(LANES * sizeof(int32_t))));

static vec energy_least(vec a, vec b) { return -v_max(-a, -b); }

static void energy_find_largest(study *x, const study_panel *p, energy_walk *k, energy_root *r)
{
    memset(r, 0, sizeof *r);
    for (int keys; (keys = energy_next_weights(x, p, k)) > 0;)
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            vec first = *(const vec *)(r->first + c), second = *(const vec *)(r->second + c);
            for (int j = 0; j < keys; j++) {
                const vec w = *(const vec *)(k->w + j * PANEL + c);
                second = v_max(second, energy_least(first, w));
                first = v_max(first, w);
            }
            *(vec *)(r->first + c) = first;
            *(vec *)(r->second + c) = second;
        }
    energy_walk_back(x, k);
    for (int lane = 0; lane < PANEL; lane++) r->x[lane] = (r->first[lane] + r->second[lane]) / 2;
}

static void energy_sum_terms(study *x, const study_panel *p, energy_walk *k, energy_root *r)
{
    memset(r->sum, 0, sizeof r->sum);
    memset(r->slope, 0, sizeof r->slope);
    for (int keys; (keys = energy_next_weights(x, p, k)) > 0;)
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            const vec at = *(const vec *)(r->x + c);
            vec sum = v_all(0), slope = v_all(0);
            for (int j = 0; j < keys; j++) {
                const vec w = *(const vec *)(k->w + j * PANEL + c), by = v_all(1) / (at - w);
                const vec term = (vec)((energy_lanes_chosen)(w * by) & (w < at));
                sum += term;
                slope += term * by;
            }
            *(vec *)(r->sum + c) += sum;
            *(vec *)(r->slope + c) += slope;
        }
    energy_walk_back(x, k);
}

/* The lane's next place; 0 where it has arrived. In u = w_1 - x and d = w_1 - w_2 the equation is
 * w_1 / u + r - t / (d - u) = 0, or r u^2 + (w_1 + t - r d) u = w_1 d, with r = t / (x - w_2) - sum <= 0 since w_2 is
 * the nearest pole: b > 0 and one root in (0, d), of which this form loses no digits. */
static int energy_move(energy_root *r, int lane)
{
    const double first = r->first[lane], second = r->second[lane], x = r->x[lane], v = x - second, d = first - second;
    if (!(v > 0 && x < first)) return 0; /* equal weights, neighbouring floats, or NaN */
    const double t = r->slope[lane] * v * v, rest = fmin(t / v - r->sum[lane], 0);
    const double b = first + t - rest * d, under = b * b + 4 * rest * first * d;
    const double u = 2 * first * d / (b + sqrt(fmax(under, 0)));
    r->x[lane] = (float)fmin(fmax(first - u, second), first);
    return fabs(r->x[lane] - x) > 0x1p-22 * x;
}

/* A lane that has arrived stays where it is, so that no query's result depends on its neighbours. */
static void energy_curve_panel(study *x, const study_panel *p)
{
    energy_walk k = { .w = NULL };
    energy_root r;
    unsigned char arrived[PANEL] = { 0 };
    energy_find_largest(x, p, &k, &r);
    for (int step = 0, moves = 1; moves && step < ENERGY_MOST_STEPS; step++) {
        moves = 0;
        energy_sum_terms(x, p, &k, &r);
        for (int lane = 0; lane < p->lanes; lane++)
            if (!arrived[lane] && energy_move(&r, lane)) moves = 1;
            else arrived[lane] = 1;
    }
    for (int lane = 0; lane < p->lanes; lane++)
        energy_put(x, &x->what->curvature, p->token[lane], p->l[lane] == 0 ? 0 : r.x[lane] / p->l[lane]);
}

/* ---- a task ---- */

static void energy_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *s = &step->u.study;
    study *x = study_begin(step, bound, energy_kept_rows(s), 1, memory);
    const int64_t each = study_tokens_per_task(s->n_q, step->n_heads), tiles = energy_tiles(step);
    int64_t i = task % tiles * each;
    const int64_t end = i + each < s->n_q ? i + each : s->n_q;
    x->h = step->heads[task / tiles];
    for (x->panels = 0; i < end; x->panels++) {
        study_panel *p = &x->panel[x->panels];
        for (p->lanes = 0; p->lanes < PANEL && i < end; i++) p->token[p->lanes++] = i;
        study_load_panel(x, p, &s->q, study_query_scale(x));
        for (int lane = 0; lane < PANEL; lane++) p->m[lane] = -FLT_MAX, p->l[lane] = 0;
    }
    energy_sum_panels(x);
    for (int n = 0; n < x->panels; n++) {
        energy_store_panel(x, &x->panel[n]);
        if (s->curvature.source != AG_SOURCES && bound->base[AG_TO_CURVATURE]) energy_curve_panel(x, &x->panel[n]);
        energy_mend_panel(x, &x->panel[n]);
    }
}
