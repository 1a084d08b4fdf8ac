/* attend_tiles.h - what the passes of the any-shape attend kernel do with a tile of keys: its logits, what is added to
 * them, sums over the threads that share a query, the product with its values. */
#ifndef AG_ATTEND_TILES_H
#define AG_ATTEND_TILES_H

#include <float.h>

#include "attend_exact.h"

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453f

/* ---- logits ---- */

/* What makes a logit of a product, in units of log 2. */
DEVICE float scale_of(const worker &w) { return (float)(w.pass->scale * LOG2E); }

DEVICE void add_products(const room *r, const worker &w, float (*s)[4])
{
    ROLLED
    for (int t = 0; t < CHANNELS; t += 4) {
        four q[MINE], k[4];
        UNROLL
        for (int i = 0; i < MINE; i++) q[i] = *(const four *)&r->q[w.first + i][t];
        UNROLL
        for (int c = 0; c < 4; c++) k[c] = *(const four *)&r->k[w.column + 16 * c][t];
        UNROLL
        for (int i = 0; i < MINE; i++) UNROLL
        for (int c = 0; c < 4; c++) UNROLL
        for (int x = 0; x < 4; x++) s[i][c] += q[i].x[x] * k[c].x[x];
    }
}

/* In units of log 2. The lowest finite float is a popular "-inf": it must stay finite, or a row that has nothing else
 * would see nothing. */
DEVICE float added(const ag_launch &l, const worker &w, int64_t logit_row, int64_t j)
{
    const float bias = bias_at(l, w.s->b, w.h, logit_row, j), scaled = bias * (float)LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -FLT_MAX : scaled;
}

/* What masks and noise at random do to the logit of a query and a key: their words are those of image-local tokens. */
DEVICE float disturbed(const worker &w, const ag_row_value &row, int64_t query, int64_t key)
{
    const ag_disturbance *x = &w.pass->disturbance;
    const int64_t i = query - x->o, j = key - x->o;
    if (i < 0 || i >= x->n || j < 0 || j >= x->n) return 0;
    const ag_words words = ag_logit_words(row.seed, (uint32_t)row.random_stream, (uint32_t)i, (uint32_t)j);
    if (x->kind == AG_DISTURB_NOISE) return fmaxf((float)(x->amplitude * LOG2E) * ag_normal_f32(words), -FLT_MAX);
    return ag_words_hide(words, (uint32_t)i, (uint32_t)j, x->last) ? -INFINITY : 0;
}

DEVICE int has_added(const worker &w) { return w.a->biased || w.pass->disturbance.kind != AG_DISTURB_NONE; }

/* What is added to the logits of my patch, where my weights will be. */
DEVICE void list_added(const ag_launch &l, const worker &w)
{
    const ag_row_value row = row_value(l, w.s->b);
    ROLLED
    for (int x = 0; x < MINE * 4; x++) {
        const int at = w.first + x / 4, column = w.column + x % 4 * 16;
        const int64_t j = w.r->key_token[column], i = w.r->logit_row[at];
        float sum = 0;
        if (w.a->biased && i >= 0 && j >= 0) sum = added(l, w, i, j);
        if (sum != -INFINITY && w.pass->disturbance.kind != AG_DISTURB_NONE) {
            const float more = disturbed(w, row, w.r->token[at], j);
            sum = sum + more == -INFINITY && more != -INFINITY ? -FLT_MAX : sum + more;
        }
        w.r->p[at][column] = sum;
    }
}

/* A sum that overflows stays infinite or becomes NaN, so that the logit itself tells. What hides is a choice and no
 * sum: a hidden key may be NaN. */
DEVICE void amend(const worker &w, float (*s)[4])
{
    const float by = scale_of(w);
    const int adds = has_added(w);
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const int64_t seen = seen_by(w.a, w.r->logit_row[w.first + i]);
        int odd = 0;
        UNROLL
        for (int c = 0; c < 4; c++) {
            const int column = w.column + 16 * c;
            const int64_t j = w.r->key_token[column];
            const float more = adds ? w.r->p[w.first + i][column] : 0;
            const int hidden = j < 0 || j >= seen || more == -INFINITY;
            s[i][c] *= by;
            odd |= !hidden && !(fabsf(s[i][c]) <= LOGITS_FIT);
            s[i][c] = hidden ? -INFINITY : s[i][c] + more;
        }
        if (odd) w.r->again[w.first + i] = 1;
    }
}

/* The logits of my patch of the tile that is listed. */
DEVICE void make_logits(const ag_launch &l, const worker &w, float (*s)[4])
{
    if (has_added(w)) list_added(l, w); /* before there are logits to keep in registers */
    UNROLL
    for (int i = 0; i < MINE; i++) UNROLL
    for (int c = 0; c < 4; c++) s[i][c] = 0;
    for (int64_t t = 0; t < w.a->d; t += CHANNELS) {
        stage(w.r->q[0], PITCH, w.r->query, QUERIES + KEYS, 3, t, w.a->d);
        sync_block(); /* queries and keys are there */
        add_products(w.r, w, s);
        sync_block(); /* they have been read */
    }
    amend(w, s);
}

/* ---- weights and values ---- */

/* Over the 16 threads that share a query. */
DEVICE float row_max(float x)
{
    UNROLL
    for (int step = 1; step < 16; step *= 2) x = fmaxf(x, shuffle_xor(x, step));
    return x;
}

DEVICE float row_sum(float x)
{
    UNROLL
    for (int step = 1; step < 16; step *= 2) x += shuffle_xor(x, step);
    return x;
}

DEVICE void add_values(worker &w, int from)
{
    ROLLED
    for (int j = 0; j < AT_ONCE; j += 4) {
        four p[MINE];
        UNROLL
        for (int i = 0; i < MINE; i++) p[i] = *(const four *)&w.r->p[w.first + i][from + j];
        UNROLL
        for (int half = 0; half < HALVES; half++) {
            if (half && !w.wide) continue;
            UNROLL
            for (int y = 0; y < 4; y++) {
                const four v = *(const four *)&w.r->v[j + y][64 * half + 4 * w.column];
                UNROLL
                for (int i = 0; i < MINE; i++) UNROLL
                for (int x = 0; x < 4; x++) w.o[i][half].x[x] += p[i].x[y] * v.x[x];
            }
        }
    }
}

/* Weights of the tile times its values. */
DEVICE void use_weights(worker &w)
{
    for (int from = 0; from < KEYS; from += AT_ONCE) {
        stage(w.r->v[0], WIDE, w.r->value + from, AT_ONCE, w.wide ? 5 : 4, w.channel, w.a->d_v);
        sync_block(); /* values are there */
        add_values(w, from);
        sync_block(); /* values have been read */
    }
}

#endif
