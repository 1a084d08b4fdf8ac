/* attend_panel_tmpl.h - queries in and results out of the tiled attend kernel: rows of the tensors become lanes of a
 * panel and lanes become rows, LANES x LANES elements at a time. */
#ifndef AG_ATTEND_PANEL_TMPL_H
#define AG_ATTEND_PANEL_TMPL_H

#include "attend_amend_tmpl.h"
#include "attend_extreme_tmpl.h"
#include "attend_task_tmpl.h"
#include "../count.h"

/* ---- the element the recurrence starts from ---- */

static int attend_own_is_there(const attend_tile *x, const ag_pass *pass, int64_t token)
{
    if (pass->own == AG_OWN_SELF) return ag_key_visible(&x->visible, token);
    return pass->own == AG_OWN_MEAN && *(const float *)ag_at(x->run, &pass->own_count, x->h, 0) > 0;
}

/* Lane `lane` starts with m, l = own logit, 1 and o = own value. */
static void attend_start_lane(attend_tile *x, const ag_pass *pass, attend_panel *p, int lane)
{
    const ag_attend *a = x->a;
    const int n = p->first + lane;
    const int64_t token = x->token[n], own = pass->own == AG_OWN_SELF ? token : 0;
    const ag_ref *ref = &pass->q[x->span[n]];
    float *q = x->rows, *other = x->rows + attend_pitch(a);
    if (!attend_own_is_there(x, pass, token)) return;
    row_load(q, ag_at(x->run, ref, x->h, token), ref->dtype, a->d);
    row_load(other, ag_at(x->run, &pass->own_k, x->h, own), pass->own_k.dtype, a->d);
    p->m[lane] = tile_dot(q, other, a->d) * attend_scale_of(pass);
    attend_look_at_own(x, pass, p, lane, other);
    ag_count_flop(2 * a->d);
    if (pass->own == AG_OWN_MEAN) p->m[lane] += log2f(*(const float *)ag_at(x->run, &pass->own_count, x->h, 0));
    p->l[lane] = 1;
    row_load(other, ag_at(x->run, &pass->own_v, x->h, own), pass->own_v.dtype, a->d_v);
    attend_look_at_own_value(x, p, lane, other);
    for (int64_t t = 0; t < a->d_v; t++) p->o[t * PANEL + lane] = other[t];
}

/* ---- queries ---- */

/* LANES queries from lane `lane` on, scaled unless their logits will be. */
static void attend_pack_lanes(attend_tile *x, const ag_pass *pass, attend_panel *p, int lane)
{
    const ag_attend *a = x->a;
    const vec by = v_all(SCALES_LATE ? 1 : attend_scale_of(pass));
    const float *row[LANES];
    vec size = v_all(0);
    for (int i = 0; i < LANES; i++) {
        const int n = p->first + lane + i;
        const ag_ref *q = &pass->q[x->span[n]];
        row[i] = ag_at(x->run, q, x->h, x->token[n]);
        if (q->dtype == AG_F32) continue;
        float *widened = x->rows + i * attend_pitch(a);
        row_load(widened, row[i], q->dtype, a->d);
        row[i] = widened;
    }
    for (int64_t t = 0; t < a->d; t += LANES) {
        const int n = a->d - t < LANES ? (int)(a->d - t) : LANES;
        vec z[LANES];
        for (int i = 0; i < LANES; i++) z[i] = (n == LANES ? v_load(row[i] + t) : v_load_first(row[i] + t, n)) * by;
        v_transpose(z);
        for (int i = 0; i < n; i++) size += z[i] * z[i];
        for (int i = 0; i < n; i += NUMBERS) *(vec *)(p->qt + (t + i) / NUMBERS * PANEL + lane) = unit_of(z + i);
    }
    *(vec *)(p->size + lane) = size;
}

static void attend_start_panel(attend_tile *x, const ag_pass *pass, attend_panel *p)
{
    p->empty = pass->own == AG_OWN_NONE;
    if (!p->empty) memset(p->o, 0, (size_t)attend_wide(x->a) * PANEL * sizeof *p->o);
    for (int lane = 0; lane < p->vectors * LANES; lane += LANES) {
        attend_pack_lanes(x, pass, p, lane);
        *(vec *)(p->m + lane) = v_all(-FLT_MAX);
        *(vec *)(p->l + lane) = v_all(0);
    }
    attend_size_queries(x, pass, p);
    for (int lane = 0; pass->own != AG_OWN_NONE && lane < p->vectors * LANES; lane++)
        attend_start_lane(x, pass, p, lane);
}

/* ---- results ---- */

/* Queries of the task in the LANES lanes from `lane` on. */
static int attend_lanes_used(const attend_tile *x, const attend_panel *p, int lane)
{
    const int left = x->queries - p->first - lane;
    return left < LANES ? left : LANES;
}

/* Channels [t, t + n) of the lanes from `lane` on, times `by`, into the first `count` rows. */
TILE_INLINE void attend_unpack_square(const int n, const int count, const int stream, const attend_panel *p, int lane,
                                      int64_t t, vec by, float *const *row)
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
static int attend_streams(const attend_tile *x, int count, float *const *row)
{
    if (count < LANES) return 0;
    int64_t keys = 0;
    uintptr_t bits = 0;
    for (int i = 0; i < x->a->pass[0].n_keys; i++) keys += x->a->pass[0].keys[i].count;
    for (int i = 0; i < LANES; i++) bits |= (uintptr_t)row[i];
    return keys <= ATTEND_STREAM_KEYS && bits % (LANES * sizeof(float)) == 0;
}

/* The first `count` lanes from `lane` on, normalised, into `row`; zeros where nothing was seen. */
static void attend_unpack_lanes(const attend_tile *x, const attend_panel *p, int lane, int count, int stream,
                                float *const *row)
{
    const int64_t d = x->a->d_v;
    int64_t t = 0;
    vec by;
    if (p->empty) {
        for (int i = 0; i < count; i++) memset(row[i], 0, (size_t)d * sizeof *row[i]);
        return;
    }
    for (int i = 0; i < LANES; i++) by[i] = p->l[lane + i] == 0 ? 0 : 1 / p->l[lane + i]; /* a NaN sum stays NaN */
    for (; stream && t + LANES <= d; t += LANES) attend_unpack_square(LANES, LANES, 1, p, lane, t, by, row);
    for (; count == LANES && t + LANES <= d; t += LANES) attend_unpack_square(LANES, LANES, 0, p, lane, t, by, row);
    for (; t < d; t += LANES) attend_unpack_square(d - t < LANES ? (int)(d - t) : LANES, count, 0, p, lane, t, by, row);
}

/* Rows of this pass in float32 at `row`: attended, or ready. */
static void attend_take_lanes(const attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane, int count,
                              int stream, float *const *row)
{
    if (!pass->ready) {
        attend_unpack_lanes(x, p, lane, count, stream, row);
        return;
    }
    for (int i = 0; i < count; i++) {
        const int64_t from = ag_mapped(&pass->map, x->token[p->first + lane + i]);
        row_load(row[i], ag_at(x->run, &pass->q[0], x->h, from), pass->q[0].dtype, x->a->d_v);
    }
}

/* of `again`: lse of those rows, computed already. */
static void attend_store_lse(const attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane, int count,
                             const double *again)
{
    for (int i = lane; i < lane + count; i++) {
        const int n = p->first + i;
        *(float *)ag_at(x->run, &x->a->lse, x->h, x->token[n]) =
            x->again[n] ? (float)again[i - lane] : attend_lse_of(x, pass, p, i);
    }
}

/* (1 - u) first + u row, in float64 where the sum might leave float32 on its way. */
static void attend_blend_row(float *row, const float *first, float u, int64_t d)
{
    uint32_t most = 0;
    for (int64_t t = 0; t < d; t++) {
        const uint32_t a = ag_to_bits(first[t]) & 0x7fffffff, b = ag_to_bits(row[t]) & 0x7fffffff;
        most = a > most ? a : most;
        most = b > most ? b : most;
    }
    if (most > ag_to_bits(ATTEND_VALUES_FIT))
        for (int64_t t = 0; t < d; t++) row[t] = (float)((1 - (double)u) * first[t] + (double)u * row[t]);
    else
        for (int64_t t = 0; t < d; t++) row[t] = (1 - u) * first[t] + u * row[t];
}

/* The rows among these that are computed again, and their lse. Queries are read: nothing has been stored. */
static void attend_compute_again(attend_tile *x, const attend_panel *p, int lane, int count, float *const *row,
                                 double *lse)
{
    const exact e = exact_of(x->a, x->run, x->b, x->h, x->exact_memory);
    for (int i = 0; i < count; i++) {
        const int n = p->first + lane + i;
        if (x->again[n]) lse[i] = exact_row(&e, x->span[n], x->token[n], row[i]);
    }
}

static void attend_store_lanes(attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane)
{
    const ag_attend *a = x->a;
    const float u = x->strength;
    const int count = attend_lanes_used(x, p, lane), blends = u > 0 && u < 1;
    int again = 0;
    for (int i = 0; i < count; i++) again |= x->again[p->first + lane + i];
    const int apart = blends || again || a->out.dtype != AG_F32;
    double lse[LANES];
    float *row[LANES];
    for (int i = 0; i < count; i++)
        row[i] = apart ? x->rows + i * attend_pitch(a)
                       : (float *)ag_at(x->run, &a->out, x->h, x->token[p->first + lane + i]);
    attend_take_lanes(x, pass, p, lane, count, !apart && attend_streams(x, count, row), row);
    for (int i = 0; blends && i < count; i++)
        attend_blend_row(row[i], x->first + (p->first + lane + i) * a->d_v, u, a->d_v);
    if (again) attend_compute_again(x, p, lane, count, row, lse);
    for (int i = 0; apart && i < count; i++)
        row_store(ag_at(x->run, &a->out, x->h, x->token[p->first + lane + i]), row[i], a->out.dtype, a->d_v);
    if (a->lse.source != AG_SOURCES) attend_store_lse(x, pass, p, lane, count, lse);
}

/* The result of pass 0 where it will be blended with that of pass 1. */
static void attend_keep_lanes(attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane)
{
    float *row[LANES];
    for (int i = 0; i < LANES; i++) row[i] = x->first + (p->first + lane + i) * x->a->d_v;
    attend_take_lanes(x, pass, p, lane, attend_lanes_used(x, p, lane), 0, row);
}

static void attend_finish_panel(attend_tile *x, const ag_pass *pass, const attend_panel *p)
{
    if (!pass->ready) attend_judge_panel(x, pass, p);
    const int keep = pass == &x->a->pass[0] && x->strength > 0;
    for (int lane = 0; lane < p->vectors * LANES && p->first + lane < x->queries; lane += LANES) {
        if (keep) attend_keep_lanes(x, pass, p, lane);
        else attend_store_lanes(x, pass, p, lane);
    }
}

#endif
