/* methods.c - one chain of steps per method (docs/methods.md); those that change queries: queries.c. Called by lower.c
 * for each wave of heads. */
#include <math.h>

#include "lower.h"

static int has_context(const lower *l) { return l->r->n < l->p->n_q; }

/* A result that is already made (a copy, one row) and needs no softmax around it. */
static int is_plain(const lower *l) { return !has_context(l) && !l->r->blend && !l->p->want_lse; }

/* ---- identity, uniform ---- */

static void lower_identity(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    if (is_plain(l)) {
        ag_copy *c = &ag_emit(l, AG_STEP_COPY, 0, heads)->u.copy;
        *c = (ag_copy){ .src = ag_ref_v(l),
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = r->o,
                        .count = r->n,
                        .d = l->p->d_v,
                        .map = { r->o, 1, r->n, r->o },
                        .own_key = 1 };
        return;
    }
    ag_pass *pass = ag_emit_image(l, 0, heads, ag_ref_q(l));
    pass->own = AG_OWN_SELF;
    pass->own_k = ag_ref_k(l);
    pass->own_v = ag_ref_v(l);
    ag_context_keys(l, pass);
    ag_standard_context(l, heads);
}

static ag_ref emit_mean(lower *l, ag_ref src, int64_t width, ag_ref count)
{
    work_shape one = ag_image_rows(l, l->group, width);
    one.first = 0;
    one.rows = 1;
    const ag_ref dst = ag_ref_work(l, one);
    ag_mean *m = &ag_emit(l, AG_STEP_MEAN, l->base, ag_chosen_groups(l))->u.mean;
    *m = (ag_mean){ .src = src, .dst = dst, .count = count, .o = l->r->o, .n = l->r->n, .d = width };
    return dst;
}

static void lower_uniform(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    const ag_ref mean_v = emit_mean(l, ag_ref_v(l), l->p->d_v, ag_ref_none());
    if (is_plain(l)) {
        ag_copy *c = &ag_emit(l, AG_STEP_COPY, l->base + 1, heads)->u.copy;
        *c = (ag_copy){ .src = mean_v,
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = r->o,
                        .count = r->n,
                        .d = l->p->d_v,
                        .map = { r->o, 1, 1, 0 } };
        return;
    }
    const ag_ref count =
        ag_ref_work(l, (work_shape){ l->kv_from * l->group, l->kv_to * l->group, l->group, 0, 1, 1, AG_F32 });
    const ag_ref mean_k = emit_mean(l, ag_ref_k(l), l->p->d, count);
    ag_pass *pass = ag_emit_image(l, l->base + 1, heads, ag_ref_q(l));
    pass->own = AG_OWN_MEAN;
    pass->own_k = mean_k;
    pass->own_v = mean_v;
    pass->own_count = count;
    ag_context_keys(l, pass);
    ag_standard_context(l, heads);
}

/* ---- scrambled ---- */

/* The row's index array: the caller's, or drawn. *phase moves on where it is drawn. */
static ag_index emit_index(lower *l, int *phase)
{
    const ag_row_checked *r = l->r;
    const int64_t draws = r->kind == AG_GATHER ? r->draws : 1;
    if (r->indexed) return (ag_index){ 1, 0 };
    const int64_t at = ag_take(l, 4 * ag_product(l, r->n, draws, 1));
    ag_emit(l, AG_STEP_DRAW, (*phase)++, (head_list){ NULL, 0 })->u.draw = (ag_draw){ r->kind, r->n, draws, at };
    return (ag_index){ 0, at };
}

static int64_t gather_bytes(lower *l) { return l->r->blend ? 4 * ag_product(l, l->group, l->r->n, l->p->d_v) : 0; }

static void lower_gather(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    int phase = l->base;
    const int64_t chunks = (r->n + AG_CHUNK - 1) / AG_CHUNK;
    ag_gather g = { .src = ag_ref_v(l),
                    .o = r->o,
                    .n = r->n,
                    .d = l->p->d_v,
                    .draws = r->draws,
                    .kv_heads = l->p->kv_heads,
                    .chunks = chunks };
    g.index = emit_index(l, &phase);
    g.sums = ag_take(l, 8 * ag_product(l, l->p->kv_heads, chunks, 1));
    g.dst = r->blend ? ag_ref_work(l, ag_image_rows(l, 1, l->p->d_v)) : ag_ref_out(l);

    int32_t *every = ag_reserve(l, (size_t)l->p->kv_heads * sizeof *every);
    for (int64_t kv = 0; every && kv < l->p->kv_heads; kv++) every[kv] = (int32_t)(kv * l->group);
    ag_emit(l, AG_STEP_TALLY, phase, (head_list){ every, l->p->kv_heads })->u.gather = g;
    ag_emit(l, AG_STEP_GATHER, phase + 1, heads)->u.gather = g;
    if (r->blend) {
        ag_pass *pass = ag_emit_image(l, phase + 2, heads, g.dst);
        pass->ready = 1;
        pass->map = (ag_map){ r->o, 1, r->n, r->o };
    }
    ag_standard_context(l, heads);
}

static int64_t kept_bytes(lower *l, int64_t heads, int64_t width)
{
    return (int64_t)ag_size_of(l->kept) * ag_product(l, heads, l->r->n, width);
}

static int64_t permute_bytes(lower *l) { return kept_bytes(l, 1, l->p->d_v); }

static void lower_permute(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    const int64_t end = r->o + r->n;
    int phase = l->base;
    ag_permute permute = { .src = ag_ref_v(l), .o = r->o, .n = r->n, .d = l->p->d_v, .use_mix = 1 };
    permute.index = emit_index(l, &phase);
    permute.dst = ag_ref_work(l, ag_kept_rows(l, l->group, l->p->d_v));
    ag_emit(l, AG_STEP_PERMUTE, phase, ag_chosen_groups(l))->u.permute = permute;

    ag_attend *a = ag_emit_attend(l, phase + 1, heads);
    ag_add_span(a, 0, l->p->n_q, ag_ref_q(l));
    ag_add_keys(&a->pass[0], 0, r->o, ag_ref_k(l), ag_ref_v(l));
    ag_add_keys(&a->pass[0], r->o, r->n, ag_ref_k(l), permute.dst);
    ag_add_keys(&a->pass[0], end, l->p->n_k - end, ag_ref_k(l), ag_ref_v(l));
}

static int64_t token_bytes(lower *l) { return kept_bytes(l, l->group, l->p->d); }

static void lower_tokens(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    int phase = l->base;
    ag_permute permute = { .src = ag_ref_q(l), .o = r->o, .n = r->n, .d = l->p->d };
    permute.index = emit_index(l, &phase);
    permute.dst = ag_ref_work(l, ag_kept_rows(l, 1, l->p->d));
    ag_emit(l, AG_STEP_PERMUTE, phase, heads)->u.permute = permute;

    ag_pass *pass = ag_emit_image(l, phase + 1, heads, permute.dst);
    ag_all_keys(l, pass);
    pass->permuted = l->p->causal || l->p->bias_dtype != AG_NONE;
    pass->index = permute.index;
    pass->o = r->o;
    ag_standard_context(l, heads);
}

/* ---- softened, masked, noisy: image logits changed, every key kept ---- */

/* The words of `probability` 2^32 that hide, of 2^32. */
static double hiding_words(const ag_row_checked *r) { return round(r->probability * 0x1p32); }

static void lower_logits(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    ag_pass *pass = ag_emit_image(l, 0, heads, ag_ref_q(l));
    ag_all_keys(l, pass);
    if (r->method == AG_SOFTENED) pass->scale *= r->inverse_temperature;
    if (r->method == AG_MASKED)
        pass->disturbance = (ag_disturbance){
            .kind = AG_DISTURB_MASK, .o = r->o, .n = r->n, .last = (uint32_t)(uint64_t)(hiding_words(r) - 1)
        };
    if (r->method == AG_NOISY)
        pass->disturbance =
            (ag_disturbance){ .kind = AG_DISTURB_NOISE, .o = r->o, .n = r->n, .amplitude = r->amplitude };
    ag_standard_context(l, heads);
}

/* ---- which ---- */

static const method identity = { NULL, lower_identity };
static const method uniform = { NULL, lower_uniform };
static const method logits = { NULL, lower_logits };
static const method queries = { ag_query_bytes, ag_lower_queries };
static const method gather = { gather_bytes, lower_gather };
static const method permute = { permute_bytes, lower_permute };
static const method tokens = { token_bytes, lower_tokens };

const method *ag_method_of(const lower *l)
{
    const ag_row_checked *r = l->r;
    switch (r->method) {
    case AG_STANDARD: return NULL;
    case AG_IDENTITY: return r->n == 1 && has_context(l) ? NULL : &identity;
    case AG_UNIFORM: return r->n == 1 && has_context(l) ? NULL : &uniform;
    case AG_SMOOTHED: return ag_blur_changes(l) ? &queries : NULL;
    case AG_ORTHOGONAL: return ag_blur_changes(l) || !r->keep_parallel ? &queries : NULL;
    case AG_SOFTENED: return r->inverse_temperature == 1 ? NULL : &logits;
    case AG_MASKED: return r->n == 1 || hiding_words(r) == 0 ? NULL : &logits;
    case AG_NOISY: return r->amplitude == 0 ? NULL : &logits;
    case AG_SCRAMBLED: break;
    }
    if (r->kind == AG_GATHER) return &gather;
    if (r->n == 1) return NULL;
    return r->kind == AG_PERMUTE ? &permute : &tokens;
}
