/* smoothed.c - image queries blurred over the grid: blur -> attend; an infinite blur: blur to distinct rows -> attend
 * them -> copy. */
#include "blurred.h"

static int64_t bytes(lower *l) { return ag_blur_bytes(l, ag_blur_collapses(l)); }

static void lower_smoothed(lower *l, head_list heads)
{
    ag_lower_blurred(l, l->base, heads, (blurred){ ag_ref_q(l), ag_ref_none(), ag_blur_collapses(l) });
}

static const ag_parameter_info parameters[] = { AG_SIGMA, AG_SIGMA_T };

const ag_method_room ag_method_smoothed = {
    .info = { .method = AG_SMOOTHED,
              .name = "smoothed",
              .formula = "image queries are blurred over the grid: q~ = G * q",
              .source = "SEG, arXiv 2408.00760",
              .takes = AG_TAKES_IMAGE | AG_TAKES_GRID | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL |
                       AG_TAKES_LSE | AG_TAKES_BLUR,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .changes = ag_blur_changes,
    .bytes_per_kv_head = bytes,
    .lower = lower_smoothed,
};
