/* attend_amend.h - what becomes of the logits of a tile after the product: causality, bias, random masks and noise; and
 * the lse that is left. */
#ifndef AG_ATTEND_AMEND_H
#define AG_ATTEND_AMEND_H

#include "../semantics.h"
#include "attend_task.h"
#include "log2.h"

/* Logits of this pass are more than products. */
static int amends(const tile *x, const ag_pass *pass)
{
    return x->a->causal || x->a->biased || pass->disturbance.kind != AG_DISTURB_NONE;
}

/* ---- causal and bias ---- */

static int64_t seen_by(const ag_attend *a, int64_t logit_row)
{
    return a->causal ? logit_row + a->causal_shift + 1 : INT64_MAX;
}

/* None of the queries [first, last) of the task sees keys from here on. */
static int64_t last_seen(const tile *x, int first, int last)
{
    int64_t end = INT64_MIN;
    for (int i = first; i < last; i++) {
        const int64_t seen = seen_by(x->a, x->logit_row[i]);
        if (seen > end) end = seen;
    }
    return end;
}

static void hide_and_bias(tile *x, const panel *p, int keys)
{
    const int biased = x->a->biased;
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int64_t row = x->logit_row[p->first + lane], seen = seen_by(x->a, row);
        for (int j = 0; j < keys; j++) {
            float *s = &x->s[j * PANEL + lane];
            if (x->key[j] >= seen) *s = -INFINITY;
            else if (biased) *s += ag_in_log2(ag_bias_at(x->run, x->b, x->h, row, x->key[j]));
        }
    }
}

/* ---- random masks and noise: LANES words at a time, in loops that compilers turn into vectors if nothing is around
 * them ---- */

TILE_CALL void hide(float *s, const uint32_t *i, uint32_t j, uint64_t seed, uint32_t stream, uint32_t last)
{
    for (int lane = 0; lane < LANES; lane++) s[lane] = ag_hides(seed, stream, i[lane], j, last) ? -INFINITY : s[lane];
}

TILE_CALL void add_noise(float *s, const uint32_t *i, uint32_t j, uint64_t seed, uint32_t stream, float by)
{
    for (int lane = 0; lane < LANES; lane++) s[lane] += by * ag_normal_f32(ag_logit_words(seed, stream, i[lane], j));
}

/* Every query of a disturbed pass is of the image. */
static void disturb(tile *x, const ag_pass *pass, const panel *p, int keys)
{
    const ag_disturbance *by = &pass->disturbance;
    const ag_row_args row = ag_row_values(x->run, x->b);
    const uint32_t stream = (uint32_t)row.stream;
    uint32_t i[PANEL];
    for (int lane = 0; lane < p->vectors * LANES; lane++) i[lane] = (uint32_t)(x->token[p->first + lane] - by->o);
    for (int n = 0; n < keys; n++) {
        const int64_t j = x->key[n] - by->o;
        if (j < 0 || j >= by->n) continue;
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            float *at = x->s + n * PANEL + c;
            if (by->kind == AG_DISTURB_MASK) hide(at, i + c, (uint32_t)j, row.seed, stream, by->last);
            else add_noise(at, i + c, (uint32_t)j, row.seed, stream, (float)(by->amplitude * LOG2E));
        }
    }
}

/* The panel's logits times `by` as the pass wants them, and their maximum found again. */
static void amend_logits(tile *x, const ag_pass *pass, const panel *p, int keys, float by)
{
    for (int j = 0; SCALES_LATE && j < keys; j++)
        for (int c = 0; c < p->vectors; c++) *(vec *)(x->s + j * PANEL + c * LANES) *= by;
    if (pass->disturbance.kind != AG_DISTURB_NONE) disturb(x, pass, p, keys);
    if (x->a->causal || x->a->biased) hide_and_bias(x, p, keys);
    for (int c = 0; c < p->vectors; c++) {
        vec top = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) top = v_max(top, *(const vec *)(x->s + j * PANEL + c * LANES));
        *(vec *)(x->top + c * LANES) = top;
    }
}

/* ---- lse ---- */

static float greatest_bias(const tile *x, const ag_pass *pass, int64_t row)
{
    float most = -INFINITY;
    for (int range = 0; range < pass->n_keys; range++) {
        const ag_keys *keys = &pass->keys[range];
        const float bias = ag_greatest_bias(
            &(ag_seen){ x->run, &x->visible, x->b, x->h, row, seen_by(x->a, row), keys->first, keys->count });
        if (bias > most) most = bias;
    }
    return most;
}

static float lse_of(const tile *x, const ag_pass *pass, const panel *p, int lane)
{
    if (p->l[lane] == 0) return -INFINITY;
    if (x->a->biased && p->m[lane] == -FLT_MAX && p->l[lane] > 0)
        return greatest_bias(x, pass, x->logit_row[p->first + lane]);
    return (p->m[lane] + log2f(p->l[lane])) * (float)LN2;
}

#endif
