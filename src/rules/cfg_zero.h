/* cfg_zero.h - CFG from the multiple of U that is nearest to C. */
#ifndef AG_RULE_CFG_ZERO_H
#define AG_RULE_CFG_ZERO_H

#include "rule.h"

/* x is C, y is U. */
AG_FN void ag_cfg_zero_forms(const ag_sample *s, ag_forms *f)
{
    (void)s;
    f->x[0] = 1;
    f->y[1] = 1;
}

AG_FN ag_factors ag_cfg_zero_factors(const ag_sample *s, const double *sums)
{
    const double g = s->run->parameter[AG_CFG_ZERO_SCALE], along = sums[AG_SUM_XY] / (sums[AG_SUM_YY] + 1e-8);
    const ag_factors f = { g, g == 1 ? 0 : (1 - g) * along, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static const ag_parameter_info ag_cfg_zero_parameters[] = {
    [AG_CFG_ZERO_SCALE] = AG_CFG_SCALE(1, 4.5),
};

static const ag_rule_room ag_cfg_zero_room = {
    .info = { .rule = AG_CFG_ZERO,
              .name = "cfg_zero_star",
              .formula = "s U + g (C - s U), s = <C,U> / (|U|^2 + 1e-8)",
              .source = "arXiv 2503.18886",
              .inputs = "cond uncond",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_cfg_zero_parameters) },
    .parameters = ag_cfg_zero_parameters,
    .sums = AG_SUMS_OF_PRODUCTS,
};
#endif

#endif
