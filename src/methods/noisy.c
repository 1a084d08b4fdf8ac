/* noisy.c - normal noise on image logits, in the attend step of image rows. */
#include "method.h"

static int changes(const lower *l) { return l->r->ask.amplitude != 0; }

static void lower_noisy(lower *l, head_list heads)
{
    ag_pass *pass = ag_lower_image(l, 0, heads, ag_ref_q(l));
    ag_all_keys(l, pass);
    pass->disturbance =
        (ag_disturbance){ .kind = AG_DISTURB_NOISE, .o = l->r->o, .n = l->r->n, .amplitude = l->r->ask.amplitude };
    ag_standard_context(l, heads);
}

static const ag_parameter_info parameters[] = {
    { AG_OF_ROW(amplitude), .meaning = "standard deviation a of the noise", .initial = AG_NOT_SET, .most = 1e30,
      .usual = 1 },
};

const ag_method_room ag_method_noisy = {
    .info = { .method = AG_NOISY,
              .name = "noisy",
              .formula = "a z_ij is added to the logits of image queries and keys, z standard normal",
              .source = "an ablation of PAG",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE | AG_TAKES_SEED,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .changes = changes,
    .lower = lower_noisy,
};
