/* attend_keys.h - the key side of the tiled attend kernel: blocks packed from the visible keys of a pass, and what
 * causality and bias do to their logits. */
#ifndef AG_ATTEND_KEYS_H
#define AG_ATTEND_KEYS_H

#include <float.h>
#include <math.h>

#include "attend_task.h"

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

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
 * would see nothing. */
static float added(const tile *x, int64_t logit_row, int64_t j)
{
    const float bias = ag_bias_at(x->run, x->b, x->h, logit_row, j), scaled = bias * (float)LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -FLT_MAX : scaled;
}

/* Hides and biases logits lane by lane, then finds the maximum again. */
static void amend_logits(tile *x, const panel *p, int keys, vec *top)
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
    for (int c = 0; c < p->vectors; c++) {
        top[c] = v_all(-FLT_MAX);
        for (int j = 0; j < keys; j++) top[c] = v_max(top[c], *(const vec *)(x->s + j * PANEL + c * LANES));
    }
}

#endif
