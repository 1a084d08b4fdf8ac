/* study_panels_tmpl.h - what the tiled energy and received kernels share: tokens of one side lane by lane in panels,
 * those of the other as packed rows, and the logits between them, in units of log 2. Queries carry the scale on either
 * side, so that both kernels meet the same logits. */
#ifndef AG_STUDY_PANELS_TMPL_H
#define AG_STUDY_PANELS_TMPL_H

#include "../count.h"
#include "../cpu.h"
#include "../verbs/unit_f32.h"

#include "../verbs/tile.h"

#include "../verbs/amend.h"

#include "../ref/study_row.h"

enum { STUDY_PANELS = 8 }; /* most of a task */

typedef struct study_panel {
    _Alignas(AG_ALIGNMENT) float m[PANEL];
    _Alignas(AG_ALIGNMENT) float l[PANEL];
    _Alignas(AG_ALIGNMENT) float reach[PANEL]; /* the largest finite size of the token's numbers */
    _Alignas(AG_ALIGNMENT) double total[PANEL];
    int64_t token[PANEL]; /* ascending; lanes past the last repeat it */
    int lanes, vectors;
    float *t; /* [d][PANEL] */
} study_panel;

typedef struct study {
    _Alignas(AG_ALIGNMENT) float top[PANEL];
    _Alignas(AG_ALIGNMENT) float by[PANEL];
    study_panel panel[STUDY_PANELS];
    const ag_study *what;
    const ag_bound *run;
    ag_visible visible;
    int64_t b, h;
    int panels;
    int64_t token[BLOCK]; /* of each packed row */
    float *rows, *s;      /* [BLOCK][d], [BLOCK][PANEL] */
    float *widened;       /* [LANES][d] */
    float *kept;          /* energy: weights of a whole panel; NULL: not kept */
    float reach;          /* the largest finite size of a number in all rows so far */
    ag_study_row row;     /* of queries that float32 does not hold */
} study;

/* Tokens per task of one side: up to 8 panels, or fewer where that would leave less than 32 tasks. By shape only. */
static int64_t study_tokens_per_task(int64_t tokens, int64_t heads)
{
    const int64_t panels = (tokens + PANEL - 1) / PANEL * heads / 32;
    return (panels < 1 ? 1 : panels > STUDY_PANELS ? STUDY_PANELS : panels) * PANEL;
}

/* ---- memory ---- */

static float *study_carve(char **memory, int64_t floats)
{
    float *at = (float *)*memory;
    *memory += ((size_t)floats * sizeof(float) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    return at;
}

/* Lays the arrays out behind the struct; what is left is the exact row's. */
static char *study_lay_out(study *x, int64_t d, int64_t kept_rows, char *memory)
{
    for (int i = 0; i < STUDY_PANELS; i++) x->panel[i].t = study_carve(&memory, d * PANEL);
    x->rows = study_carve(&memory, BLOCK * d);
    x->s = study_carve(&memory, (int64_t)BLOCK * PANEL);
    x->widened = study_carve(&memory, LANES * d);
    x->kept = kept_rows ? study_carve(&memory, kept_rows * PANEL) : NULL;
    return memory;
}

static size_t study_bytes(const ag_study *s, int64_t kept_rows, int weights)
{
    study x;
    char *const none = (char *)(uintptr_t)AG_ALIGNMENT;
    return sizeof x + (size_t)(study_lay_out(&x, s->d, kept_rows, none) - none) + ag_study_row_bytes(s, weights);
}

/* weights: exact rows are wanted with their weights. */
static study *study_begin(const ag_step *step, const ag_bound *run, int64_t kept_rows, int weights, void *memory)
{
    study *x = memory;
    x->what = &step->u.study;
    x->run = run;
    x->b = step->b;
    x->visible = ag_visible_of(run, step->b);
    x->reach = 0;
    char *rest = study_lay_out(x, x->what->d, kept_rows, (char *)memory + sizeof *x);
    x->row = ag_study_row_in(step, run, weights, (double *)(void *)rest);
    return x;
}

/* ---- tokens in ---- */

/* max(most, |x|), of finite x only: the others become NaN, for which v_max takes its second. */
static inline vec study_farthest(vec most, vec x)
{
    const vec size = v_max(x, -x);
    return v_max(size + (size - size), most);
}

static float study_reach_of(const float *row, int64_t d)
{
    vec most = v_all(0);
    float all = 0;
    int64_t t = 0;
    for (; t + LANES <= d; t += LANES) most = study_farthest(most, v_load(row + t));
    if (t < d) most = study_farthest(most, v_load_first(row + t, (int)(d - t)));
    for (int i = 0; i < LANES; i++) all = most[i] > all ? most[i] : all;
    return all;
}

/* The panel's tokens, which are listed, as lanes. */
static void study_load_panel(const study *x, study_panel *p, const ag_ref *from, float by)
{
    const int64_t d = x->what->d;
    p->vectors = (p->lanes + LANES - 1) / LANES;
    for (int i = p->lanes; i < p->vectors * LANES; i++) p->token[i] = p->token[p->lanes - 1];
    for (int lane = 0; lane < p->vectors * LANES; lane += LANES) {
        vec reach = v_all(0);
        for (int i = 0; i < LANES; i++)
            row_load(x->widened + i * d, ag_at(x->run, from, x->h, p->token[lane + i]), from->dtype, d);
        for (int64_t t = 0; t < d; t += LANES) {
            const int n = d - t < LANES ? (int)(d - t) : LANES;
            vec z[LANES];
            for (int i = 0; i < LANES; i++) {
                const float *row = x->widened + i * d + t;
                z[i] = n == LANES ? v_load(row) : v_load_first(row, n);
            }
            v_transpose(z);
            for (int i = 0; i < n; i++) {
                reach = study_farthest(reach, z[i]);
                *(vec *)(p->t + (t + i) * PANEL + lane) = z[i] * v_all(by);
            }
        }
        *(vec *)(p->reach + lane) = reach;
    }
}

static void study_load_row(study *x, int n, const ag_ref *from, int64_t token, float by)
{
    const int64_t d = x->what->d;
    float *row = x->rows + n * d;
    row_load(row, ag_at(x->run, from, x->h, token), from->dtype, d);
    for (int64_t t = 0; by != 1 && t < d; t++) row[t] *= by;
    x->token[n] = token;
}

/* The last of n rows repeated up to a multiple of ROWS, so that it cannot change a maximum. */
static void study_pad_rows(study *x, int n)
{
    const int64_t d = x->what->d;
    for (int i = n; i % ROWS; i++) memcpy(x->rows + i * d, x->rows + (n - 1) * d, (size_t)d * sizeof(float));
}

static float study_query_scale(const study *x) { return (float)(x->what->scale * LOG2E); }

/* ---- logits ---- */

TILE_CALL void study_tile(int n, int64_t d, const float *rows, const float *t, float *s, float *top)
{
    if (n == 3) tile_logits(3, d, rows, t, s, top);
    else if (n == 2) tile_logits(2, d, rows, t, s, top);
    else tile_logits(1, d, rows, t, s, top);
}

static amendment study_amendment_of(const study *x)
{
    return (amendment){ x->run, x->b, x->h, x->what->causal_shift, x->what->causal, x->what->biased };
}

/* Bias, or causality where it hides a key of these from a query of these, has changed the logits. */
static int study_amended(const study *x, const study_panel *p, int rows, float *s, int lanes_are_queries)
{
    const int64_t query = lanes_are_queries ? p->token[0] : x->token[0];
    const int64_t key = lanes_are_queries ? x->token[rows - 1] : p->token[p->lanes - 1];
    const amendment by = study_amendment_of(x);
    if (!by.biased && key < seen_by(&by, query)) return 0;
    if (lanes_are_queries) amend_queries(&by, p->token, p->vectors * LANES, x->token, rows, s);
    else amend_keys(&by, x->token, rows, p->token, p->lanes, s);
    return 1;
}

/* s[rows][PANEL], and the greatest of every lane in x->top. */
static void study_logits(study *x, const study_panel *p, int rows, float *s, int lanes_are_queries)
{
    const int64_t d = x->what->d;
    ag_count_flop(2 * p->vectors * LANES * (int64_t)((rows + ROWS - 1) / ROWS * ROWS * d));
    for (int c = 0; c < p->vectors * LANES; c += LANES) *(vec *)(x->top + c) = v_all(-FLT_MAX);
    for (int r = 0; r < rows; r += ROWS) study_tile(p->vectors, d, x->rows + r * d, p->t, s + r * PANEL, x->top);
    if (!study_amended(x, p, rows, s, lanes_are_queries)) return;
    for (int c = 0; c < p->vectors * LANES; c += LANES) {
        vec top = v_all(-FLT_MAX);
        for (int r = 0; r < rows; r++) top = v_max(top, *(const vec *)(s + r * PANEL + c));
        *(vec *)(x->top + c) = top;
    }
}

#endif
