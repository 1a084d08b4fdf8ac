/* masked.c - image logits off the diagonal hidden at random, in the attend step of image rows. */
#include <math.h>

#include "method.h"

/* The words of `probability` 2^32 that hide, of 2^32. */
static double hiding_words(const ag_row_checked *r) { return round(r->ask.probability * 0x1p32); }

static int changes(const lower *l) { return l->r->n > 1 && hiding_words(l->r) > 0; }

static void lower_masked(lower *l, head_list heads)
{
    ag_pass *pass = ag_lower_image(l, 0, heads, ag_ref_q(l));
    ag_all_keys(l, pass);
    pass->disturbance = (ag_disturbance){
        .kind = AG_DISTURB_MASK, .o = l->r->o, .n = l->r->n, .last = (uint32_t)(uint64_t)(hiding_words(l->r) - 1)
    };
    ag_standard_context(l, heads);
}

static const ag_parameter_info parameters[] = {
    { AG_OF_ROW(probability), .meaning = "of an image key to be hidden", .initial = AG_NOT_SET, .most = 1,
      .usual = 0.5 },
};

const ag_method_room ag_method_masked = {
    .info = { .method = AG_MASKED,
              .name = "masked",
              .formula = "image keys but the own are hidden with probability p",
              .source = "an ablation of PAG",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE | AG_TAKES_SEED,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .changes = changes,
    .lower = lower_masked,
};
