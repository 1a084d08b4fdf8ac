/* tag.h - of what a step changes, the part across x and the part along x weighed apart: tangential amplifying. */
#ifndef AG_RULE_TAG_H
#define AG_RULE_TAG_H

#include "rule.h"

/* x is D - x, y is x. */
AG_FN void ag_tag_forms(const ag_sample *s, ag_forms *f)
{
    const double t = s->run->parameter[AG_TAG_TANGENTIAL];
    f->x[0] = 1;
    f->x[1] = -1;
    f->y[1] = 1;
    f->base[0] = t;
    f->base[1] = 1 - t;
}

AG_FN ag_factors ag_tag_factors(const ag_sample *s, const double *sums)
{
    const double t = s->run->parameter[AG_TAG_TANGENTIAL], r = s->run->parameter[AG_TAG_RADIAL];
    const double along = (r - t) * ag_ratio(sums[AG_SUM_XY], sums[AG_SUM_YY], 0);
    const ag_factors f = { 0, r == t ? 0 : along, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_tag_sums_of(const double *p)
{
    return p[AG_TAG_TANGENTIAL] == p[AG_TAG_RADIAL] ? 0 : AG_SUMS_OF_PRODUCTS;
}

static const ag_parameter_info ag_tag_parameters[] = {
    [AG_TAG_TANGENTIAL] = { .name = "tangential",
                            .meaning = "t, the weight of the part across x",
                            .initial = 1,
                            .least = -AG_LARGEST,
                            .most = AG_LARGEST,
                            .neutral = 1,
                            .usual = 1.15 },
    [AG_TAG_RADIAL] = { .name = "radial",
                        .meaning = "r, the weight of the part along x",
                        .initial = 1,
                        .least = -AG_LARGEST,
                        .most = AG_LARGEST,
                        .neutral = 1,
                        .usual = 1 },
};

static const ag_rule_room ag_tag_room = {
    .info = { .rule = AG_TAG,
              .name = "tag",
              .formula = "x + t (d - d_par) + r d_par, d = D - x, d_par = <d,x>/<x,x> x",
              .source = "arXiv 2510.04533",
              .inputs = "x0 x",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_tag_parameters) },
    .parameters = ag_tag_parameters,
    .sums = AG_SUMS_OF_PRODUCTS,
    .sums_of = ag_tag_sums_of,
};
#endif

#endif
