/* attend_keys_tmpl.h - the key side of the tiled attend kernel: blocks of the visible keys of a pass, and the rows that
 * are fetched into the cache ahead of them. */
#ifndef AG_ATTEND_KEYS_TMPL_H
#define AG_ATTEND_KEYS_TMPL_H

#include "attend_task_tmpl.h"

typedef struct attend_cursor {
    int range;
    int64_t at;
} attend_cursor;

/* Lists the next BLOCK visible keys below `end`, or what is left. */
static int attend_list_keys(attend_tile *x, const ag_pass *pass, attend_cursor *c, int64_t end)
{
    int n = 0;
    for (; c->range < pass->n_keys; c->range++, c->at = 0) {
        const ag_keys *keys = &pass->keys[c->range];
        for (; c->at < keys->count && keys->first + c->at < end; c->at++) {
            const int64_t j = keys->first + c->at;
            if (n == BLOCK) return n;
            if (!ag_key_visible(&x->visible, j)) continue;
            x->key[n] = j;
            x->range[n++] = c->range;
        }
    }
    return n;
}

/* All of the block's keys are neighbours in one range. */
static int attend_is_run(const attend_tile *x, int n)
{
    return x->range[0] == x->range[n - 1] && x->key[n - 1] - x->key[0] == n - 1;
}

static const ag_keys *attend_range_of(const ag_pass *pass, const attend_tile *x, int i)
{
    return &pass->keys[x->range[i]];
}

static void *attend_key_row(const attend_tile *x, const ag_pass *pass, int i)
{
    return ag_at(x->run, &attend_range_of(pass, x, i)->k, x->h, x->key[i]);
}

static void *attend_value_row(const attend_tile *x, const ag_pass *pass, int i)
{
    return ag_at(x->run, &attend_range_of(pass, x, i)->v, x->h, x->key[i]);
}

/* The last key is repeated up to a multiple of ROWS, so that it cannot change a maximum. */
static void attend_pack_keys(attend_tile *x, const ag_pass *pass, int n)
{
    const int64_t length = attend_units(x->a->d);
    for (int i = 0; i < n; i++) {
        const ag_ref *k = &attend_range_of(pass, x, i)->k;
        if (i + AHEAD < n) row_fetch(attend_key_row(x, pass, i + AHEAD), x->a->d * (int64_t)ag_size_of(k->dtype));
        unit_pack_key(x->k + i * length, attend_key_row(x, pass, i), k->dtype, x->a->d);
    }
    for (int i = n; i % ROWS; i++) memcpy(x->k + i * length, x->k + (n - 1) * length, (size_t)length * sizeof *x->k);
    x->key_rows = x->k;
}

/* Ranges may differ in type: permuted values are float32, those beside them what the caller stores. */
static void attend_pack_values(attend_tile *x, const ag_pass *pass, int n)
{
    for (int i = 0; i < n; i += NUMBERS) {
        const void *row[2] = { attend_value_row(x, pass, i), NULL };
        ag_dtype type[2] = { attend_range_of(pass, x, i)->v.dtype, AG_F32 };
        for (int r = i + AHEAD; r < i + AHEAD + NUMBERS && r < n; r++)
            row_fetch(attend_value_row(x, pass, r),
                      x->a->d_v * (int64_t)ag_size_of(attend_range_of(pass, x, r)->v.dtype));
        if (NUMBERS > 1 && i + 1 < n) {
            row[1] = attend_value_row(x, pass, i + 1);
            type[1] = attend_range_of(pass, x, i + 1)->v.dtype;
        }
        unit_pack_values(x->v + i / NUMBERS * attend_wide(x->a), row, type, x->a->d_v, attend_wide(x->a));
    }
    x->value_rows = x->v;
}

/* The n keys that are listed, where they lie or packed ... */
static void attend_place_keys(attend_tile *x, const ag_pass *pass, int n)
{
    const ag_keys *keys = &pass->keys[x->range[0]];
    if (attend_is_run(x, n) && n % ROWS == 0 && unit_keys_lie(&keys->k, x->a->d))
        x->key_rows = attend_key_row(x, pass, 0);
    else attend_pack_keys(x, pass, n);
}

/* ... and their values. */
static void attend_place_values(attend_tile *x, const ag_pass *pass, int n)
{
    const ag_keys *keys = &pass->keys[x->range[0]];
    if (attend_is_run(x, n) && unit_values_lie(&keys->v, x->a->d_v, attend_wide(x->a)))
        x->value_rows = attend_value_row(x, pass, 0);
    else attend_pack_values(x, pass, n);
}

/* The next keys with their values; how many. */
static int attend_next_block(attend_tile *x, const ag_pass *pass, attend_cursor *c, int64_t end)
{
    const int n = attend_list_keys(x, pass, c, end);
    if (!n) return 0;
    attend_place_keys(x, pass, n);
    attend_place_values(x, pass, n);
    return n;
}

/* Whether a visible key is left; moves the cursor there. */
static int attend_more_keys(const attend_tile *x, const ag_pass *pass, attend_cursor *c, int64_t end)
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
static attend_fetch attend_fetch_of(const attend_tile *x, const ag_ref *r, int64_t i, int64_t rows, int64_t width,
                                    int tiles)
{
    const int64_t size = (int64_t)ag_size_of(r->dtype);
    return (attend_fetch){ .at = ag_at(x->run, r, x->h, i),
                           .stride = r->stride_i * size,
                           .bytes = width * size,
                           .rows = (int)rows,
                           .rows_each = (int)((rows + tiles - 1) / tiles) };
}

/* What the next block will read: BLOCK rows from the cursor on. Keys that lie packed are read in order, which the
 * processor foresees within a page; values are not, as a tile takes a few channels of every row. */
static void attend_fetch_keys(attend_tile *x, const ag_pass *pass, const attend_cursor *c)
{
    const ag_keys *keys = &pass->keys[c->range];
    const int64_t left = keys->count - c->at, rows = left < BLOCK ? left : BLOCK, j = keys->first + c->at;
    const int tiles = x->panels * (BLOCK / ROWS);
    if (!unit_keys_lie(&keys->k, x->a->d) || attend_units(x->a->d) * ROWS * 4 >= 4096)
        x->next_keys = attend_fetch_of(x, &keys->k, j, rows, x->a->d, tiles);
    x->next_values = attend_fetch_of(x, &keys->v, j, rows, x->a->d_v, tiles);
}

/* What attend_start_panel() will read of panel `p`. */
static void attend_fetch_queries(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    const int left = x->queries - p->first, rows = left < PANEL ? left : PANEL;
    const int span = x->span[p->first];
    x->next_queries = attend_fetch_of(x, &pass->q[span], x->token[p->first], rows, x->a->d, keys / ROWS + 1);
}

static inline void attend_fetch_some(attend_tile *x)
{
    attend_fetch *q = &x->next_queries, *k = &x->next_keys, *v = &x->next_values;
    for (int i = 0; i < q->rows_each && q->rows > 0; i++, q->rows--, q->at += q->stride)
        for (int64_t t = 0; t < q->bytes; t += 64) __builtin_prefetch(q->at + t);
    /* These not into the nearest cache: the logits fill it. */
    for (int i = 0; i < k->rows_each && k->rows > 0; i++, k->rows--, k->at += k->stride)
        for (int64_t t = 0; t < k->bytes; t += 64) __builtin_prefetch(k->at + t, 0, 2);
    for (int i = 0; i < v->rows_each && v->rows > 0; i++, v->rows--, v->at += v->stride)
        for (int64_t t = 0; t < v->bytes; t += 64) __builtin_prefetch(v->at + t, 0, 2);
}

#endif
