/* mahiro.h - CFG, turned back to C where it and U point the same way: of each element the root counts. */
#ifndef AG_RULE_MAHIRO_H
#define AG_RULE_MAHIRO_H

#include "rule.h"

/* x is U, turned where g is negative, whose size does not matter to a cosine; y is (g C + o)/2. */
AG_FN void ag_mahiro_forms(const ag_sample *s, ag_forms *f)
{
    const double g = s->run->parameter[AG_MAHIRO_SCALE];
    f->x[1] = g < 0 ? -1 : 1;
    f->y[0] = g;
    f->y[1] = (1 - g) / 2;
    f->base[0] = g;
}

/* The cosine: of roots the squares are sizes. */
AG_FN double ag_mahiro_fold(const double *sums)
{
    return ag_ratio(sums[AG_SUM_ROOTS], sqrt(sums[AG_SUM_ABS_X] * sums[AG_SUM_ABS_Y]), 0);
}

/* sums[0] is z, but 0 where gU is. Of C there is k g/4 in k o/4, and with the rest g. */
AG_FN ag_factors ag_mahiro_factors(const ag_sample *s, const double *sums)
{
    const double g = s->run->parameter[AG_MAHIRO_SCALE], turned = g < 0 ? -1 : 1, z = g == 0 ? 0 : sums[0];
    const ag_factors f = { g == 1 ? 0 : turned * (z + 1) / 2 * (1 - g), 0, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_mahiro_sums_of(const double *p) { return p[AG_MAHIRO_SCALE] == 1 ? 0 : AG_SUMS_OF_ROOTS; }

static const ag_parameter_info ag_mahiro_parameters[] = {
    [AG_MAHIRO_SCALE] = AG_CFG_SCALE(1, 4),
};

static const ag_rule_room ag_mahiro_room = {
    .info = { .rule = AG_MAHIRO,
              .name = "mahiro",
              .formula = "(k o + (4-k) g C)/4, k = 2 (z+1), z = mean of cos(R(gU), R((gC+o)/2)), R(y) = sign(y) "
                         "sqrt|y|, o = U + g (C-U)",
              .inputs = "cond uncond",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_mahiro_parameters) },
    .parameters = ag_mahiro_parameters,
    .sums = AG_SUMS_OF_ROOTS,
    .sums_of = ag_mahiro_sums_of,
    .folds = 1,
};
#endif

#endif
