/* attend_tiled.h - the attend step in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 384 queries of one head: panels of 3 vectors, transposed once and scaled by s log2(e). Keys come in
 * blocks of 128, gathered into a packed float32 copy that all panels of the task use; masked keys are left out there, so
 * they are neither read nor paid for, and key ranges with different sources join seamlessly. Per block and panel: logits,
 * maximum, weights, values, with the running maximum m, sum l and result o of the online softmax (Milakov and
 * Gimelshein 2018). An own key (identity, uniform) is simply the element the recurrence starts from.
 *
 * Blocks depend on shapes and masks only, so the bytes do not depend on threads or on how tasks are split. */
#include <float.h>
#include <math.h>

#include "cpu.h"
#include "rows.h"
#include "tile.h"

enum { TASK = 384, MOST_PANELS = TASK / PANEL + 1, MOST_QUERIES = MOST_PANELS * PANEL };

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

/* Queries lane by lane, and where their results gather. */
typedef struct panel {
    int first, vectors;    /* first query of the task in this panel */
    float *qt, *o, *m, *l; /* [d][PANEL], [d_v rounded up to ROWS][PANEL], [PANEL], [PANEL] */
} panel;

typedef struct tile {
    const ag_attend *a;
    const ag_bound *run;
    int64_t b, h;
    ag_visible visible;
    int queries, panels;
    int64_t token[MOST_QUERIES];     /* output token of each lane; lanes past the last repeat it */
    int64_t logit_row[MOST_QUERIES]; /* row of causal and bias */
    int span[MOST_QUERIES];
    panel panel[MOST_PANELS];
    float *s, *k, *v, *row, *first; /* [BLOCK][PANEL], [BLOCK][d], [BLOCK][wide], a row, result of pass 0 */
    int64_t key[BLOCK];             /* the key each packed row came from */
} tile;

static int64_t wide(const ag_attend *a) { return (a->d_v + ROWS - 1) / ROWS * ROWS; }

static int64_t queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

/* Queries per task: 384, or fewer where that would leave less than 32 tasks. By shape only. */
static int64_t queries_per_task(const ag_step *s)
{
    const int64_t n = queries_of(&s->u.attend), panels = (n + PANEL - 1) / PANEL;
    int64_t each = panels * s->n_heads / 32;
    if (each < 2) each = 2;
    if (each > TASK / PANEL) each = TASK / PANEL;
    return each * PANEL;
}

static int64_t tiles_of(const ag_step *s)
{
    const int64_t each = queries_per_task(s);
    return (queries_of(&s->u.attend) + each - 1) / each;
}

static int64_t tasks(const ag_step *s) { return s->n_heads * tiles_of(s); }

/* ---- memory ---- */

static float *carve(char **memory, int64_t floats)
{
    float *at = (float *)*memory;
    *memory += ((size_t)floats * sizeof(float) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    return at;
}

/* Lays the tile's arrays out from `memory`; returns the end. */
static char *lay_out(tile *x, char *memory)
{
    const ag_attend *a = x->a;
    const int64_t longest = a->d > a->d_v ? a->d : a->d_v;
    for (int i = 0; i < MOST_PANELS; i++) {
        panel *p = &x->panel[i];
        p->qt = carve(&memory, a->d * PANEL);
        p->o = carve(&memory, wide(a) * PANEL);
        p->m = carve(&memory, PANEL);
        p->l = carve(&memory, PANEL);
    }
    x->s = carve(&memory, (int64_t)BLOCK * PANEL);
    x->k = carve(&memory, BLOCK * a->d);
    x->v = carve(&memory, BLOCK * wide(a));
    x->row = carve(&memory, 2 * longest);
    x->first = a->n_passes == 2 ? carve(&memory, TASK * a->d_v) : NULL;
    return memory;
}

static size_t tile_bytes(void) { return (sizeof(tile) + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT; }

static size_t scratch(const ag_step *s)
{
    tile x;
    x.a = &s->u.attend;
    char *const none = (char *)(uintptr_t)AG_ALIGNMENT;
    return tile_bytes() + (size_t)(lay_out(&x, none) - none);
}

/* ---- queries ---- */

static void list_queries(tile *x, int64_t from)
{
    int64_t before = 0;
    int n = 0;
    for (int span = 0; span < x->a->n_spans; span++) {
        const ag_span *s = &x->a->spans[span];
        for (int64_t i = from + n - before; n < x->queries && i < s->count; i++, n++) {
            x->token[n] = s->first + i;
            x->span[n] = span;
        }
        before += s->count;
    }
    for (; n < MOST_QUERIES; n++) {
        x->token[n] = x->token[x->queries - 1];
        x->span[n] = x->span[x->queries - 1];
    }
}

/* Panels of 3 vectors; a remainder of 4 is two of 2, never 3 and 1. */
static void cut_panels(tile *x)
{
    int vectors = (x->queries + LANES - 1) / LANES, first = 0;
    for (x->panels = 0; vectors > 0; x->panels++) {
        const int n = vectors == 4 ? 2 : vectors < VECTORS ? vectors : VECTORS;
        x->panel[x->panels].first = first;
        x->panel[x->panels].vectors = n;
        first += n * LANES;
        vectors -= n;
    }
}

static void choose_logit_rows(tile *x, const ag_pass *pass)
{
    for (int i = 0; i < MOST_QUERIES; i++) x->logit_row[i] = x->token[i];
    if (!pass->permuted) return;
    const ag_row_args row = ag_row_values(x->run, x->b);
    const int32_t *index = ag_index_at(x->run, &pass->index, &row);
    for (int i = 0; i < MOST_QUERIES; i++) x->logit_row[i] = index[x->token[i] - pass->o] + pass->o;
}

/* ---- the element the recurrence starts from ---- */

static int own_is_there(const tile *x, const ag_pass *pass, int64_t token)
{
    if (pass->own == AG_OWN_SELF) return ag_key_visible(&x->visible, token);
    return pass->own == AG_OWN_MEAN && *(const float *)ag_at(x->run, &pass->own_count, x->h, 0) > 0;
}

/* Lane `lane` starts with m, l = own logit, 1 and o = own value; or with nothing. x->row holds the scaled query. */
static void start_lane(tile *x, const ag_pass *pass, panel *p, int lane)
{
    const ag_attend *a = x->a;
    const int64_t token = x->token[p->first + lane], own = pass->own == AG_OWN_SELF ? token : 0;
    float *other = x->row + (a->d > a->d_v ? a->d : a->d_v);
    p->m[lane] = -FLT_MAX;
    p->l[lane] = 0;
    if (!own_is_there(x, pass, token)) return;
    ag_load_row(other, ag_at(x->run, &pass->own_k, x->h, own), pass->own_k.dtype, a->d);
    p->m[lane] = tile_dot(x->row, other, a->d);
    if (pass->own == AG_OWN_MEAN) p->m[lane] += log2f(*(const float *)ag_at(x->run, &pass->own_count, x->h, 0));
    p->l[lane] = 1;
    ag_load_row(other, ag_at(x->run, &pass->own_v, x->h, own), pass->own_v.dtype, a->d_v);
    for (int64_t t = 0; t < a->d_v; t++) p->o[t * PANEL + lane] = other[t];
}

static void start_panel(tile *x, const ag_pass *pass, panel *p)
{
    const ag_attend *a = x->a;
    const float by = (float)(a->scale * LOG2E);
    memset(p->o, 0, (size_t)wide(a) * PANEL * sizeof *p->o);
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int n = p->first + lane;
        const ag_ref *q = &pass->q[x->span[n]];
        ag_load_row(x->row, ag_at(x->run, q, x->h, x->token[n]), q->dtype, a->d);
        for (int64_t t = 0; t < a->d; t++) p->qt[t * PANEL + lane] = x->row[t] *= by;
        start_lane(x, pass, p, lane);
    }
}

/* ---- keys ---- */

typedef struct cursor {
    int range;
    int64_t at;
} cursor;

/* The next visible key below `end`, packed as row n; 0 when there is none. */
static int pack_key(tile *x, const ag_pass *pass, cursor *c, int64_t end, int n)
{
    const ag_attend *a = x->a;
    for (; c->range < pass->n_keys; c->range++, c->at = 0) {
        const ag_keys *keys = &pass->keys[c->range];
        for (; c->at < keys->count && keys->first + c->at < end; c->at++) {
            const int64_t j = keys->first + c->at;
            if (!ag_key_visible(&x->visible, j)) continue;
            ag_load_row(x->k + n * a->d, ag_at(x->run, &keys->k, x->h, j), keys->k.dtype, a->d);
            float *v = x->v + n * wide(a);
            ag_load_row(v, ag_at(x->run, &keys->v, x->h, j), keys->v.dtype, a->d_v);
            for (int64_t t = a->d_v; t < wide(a); t++) v[t] = 0;
            x->key[n] = j;
            c->at++;
            return 1;
        }
    }
    return 0;
}

/* Packs up to BLOCK keys; the last is repeated up to a multiple of ROWS, so that it cannot change a maximum. */
static int pack_block(tile *x, const ag_pass *pass, cursor *c, int64_t end)
{
    int n = 0;
    while (n < BLOCK && pack_key(x, pass, c, end, n)) n++;
    for (int i = n; n && i % ROWS; i++)
        memcpy(x->k + i * x->a->d, x->k + (n - 1) * x->a->d, (size_t)x->a->d * sizeof *x->k);
    return n;
}

/* ---- causal and bias ---- */

static int64_t seen_by(const ag_attend *a, int64_t logit_row)
{
    return a->causal ? logit_row + a->causal_shift + 1 : INT64_MAX;
}

/* No query of the task sees keys from here on. */
static int64_t last_seen(const tile *x)
{
    int64_t end = INT64_MIN;
    for (int i = 0; i < x->queries; i++) {
        const int64_t seen = seen_by(x->a, x->logit_row[i]);
        if (seen > end) end = seen;
    }
    return end;
}

/* In units of log 2. The lowest finite float is a popular "-inf": it must stay finite, or a row that has nothing else
 * would see nothing. */
static float added(const tile *x, int64_t logit_row, int64_t j)
{
    const float bias = ag_bias_at(x->run, x->b, x->h, logit_row, j), scaled = bias * (float)LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -FLT_MAX : scaled;
}

/* Hides and biases logits lane by lane, then finds the maximum again. */
static void amend_logits(tile *x, const panel *p, int keys, vec *top)
{
    const int biased = x->run->c->p.bias_dtype != AG_NONE;
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int64_t row = x->logit_row[p->first + lane], seen = seen_by(x->a, row);
        for (int j = 0; j < keys; j++) {
            float *s = &x->s[j * PANEL + lane];
            if (x->key[j] >= seen) *s = -INFINITY;
            else if (biased) *s += added(x, row, x->key[j]);
        }
    }
    for (int c = 0; c < p->vectors; c++) {
        top[c] = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) top[c] = v_max(top[c], *(const vec *)(x->s + j * PANEL + c * LANES));
    }
}

/* ---- the recurrence ---- */

TILE_INLINE void attend_block(const int n, tile *x, panel *p, int keys, int amend)
{
    const int64_t d = x->a->d, rows = wide(x->a);
    vec top[VECTORS], m[VECTORS];
    for (int c = 0; c < n; c++) top[c] = v_all(-FLT_MAX);
    for (int j = 0; j < keys; j += ROWS) tile_logits(n, d, x->k + j * d, p->qt, x->s + j * PANEL, top);
    if (amend) amend_logits(x, p, keys, top);
    tile_rescale(n, rows, top, p->m, p->l, p->o);
    for (int c = 0; c < n; c++) m[c] = *(const vec *)(p->m + c * LANES);
    tile_weights(n, keys, x->s, m, p->l);
    for (int64_t t = 0; t < rows; t += ROWS)
        tile_product(ROWS, n, 1, &(product){ keys, x->v + t, x->s, p->o + t * PANEL, rows, PANEL, PANEL });
}

static void attend_pass(tile *x, const ag_pass *pass)
{
    const int amend = x->a->causal || x->run->c->p.bias_dtype != AG_NONE;
    choose_logit_rows(x, pass);
    for (int i = 0; i < x->panels; i++) start_panel(x, pass, &x->panel[i]);
    const int64_t end = amend ? last_seen(x) : INT64_MAX;
    cursor c = { 0, 0 };
    for (int keys; (keys = pack_block(x, pass, &c, end)) > 0;)
        for (int i = 0; i < x->panels; i++) {
            panel *p = &x->panel[i];
            if (p->vectors == 3) attend_block(3, x, p, keys, amend);
            else if (p->vectors == 2) attend_block(2, x, p, keys, amend);
            else attend_block(1, x, p, keys, amend);
        }
}

/* ---- results ---- */

/* Row of lane `lane` of this pass, normalised; zeros where nothing was seen. */
static void take_result(const tile *x, const ag_pass *pass, const panel *p, int lane, float *row)
{
    const ag_attend *a = x->a;
    if (pass->ready) {
        const int64_t from = ag_mapped(&pass->map, x->token[p->first + lane]);
        ag_load_row(row, ag_at(x->run, &pass->q[0], x->h, from), pass->q[0].dtype, a->d_v);
        return;
    }
    const float by = p->l[lane] == 0 ? 0 : 1 / p->l[lane]; /* a NaN sum stays NaN */
    for (int64_t t = 0; t < a->d_v; t++) row[t] = p->o[t * PANEL + lane] * by;
}

static void store_results(tile *x, const ag_pass *pass, float u)
{
    const ag_attend *a = x->a;
    for (int i = 0; i < x->panels; i++) {
        const panel *p = &x->panel[i];
        for (int lane = 0; lane < p->vectors * LANES && p->first + lane < x->queries; lane++) {
            const int n = p->first + lane;
            take_result(x, pass, p, lane, x->row);
            if (u > 0 && u < 1)
                for (int64_t t = 0; t < a->d_v; t++) x->row[t] = (1 - u) * x->first[n * a->d_v + t] + u * x->row[t];
            ag_store_row(ag_at(x->run, &a->out, x->h, x->token[n]), x->row, a->out.dtype, a->d_v);
            if (a->lse.source != AG_SOURCES)
                *(float *)ag_at(x->run, &a->lse, x->h, x->token[n]) =
                    p->l[lane] == 0 ? -INFINITY : (p->m[lane] + log2f(p->l[lane])) * (float)LN2;
        }
    }
}

static void keep_first(tile *x)
{
    for (int i = 0; i < x->panels; i++)
        for (int lane = 0, n = x->panel[i].first; lane < x->panel[i].vectors * LANES && n < x->queries; lane++, n++)
            take_result(x, &x->a->pass[0], &x->panel[i], lane, x->first + n * x->a->d_v);
}

static void run_pass(tile *x, const ag_pass *pass)
{
    if (!pass->ready) attend_pass(x, pass);
}

/* Blended: at strength 0 and 1 one pass alone is run and stored. */
static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    tile *x = memory;
    x->a = &s->u.attend;
    lay_out(x, (char *)memory + tile_bytes());
    x->run = bound;
    x->b = s->b;
    x->h = s->heads[task / tiles_of(s)];
    x->visible = ag_visible_of(bound, s->b);

    const int64_t each = queries_per_task(s), from = task % tiles_of(s) * each, left = queries_of(x->a) - from;
    x->queries = (int)(left < each ? left : each);
    list_queries(x, from);
    cut_panels(x);
    const float u = x->a->n_passes == 2 ? (float)ag_row_values(bound, s->b).strength : 0;
    if (u < 1) run_pass(x, &x->a->pass[0]);
    if (u > 0 && u < 1) keep_first(x);
    if (u > 0) run_pass(x, &x->a->pass[1]);
    store_results(x, &x->a->pass[u > 0], u);
}
