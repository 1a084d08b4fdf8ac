/* uniform.c - image tokens see the mean of the image, and the context: mean -> copy, or mean -> attend(mean key +
 * context). */
#include "method.h"

static int changes(const lower *l) { return l->r->n > 1 || !ag_has_context(l); }

static ag_ref emit_mean(lower *l, ag_ref src, int64_t width, ag_ref count)
{
    const ag_ref dst =
        ag_ref_work(l, (work_shape){ l->kv_from * l->group, l->kv_to * l->group, l->group, 0, 1, width, AG_F32 });
    ag_mean *m = &ag_lower_emit(l, AG_STEP_MEAN, l->base, ag_lower_chosen_groups(l))->u.mean;
    *m = (ag_mean){ .src = src, .dst = dst, .count = count, .o = l->r->o, .n = l->r->n, .d = width };
    return dst;
}

static void lower_uniform(lower *l, head_list heads)
{
    const ag_ref mean_v = emit_mean(l, ag_ref_v(l), l->p->d_v, ag_ref_none());
    if (ag_is_plain(l)) {
        ag_copy *c = &ag_lower_emit(l, AG_STEP_COPY, l->base + 1, heads)->u.copy;
        *c = (ag_copy){ .src = mean_v,
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = l->image.first,
                        .count = l->image.count,
                        .d = l->p->d_v,
                        .map = { l->image.first, 1, 1, 0 } };
        return;
    }
    const ag_ref count =
        ag_ref_work(l, (work_shape){ l->kv_from * l->group, l->kv_to * l->group, l->group, 0, 1, 1, AG_F32 });
    const ag_ref mean_k = emit_mean(l, ag_ref_k(l), l->p->d, count);
    ag_pass *pass = ag_lower_image(l, l->base + 1, heads, ag_ref_q(l));
    pass->own = AG_OWN_MEAN;
    pass->own_k = mean_k;
    pass->own_v = mean_v;
    pass->own_count = count;
    ag_context_keys(l, pass);
    ag_standard_context(l, heads);
}

const ag_method_room ag_method_uniform = {
    .info = { .method = AG_UNIFORM,
              .name = "uniform",
              .formula = "image tokens see kbar and vbar, the means of the visible image, and the context",
              .source = "SEG's limit taken in the keys, arXiv 2408.00760",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_LSE,
              .reads = AG_NEEDS_V },
    .changes = changes,
    .lower = lower_uniform,
};
