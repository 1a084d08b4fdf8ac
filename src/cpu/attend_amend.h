/* attend_amend.h - what becomes of the logits of a tile after the product: causality, bias, random masks and noise; and
 * the lse that is left. Logits, maxima and sums are in units of log 2 (weights are powers of 2). */
#ifndef AG_ATTEND_AMEND_H
#define AG_ATTEND_AMEND_H

#include <float.h>
#include <math.h>

#include "../semantics.h"
#include "attend_task.h"

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

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

/* In units of log 2. The lowest finite float is a popular "-inf": it must stay finite, or a row that has nothing else
 * would see nothing. Biases below -2.3e38 so count as equal. */
static float added(const tile *x, int64_t logit_row, int64_t j)
{
    const float bias = ag_bias_at(x->run, x->b, x->h, logit_row, j), scaled = bias * (float)LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -FLT_MAX : scaled;
}

static void hide_and_bias(tile *x, const panel *p, int keys)
{
    const int biased = x->a->biased;
    for (int lane = 0; lane < p->vectors * LANES; lane++) {
        const int64_t row = x->logit_row[p->first + lane], seen = seen_by(x->a, row);
        for (int j = 0; j < keys; j++) {
            float *s = &x->s[j * PANEL + lane];
            if (x->key[j] >= seen) *s = -INFINITY;
            else if (biased) *s += added(x, row, x->key[j]);
        }
    }
}

/* ---- random masks and noise: LANES words at a time, in loops that become vectors ---- */

static void hide(float *s, const uint32_t *i, uint32_t j, const ag_disturbance *x, const ag_row_args *row)
{
    for (int lane = 0; lane < LANES; lane++)
        s[lane] = ag_hides(row->seed, (uint32_t)row->stream, i[lane], j, x->last) ? -INFINITY : s[lane];
}

static void add_noise(float *s, const uint32_t *i, uint32_t j, const ag_disturbance *x, const ag_row_args *row)
{
    const float by = (float)(x->amplitude * LOG2E);
    for (int lane = 0; lane < LANES; lane++)
        s[lane] += by * ag_normal_f32(ag_logit_words(row->seed, (uint32_t)row->stream, i[lane], j));
}

/* Every query of a disturbed pass is of the image. */
static void disturb(tile *x, const ag_pass *pass, const panel *p, int keys)
{
    const ag_disturbance *by = &pass->disturbance;
    const ag_row_args row = ag_row_values(x->run, x->b);
    uint32_t i[PANEL];
    for (int lane = 0; lane < p->vectors * LANES; lane++) i[lane] = (uint32_t)(x->token[p->first + lane] - by->o);
    for (int n = 0; n < keys; n++) {
        const int64_t j = x->key[n] - by->o;
        if (j < 0 || j >= by->n) continue;
        for (int c = 0; c < p->vectors * LANES; c += LANES) {
            if (by->kind == AG_DISTURB_MASK) hide(x->s + n * PANEL + c, i + c, (uint32_t)j, by, &row);
            else add_noise(x->s + n * PANEL + c, i + c, (uint32_t)j, by, &row);
        }
    }
}

/* The panel's logits as the pass wants them, and their maximum found again. */
static void amend_logits(tile *x, const ag_pass *pass, const panel *p, int keys)
{
    if (pass->disturbance.kind != AG_DISTURB_NONE) disturb(x, pass, p, keys);
    if (x->a->causal || x->a->biased) hide_and_bias(x, p, keys);
    for (int c = 0; c < p->vectors; c++) {
        vec top = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) top = v_max(top, *(const vec *)(x->s + j * PANEL + c * LANES));
        *(vec *)(x->top + c * LANES) = top;
    }
}

/* ---- lse ---- */

/* The greatest bias among the keys that a row sees: its lse where all of them lie below what units of log 2 can hold,
 * so far down that the products do not show. */
static float greatest_bias(const tile *x, const ag_pass *pass, int64_t logit_row)
{
    float most = -INFINITY;
    for (int range = 0; range < pass->n_keys; range++) {
        const ag_keys *keys = &pass->keys[range];
        for (int64_t j = keys->first; j < keys->first + keys->count; j++) {
            if (j >= seen_by(x->a, logit_row) || !ag_key_visible(&x->visible, j)) continue;
            const float bias = ag_bias_at(x->run, x->b, x->h, logit_row, j);
            if (bias > most) most = bias;
        }
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
