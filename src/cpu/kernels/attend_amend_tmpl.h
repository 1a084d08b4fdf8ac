/* attend_amend_tmpl.h - what becomes of the logits of a tile after the product: bias and causality (amend.h), random
 * masks and noise; and the lse that is left. */
#ifndef AG_ATTEND_AMEND_TMPL_H
#define AG_ATTEND_AMEND_TMPL_H

#include "../../semantics.h"
#include "attend_task_tmpl.h"

static amendment attend_amendment_of(const attend_tile *x)
{
    return (amendment){ x->run, x->b, x->h, x->a->causal_shift, x->a->causal, x->a->biased };
}

/* The panel's logits with the block's keys are more than products. */
static int attend_amends(const attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    return x->a->biased || x->key[keys - 1] >= p->shown || pass->disturbance.kind != AG_DISTURB_NONE;
}

/* Where causality begins to hide keys from the panel's queries, and where it hides all. */
static void attend_see(const attend_tile *x, attend_panel *p)
{
    const amendment by = attend_amendment_of(x);
    p->shown = INT64_MAX;
    p->seen = INT64_MIN;
    for (int i = p->first; i < p->first + p->vectors * LANES; i++) {
        const int64_t end = seen_by(&by, x->logit_row[i]);
        if (end < p->shown) p->shown = end;
        if (end > p->seen) p->seen = end;
    }
}

/* ---- random masks and noise: LANES words at a time, in loops that compilers turn into vectors if nothing is around
 * them ---- */

TILE_CALL void attend_hide(float *s, const uint32_t *i, uint32_t j, uint64_t seed, uint32_t stream, uint32_t last)
{
    for (int lane = 0; lane < LANES; lane++) s[lane] = ag_hides(seed, stream, i[lane], j, last) ? -INFINITY : s[lane];
}

TILE_CALL void attend_add_noise(float *s, const uint32_t *i, uint32_t j, uint64_t seed, uint32_t stream, float by)
{
    for (int lane = 0; lane < LANES; lane++) s[lane] += by * ag_normal_f32(ag_logit_words(seed, stream, i[lane], j));
}

/* Every query of a disturbed pass is of the image. */
static void attend_disturb(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    const ag_disturbance *by = &pass->disturbance;
    const ag_row_args row = ag_row_values(x->run, x->b);
    const uint32_t stream = (uint32_t)row.random_stream;
    uint32_t i[PANEL];
    for (int lane = 0; lane < p->vectors * LANES; lane++) i[lane] = (uint32_t)(x->token[p->first + lane] - by->o);
    for (int n = 0; n < keys; n++) {
        const int64_t j = x->key[n] - by->o;
        if (j < 0 || j >= by->n) continue;
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            float *at = x->s + n * PANEL + c;
            if (by->kind == AG_DISTURB_MASK) attend_hide(at, i + c, (uint32_t)j, row.seed, stream, by->last);
            else attend_add_noise(at, i + c, (uint32_t)j, row.seed, stream, (float)(by->amplitude * LOG2E));
        }
    }
}

/* The panel's logits times `by` as the pass wants them, and their maximum found again. */
static void attend_amend_logits(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys, float by)
{
    const amendment bias = attend_amendment_of(x);
    for (int j = 0; SCALES_LATE && j < keys; j++)
        for (int c = 0; c < p->vectors; c++) *(vec *)(x->s + j * PANEL + c * LANES) *= by;
    if (pass->disturbance.kind != AG_DISTURB_NONE) attend_disturb(x, pass, p, keys);
    amend_queries(&bias, x->logit_row + p->first, p->vectors * LANES, x->key, keys, x->s);
    for (int c = 0; c < p->vectors; c++) {
        vec top = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) top = v_max(top, *(const vec *)(x->s + j * PANEL + c * LANES));
        *(vec *)(x->top + c * LANES) = top;
    }
}

/* ---- lse ---- */

static float attend_greatest_bias(const attend_tile *x, const ag_pass *pass, int64_t row)
{
    const amendment by = attend_amendment_of(x);
    float most = -INFINITY;
    for (int range = 0; range < pass->n_keys; range++) {
        const ag_keys *keys = &pass->keys[range];
        const float bias = ag_greatest_bias(
            &(ag_seen){ x->run, &x->visible, x->b, x->h, row, seen_by(&by, row), keys->first, keys->count });
        if (bias > most) most = bias;
    }
    return most;
}

static float attend_lse_of(const attend_tile *x, const ag_pass *pass, const attend_panel *p, int lane)
{
    if (p->l[lane] == 0) return -INFINITY;
    if (x->a->biased && p->m[lane] == -FLT_MAX && p->l[lane] > 0)
        return attend_greatest_bias(x, pass, x->logit_row[p->first + lane]);
    return (p->m[lane] + log2f(p->l[lane])) * (float)LN2;
}

#endif
