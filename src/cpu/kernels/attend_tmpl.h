/* attend_tmpl.h - the attend step in tiles, written over the vector verbs and the unit (unit_f32.h, unit_bf16.h) that
 * the including file chose.
 *
 * A task is up to ATTEND_TASK queries of one head: panels of 3 vectors, transposed once. Keys come in blocks of 128
 * that all panels of the task use, where they lie if that is how they would be packed, else gathered into a copy;
 * masked keys are left out there, so they are neither read nor paid for, and key ranges with different sources join
 * seamlessly. Per block and panel: logits, maximum, weights, values, with the running maximum m, sum l and result o of
 * the online softmax (Milakov and Gimelshein 2018). An own key (identity, uniform) is the element the recurrence starts
 * from.
 *
 * Blocks depend on shapes and masks only, so the bytes do not depend on threads or on how tasks are split. */
#include "attend_panel_tmpl.h"
#include "attend_sparse_tmpl.h"

/* ---- the recurrence ---- */

static void attend_block(attend_tile *x, const ag_pass *pass, attend_panel *p, int keys)
{
    const int n = p->vectors;
    attend_multiply_keys(x, p, keys);
    const int extreme = attend_are_extreme(x, pass, p, keys);
    if (extreme) attend_mark_logits(x, pass, p, keys);
    const float by = attend_scale_late(x, pass, p, keys);
    if (extreme) attend_judge_logits(x, pass, p, keys);
    if (x->odd) attend_see_odd(x, p);
    tile_rescale(n, x->top, p->m, p->l, x->by);
    attend_weights(n, keys, x->s, by, p->m, x->w, p->l);
    attend_multiply_values(x, p, keys);
    if (x->odd) attend_add_odd(x, pass, p);
}

/* A panel is made when its first block is there and stored after its last, so that with few keys it never leaves the
 * nearest cache. */
static void attend_pass(attend_tile *x, const ag_pass *pass)
{
    int64_t end = INT64_MIN;
    attend_choose_logit_rows(x, pass);
    x->large = 0;
    memset(x->poisoned, 0, sizeof x->poisoned);
    for (int i = 0; i < x->panels; i++) {
        attend_see(x, &x->panel[i]);
        if (x->panel[i].seen > end) end = x->panel[i].seen;
    }
    attend_cursor c = { 0, 0 };
    for (int first = 1, more = 1; more; first = 0) {
        const int keys = attend_next_block(x, pass, &c, end);
        if (keys) attend_look_at_block(x, pass, keys);
        if ((more = attend_more_keys(x, pass, &c, end))) attend_fetch_keys(x, pass, &c);
        for (int i = 0; i < x->panels; i++) {
            attend_panel *p = &x->panel[i];
            if (first) attend_start_panel(x, pass, p);
            if (first && i + 1 < x->panels) attend_fetch_queries(x, pass, p + 1, keys);
            if (keys && x->key[0] < p->seen)
                attend_block(x, pass, p, keys); /* keys come in order: else all are hidden */
            if (!more) attend_finish_panel(x, pass, p);
        }
    }
}

static void attend_run_pass(attend_tile *x, const ag_pass *pass)
{
    if (x->lambda != 0) attend_sparse_pass(x, pass);
    else if (!pass->ready) attend_pass(x, pass);
    else
        for (int i = 0; i < x->panels; i++) attend_finish_panel(x, pass, &x->panel[i]);
}

/* Blended: at strength 0 and 1 one pass alone is run and stored. */
static void attend_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    attend_tile *x = memory;
    x->a = &s->u.attend;
    attend_lay_out(x, (char *)memory + attend_tile_bytes());
    x->next_queries = x->next_keys = x->next_values = (attend_fetch){ .rows = 0 };
    x->run = bound;
    x->b = s->b;
    x->h = s->heads[task / attend_tiles_of(s)];
    x->visible = ag_visible_of(bound, s->b);

    const int64_t each = attend_queries_per_task(s), from = task % attend_tiles_of(s) * each,
                  left = attend_queries_of(x->a) - from;
    x->queries = (int)(left < each ? left : each);
    attend_list_queries(x, from);
    attend_cut_panels(x);
    memset(x->again, 0, sizeof x->again);
    x->lambda = x->a->pass[0].power != 0 ? ag_row_values(bound, s->b).lambda : 0;
    x->strength = x->a->n_passes == 2 ? (float)ag_row_values(bound, s->b).strength : 0;
    if (x->strength < 1) attend_run_pass(x, &x->a->pass[0]);
    if (x->strength > 0) attend_run_pass(x, &x->a->pass[1]);
    v_fence();
}
