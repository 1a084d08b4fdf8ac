/* attend_block_tmpl.h - the products of a panel with a block of keys and values, in the tiled attend kernel. */
#ifndef AG_ATTEND_BLOCK_TMPL_H
#define AG_ATTEND_BLOCK_TMPL_H

#include "attend_amend_tmpl.h"
#include "attend_extreme_tmpl.h"
#include "attend_keys_tmpl.h"
#include "../count.h"

TILE_CALL void attend_logits(int n, int64_t length, const unit *k, const unit *qt, float *s, float *top)
{
    if (n == 3) tile_logits(3, length, k, qt, s, top);
    else if (n == 2) tile_logits(2, length, k, qt, s, top);
    else tile_logits(1, length, k, qt, s, top);
}

TILE_CALL void attend_weights(int n, int64_t keys, const float *s, float scale, const float *m, unit *w, float *l)
{
    if (n == 3) tile_weights(3, keys, s, scale, m, w, l);
    else if (n == 2) tile_weights(2, keys, s, scale, m, w, l);
    else tile_weights(1, keys, s, scale, m, w, l);
}

TILE_CALL void attend_values(int n, int add, const product *p)
{
    if (!add && n == 3) tile_product(ROWS, 3, 0, p);
    else if (n == 3) tile_product(ROWS, 3, 1, p);
    else if (n == 2) tile_product(ROWS, 2, add, p);
    else tile_product(ROWS, 1, add, p);
}

/* Maxima in units of log 2; the factor that logits still lack. */
static float attend_scale_late(attend_tile *x, const ag_pass *pass, const attend_panel *p, int keys)
{
    const float by = SCALES_LATE ? attend_scale_of(pass) : 1;
    if (attend_amends(x, pass, p, keys)) {
        attend_amend_logits(x, pass, p, keys, by);
        return 1;
    }
    for (int c = 0; SCALES_LATE && c < p->vectors; c++) *(vec *)(x->top + c * LANES) *= by;
    return by;
}

/* The panel's logits with the block's keys, and their maxima. */
static void attend_multiply_keys(attend_tile *x, const attend_panel *p, int keys)
{
    const int n = p->vectors;
    const int64_t length = attend_units(x->a->d);
    ag_count_flop(2 * n * LANES * (int64_t)((keys + ROWS - 1) / ROWS * ROWS * x->a->d));
    for (int c = 0; c < n; c++) *(vec *)(x->top + c * LANES) = v_all(-FLT_MAX);
    for (int j = 0; j < keys; j += ROWS) {
        attend_fetch_some(x);
        attend_logits(n, length, x->key_rows + j * length, p->qt, x->s + j * PANEL, x->top);
    }
}

/* What the block's weights make of its values joins the panel's result, which shrinks by x->by. */
static void attend_multiply_values(attend_tile *x, attend_panel *p, int keys)
{
    const int n = p->vectors;
    const int64_t rows = attend_wide(x->a);
    ag_count_flop(2 * n * LANES * (int64_t)(keys * rows));
    for (int64_t t = 0; t < rows; t += ROWS)
        attend_values(
            n, !p->empty,
            &(product){ attend_units(keys), x->value_rows + t, x->w, p->o + t * PANEL, rows, PANEL, PANEL, x->by });
    p->empty = 0;
}

#endif
