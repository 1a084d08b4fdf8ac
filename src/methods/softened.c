/* softened.c - image logits times tau: an attend step with a scale of its own for image rows. */
#include <float.h>
#include <math.h>

#include "method.h"

/* The scale of softened rows has the bound of every scale. */
static ag_status check(const ag_problem *p, const ag_row *row, int64_t b, ag_why why)
{
    const double tau = row->inverse_temperature;
    if (fabs(tau * p->scale) <= 1e30) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE, "row %lld: inverse_temperature %g times scale %g is not within 1e30",
                     (long long)b, tau, p->scale);
}

static int changes(const lower *l) { return l->r->ask.inverse_temperature != 1; }

static void lower_softened(lower *l, head_list heads)
{
    ag_pass *pass = ag_lower_image(l, 0, heads, ag_ref_q(l));
    ag_all_keys(l, pass);
    pass->scale *= l->r->ask.inverse_temperature;
    ag_standard_context(l, heads);
}

static const ag_parameter_info parameters[] = {
    { AG_OF_ROW(inverse_temperature), .meaning = "factor tau on the logits", .initial = AG_NOT_SET, .most = DBL_MAX,
      .neutral = 1, .usual = 0.5 },
};

const ag_method_room ag_method_softened = {
    .info = { .method = AG_SOFTENED,
              .name = "softened",
              .formula = "image queries are tau q: every logit but its bias is multiplied by tau",
              .source = "ERG, arXiv 2504.13987",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .check = check,
    .changes = changes,
    .lower = lower_softened,
};
