/* attend_tiled.h - the attend step in tiles, written over the vector verbs and the unit (unit_f32.h, unit_bf16.h) that
 * the including file chose.
 *
 * A task is up to TASK queries of one head: panels of 3 vectors, transposed once. Keys come in blocks of 128 that all
 * panels of the task use, where they lie if that is how they would be packed, else gathered into a copy; masked keys
 * are left out there, so they are neither read nor paid for, and key ranges with different sources join seamlessly.
 * Per block and panel: logits, maximum, weights, values, with the running maximum m, sum l and result o of the online
 * softmax (Milakov and Gimelshein 2018). An own key (identity, uniform) is the element the recurrence starts from.
 *
 * Blocks depend on shapes and masks only, so the bytes do not depend on threads or on how tasks are split. */
#include "attend_amend.h"
#include "attend_keys.h"
#include "attend_panel.h"
#include "attend_task.h"
#include "../count.h"

/* ---- the recurrence ---- */

TILE_CALL void logits(int n, int64_t length, const unit *k, const unit *qt, float *s, float *top)
{
    if (n == 3) tile_logits(3, length, k, qt, s, top);
    else if (n == 2) tile_logits(2, length, k, qt, s, top);
    else tile_logits(1, length, k, qt, s, top);
}

TILE_CALL void weights(int n, int64_t keys, const float *s, float scale, const float *m, unit *w, float *l)
{
    if (n == 3) tile_weights(3, keys, s, scale, m, w, l);
    else if (n == 2) tile_weights(2, keys, s, scale, m, w, l);
    else tile_weights(1, keys, s, scale, m, w, l);
}

TILE_CALL void values(int n, int add, const product *p)
{
    if (!add && n == 3) tile_product(ROWS, 3, 0, p);
    else if (n == 3) tile_product(ROWS, 3, 1, p);
    else if (n == 2) tile_product(ROWS, 2, add, p);
    else tile_product(ROWS, 1, add, p);
}

/* Maxima in units of log 2; the factor that logits still lack. */
static float scale_late(tile *x, const ag_pass *pass, const panel *p, int keys)
{
    const float by = SCALES_LATE ? scale_of(pass) : 1;
    if (amends(x, pass, p, keys)) {
        amend_logits(x, pass, p, keys, by);
        return 1;
    }
    for (int c = 0; SCALES_LATE && c < p->vectors; c++) *(vec *)(x->top + c * LANES) *= by;
    return by;
}

static void attend_block(tile *x, const ag_pass *pass, panel *p, int keys)
{
    const int n = p->vectors;
    const int64_t length = units(x->a->d), rows = wide(x->a);
    ag_count_flop(2 * n * LANES * (int64_t)((keys + ROWS - 1) / ROWS * ROWS * x->a->d + keys * rows));
    for (int c = 0; c < n; c++) *(vec *)(x->top + c * LANES) = v_all(-FLT_MAX);
    for (int j = 0; j < keys; j += ROWS) {
        fetch_some(x);
        logits(n, length, x->key_rows + j * length, p->qt, x->s + j * PANEL, x->top);
    }
    const float by = scale_late(x, pass, p, keys);
    tile_rescale(n, x->top, p->m, p->l, x->by);
    weights(n, keys, x->s, by, p->m, x->w, p->l);
    for (int64_t t = 0; t < rows; t += ROWS)
        values(n, !p->empty,
               &(product){ units(keys), x->value_rows + t, x->w, p->o + t * PANEL, rows, PANEL, PANEL, x->by });
    p->empty = 0;
}

/* A panel is made when its first block is there and stored after its last, so that with few keys it never leaves the
 * nearest cache. */
static void attend_pass(tile *x, const ag_pass *pass)
{
    int64_t end = INT64_MIN;
    choose_logit_rows(x, pass);
    for (int i = 0; i < x->panels; i++) {
        see(x, &x->panel[i]);
        if (x->panel[i].seen > end) end = x->panel[i].seen;
    }
    cursor c = { 0, 0 };
    for (int first = 1, more = 1; more; first = 0) {
        const int keys = next_block(x, pass, &c, end);
        if ((more = more_keys(x, pass, &c, end))) fetch_keys(x, pass, &c);
        for (int i = 0; i < x->panels; i++) {
            panel *p = &x->panel[i];
            if (first) start_panel(x, pass, p);
            if (first && i + 1 < x->panels) fetch_queries(x, pass, p + 1, keys);
            if (keys && x->key[0] < p->seen)
                attend_block(x, pass, p, keys); /* keys come in order: else all are hidden */
            if (!more) finish_panel(x, pass, p);
        }
    }
}

static void run_pass(tile *x, const ag_pass *pass)
{
    if (!pass->ready) attend_pass(x, pass);
    else
        for (int i = 0; i < x->panels; i++) finish_panel(x, pass, &x->panel[i]);
}

/* Blended: at strength 0 and 1 one pass alone is run and stored. */
static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    tile *x = memory;
    x->a = &s->u.attend;
    lay_out(x, (char *)memory + tile_bytes());
    x->next_queries = x->next_keys = x->next_values = (fetch){ .rows = 0 };
    x->run = bound;
    x->b = s->b;
    x->h = s->heads[task / tiles_of(s)];
    x->visible = ag_visible_of(bound, s->b);

    const int64_t each = queries_per_task(s), from = task % tiles_of(s) * each, left = queries_of(x->a) - from;
    x->queries = (int)(left < each ? left : each);
    list_queries(x, from);
    cut_panels(x);
    x->strength = x->a->n_passes == 2 ? (float)ag_row_values(bound, s->b).strength : 0;
    if (x->strength < 1) run_pass(x, &x->a->pass[0]);
    if (x->strength > 0) run_pass(x, &x->a->pass[1]);
    v_fence();
}
