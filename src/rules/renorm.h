/* renorm.h - a linear combination, scaled so that its norm is within bounds of that of the first input. */
#ifndef AG_RULE_RENORM_H
#define AG_RULE_RENORM_H

#include "rule.h"

/* x is C, y the combination. */
AG_FN void ag_renorm_forms(const ag_sample *s, ag_forms *f)
{
    f->x[0] = 1;
    ag_given_form(s, 1, f->y);
}

/* Where the combination is 0 it stays so, however it is rounded. */
AG_FN ag_factors ag_renorm_factors(const ag_sample *s, const double *sums)
{
    const double *p = s->run->parameter, low = p[AG_RENORM_MIN], high = p[AG_RENORM_MAX];
    const double ratio = p[AG_RENORM_RATIO] * sqrt(sums[AG_SUM_XX] / sums[AG_SUM_YY]);
    const double clamped = ag_clamped(ratio, low, high), by = sums[AG_SUM_YY] == 0 ? 0 : clamped;
    const ag_factors f = { 0, low == high ? low : by, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_renorm_sums_of(const double *p)
{
    return p[AG_RENORM_MIN] == p[AG_RENORM_MAX] ? 0 : AG_SUMS_OF_SQUARES;
}

static ag_status ag_renorm_check(const ag_guidance *g, const ag_guidance_args *args, const double *p, ag_why why)
{
    (void)g;
    (void)args;
    if (p[AG_RENORM_MIN] <= p[AG_RENORM_MAX]) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE, "renorm_min is %g, more than renorm_max, %g", p[AG_RENORM_MIN],
                     p[AG_RENORM_MAX]);
}

static const ag_parameter_info ag_renorm_parameters[] = {
    [AG_RENORM_RATIO] = { .name = "renorm_ratio",
                          .meaning = "k, the norm that is aimed at, in norms of C",
                          .initial = 1,
                          .least = 0,
                          .most = AG_LARGEST,
                          .neutral = 1,
                          .usual = 1 },
    [AG_RENORM_MIN] = { .name = "renorm_min",
                        .meaning = "lo, the least factor",
                        .initial = 0,
                        .least = 0,
                        .most = AG_LARGEST,
                        .neutral = 1,
                        .usual = 0 },
    [AG_RENORM_MAX] = { .name = "renorm_max",
                        .meaning = "hi, the largest factor; may be infinite",
                        .initial = INFINITY,
                        .least = 0,
                        .most = INFINITY,
                        .neutral = 1,
                        .usual = 1 },
};

static const ag_rule_room ag_renorm_room = {
    .info = { .rule = AG_RENORM,
              .name = "renorm",
              .formula = "f o, o = sum_k weight_k a_k, f = clamp(k |a_0|/|o|, lo, hi)",
              .uses = AG_USES_WEIGHTS | AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 1,
              .most_inputs = AG_MOST_INPUTS,
              .parameter_count = AG_ENTRIES(ag_renorm_parameters) },
    .parameters = ag_renorm_parameters,
    .sums = AG_SUMS_OF_SQUARES,
    .sums_of = ag_renorm_sums_of,
    .check = ag_renorm_check,
};
#endif

#endif
