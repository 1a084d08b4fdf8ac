/* identity.c - image tokens see only themselves, and the context: a copy, or attend(own key + context). */
#include "method.h"

static int changes(const lower *l) { return l->r->n > 1 || !ag_has_context(l); }

static void lower_identity(lower *l, head_list heads)
{
    const ag_span here = l->image;
    if (ag_is_plain(l)) {
        ag_copy *c = &ag_lower_emit(l, AG_STEP_COPY, 0, heads)->u.copy;
        *c = (ag_copy){ .src = ag_ref_v(l),
                        .dst = ag_ref_out(l),
                        .lse_dst = ag_ref_none(),
                        .first = here.first,
                        .count = here.count,
                        .d = l->p->d_v,
                        .map = { here.first, 1, here.count, here.first },
                        .own_key = 1 };
        return;
    }
    ag_pass *pass = ag_lower_image(l, 0, heads, ag_ref_q(l));
    pass->own = AG_OWN_SELF;
    pass->own_k = ag_ref_k(l);
    pass->own_v = ag_ref_v(l);
    ag_context_keys(l, pass);
    ag_standard_context(l, heads);
}

const ag_method_room ag_method_identity = {
    .info = { .method = AG_IDENTITY,
              .name = "identity",
              .formula = "image tokens see themselves and the context",
              .source = "PAG, arXiv 2403.17377",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_LSE,
              .reads = AG_NEEDS_V },
    .changes = changes,
    .lower = lower_identity,
};
