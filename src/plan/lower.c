/* lower.c - rows and methods become a few steps; pure, knows no backend.
 *
 * Each output row becomes: standard attention for what the method leaves alone (phase 0, beside everything else), and
 * for its chosen heads the method's chain (../methods). Chains that need workspace are cut into waves of key/value
 * heads under a byte cap; a wave begins after the last phase of the wave before and reuses its workspace.
 *
 * A blend adds the standard result as a first pass of the attend step. */
#include "../program/lower.h"
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "../methods/method.h"

/* What the row's method has to do; NULL: the row is standard, whatever it is called. */
static const ag_method_room *changing(const lower *l)
{
    const ag_method_room *room = ag_method_number(l->r->method);
    if (!l->image.count && !room->of_keys) return NULL;
    return room->changes && room->changes(l) ? room : NULL;
}

static void lower_blur_operation(lower *l)
{
    head_list all = ag_lower_heads(l, 0, l->p->heads, 1);
    ag_span copied[2] = { ag_lower_here(l, 0, l->r->o), ag_lower_here(l, l->r->o + l->r->n, INT64_MAX) };
    if (!changing(l)) {
        copied[0] = ag_lower_here(l, 0, INT64_MAX);
        copied[1].count = 0;
    } else {
        ag_blur_emit(l, 0, all, (blur_refs){ ag_ref_q(l), ag_ref_out(l), l->r->o, 0, 0 });
    }
    for (int i = 0; i < 2; i++) {
        if (!copied[i].count) continue;
        ag_copy *c = &ag_lower_emit(l, AG_STEP_COPY, 0, all)->u.copy;
        *c = (ag_copy){ .src = ag_ref_q(l),
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = copied[i].first,
                        .count = copied[i].count,
                        .d = l->p->d,
                        .map = { copied[i].first, 1, copied[i].count, copied[i].first } };
    }
}

/* The next wave begins when this one is done, in the same workspace. */
static void next_wave(lower *l)
{
    l->base = l->out->n_phases;
    l->taken = 0;
}

static ag_study study_of(const lower *l)
{
    return (ag_study){
        .q = ag_ref_q(l),
        .k = ag_ref_k(l),
        .n_q = l->p->n_q,
        .n_k = l->p->n_k,
        .d = l->p->d,
        .heads = l->p->heads,
        .scale = l->p->scale,
        .causal = l->p->causal != 0,
        .masked = l->p->has_key_mask || l->p->has_key_lengths,
        .biased = l->p->bias_dtype != AG_NONE,
        .causal_shift = l->p->q_offset - l->p->k_offset + l->p->global_n_k - l->p->global_n_q,
        .out = ag_ref_none(),
        .curvature = ag_ref_none(),
        .m = ag_ref_none(),
        .l = ag_ref_none(),
    };
}

static void lower_energy(lower *l, head_list heads)
{
    ag_study s = study_of(l);
    s.out = ag_ref_packed(l, AG_TO_OUT, l->p->heads, l->p->n_q, 1);
    s.curvature = ag_ref_packed(l, AG_TO_CURVATURE, l->p->heads, l->p->n_q, 1);
    ag_lower_emit(l, AG_STEP_ENERGY, 0, heads)->u.study = s;
}

static void lower_map(lower *l, head_list heads)
{
    ag_study s = study_of(l);
    s.out = ag_ref_packed(l, AG_TO_OUT, l->p->heads, l->p->n_q, l->p->n_k);
    ag_lower_emit(l, AG_STEP_MAP, 0, heads)->u.study = s;
}

/* First every query's maximum and sum, then the columns. Rows that do not fit under the cap together follow each
 * other, in the same workspace. */
static void lower_received(lower *l, head_list heads)
{
    const work_shape shape = { 0, l->p->heads, 1, 0, l->p->n_q, 1, AG_F32 };
    const int64_t bytes = 8 * ag_lower_product(l, l->p->heads, l->p->n_q, 1);
    const int64_t cap = l->p->wave_bytes > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)l->p->wave_bytes;
    if (l->taken && l->taken > cap - bytes) next_wave(l);
    ag_study s = study_of(l);
    s.m = ag_ref_work(l, shape);
    s.l = ag_ref_work(l, shape);
    ag_lower_emit(l, AG_STEP_ENERGY, l->base, heads)->u.study = s;
    s.out = ag_ref_packed(l, AG_TO_OUT, 1, l->p->n_k, 1);
    ag_lower_emit(l, AG_STEP_RECEIVED, l->base + 1, heads)->u.study = s;
}

/* Runs a chain over waves of key/value heads whose workspace fits under the cap; one head is always allowed. */
static void lower_in_waves(lower *l, const ag_method_room *m)
{
    const int64_t bytes = m->bytes_per_kv_head ? m->bytes_per_kv_head(l) : 0;
    const int64_t cap = l->p->wave_bytes > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)l->p->wave_bytes;
    for (l->kv_from = 0; l->kv_from < l->p->kv_heads && !l->status;) {
        int64_t count = l->p->kv_heads - l->kv_from;
        const int64_t room = cap > l->taken ? cap - l->taken : 0;
        if (bytes && count > room / bytes) count = room / bytes;
        if (!count && l->taken) {
            next_wave(l);
            continue;
        }
        l->kv_to = l->kv_from + (count ? count : 1);
        const head_list heads = ag_lower_chosen(l);
        if (heads.n) m->lower(l, heads);
        l->kv_from = l->kv_to;
    }
}

static void lower_row(lower *l)
{
    switch (l->p->operation) {
    case AG_BLUR: lower_blur_operation(l); return;
    case AG_RECEIVED: lower_received(l, ag_lower_heads(l, 0, l->p->heads, 1)); return;
    case AG_ENERGY: lower_energy(l, ag_lower_heads(l, 0, l->p->heads, 1)); return;
    case AG_MAP: lower_map(l, ag_lower_heads(l, 0, l->p->heads, 1)); return;
    case AG_ATTENTION: break;
    }
    const ag_method_room *m = changing(l);
    if (!m) {
        l->r = &l->plain;
        l->plain.heads_at = -1;
        ag_standard_heads(l, ag_lower_heads(l, 0, l->p->heads, 1));
        return;
    }
    ag_standard_heads(l, ag_lower_heads(l, 0, l->p->heads, 0));
    lower_in_waves(l, m);
}

/* Attend kernels of a backend that keeps types take q, k, v and out of one half type and nothing else: what a method
 * makes of them is then kept in that type as well, whichever kernel will read it, so that a result does not depend on
 * what is installed. */
static ag_dtype kept_type(const ag_problem *p, int keep_types)
{
    const int halves = p->k.dtype == AG_F16 || p->k.dtype == AG_BF16;
    return keep_types && halves && p->q.dtype == p->k.dtype && p->out.dtype == p->k.dtype ? p->k.dtype : AG_F32;
}

ag_status ag_lower(const ag_checked *c, int keep_types, ag_program *program, ag_why why)
{
    memset(program, 0, sizeof *program);
    lower l = { .c = c, .p = &c->p, .out = program, .group = c->combines ? 1 : c->p.heads / c->p.kv_heads };
    l.kept = kept_type(&c->p, keep_types);
    if (c->combines) ag_lower_combine(&l);
    for (l.b = 0; l.b < c->p.batch && !l.status; l.b++) {
        l.plain = c->rows[l.b];
        l.r = &c->rows[l.b];
        l.image = ag_lower_here(&l, l.r->o, l.r->o + l.r->n);
        lower_row(&l);
    }
    if (!l.status) return AG_OK;
    ag_program_free(program);
    if (l.status == AG_ERR_MEMORY) return ag_refuse(why, l.status, "no memory for the plan");
    if (c->combines)
        return ag_refuse(why, l.status, "guidance.samples %lld of count %lld are more tasks than a plan can list",
                         (long long)c->g.samples, (long long)c->g.count);
    return ag_refuse(why, l.status, "row %lld: the workspace it needs does not fit in the address space",
                     (long long)(l.b - 1));
}

void ag_program_free(ag_program *p)
{
    for (int64_t i = 0; i < p->n_owned; i++) free(p->owned[i]);
    free(p->owned);
    free(p->steps);
    memset(p, 0, sizeof *p);
}
