/* mambo.h - CFG whose scale falls where C and U are far apart for the size of U. */
#ifndef AG_RULE_MAMBO_H
#define AG_RULE_MAMBO_H

#include "rule.h"

/* x is C - U, y is U. */
AG_FN void ag_mambo_forms(const ag_sample *s, ag_forms *f)
{
    (void)s;
    f->x[0] = 1;
    f->x[1] = -1;
    f->y[1] = 1;
    f->base[1] = 1;
}

/* Without U the distance has no measure: C. Where nothing is damped no sums are made either. */
AG_FN ag_factors ag_mambo_factors(const ag_sample *s, const double *sums)
{
    const double g = s->run->parameter[AG_MAMBO_SCALE], a = s->run->parameter[AG_MAMBO_DAMPING];
    const double farthest = a == 0 || g == 1 ? 0 : INFINITY;
    const double apart = sqrt(ag_ratio(sums[AG_SUM_XX], sums[AG_SUM_YY], farthest));
    const ag_factors f = { g - (g - 1) * (1 - ag_decay(a * apart)), 0, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_mambo_sums_of(const double *p)
{
    return p[AG_MAMBO_DAMPING] == 0 || p[AG_MAMBO_SCALE] == 1 ? 0 : AG_SUMS_OF_SQUARES;
}

static const ag_parameter_info ag_mambo_parameters[] = {
    [AG_MAMBO_SCALE] = AG_CFG_SCALE(10, 10),
    [AG_MAMBO_DAMPING] = { .name = "damping",
                           .meaning = "a, how fast the scale falls",
                           .initial = 8,
                           .least = 0,
                           .most = AG_LARGEST,
                           .neutral = 0,
                           .usual = 8 },
};

static const ag_rule_room ag_mambo_room = {
    .info = { .rule = AG_MAMBO,
              .name = "mambo",
              .formula = "U + g' (C - U), g' = 1 + (g-1) exp(-a |C-U|/|U|)",
              .source = "arXiv 2508.03442",
              .inputs = "cond uncond",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_mambo_parameters) },
    .parameters = ag_mambo_parameters,
    .sums = AG_SUMS_OF_SQUARES,
    .sums_of = ag_mambo_sums_of,
};
#endif

#endif
