/* energy_tiled.h - energy and curvature in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 8 panels of queries of one head. Visible keys come in packed blocks; each panel keeps the maximum m
 * and the sum l of the online softmax, and no values: energy = -(m + log2 l) ln 2.
 *
 * Curvature is a root per query, found panel by panel in units of l, where the largest weight is 1. All terms but that
 * of the largest weight w_1 are taken for r + t / (w_2 - x), equal to their sum in value and slope, which leaves a
 * quadratic equation; from the middle that comes nearer from one side only, and doubles the digits. Each step is a pass
 * over the panel's weights: kept, where they fit into a cache, or made again. Sums are float32, block by block: an
 * error of theirs moves the root by no more than it is relative to |w_j - x| <= 1. */
#include "study_panels.h"

enum { KEPT_BYTES = 2 << 20, MOST_STEPS = 40 };

static int64_t energy_kept_rows(const ag_study *s)
{
    const int64_t rows = (s->n_k + BLOCK - 1) / BLOCK * BLOCK;
    if (s->curvature.source == AG_SOURCES || rows > KEPT_BYTES / (PANEL * (int64_t)sizeof(float))) return 0;
    return rows;
}

static int64_t energy_tiles(const ag_step *s)
{
    const int64_t each = tokens_per_task(s->u.study.n_q, s->n_heads);
    return (s->u.study.n_q + each - 1) / each;
}

static int64_t energy_tasks(const ag_step *s) { return s->n_heads * energy_tiles(s); }

static size_t energy_scratch(const ag_step *s) { return study_bytes(&s->u.study, energy_kept_rows(&s->u.study)); }

/* Packs the next visible keys in [*at, end), up to BLOCK of them. */
static int next_keys(study *x, int64_t *at, int64_t end)
{
    int n = 0;
    for (; n < BLOCK && *at < end; (*at)++)
        if (ag_key_visible(&x->visible, *at)) load_row(x, n++, &x->what->k, *at, 1);
    if (n) pad_rows(x, n);
    return n;
}

/* Keys from here on are hidden from all queries of the panel. */
static int64_t keys_end(const study *x, const panel *p)
{
    const amendment by = amendment_of(x);
    const int64_t seen = seen_by(&by, p->token[p->lanes - 1]);
    return seen < x->what->n_k ? seen : x->what->n_k;
}

/* ---- m and l ---- */

static void add_keys(study *x, panel *p, int keys)
{
    logits(x, p, keys, x->s, 1);
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

static void sum_panels(study *x)
{
    const int64_t end = keys_end(x, &x->panel[x->panels - 1]);
    int64_t at = 0;
    for (int keys; (keys = next_keys(x, &at, end)) > 0;)
        for (int i = 0; i < x->panels; i++)
            if (x->token[0] < keys_end(x, &x->panel[i])) add_keys(x, &x->panel[i], keys);
}

static float energy_of(const study *x, const panel *p, int lane)
{
    const ag_study *s = x->what;
    const int64_t i = p->token[lane];
    const amendment by = amendment_of(x);
    if (p->l[lane] == 0) return INFINITY;
    if (s->biased && p->m[lane] == -FLT_MAX && p->l[lane] > 0)
        return -ag_greatest_bias(&(ag_seen){ x->run, &x->visible, x->b, x->h, i, seen_by(&by, i), 0, s->n_k });
    return (float)(-((double)p->m[lane] + log2(p->l[lane])) * LN2);
}

static void put(const study *x, const ag_ref *to, int64_t i, float value)
{
    if (to->source != AG_SOURCES) *(float *)ag_at(x->run, to, x->h, i) = value;
}

static void store_panel(const study *x, const panel *p)
{
    for (int lane = 0; lane < p->lanes; lane++) {
        if (x->what->out.source != AG_SOURCES) put(x, &x->what->out, p->token[lane], energy_of(x, p, lane));
        put(x, &x->what->m, p->token[lane], p->m[lane]);
        put(x, &x->what->l, p->token[lane], p->l[lane]);
    }
}

/* ---- curvature ---- */

/* A walk over the weights of one panel, block by block. */
typedef struct walk {
    int made;      /* all are in x->kept */
    int64_t total; /* how many, then */
    int64_t at, key;
    float *w; /* this block's, [keys][PANEL] */
} walk;

static int next_weights(study *x, const panel *p, walk *k)
{
    const int64_t left = k->total - k->at;
    int keys = (int)(left < BLOCK ? left : BLOCK);
    k->w = x->kept ? x->kept + k->at * PANEL : x->s;
    if (!k->made) {
        keys = next_keys(x, &k->key, keys_end(x, p));
        if (keys) logits(x, p, keys, k->w, 1);
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
static void walk_back(const study *x, walk *k)
{
    if (x->kept && !k->made) k->total = k->at, k->made = 1;
    k->at = k->key = 0;
}

/* Per lane: the two largest weights, where the root is sought, and there the sum of w / (x - w) over all weights but
 * the largest, and of w / (x - w)^2. */
typedef struct root {
    _Alignas(AG_ALIGNMENT) float first[PANEL];
    _Alignas(AG_ALIGNMENT) float second[PANEL];
    _Alignas(AG_ALIGNMENT) float x[PANEL];
    _Alignas(AG_ALIGNMENT) float sum[PANEL];
    _Alignas(AG_ALIGNMENT) float slope[PANEL];
} root;

typedef int32_t lanes_chosen __attribute__((vector_size(LANES * sizeof(int32_t))));

static vec least(vec a, vec b) { return -v_max(-a, -b); }

static void find_largest(study *x, const panel *p, walk *k, root *r)
{
    memset(r, 0, sizeof *r);
    for (int keys; (keys = next_weights(x, p, k)) > 0;)
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            vec first = *(const vec *)(r->first + c), second = *(const vec *)(r->second + c);
            for (int j = 0; j < keys; j++) {
                const vec w = *(const vec *)(k->w + j * PANEL + c);
                second = v_max(second, least(first, w));
                first = v_max(first, w);
            }
            *(vec *)(r->first + c) = first;
            *(vec *)(r->second + c) = second;
        }
    walk_back(x, k);
    for (int lane = 0; lane < PANEL; lane++) r->x[lane] = (r->first[lane] + r->second[lane]) / 2;
}

static void sum_terms(study *x, const panel *p, walk *k, root *r)
{
    memset(r->sum, 0, sizeof r->sum);
    memset(r->slope, 0, sizeof r->slope);
    for (int keys; (keys = next_weights(x, p, k)) > 0;)
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            const vec at = *(const vec *)(r->x + c);
            vec sum = v_all(0), slope = v_all(0);
            for (int j = 0; j < keys; j++) {
                const vec w = *(const vec *)(k->w + j * PANEL + c), by = v_all(1) / (at - w);
                const vec term = (vec)((lanes_chosen)(w * by) & (w < at));
                sum += term;
                slope += term * by;
            }
            *(vec *)(r->sum + c) += sum;
            *(vec *)(r->slope + c) += slope;
        }
    walk_back(x, k);
}

/* The lane's next place; 0 where it has arrived. In u = w_1 - x and d = w_1 - w_2 the equation is
 * w_1 / u + r - t / (d - u) = 0, or r u^2 + (w_1 + t - r d) u = w_1 d, with r = t / (x - w_2) - sum <= 0 since w_2 is
 * the nearest pole: b > 0 and one root in (0, d), of which this form loses no digits. */
static int move(root *r, int lane)
{
    const double first = r->first[lane], second = r->second[lane], x = r->x[lane], v = x - second, d = first - second;
    if (!(v > 0 && x < first)) return 0; /* equal weights, neighbouring floats, or NaN */
    const double t = r->slope[lane] * v * v, rest = fmin(t / v - r->sum[lane], 0);
    const double b = first + t - rest * d, under = b * b + 4 * rest * first * d;
    const double u = 2 * first * d / (b + sqrt(fmax(under, 0)));
    r->x[lane] = (float)fmin(fmax(first - u, second), first);
    return fabs(r->x[lane] - x) > 0x1p-22 * x;
}

static void curve_panel(study *x, const panel *p)
{
    walk k = { .w = NULL };
    root r;
    find_largest(x, p, &k, &r);
    for (int step = 0, moves = 1; moves && step < MOST_STEPS; step++) {
        moves = 0;
        sum_terms(x, p, &k, &r);
        for (int lane = 0; lane < p->lanes; lane++) moves |= move(&r, lane);
    }
    for (int lane = 0; lane < p->lanes; lane++)
        put(x, &x->what->curvature, p->token[lane], p->l[lane] == 0 ? 0 : r.x[lane] / p->l[lane]);
}

/* ---- a task ---- */

static void energy_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_study *s = &step->u.study;
    study *x = study_begin(step, bound, energy_kept_rows(s), memory);
    const int64_t each = tokens_per_task(s->n_q, step->n_heads), tiles = energy_tiles(step);
    int64_t i = task % tiles * each;
    const int64_t end = i + each < s->n_q ? i + each : s->n_q;
    x->h = step->heads[task / tiles];
    for (x->panels = 0; i < end; x->panels++) {
        panel *p = &x->panel[x->panels];
        for (p->lanes = 0; p->lanes < PANEL && i < end; i++) p->token[p->lanes++] = i;
        load_panel(x, p, &s->q, query_scale(x));
        for (int lane = 0; lane < PANEL; lane++) p->m[lane] = -FLT_MAX, p->l[lane] = 0;
    }
    sum_panels(x);
    for (int n = 0; n < x->panels; n++) {
        store_panel(x, &x->panel[n]);
        if (s->curvature.source != AG_SOURCES && bound->base[AG_TO_CURVATURE]) curve_panel(x, &x->panel[n]);
    }
}
