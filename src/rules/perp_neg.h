/* perp_neg.h - away from the part of a negative prompt that the prompt does not share. */
#ifndef AG_RULE_PERP_NEG_H
#define AG_RULE_PERP_NEG_H

#include "rule.h"

/* x is n, y is p. */
AG_FN void ag_perp_neg_forms(const ag_sample *s, ag_forms *f)
{
    const double g = s->run->parameter[AG_PERP_NEG_SCALE], w = s->run->parameter[AG_PERP_NEG_NEGATIVE];
    f->x[1] = 1;
    f->x[2] = -1;
    f->y[0] = 1;
    f->y[2] = -1;
    f->base[0] = g;
    f->base[1] = -g * w;
    f->base[2] = 1 - g + g * w;
}

AG_FN ag_factors ag_perp_neg_factors(const ag_sample *s, const double *sums)
{
    const double by = s->run->parameter[AG_PERP_NEG_SCALE] * s->run->parameter[AG_PERP_NEG_NEGATIVE];
    const double along = by * ag_ratio(sums[AG_SUM_XY], sums[AG_SUM_YY], 0);
    const ag_factors f = { 0, by == 0 ? 0 : along, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_perp_neg_sums_of(const double *p)
{
    return p[AG_PERP_NEG_SCALE] * p[AG_PERP_NEG_NEGATIVE] == 0 ? 0 : AG_SUMS_OF_PRODUCTS;
}

static const ag_parameter_info ag_perp_neg_parameters[] = {
    [AG_PERP_NEG_SCALE] = AG_CFG_SCALE(1, 4),
    [AG_PERP_NEG_NEGATIVE] = { .name = "negative_scale",
                               .meaning = "w, the weight of the negative prompt",
                               .initial = 1,
                               .least = -AG_LARGEST,
                               .most = AG_LARGEST,
                               .neutral = 0,
                               .usual = 1 },
};

static const ag_rule_room ag_perp_neg_room = {
    .info = { .rule = AG_PERP_NEG,
              .name = "perp_neg",
              .formula = "E + g (p - w n_perp), p = C - E, n = N - E, n_perp = n - <n,p>/<p,p> p",
              .source = "arXiv 2304.04968",
              .inputs = "cond negative empty",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 3,
              .most_inputs = 3,
              .parameter_count = AG_ENTRIES(ag_perp_neg_parameters) },
    .parameters = ag_perp_neg_parameters,
    .sums = AG_SUMS_OF_PRODUCTS,
    .sums_of = ag_perp_neg_sums_of,
};
#endif

#endif
