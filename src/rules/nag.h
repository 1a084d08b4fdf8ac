/* nag.h - normalized attention guidance: away from a negative prompt, in the attention outputs. */
#ifndef AG_RULE_NAG_H
#define AG_RULE_NAG_H

#include "rule.h"

/* x is Z+, y is Z~. */
AG_FN void ag_nag_forms(const ag_sample *s, ag_forms *f)
{
    const double scale = s->run->parameter[AG_NAG_SCALE];
    f->x[0] = 1;
    f->y[0] = 1 + scale;
    f->y[1] = -scale;
}

AG_FN ag_factors ag_nag_factors(const ag_sample *s, const double *sums)
{
    const double *p = s->run->parameter, tau = p[AG_NAG_TAU], alpha = p[AG_NAG_ALPHA];
    const double of_x = p[AG_NAG_NORM] == 1 ? sums[AG_SUM_ABS_X] : sqrt(sums[AG_SUM_XX]);
    const double of_y = p[AG_NAG_NORM] == 1 ? sums[AG_SUM_ABS_Y] : sqrt(sums[AG_SUM_YY]);
    const double ratio = tau * of_x / of_y, by = of_y == 0 || tau * of_x >= of_y ? 1 : ratio;
    const ag_factors f = { 1 - alpha, alpha * by, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_nag_sums_of(const double *p) { return p[AG_NAG_NORM] == 1 ? AG_SUMS_OF_SIZES : AG_SUMS_OF_PRODUCTS; }

static const ag_parameter_info ag_nag_parameters[] = {
    [AG_NAG_SCALE] = { .name = "nag_scale",
                       .meaning = "w of Z+ + w (Z+ - Z-)",
                       .initial = 1,
                       .least = -AG_LARGEST,
                       .most = AG_LARGEST,
                       .neutral = AG_NOT_SET,
                       .usual = 5 },
    [AG_NAG_TAU] = { .name = "tau",
                     .meaning = "most growth of a sample's norm",
                     .initial = 2.5,
                     .least = -AG_LARGEST,
                     .most = AG_LARGEST,
                     .neutral = AG_NOT_SET,
                     .usual = 2.5 },
    [AG_NAG_ALPHA] = { .name = "alpha",
                       .meaning = "share of the result beside Z+",
                       .initial = 0.25,
                       .least = -AG_LARGEST,
                       .most = AG_LARGEST,
                       .neutral = 0,
                       .usual = 0.25 },
    [AG_NAG_NORM] = { .name = "norm",
                      .meaning = "which norm, 1 or 2",
                      .whole = 1,
                      .initial = 1,
                      .least = 1,
                      .most = 2,
                      .neutral = AG_NOT_SET,
                      .usual = 1 },
};

static const ag_rule_room ag_nag_room = {
    .info = { .rule = AG_NAG,
              .name = "nag",
              .formula = "alpha f Z~ + (1-alpha) Z+, Z~ = Z+ + w (Z+ - Z-), f = min(1, tau |Z+| / |Z~|)",
              .source = "arXiv 2505.21179",
              .inputs = "positive negative",
              .uses = AG_USES_STATISTICS,
              .least_inputs = 2,
              .most_inputs = 2,
              .by_rows = 1,
              .parameter_count = AG_ENTRIES(ag_nag_parameters) },
    .parameters = ag_nag_parameters,
    .sums = AG_SUMS_OF_SIZES | AG_SUMS_OF_PRODUCTS,
    .sums_of = ag_nag_sums_of,
};
#endif

#endif
