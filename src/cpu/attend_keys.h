/* attend_keys.h - the key side of the tiled attend kernel: blocks packed from the visible keys of a pass. */
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

#endif
