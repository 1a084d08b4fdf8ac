/* lower.c - rows and methods become a few steps. The only place that knows what PAG or SEG is; pure, knows no backend.
 *
 * Each output row becomes: standard attention for what the method leaves alone (phase 0, beside everything else), and
 * for its chosen heads the chain below. Chains that need workspace are cut into waves of key/value heads under a byte
 * cap; a wave begins after the last phase of the wave before and reuses its workspace.
 *
 *   identity    copy, or attend(own key + context)
 *   uniform     mean -> copy, or mean -> attend(mean key + context)
 *   smoothed    blur -> attend                 infinite: blur to distinct rows -> attend them -> copy
 *   orthogonal  split -> blur -> attend        likewise with keep_parallel 0
 *   gather      draw -> tally -> gather
 *   permute     draw -> permute values -> attend
 *   tokens      draw -> permute queries -> attend
 *
 * A blend adds the standard result as a first pass of the attend step; permute is linear in V and folds it into mix. */
#include "lower.h"

#include <stdlib.h>
#include <string.h>

#include "axis.h"

/* ---- the program being built ---- */

/* The program owns `memory` from now on; it is freed at once where that cannot be noted. */
void ag_keep(lower *l, void *memory)
{
    ag_program *p = l->out;
    if (!memory) return;
    if (p->n_owned == p->owned_room) {
        const int64_t room = p->owned_room ? 2 * p->owned_room : 16;
        void **grown = realloc(p->owned, (size_t)room * sizeof *grown);
        if (!grown) {
            l->status = AG_ERR_MEMORY;
            free(memory);
            return;
        }
        p->owned = grown;
        p->owned_room = room;
    }
    p->owned[p->n_owned++] = memory;
}

void *ag_reserve(lower *l, size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) l->status = AG_ERR_MEMORY;
    ag_keep(l, memory);
    return l->status ? NULL : memory;
}

ag_step *ag_emit(lower *l, ag_step_kind kind, int phase, head_list heads)
{
    ag_program *p = l->out;
    if (p->n_steps == p->room) {
        const int64_t room = p->room ? 2 * p->room : 16;
        ag_step *grown = realloc(p->steps, (size_t)room * sizeof *grown);
        if (!grown) {
            l->status = AG_ERR_MEMORY;
            return &l->spare; /* callers fill it in; the status drops the whole program */
        }
        p->steps = grown;
        p->room = room;
    }
    ag_step *s = &p->steps[p->n_steps++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->phase = phase;
    s->b = l->b;
    s->heads = heads.at;
    s->n_heads = heads.n;
    if (phase + 1 > p->n_phases) p->n_phases = phase + 1;
    return s;
}

/* Product of extents; an overflow is remembered and ends the lowering. */
int64_t ag_product(lower *l, int64_t a, int64_t b, int64_t c)
{
    int64_t x;
    if (!__builtin_mul_overflow(a, b, &x) && !__builtin_mul_overflow(x, c, &x) && x < INT64_MAX / 4) return x;
    l->status = AG_ERR_SHAPE;
    return 0;
}

int64_t ag_take(lower *l, int64_t bytes)
{
    const int64_t at = l->taken;
    l->taken += (bytes + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    if (l->taken < at) {
        l->status = AG_ERR_SHAPE;
        l->taken = at;
    }
    if ((size_t)l->taken > l->out->work_size) l->out->work_size = (size_t)l->taken;
    return at;
}

/* ---- references ---- */

static ag_ref tensor(ag_source source, const ag_layout *x, int64_t row, int64_t group)
{
    return (ag_ref){ .source = source,
                     .dtype = x->dtype,
                     .group = group,
                     .offset = row * x->stride[0] * (int64_t)ag_size_of(x->dtype),
                     .stride_h = x->stride[1],
                     .stride_i = x->stride[2] };
}

ag_ref ag_ref_q(const lower *l) { return tensor(AG_IN_Q, &l->p->q, l->r->q_row, 1); }
ag_ref ag_ref_k(const lower *l) { return tensor(AG_IN_K, &l->p->k, l->r->kv_row, l->group); }
ag_ref ag_ref_v(const lower *l) { return tensor(AG_IN_V, &l->p->v, l->r->kv_row, l->group); }
ag_ref ag_ref_out(const lower *l) { return tensor(AG_TO_OUT, &l->p->out, l->b, 1); }

/* Packed float32 [B, heads, rows] of the caller's. */
static ag_ref packed(const lower *l, ag_source source, int64_t heads, int64_t rows)
{
    return (ag_ref){ .source = source,
                     .dtype = AG_F32,
                     .group = 1,
                     .offset = l->b * heads * rows * 4,
                     .stride_h = rows,
                     .stride_i = 1 };
}

ag_ref ag_ref_none(void) { return (ag_ref){ .source = AG_SOURCES, .dtype = AG_F32, .group = 1 }; }
ag_ref ag_ref_lse(const lower *l)
{
    return l->p->want_lse ? packed(l, AG_TO_LSE, l->p->heads, l->p->n_q) : ag_ref_none();
}

ag_ref ag_ref_work(lower *l, work_shape w)
{
    const int64_t stored = (w.heads_to - w.heads_from) / w.group, bytes = 4 * ag_product(l, stored, w.rows, w.width);
    ag_ref r = {
        .source = AG_WORK, .dtype = AG_F32, .group = w.group, .stride_h = w.rows * w.width, .stride_i = w.width
    };
    r.offset = ag_take(l, bytes) - 4 * (w.heads_from / w.group * r.stride_h + w.first * r.stride_i);
    return r;
}

/* ---- head lists ---- */

static int is_chosen(const lower *l, int64_t h) { return l->r->heads_at < 0 || l->c->heads[l->r->heads_at + h]; }

/* Query heads [from, to) that are chosen (or not). */
static head_list list_heads(lower *l, int64_t from, int64_t to, int chosen)
{
    int32_t *at = ag_reserve(l, (size_t)(to - from) * sizeof *at);
    head_list list = { at, 0 };
    for (int64_t h = from; at && h < to; h++)
        if (is_chosen(l, h) == chosen) at[list.n++] = (int32_t)h;
    return list;
}

head_list ag_chosen(lower *l) { return list_heads(l, l->kv_from * l->group, l->kv_to * l->group, 1); }

/* One query head of each group in the wave that has a chosen head: the list a step over stored heads runs on. */
head_list ag_chosen_groups(lower *l)
{
    int32_t *at = ag_reserve(l, (size_t)(l->kv_to - l->kv_from) * sizeof *at);
    head_list list = { at, 0 };
    for (int64_t kv = l->kv_from; at && kv < l->kv_to; kv++)
        for (int64_t h = kv * l->group; h < (kv + 1) * l->group; h++)
            if (is_chosen(l, h)) {
                at[list.n++] = (int32_t)h;
                break;
            }
    return list;
}

/* ---- attend steps ---- */

ag_attend *ag_emit_attend(lower *l, int phase, head_list heads)
{
    ag_attend *a = &ag_emit(l, AG_STEP_ATTEND, phase, heads)->u.attend;
    a->d = l->p->d;
    a->d_v = l->p->d_v;
    a->scale = l->p->scale;
    a->causal = l->p->causal != 0;
    a->causal_shift = l->p->q_offset - l->p->k_offset + l->p->global_n_k - l->p->global_n_q;
    a->out = ag_ref_out(l);
    a->lse = ag_ref_lse(l);
    a->n_passes = 1;
    return a;
}

void ag_add_span(ag_attend *a, int64_t first, int64_t count, ag_ref q)
{
    if (count <= 0) return;
    a->spans[a->n_spans] = (ag_span){ first, count };
    a->pass[0].q[a->n_spans++] = q;
}

void ag_add_keys(ag_pass *p, int64_t first, int64_t count, ag_ref k, ag_ref v)
{
    if (count > 0) p->keys[p->n_keys++] = (ag_keys){ first, count, k, v };
}

void ag_all_keys(const lower *l, ag_pass *p) { ag_add_keys(p, 0, l->p->n_k, ag_ref_k(l), ag_ref_v(l)); }

void ag_context_keys(const lower *l, ag_pass *p)
{
    const int64_t end = l->r->o + l->r->n;
    ag_add_keys(p, 0, l->r->o, ag_ref_k(l), ag_ref_v(l));
    ag_add_keys(p, end, l->p->n_k - end, ag_ref_k(l), ag_ref_v(l));
}

void ag_standard_heads(lower *l, head_list heads)
{
    if (!heads.n) return;
    ag_attend *a = ag_emit_attend(l, 0, heads);
    ag_add_span(a, 0, l->p->n_q, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

/* Context rows of methods that leave them alone. */
void ag_standard_context(lower *l, head_list heads)
{
    if (l->r->n == l->p->n_q) return;
    ag_attend *a = ag_emit_attend(l, 0, heads);
    const int64_t end = l->r->o + l->r->n;
    ag_add_span(a, 0, l->r->o, ag_ref_q(l));
    ag_add_span(a, end, l->p->n_q - end, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

/* An attend step over the image rows: the caller fills in the returned pass, the second one where results blend. */
ag_pass *ag_emit_image(lower *l, int phase, head_list heads, ag_ref q)
{
    ag_attend *a = ag_emit_attend(l, phase, heads);
    ag_add_span(a, l->r->o, l->r->n, q);
    if (!l->r->blend) return &a->pass[0];
    a->pass[0].q[0] = ag_ref_q(l);
    ag_all_keys(l, &a->pass[0]);
    a->n_passes = 2;
    a->pass[1].q[0] = q;
    return &a->pass[1];
}

/* ---- rows ---- */

static void lower_blur_operation(lower *l)
{
    head_list all = list_heads(l, 0, l->p->heads, 1);
    const int64_t end = l->r->o + l->r->n;
    int64_t copied[2][2] = { { 0, l->r->o }, { end, l->p->n_q - end } };
    if (l->r->method == AG_STANDARD || !ag_blur_changes(l)) {
        copied[0][1] = l->p->n_q;
        copied[1][1] = 0;
    } else {
        ag_emit_blur(l, 0, all, (blur_refs){ ag_ref_q(l), ag_ref_out(l), l->r->o, 0, 0 });
    }
    for (int i = 0; i < 2; i++) {
        if (!copied[i][1]) continue;
        ag_copy *c = &ag_emit(l, AG_STEP_COPY, 0, all)->u.copy;
        const int64_t first = copied[i][0], count = copied[i][1];
        *c = (ag_copy){ .src = ag_ref_q(l),
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = first,
                        .count = count,
                        .d = l->p->d,
                        .map = { first, 1, count, first } };
    }
}

static void lower_study(lower *l, ag_step_kind kind)
{
    ag_study *s = &ag_emit(l, kind, 0, list_heads(l, 0, l->p->heads, 1))->u.study;
    const int received = kind == AG_STEP_RECEIVED;
    *s = (ag_study){
        .q = ag_ref_q(l),
        .k = ag_ref_k(l),
        .n_q = l->p->n_q,
        .n_k = l->p->n_k,
        .d = l->p->d,
        .heads = l->p->heads,
        .scale = l->p->scale,
        .causal = l->p->causal != 0,
        .causal_shift = l->p->q_offset - l->p->k_offset + l->p->global_n_k - l->p->global_n_q,
        .out = received ? packed(l, AG_TO_OUT, 1, l->p->n_k) : packed(l, AG_TO_OUT, l->p->heads, l->p->n_q),
        .curvature = received ? ag_ref_none() : packed(l, AG_TO_CURVATURE, l->p->heads, l->p->n_q),
    };
}

/* Runs a chain over waves of key/value heads whose workspace fits under the cap; one head is always allowed. */
static void lower_in_waves(lower *l, const method *m)
{
    const int64_t bytes = m->bytes_per_kv_head ? m->bytes_per_kv_head(l) : 0;
    const int64_t cap = l->p->wave_bytes > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)l->p->wave_bytes;
    for (l->kv_from = 0; l->kv_from < l->p->kv_heads && !l->status;) {
        int64_t count = l->p->kv_heads - l->kv_from;
        const int64_t room = cap > l->taken ? cap - l->taken : 0;
        if (bytes && count > room / bytes) count = room / bytes;
        if (!count && l->taken) { /* the next wave begins when this one is done, in the same workspace */
            l->base = l->out->n_phases;
            l->taken = 0;
            continue;
        }
        l->kv_to = l->kv_from + (count ? count : 1);
        const head_list heads = ag_chosen(l);
        if (heads.n) m->lower(l, heads);
        l->kv_from = l->kv_to;
    }
}

static void lower_row(lower *l)
{
    switch (l->p->operation) {
    case AG_BLUR: lower_blur_operation(l); return;
    case AG_RECEIVED: lower_study(l, AG_STEP_RECEIVED); return;
    case AG_ENERGY: lower_study(l, AG_STEP_ENERGY); return;
    case AG_ATTENTION: break;
    }
    const method *m = ag_method_of(l);
    if (!m) {
        l->r = &l->plain;
        l->plain.heads_at = -1;
        ag_standard_heads(l, list_heads(l, 0, l->p->heads, 1));
        return;
    }
    ag_standard_heads(l, list_heads(l, 0, l->p->heads, 0));
    lower_in_waves(l, m);
}

ag_status ag_lower(const ag_checked *c, ag_program *program, ag_why why)
{
    memset(program, 0, sizeof *program);
    lower l = { .c = c, .p = &c->p, .out = program, .group = c->p.heads / c->p.kv_heads };
    for (l.b = 0; l.b < c->p.batch && !l.status; l.b++) {
        l.plain = c->rows[l.b];
        l.r = &c->rows[l.b];
        lower_row(&l);
    }
    if (!l.status) return AG_OK;
    ag_program_free(program);
    if (l.status == AG_ERR_MEMORY) return ag_refuse(why, l.status, "no memory for the plan");
    return ag_refuse(why, l.status, "row %lld: its workspace does not fit in the address space", (long long)(l.b - 1));
}

void ag_program_free(ag_program *p)
{
    for (int64_t i = 0; i < p->n_owned; i++) free(p->owned[i]);
    free(p->owned);
    free(p->steps);
    memset(p, 0, sizeof *p);
}
