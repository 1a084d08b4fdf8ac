/* attend_tiled.h - the attend step in tiles, written over the vector verbs that the including file chose.
 *
 * A task is up to 384 queries of one head: panels of 3 vectors, transposed once and scaled by s log2(e). Keys come in
 * blocks of 128, gathered into a packed float32 copy that all panels of the task use; masked keys are left out there,
 * so they are neither read nor paid for, and key ranges with different sources join seamlessly. Per block and panel:
 * logits, maximum, weights, values, with the running maximum m, sum l and result o of the online softmax (Milakov and
 * Gimelshein 2018). An own key (identity, uniform) is simply the element the recurrence starts from.
 *
 * Blocks depend on shapes and masks only, so the bytes do not depend on threads or on how tasks are split. */
#include "attend_amend.h"
#include "attend_keys.h"
#include "attend_task.h"
#include "count.h"

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
    ag_count_flop(2 * a->d);
    if (pass->own == AG_OWN_MEAN) p->m[lane] += log2f(*(const float *)ag_at(x->run, &pass->own_count, x->h, 0));
    p->l[lane] = 1;
    ag_load_row(other, ag_at(x->run, &pass->own_v, x->h, own), pass->own_v.dtype, a->d_v);
    for (int64_t t = 0; t < a->d_v; t++) p->o[t * PANEL + lane] = other[t];
}

static void start_panel(tile *x, const ag_pass *pass, panel *p)
{
    const ag_attend *a = x->a;
    const float by = (float)(pass->scale * LOG2E);
    memset(p->o, 0, (size_t)wide(a) * PANEL * sizeof *p->o);
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int n = p->first + lane;
        const ag_ref *q = &pass->q[x->span[n]];
        ag_load_row(x->row, ag_at(x->run, q, x->h, x->token[n]), q->dtype, a->d);
        for (int64_t t = 0; t < a->d; t++) p->qt[t * PANEL + lane] = x->row[t] *= by;
        start_lane(x, pass, p, lane);
    }
}

/* ---- the recurrence ---- */

TILE_INLINE void attend_block(const int n, tile *x, const ag_pass *pass, panel *p, int keys)
{
    const int64_t d = x->a->d, rows = wide(x->a);
    ag_count_flop(2 * n * LANES * (int64_t)((keys + ROWS - 1) / ROWS * ROWS * d + keys * rows));
    vec top[VECTORS], m[VECTORS];
    for (int c = 0; c < n; c++) top[c] = v_all(-FLT_MAX);
    for (int j = 0; j < keys; j += ROWS) tile_logits(n, d, x->k + j * d, p->qt, x->s + j * PANEL, top);
    if (amends(x, pass)) amend_logits(x, pass, p, keys, top);
    tile_rescale(n, rows, top, p->m, p->l, p->o);
    for (int c = 0; c < n; c++) m[c] = *(const vec *)(p->m + c * LANES);
    tile_weights(n, keys, x->s, m, p->l);
    for (int64_t t = 0; t < rows; t += ROWS)
        tile_product(ROWS, n, 1, &(product){ keys, x->v + t, x->s, p->o + t * PANEL, rows, PANEL, PANEL });
}

static void attend_pass(tile *x, const ag_pass *pass)
{
    choose_logit_rows(x, pass);
    for (int i = 0; i < x->panels; i++) {
        panel *p = &x->panel[i];
        start_panel(x, pass, p);
        p->seen = last_seen(x, p->first, p->first + p->vectors * LANES);
    }
    const int64_t end = last_seen(x, 0, x->queries);
    cursor c = { 0, 0 };
    for (int keys; (keys = pack_block(x, pass, &c, end)) > 0;)
        for (int i = 0; i < x->panels; i++) {
            panel *p = &x->panel[i];
            if (x->key[0] >= p->seen) continue; /* keys come in order: all of the block is hidden */
            if (p->vectors == 3) attend_block(3, x, pass, p, keys);
            else if (p->vectors == 2) attend_block(2, x, pass, p, keys);
            else attend_block(1, x, pass, p, keys);
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
                *(float *)ag_at(x->run, &a->lse, x->h, x->token[n]) = lse_of(x, pass, p, lane);
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
