/* attend_panel.h - queries in and results out of the tiled attend kernel: rows of the tensors become lanes of a panel
 * and lanes become rows, LANES x LANES elements at a time. */
#ifndef AG_ATTEND_PANEL_H
#define AG_ATTEND_PANEL_H

#include "attend_amend.h"
#include "attend_task.h"
#include "../count.h"

/* ---- the element the recurrence starts from ---- */

static int own_is_there(const tile *x, const ag_pass *pass, int64_t token)
{
    if (pass->own == AG_OWN_SELF) return ag_key_visible(&x->visible, token);
    return pass->own == AG_OWN_MEAN && *(const float *)ag_at(x->run, &pass->own_count, x->h, 0) > 0;
}

/* What makes a logit of a product, in units of log 2. */
static float scale_of(const ag_pass *pass) { return (float)(pass->scale * LOG2E); }

/* Lane `lane` starts with m, l = own logit, 1 and o = own value. */
static void start_lane(tile *x, const ag_pass *pass, panel *p, int lane)
{
    const ag_attend *a = x->a;
    const int n = p->first + lane;
    const int64_t token = x->token[n], own = pass->own == AG_OWN_SELF ? token : 0;
    const ag_ref *ref = &pass->q[x->span[n]];
    float *q = x->rows, *other = x->rows + pitch(a);
    if (!own_is_there(x, pass, token)) return;
    row_load(q, ag_at(x->run, ref, x->h, token), ref->dtype, a->d);
    row_load(other, ag_at(x->run, &pass->own_k, x->h, own), pass->own_k.dtype, a->d);
    p->m[lane] = tile_dot(q, other, a->d) * scale_of(pass);
    ag_count_flop(2 * a->d);
    if (pass->own == AG_OWN_MEAN) p->m[lane] += log2f(*(const float *)ag_at(x->run, &pass->own_count, x->h, 0));
    p->l[lane] = 1;
    row_load(other, ag_at(x->run, &pass->own_v, x->h, own), pass->own_v.dtype, a->d_v);
    for (int64_t t = 0; t < a->d_v; t++) p->o[t * PANEL + lane] = other[t];
}

/* ---- queries ---- */

/* LANES queries from lane `lane` on, scaled unless their logits will be. */
static void pack_lanes(tile *x, const ag_pass *pass, panel *p, int lane)
{
    const ag_attend *a = x->a;
    const vec by = v_all(SCALES_LATE ? 1 : scale_of(pass));
    const float *row[LANES];
    for (int i = 0; i < LANES; i++) {
        const int n = p->first + lane + i;
        const ag_ref *q = &pass->q[x->span[n]];
        row[i] = ag_at(x->run, q, x->h, x->token[n]);
        if (q->dtype == AG_F32) continue;
        float *widened = x->rows + i * pitch(a);
        row_load(widened, row[i], q->dtype, a->d);
        row[i] = widened;
    }
    for (int64_t t = 0; t < a->d; t += LANES) {
        const int n = a->d - t < LANES ? (int)(a->d - t) : LANES;
        vec z[LANES];
        for (int i = 0; i < LANES; i++) z[i] = (n == LANES ? v_load(row[i] + t) : v_load_first(row[i] + t, n)) * by;
        v_transpose(z);
        for (int i = 0; i < n; i += NUMBERS) *(vec *)(p->qt + (t + i) / NUMBERS * PANEL + lane) = unit_of(z + i);
    }
}

static void start_panel(tile *x, const ag_pass *pass, panel *p)
{
    p->empty = pass->own == AG_OWN_NONE;
    if (!p->empty) memset(p->o, 0, (size_t)wide(x->a) * PANEL * sizeof *p->o);
    for (int lane = 0; lane < p->vectors * LANES; lane += LANES) {
        pack_lanes(x, pass, p, lane);
        *(vec *)(p->m + lane) = v_all(-FLT_MAX);
        *(vec *)(p->l + lane) = v_all(0);
    }
    for (int lane = 0; pass->own != AG_OWN_NONE && lane < p->vectors * LANES; lane++) start_lane(x, pass, p, lane);
}

/* ---- results ---- */

/* Queries of the task in the LANES lanes from `lane` on. */
static int lanes_used(const tile *x, const panel *p, int lane)
{
    const int left = x->queries - p->first - lane;
    return left < LANES ? left : LANES;
}

/* Channels [t, t + n) of the lanes from `lane` on, times `by`, into the first `count` rows. */
TILE_INLINE void unpack_square(const int n, const int count, const int stream, const panel *p, int lane, int64_t t,
                               vec by, float *const *row)
{
    vec z[LANES];
    for (int i = 0; i < n; i++) z[i] = *(const vec *)(p->o + (t + i) * PANEL + lane) * by;
    for (int i = n; i < LANES; i++) z[i] = v_all(0);
    v_transpose(z);
    for (int i = 0; i < count; i++) {
        if (stream) v_stream(row[i] + t, z[i]);
        else if (n == LANES) v_store(row[i] + t, z[i]);
        else v_store_first(row[i] + t, z[i], n);
    }
}

/* With few keys most of what a task touches is its output, which is better not read into the cache only to be
 * overwritten. */
static int streams(const tile *x, int count, float *const *row)
{
    if (count < LANES) return 0;
    int64_t keys = 0;
    uintptr_t bits = 0;
    for (int i = 0; i < x->a->pass[0].n_keys; i++) keys += x->a->pass[0].keys[i].count;
    for (int i = 0; i < LANES; i++) bits |= (uintptr_t)row[i];
    return keys <= STREAM_KEYS && bits % (LANES * sizeof(float)) == 0;
}

/* The first `count` lanes from `lane` on, normalised, into `row`; zeros where nothing was seen. */
static void unpack_lanes(const tile *x, const panel *p, int lane, int count, int stream, float *const *row)
{
    const int64_t d = x->a->d_v;
    int64_t t = 0;
    vec by;
    if (p->empty) {
        for (int i = 0; i < count; i++) memset(row[i], 0, (size_t)d * sizeof *row[i]);
        return;
    }
    for (int i = 0; i < LANES; i++) by[i] = p->l[lane + i] == 0 ? 0 : 1 / p->l[lane + i]; /* a NaN sum stays NaN */
    for (; stream && t + LANES <= d; t += LANES) unpack_square(LANES, LANES, 1, p, lane, t, by, row);
    for (; count == LANES && t + LANES <= d; t += LANES) unpack_square(LANES, LANES, 0, p, lane, t, by, row);
    for (; t < d; t += LANES) unpack_square(d - t < LANES ? (int)(d - t) : LANES, count, 0, p, lane, t, by, row);
}

/* Rows of this pass in float32 at `row`: attended, or ready. */
static void take_lanes(const tile *x, const ag_pass *pass, const panel *p, int lane, int count, int stream,
                       float *const *row)
{
    if (!pass->ready) {
        unpack_lanes(x, p, lane, count, stream, row);
        return;
    }
    for (int i = 0; i < count; i++) {
        const int64_t from = ag_mapped(&pass->map, x->token[p->first + lane + i]);
        row_load(row[i], ag_at(x->run, &pass->q[0], x->h, from), pass->q[0].dtype, x->a->d_v);
    }
}

static void store_lse(const tile *x, const ag_pass *pass, const panel *p, int lane, int count)
{
    for (int i = lane; i < lane + count; i++)
        *(float *)ag_at(x->run, &x->a->lse, x->h, x->token[p->first + i]) = lse_of(x, pass, p, i);
}

static void store_lanes(tile *x, const ag_pass *pass, const panel *p, int lane)
{
    const ag_attend *a = x->a;
    const float u = x->strength;
    const int count = lanes_used(x, p, lane), blends = u > 0 && u < 1, widened = blends || a->out.dtype != AG_F32;
    float *row[LANES];
    for (int i = 0; i < count; i++)
        row[i] =
            widened ? x->rows + i * pitch(a) : (float *)ag_at(x->run, &a->out, x->h, x->token[p->first + lane + i]);
    take_lanes(x, pass, p, lane, count, !widened && streams(x, count, row), row);
    for (int i = 0; blends && i < count; i++) {
        const float *first = x->first + (p->first + lane + i) * a->d_v;
        for (int64_t t = 0; t < a->d_v; t++) row[i][t] = (1 - u) * first[t] + u * row[i][t];
    }
    for (int i = 0; widened && i < count; i++)
        row_store(ag_at(x->run, &a->out, x->h, x->token[p->first + lane + i]), row[i], a->out.dtype, a->d_v);
    if (a->lse.source != AG_SOURCES) store_lse(x, pass, p, lane, count);
}

/* The result of pass 0 where it will be blended with that of pass 1. */
static void keep_lanes(tile *x, const ag_pass *pass, const panel *p, int lane)
{
    float *row[LANES];
    for (int i = 0; i < LANES; i++) row[i] = x->first + (p->first + lane + i) * x->a->d_v;
    take_lanes(x, pass, p, lane, lanes_used(x, p, lane), 0, row);
}

static void finish_panel(tile *x, const ag_pass *pass, const panel *p)
{
    const int keep = pass == &x->a->pass[0] && x->strength > 0;
    for (int lane = 0; lane < p->vectors * LANES && p->first + lane < x->queries; lane += LANES) {
        if (keep) keep_lanes(x, pass, p, lane);
        else store_lanes(x, pass, p, lane);
    }
}

#endif
