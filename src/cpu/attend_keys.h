/* attend_keys.h - the key side of the tiled attend kernel: blocks of the visible keys of a pass, and the rows that are
 * fetched into the cache ahead of them. */
#ifndef AG_ATTEND_KEYS_H
#define AG_ATTEND_KEYS_H

#include "attend_task.h"

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
            row_load(x->k + n * a->d, ag_at(x->run, &keys->k, x->h, j), keys->k.dtype, a->d);
            float *v = x->v + n * wide(a);
            row_load(v, ag_at(x->run, &keys->v, x->h, j), keys->v.dtype, a->d_v);
            for (int64_t t = a->d_v; t < wide(a); t++) v[t] = 0;
            x->key[n] = j;
            c->at++;
            return 1;
        }
    }
    return 0;
}

static int is_packed(const ag_ref *r, int64_t width) { return r->dtype == AG_F32 && r->stride_i == width; }

/* A whole block of visible float32 keys whose rows already lie as the packed ones would. */
static int take_block(tile *x, const ag_pass *pass, const cursor *c, int64_t end)
{
    const ag_attend *a = x->a;
    if (c->range == pass->n_keys) return 0;
    const ag_keys *keys = &pass->keys[c->range];
    const int64_t j = keys->first + c->at;
    if (keys->count - c->at < BLOCK || j + BLOCK > end) return 0;
    if (!is_packed(&keys->k, a->d) || !is_packed(&keys->v, wide(a)) || a->d_v != wide(a)) return 0;
    for (int i = 0; i < BLOCK; i++) {
        if (!ag_key_visible(&x->visible, j + i)) return 0;
        x->key[i] = j + i;
    }
    x->key_rows = ag_at(x->run, &keys->k, x->h, j);
    x->value_rows = ag_at(x->run, &keys->v, x->h, j);
    return 1;
}

/* The next BLOCK visible keys, or what is left: where they lie, or packed; the last is then repeated up to a multiple
 * of ROWS, so that it cannot change a maximum. */
static int next_block(tile *x, const ag_pass *pass, cursor *c, int64_t end)
{
    if (take_block(x, pass, c, end)) {
        c->at += BLOCK;
        return BLOCK;
    }
    int n = 0;
    while (n < BLOCK && pack_key(x, pass, c, end, n)) n++;
    for (int i = n; n && i % ROWS; i++)
        memcpy(x->k + i * x->a->d, x->k + (n - 1) * x->a->d, (size_t)x->a->d * sizeof *x->k);
    x->key_rows = x->k;
    x->value_rows = x->v;
    return n;
}

/* Whether a visible key is left; moves the cursor there. */
static int more_keys(const tile *x, const ag_pass *pass, cursor *c, int64_t end)
{
    for (; c->range < pass->n_keys; c->range++, c->at = 0) {
        const ag_keys *keys = &pass->keys[c->range];
        for (; c->at < keys->count && keys->first + c->at < end; c->at++)
            if (ag_key_visible(&x->visible, keys->first + c->at)) return 1;
    }
    return 0;
}

/* ---- rows to come ---- */

/* `rows` rows of r from token i on, of `width` elements, spread over `tiles` tiles of logits. */
static fetch fetch_of(const tile *x, const ag_ref *r, int64_t i, int64_t rows, int64_t width, int tiles)
{
    const int64_t size = (int64_t)ag_size_of(r->dtype);
    return (fetch){ .at = ag_at(x->run, r, x->h, i),
                    .stride = r->stride_i * size,
                    .bytes = width * size,
                    .rows = (int)rows,
                    .rows_each = (int)((rows + tiles - 1) / tiles) };
}

/* What the next block will read: BLOCK rows from the cursor on. Keys that lie packed are read in order, which the
 * processor foresees within a page; values are not, as a tile takes a few channels of every row. */
static void fetch_keys(tile *x, const ag_pass *pass, const cursor *c)
{
    const ag_keys *keys = &pass->keys[c->range];
    const int64_t left = keys->count - c->at, rows = left < BLOCK ? left : BLOCK, j = keys->first + c->at;
    const int tiles = x->panels * (BLOCK / ROWS);
    if (!is_packed(&keys->k, x->a->d) || x->a->d * ROWS * 4 >= 4096)
        x->next_keys = fetch_of(x, &keys->k, j, rows, x->a->d, tiles);
    x->next_values = fetch_of(x, &keys->v, j, rows, x->a->d_v, tiles);
}

/* What start_panel() will read of panel `p`. */
static void fetch_queries(tile *x, const ag_pass *pass, const panel *p, int keys)
{
    const int left = x->queries - p->first, rows = left < PANEL ? left : PANEL;
    const int span = x->span[p->first];
    x->next_queries = fetch_of(x, &pass->q[span], x->token[p->first], rows, x->a->d, keys / ROWS + 1);
}

static inline void fetch_some(tile *x)
{
    fetch *q = &x->next_queries, *k = &x->next_keys, *v = &x->next_values;
    for (int i = 0; i < q->rows_each && q->rows > 0; i++, q->rows--, q->at += q->stride)
        for (int64_t t = 0; t < q->bytes; t += 64) __builtin_prefetch(q->at + t);
    /* These not into the nearest cache: the logits fill it. */
    for (int i = 0; i < k->rows_each && k->rows > 0; i++, k->rows--, k->at += k->stride)
        for (int64_t t = 0; t < k->bytes; t += 64) __builtin_prefetch(k->at + t, 0, 2);
    for (int i = 0; i < v->rows_each && v->rows > 0; i++, v->rows--, v->at += v->stride)
        for (int64_t t = 0; t < v->bytes; t += 64) __builtin_prefetch(v->at + t, 0, 2);
}

#endif
